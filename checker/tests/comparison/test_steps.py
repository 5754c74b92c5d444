"""The steps of a comparison, each by itself: what it is made of changes in none of them."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pyarrow as pa
import pytest
from samples import table

from drift_checker import ColumnRoles, CompareSettings, Floors, Verdict
from drift_checker.comparison import NO_FLOORS, InMemoryPair, judge, prepare, result_of
from drift_checker.comparison.columns import judge_columns
from drift_checker.comparison.compare import read_tables
from drift_checker.comparison.faults import CountTest, changed_share, judge_counts
from drift_checker.comparison.segments import sampled_segments
from drift_checker.errors import BadReferenceError
from drift_checker.result import Severity
from drift_checker.tables import from_frame

SEGMENTS = CompareSettings(level=0.05, segments=("kind",))


def pair(current: pa.Table, reference: pa.Table | None = None) -> InMemoryPair:
    return InMemoryPair(from_frame(reference or table(3000, seed=1)), from_frame(current))


def with_everything(rows: int, seed: int, shift: float = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    time = np.datetime64("2026-01-01T00:00:00") + np.arange(rows) * np.timedelta64(1, "s")
    added = {
        "time": time,
        "key": np.arange(rows),
        "bytes": pa.array([b"1"] * rows),
        "endless": np.where(np.arange(rows) % 10, rng.normal(size=rows), np.inf),
    }
    plain = table(rows, seed=seed, shift=shift)
    return pa.table({**{name: plain[name] for name in plain.column_names}, **added})


ROLES = CompareSettings(columns=ColumnRoles(timestamp="time", id="key", target="y", ignore=("x",)))


@pytest.mark.parametrize("large", [0, 1 << 22])
@pytest.mark.parametrize("segments", [(), ("kind",)])
def test_a_step_that_is_taken_again_comes_to_the_same(
    segments: tuple[str, ...], large: int
) -> None:
    """Segments halve the columns' part of the level: once, however often it is asked."""
    settings = replace(SEGMENTS, segments=segments, large_values=large, large_in_parts=large)
    batch = table(900, seed=2, shift=0.1)
    tables = read_tables(table(3000, seed=1), batch, settings)
    prepared = prepare(tables, settings)
    past = [prepare(tables, settings).tick_counts] * 2
    judged = judge(prepared, past=past)
    first = result_of(judged)

    assert result_of(judged) == first
    assert result_of(judge(prepared, past=past)) == first
    assert result_of(judge(prepare(tables, settings), past=past)) == first
    assert result_of(judge(prepared)).sequential is None
    assert result_of(judge(prepared, past=past)) == first
    thresholds = {name: part for name, part in first.alarm_budget.parts.items() if part}
    assert ("segments" in thresholds) == (bool(segments) and bool(large))
    assert sum(thresholds.values()) == pytest.approx(0.05)


