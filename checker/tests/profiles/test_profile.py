"""Profiles of tables: those of parts add up, and they lead to the verdict of the tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from samples import same_counts

from drift_checker.comparison import ColumnRoles, CompareSettings, InMemoryPair, compare_tables
from drift_checker.comparison.profiled_pairs import profile_pair
from drift_checker.profiles.bins import EDGES
from drift_checker.profiles.layout import fit_layout
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.profiles.profile import TableProfile, profile_chunks, profile_table
from drift_checker.result import ColumnResult, Result
from drift_checker.tables import Chunk, UnreadableError, from_frame
from drift_checker.tables.chunks import chunked_table

SHAPES: list[Callable[[np.random.Generator, int, float], Any]] = [
    lambda rng, rows, drift: rng.normal(drift, 1, rows),
    lambda rng, rows, drift: rng.lognormal(drift, 1, rows),
    lambda rng, rows, drift: rng.poisson(3 + drift, rows),
    lambda rng, rows, drift: rng.poisson(2000 * (1 + drift / 20), rows),
    lambda rng, rows, drift: np.round(rng.standard_t(2, rows) * (1 + drift), 1),
    lambda rng, rows, drift: np.where(rng.random(rows) < 0.1 + drift / 5, np.nan, rng.random(rows)),
    lambda rng, rows, drift: rng.binomial(30, 0.5 + drift / 20, rows).astype(str),
    lambda rng, rows, drift: rng.random(rows) < 0.1 + drift / 10,
    lambda rng, rows, drift: np.where(rng.random(rows) < 0.02 * drift, 9.0, rng.random(rows)),
]


def drawn(rng: np.random.Generator, size: int, drift: float) -> pa.Table:
    return pa.table({f"x{place}": shape(rng, size, drift) for place, shape in enumerate(SHAPES)})


def both(reference: pa.Table, current: pa.Table) -> tuple[Result, Result]:
    before, after = from_frame(reference), from_frame(current)
    settings = CompareSettings(columns=ColumnRoles(target="x3"))
    sides = (
        InMemoryPair(before, after),
        profile_pair(before, after, settings),
    )
    exact, profiled = (compare_tables(one, settings) for one in sides)
    return exact, profiled


@pytest.mark.parametrize("seed", range(40))
def test_profiles_lead_to_the_verdict_of_the_tables(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drift = rng.choice([0, 0.1, 0.2, 0.5])
    exact, profiled = both(
        drawn(rng, int(rng.integers(1000, 9000)), 0), drawn(rng, int(rng.integers(50, 4000)), drift)
    )
    assert profiled.faults == exact.faults
    assert profiled.joint == exact.joint
    for one, other in zip(exact.columns, profiled.columns, strict=True):
        assert_alike(one, other)
        assert one.verdict == other.verdict or on_the_edge(one, other)


def assert_alike(exact: ColumnResult, profiled: ColumnResult) -> None:
    """Counts are equal; the distance is smaller by at most a cell, which moves its p-value."""
    if {exact.test, profiled.test} <= {"kolmogorov_smirnov", "rank_sum", "mood"}:
        # Which of both is the more significant may be as near.
        assert exact.effect_size is not None
        assert profiled.effect_size is not None
        assert 0 <= exact.effect_size - profiled.effect_size < 2 / EDGES
        assert exact.p_value is not None
        assert profiled.p_value is not None
        # Without the ties that the tables show, the p-value is an upper bound, if approximate; of
        # ranks it is as near.
        assert profiled.p_value > 0.8 * exact.p_value or exact.p_value < 1e-6
        return
    assert profiled.test == exact.test
    # Categories are in another order, in which their shares are added up.
    assert profiled.statistic == pytest.approx(exact.statistic, rel=1e-9)
    assert profiled.p_value == pytest.approx(exact.p_value, rel=1e-6)


def on_the_edge(exact: ColumnResult, profiled: ColumnResult) -> bool:
    """Whether the threshold or the floor lies between what both found."""
    p_values = exact.p_value, profiled.p_value
    if exact.p_value is not None and profiled.p_value == pytest.approx(exact.p_value):
        # Other columns, which may drift together with this one, moved the threshold.
        limits = sorted((exact.threshold or 0, profiled.threshold or 0))
        return limits[0] < exact.p_value <= limits[1]
    floors = exact.effect_size, profiled.effect_size
    return any(
        known is not None and found is not None and known > limit > found
        for (known, found), limit in ((floors, 0.03), (p_values[::-1], exact.threshold or 0))
    )


def test_columns_of_few_values_lose_nothing() -> None:
    rng = np.random.default_rng(5)
    tables = [pa.table({"n": rng.poisson(mean, 5000)}) for mean in (4.0, 4.1)]
    exact, profiled = both(*(table.append_column("x3", table["n"]) for table in tables))
    assert profiled.columns == exact.columns


def sides(path: Path, table: pa.Table) -> dict[str, TableProfile]:
    pa.parquet.write_table(table, path / "t.parquet", row_group_size=700)
    pa.csv.write_csv(table, path / "t.csv")
    layout = fit_layout(from_frame(table))
    read = {name: chunked_table(path / f"t.{name}") for name in ("parquet", "csv")}
    read["memory"] = from_frame(table)
    return {name: profile_table(source, layout) for name, source in read.items()}


def test_files_have_the_profile_of_the_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    table = drawn(rng, 3000, 0.1).append_column(
        "time", pa.array(np.datetime64("2026-01-01") + rng.integers(0, 99, 3000))
    )
    found = sides(tmp_path, table)
    for other in ("parquet", "csv"):
        for name, column in found["memory"].columns.items():
            mine = found[other].columns[name]
            if isinstance(column, NumericProfile):
                assert isinstance(mine, NumericProfile)
                assert same_counts(mine, column)
            else:
                assert mine == column
        assert (
            found[other].sample.row_numbers.tolist() == found["memory"].sample.row_numbers.tolist()
        )


def test_profiles_of_parts_add_up_to_that_of_the_whole() -> None:
    table = drawn(np.random.default_rng(4), 30_000, 0.2)
    layout = fit_layout(from_frame(table))

    def part(first: int, size: int) -> TableProfile:
        piece = table.slice(first, size)
        chunk = Chunk(first, piece.num_rows, lambda name: piece.column(name).combine_chunks())
        return profile_chunks([chunk], layout.columns, layout.sampled, untyped=False)

    whole, merged = part(0, 30_000), part(0, 11_000).merge(part(11_000, 19_000))
    assert merged.rows == whole.rows
    assert merged.sample.row_numbers.tolist() == whole.sample.row_numbers.tolist()
    for name, kept in whole.sample.columns.items():
        np.testing.assert_array_equal(merged.sample.columns[name], kept)
    for name, column in whole.columns.items():
        mine = merged.columns[name]
        if isinstance(column, NumericProfile):
            assert isinstance(mine, NumericProfile)
            assert same_counts(mine, column)
        else:
            assert mine == column


def test_a_damaged_file_is_unreadable(tmp_path: Path) -> None:
    pa.parquet.write_table(drawn(np.random.default_rng(4), 500, 0), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(data[:-30])
    with pytest.raises(UnreadableError, match="damaged"):
        profile_table(
            chunked_table(tmp_path / "t.parquet"),
            fit_layout(from_frame({"x0": [1.0]})),
        )
