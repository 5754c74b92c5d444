"""What profiles promise: they add up, count exactly, and lead to the verdict of the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.comparison import ColumnRoles, CompareSettings, InMemoryPair, compare_tables
from drift_checker.comparison.profiled_pairs import profile_pair
from drift_checker.profiles import Bins, categorical, numeric
from drift_checker.profiles import sample as rows
from drift_checker.profiles.bins import EDGES
from drift_checker.profiles.layout import fit
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.profiles.profile import TableProfile, profile_chunks, profile_table
from drift_checker.result import ColumnResult, Result
from drift_checker.tables import Chunk, InMemoryTable, UnreadableError, chunked_table, from_frame

values = st.lists(
    st.one_of(st.integers(-20, 20).map(float), st.floats(allow_nan=True, width=32)), max_size=60
)
finite = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def counted(sample: list[float], reference: list[float]) -> NumericProfile:
    ordered = np.array(reference)
    return numeric.count_numbers(
        np.array(sample, float), Bins.of(ordered, ordered.min(), ordered.max()).edges
    )


def same(one: NumericProfile, other: NumericProfile) -> bool:
    return (
        (one.rows, one.nulls, one.infinite, one.minimum, one.maximum)
        == (other.rows, other.nulls, other.infinite, other.minimum, other.maximum)
        and one.below.tolist() == other.below.tolist()
        and one.up_to.tolist() == other.up_to.tolist()
    )


@given(values, values, finite)
def test_numbers_add_up(one: list[float], other: list[float], reference: list[float]) -> None:
    whole = counted(one + other, reference)
    merged = counted(one, reference).merge(counted(other, reference))
    assert same(whole, merged)
    assert merged.mean == pytest.approx(
        whole.mean, rel=1e-9, abs=1e-6 * (1 + whole.standard_deviation)
    )
    assert merged.standard_deviation == pytest.approx(whole.standard_deviation, rel=1e-6, abs=1e-9)


@given(values, finite)
def test_numbers_are_counted_exactly(sample: list[float], reference: list[float]) -> None:
    found, known = counted(sample, reference), np.array(sample, float)
    ordered = known[np.isfinite(known)]
    assert found.below.tolist() == [int((ordered < edge).sum()) for edge in found.edges]
    assert found.at_edges.tolist() == [int((ordered == edge).sum()) for edge in found.edges]
    assert (found.nulls, found.infinite) == (np.isnan(known).sum(), np.isinf(known).sum())
    assert found.counts_in_order.sum() == found.value_count == len(ordered)


def test_quantiles_are_right_to_within_the_rows_between_two_edges() -> None:
    rng = np.random.default_rng(1)
    reference, sample = rng.normal(size=50_000), rng.normal(0.2, 1, 40_000)
    found = counted(sample.tolist(), reference.tolist())
    assert len(found.edges) <= EDGES + 4
    shares = np.array([0, 0.001, 0.25, 0.5, 0.999, 1])
    ranks = np.searchsorted(np.sort(sample), found.quantiles(*shares), "right") / len(sample)
    assert ranks == pytest.approx(shares, abs=found.between_edges.max() / len(sample))


@given(
    st.lists(st.sampled_from(["a", "b", "é", None]), max_size=40),
    st.lists(st.sampled_from(["b", "c", None]), max_size=40),
)
def test_categories_add_up(one: list[str | None], other: list[str | None]) -> None:
    parts = [
        categorical.count_categories(pa.array(part, pa.string()))
        for part in (one, other, one + other)
    ]
    assert parts[0].merge(parts[1]) == parts[2]
    assert parts[2].counts == Counter(name for name in one + other if name is not None)
    assert parts[2].nulls == (one + other).count(None)


def test_more_categories_are_counted_by_the_hash_of_their_names() -> None:
    names = [f"user-{place}" for place in range(12_000)]
    whole = categorical.count_categories(pa.array(names))
    parts = [categorical.count_categories(pa.array(part)) for part in (names[:7000], names[7000:])]
    assert [part.hashed for part in (*parts, whole)] == [False, False, True]
    assert parts[0].merge(parts[1]) == whole
    assert whole.counts == Counter(f"#{crc32(name.encode()) % 10_000}" for name in names)
    mine, others = whole.aligned(parts[0])
    assert mine.hashed
    assert others.hashed
    assert sum(others.counts.values()) == 7000


@given(st.integers(0, 300), st.lists(st.integers(1, 90), max_size=8), st.integers(1, 50))
def test_the_rows_kept_do_not_depend_on_the_chunks(first: int, sizes: list[int], most: int) -> None:
    sampling, start = rows.RowSampler(most), first
    for size in sizes:
        places = sampling.choose(start, size)
        sampling.add("x", (start + places).astype(float))
        sampling.end_chunk()
        start += size
    found = sampling.sample()
    expected = first + rows.choose_rows(np.arange(first, start), most)
    assert found.row_numbers.tolist() == expected.tolist()
    if sizes:
        assert found.columns["x"].tolist() == expected.tolist()


@given(st.integers(1, 200), st.integers(1, 20_000))
def test_rows_beyond_the_bound_are_in_no_sample(most: int, size: int) -> None:
    bound = rows.hash_bound(most, size)
    kept = np.flatnonzero(rows.row_hashes(np.arange(size)) <= bound)
    assert set(rows.choose_rows(np.arange(size), most)) <= set(kept)
    assert len(kept) <= most + 12 * most**0.5 + 1 or bound == rows.hash_bound(most, None)


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
        profile_pair(InMemoryTable(before), InMemoryTable(after), settings),
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
    if exact.test == profiled.test == "kolmogorov_smirnov":
        assert exact.effect_size is not None
        assert profiled.effect_size is not None
        assert 0 <= exact.effect_size - profiled.effect_size < 2 / EDGES
        assert exact.p_value is not None
        assert profiled.p_value is not None
        # Without the ties that the tables show, the p-value is an upper bound, if approximate.
        assert profiled.p_value > 0.8 * exact.p_value or exact.p_value < 1e-6
        return
    assert profiled.test == exact.test
    # Categories are in another order, in which their shares are added up.
    assert profiled.statistic == pytest.approx(exact.statistic, rel=1e-9)
    assert profiled.p_value == pytest.approx(exact.p_value, rel=1e-6)


def on_the_edge(exact: ColumnResult, profiled: ColumnResult) -> bool:
    """Whether the threshold or the floor lies between what both found."""
    p_values = exact.p_value, profiled.p_value
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
    layout = fit(InMemoryTable(from_frame(table)))
    read = {name: chunked_table(path / f"t.{name}") for name in ("parquet", "csv")}
    read["memory"] = InMemoryTable(from_frame(table))
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
                assert same(mine, column)
            else:
                assert mine == column
        assert (
            found[other].sample.row_numbers.tolist() == found["memory"].sample.row_numbers.tolist()
        )


def test_profiles_of_parts_add_up_to_that_of_the_whole() -> None:
    table = drawn(np.random.default_rng(4), 30_000, 0.2)
    layout = fit(InMemoryTable(from_frame(table)))

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
            assert same(mine, column)
        else:
            assert mine == column


def test_text_in_a_csv_file_is_read_as_what_all_of_it_is(tmp_path: Path) -> None:
    lines = [f"{n},{n / 2},{n}{'.5' * (n > 60_000)},2026-01-01,x{n % 3}" for n in range(90_000)]
    (tmp_path / "t.csv").write_text("a,b,late,day,kind\n" + "\n".join(lines))
    layout = fit(chunked_table(tmp_path / "t.csv"))
    kinds = {name: str(column.type) for name, column in layout.columns.items()}
    assert kinds == {
        "a": "int64",
        "b": "double",
        "late": "double",
        "day": "timestamp[us]",
        "kind": "string",
    }


def test_a_damaged_file_is_unreadable(tmp_path: Path) -> None:
    pa.parquet.write_table(drawn(np.random.default_rng(4), 500, 0), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(data[:-30])
    with pytest.raises(UnreadableError, match="damaged"):
        profile_table(
            chunked_table(tmp_path / "t.parquet"), fit(InMemoryTable(from_frame({"x0": [1.0]})))
        )