def test_what_a_step_made_cannot_be_changed() -> None:
    prepared = prepare(pair(table(300, seed=2)), CompareSettings())
    judged = judge(prepared)
    for value, name in (
        (prepared, "faults"),
        (judged, "batch_result"),
        (result_of(judged), "verdict"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)


def test_prepare_judges_nothing_yet() -> None:
    prepared = prepare(pair(with_everything(300, 2), with_everything(3000, 1)), ROLES)

    assert {name: column.reason for name, column in prepared.columns.items()} == {
        "x": "ignored by the settings",
        "y": "",
        "kind": "",
        "time": "a point in time",
        "key": "the role is id",
        "bytes": "binary values (binary) are not compared",
        "endless": "",
    }
    assert [*prepared.pairs] == ["y", "kind", "time", "key", "bytes", "endless"]
    assert [*prepared.samples] == ["y", "kind", "endless"]
    assert prepared.target_first == ["y", "kind", "endless"]
    assert all(column.p_value is None for column in prepared.columns.values())
    assert [(fault.fault, fault.column) for fault in prepared.faults] == [
        ("infinities_left_out", "endless")
    ]
    tests = [(test.fault, test.column) for test in prepared.count_tests]
    numeric = ["nulls", "not_finite", "out_of_range", "constant"]
    assert [fault for fault, column in tests if column == "y"] == numeric
    assert [fault for fault, column in tests if column == "endless"] == numeric
    assert [fault for fault, column in tests if column == "key"] == ["nulls"]


def test_prepare_says_what_is_wrong_with_the_structure() -> None:
    batch = table(40, seed=2).drop_columns(["x"]).append_column("new", pa.array(range(40)))
    prepared = prepare(pair(batch.set_column(0, "y", pa.array(["a"] * 40))), CompareSettings())

    assert [(fault.fault, fault.column) for fault in prepared.faults] == [
        ("too_few_rows", None),
        ("extra_column", "new"),
        ("missing_column", "x"),
        ("changed_type", "y"),
    ]
    assert [*prepared.samples] == ["kind"]
    with pytest.raises(BadReferenceError, match="no column 'z'"):
        prepare(pair(batch), CompareSettings(columns=ColumnRoles(target="z")))


def test_tick_counts_are_of_the_samples() -> None:
    tables = pair(table(300, seed=2))
    counts = prepare(tables, CompareSettings(columns=ColumnRoles(ignore=("x",)))).tick_counts

    assert (counts.reference, counts.rows) == (f"{tables.reference.digest}/rules-3", 300)
    assert [sum(bins) for bins in counts.numbers.values()] == [300]
    assert sum(counts.categories["kind"].values()) == 300


def test_drift_that_only_lasts_is_no_drift_of_the_batch() -> None:
    settings = CompareSettings(level=0.01)
    batches = [pair(table(200, seed=seed, shift=0.2)) for seed in range(10, 20)]
    *past, prepared = [prepare(tables, settings) for tables in batches]
    judged = judge(prepared, past=[each.tick_counts for each in reversed(past)])
    result = result_of(judged)

    assert judged.batch_result.verdict is Verdict.OK
    assert judged.batch_result.drifted_columns == []
    assert (result.verdict, result.drifted_columns) == ("drift", ["x"])
    assert result.sequential == judged.batch_result.sequential
    assert result_of(judge(prepared)).verdict is Verdict.OK


def test_columns_share_a_level_by_the_number_of_them() -> None:
    prepared = prepare(pair(table(900, seed=2, shift=0.5)), CompareSettings())
    samples = [(prepared.columns[name], sample) for name, sample in prepared.samples.items()]
    alone = judge_columns(samples[:1], prepared.settings, 0.01).results
    every = judge_columns(samples, prepared.settings, 0.01).results

    assert judge_columns([], prepared.settings, 0.01).results == []
    assert alone[0].threshold == pytest.approx(0.01)
    assert [column.verdict for column in every] == ["drift", "ok", "ok"]
    assert all(column.threshold and column.threshold < 0.01 for column in every)


def nulls(rows: int, floors: Floors = NO_FLOORS) -> CountTest:
    return changed_share("nulls", "x", "nulls", (rows, 100), (0, 1000), floors=floors)


def test_counts_share_a_level_equally() -> None:
    many, few = (nulls(rows) for rows in (50, 1))
    (fault,) = judge_counts([many, few], 0.01)

    assert (fault.fault, fault.column, fault.severity) == ("nulls", "x", Severity.STATISTICAL)
    assert fault.detail.startswith("nulls: 0 % -> 50 % of the rows (p less than ")
    assert judge_counts([], 0.01) == []
    assert judge_counts([many], many.p_value / 2) == []
    assert judge_counts([many] * 2, many.p_value) == []
    assert judge_counts([nulls(50, Floors(share=0.6, ratio=1e9))], 0.01)
    assert not judge_counts([nulls(50, Floors(share=0.6, ratio_from=0.6))], 0.01)


def test_a_segment_has_the_samples_of_other_columns() -> None:
    sampled = sampled_segments(pair(table(900, seed=2)), ["kind"], ["x", "kind"])

    assert sorted(segment.name for segment, _ in sampled) == ["kind=a", "kind=b", "kind=c"]
    assert all([*samples] == ["x"] for _, samples in sampled)
    assert sum(samples["x"].sizes[0] for _, samples in sampled) == 900


def test_without_floors_any_significant_effect_is_drift() -> None:
    tables = pair(table(20_000, seed=2, shift=0.08), table(20_000, seed=1))
    bare = CompareSettings(floors=Floors(distance=0, tail=0))
    small = CompareSettings(floors=Floors(distance=0.5, tail=0.5))

    assert judge(prepare(tables, bare)).batch_result.drifted_columns == ["x"]
    assert judge(prepare(tables, small)).batch_result.drifted_columns == []
