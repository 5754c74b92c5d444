"""Segments: drift in one alone is found, and the level holds with them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift_checker import ColumnRoles, CompareSettings, Floors, Result, compare
from drift_checker.comparison import InMemoryPair
from drift_checker.comparison.segments import MAX_SEGMENTS, MIN_SEGMENT_ROWS, split_rows
from drift_checker.tables import from_frame
from drift_checker.wording import explanation_text, result_text

CARRIERS = np.array(["AA", "DL", "UA", "tiny"])
SHARES = [0.4, 0.3, 0.28, 0.02]


def table(rows: int, seed: int, columns: int = 4, shifted: str = "") -> pa.Table:
    """Numbers by carrier; of `shifted`, the first column is moved by one standard deviation."""
    rng = np.random.default_rng(seed)
    carrier = rng.choice(CARRIERS, rows, p=SHARES)
    numbers = rng.normal(size=(columns, rows))
    numbers[0] += carrier == shifted
    return pa.table(
        {"carrier": carrier, **{f"x{i}": pa.array(column) for i, column in enumerate(numbers)}}
    )


def judged(
    current: pa.Table,
    level: float = 0.001,
    segments: tuple[str, ...] = ("carrier",),
    **settings: Any,
) -> Result:
    options = CompareSettings(
        level=level, segments=segments, columns=ColumnRoles(target="x0"), **settings
    )
    return compare(table(5000, 1), current, settings=options)


def test_drift_in_one_segment_alone_is_found_and_told() -> None:
    # One standard deviation in a fifth of all rows, of which most tests of the whole see nothing.
    current = table(1500, 2, shifted="UA")
    result = judged(current)

    assert (result.verdict, result.drifted_columns) == ("drift", ["x0"])
    (drifted,) = (segment for segment in result.segments if segment.verdict == "drift")
    assert drifted.name == "carrier=UA"
    assert drifted.rows == current["carrier"].to_pylist().count("UA")
    assert [column.name for column in drifted.columns] == ["x0", "x1", "x2", "x3"]
    assert result.explanation is not None
    assert "in segment carrier=UA: target x0: median " in explanation_text(result.explanation)
    assert "segments: 1 of 3 drifted: carrier=UA" in result_text(result)


def test_what_segments_alone_can_see() -> None:
    """Two segments that move against each other leave the whole as it was."""
    rng = np.random.default_rng(5)

    def opposed(rows: int, apart: float) -> pa.Table:
        side = rng.choice(["a", "b"], rows)
        sign = np.where(side == "a", 1, -1)
        return pa.table({"side": side, "x": rng.normal(size=rows) + sign * apart})

    reference, current = opposed(5000, 1), opposed(1000, -1)
    assert compare(reference, current).verdict == "ok"
    by_side = compare(reference, current, settings=CompareSettings(segments=("side",)))
    assert [segment.verdict for segment in by_side.segments] == ["drift", "drift"]
    assert by_side.verdict == "drift"


def test_half_of_the_columns_part_goes_to_the_segments() -> None:
    plain, split = judged(table(1500, 3), segments=()), judged(table(1500, 3))

    assert plain.segments == []
    assert split.alarm_budget.parts["columns"] == plain.alarm_budget.parts["columns"] / 2
    assert split.alarm_budget.parts["segments"] == split.alarm_budget.parts["columns"]
    assert sum(split.alarm_budget.parts.values()) == pytest.approx(0.001)


def test_without_a_segment_of_enough_rows_the_whole_keeps_its_part() -> None:
    result = judged(table(MIN_SEGMENT_ROWS - 1, 3))

    assert result.segments == []
    assert "segments" not in result.alarm_budget.parts


def test_small_segments_new_values_and_missing_ones_are_pooled() -> None:
    values = ["a"] * 300 + ["b"] * 250 + ["c"] * 150 + [None] * 60
    reference = pa.table({"by": [*values, *["old"] * 300], "x": np.arange(1060.0)})
    current = pa.table({"by": [*values, *["new"] * 300], "x": np.arange(1060.0)})

    segments = split_rows(InMemoryPair(from_frame(reference), from_frame(current)), ["by"])

    assert [segment.name for segment in segments] == ["by=a", "by=b", "by=(others)"]
    assert [segment.sizes for segment in segments] == [(300, 300), (250, 250), (510, 510)]


def test_at_most_twenty_have_a_name_the_largest_of_the_reference() -> None:
    sizes = {f"v{i:02}": 200 + 10 * i for i in range(25)}
    values = [name for name, size in sizes.items() for _ in range(size)]
    both = from_frame(pa.table({"by": values, "other": ["z"] * len(values)}))

    segments = split_rows(InMemoryPair(both, both), ["by", "other"])

    names = [segment.name for segment in segments]
    assert names[0] == "other=z"
    assert names[1:MAX_SEGMENTS] == [f"by=v{i:02}" for i in range(24, 5, -1)]
    assert names[MAX_SEGMENTS:] == ["by=(others)"]
    assert sum(segment.sizes[0] for segment in segments if segment.column == "by") == len(values)


def test_a_segment_column_that_did_not_arrive_is_a_fault_and_no_more() -> None:
    result = judged(table(1500, 2).drop_columns(["carrier"]))

    assert (result.verdict, result.segments) == ("invalid", [])


def test_a_table_too_large_for_segments_says_so() -> None:
    result = judged(table(1500, 2), large_in_parts=1000)

    assert result.segments == []
    assert [(fault.fault, fault.severity) for fault in result.faults] == [
        ("segments_left_out", "note")
    ]


@pytest.mark.parametrize("draws", [80, pytest.param(400, marks=pytest.mark.long)])
def test_the_level_holds_with_segments(draws: int) -> None:
    """Without drift, at a level of 5 % and without floors: the rate, within three errors."""
    settings = CompareSettings(
        level=0.05, segments=("carrier",), floors=Floors(distance=0, tail=0, correlation=0)
    )
    reference = [table(1500, 1000 + i) for i in range(40)]
    alarms = sum(
        compare(reference[i % 40], table(900, 5000 + i), settings=settings).verdict != "ok"
        for i in range(draws)
    )

    error = (0.05 * 0.95 / draws) ** 0.5
    assert 0.05 / 4 < alarms / draws < 0.05 + 3 * error


def test_segments_import_nothing_that_a_comparison_does_not(tmp_path: Path) -> None:
    script = (
        "import sys, pyarrow.parquet as pq; from drift_checker import CompareSettings, compare\n"
        "settings = CompareSettings(segments=('carrier',))\n"
        "result = compare(sys.argv[1], sys.argv[1], settings=settings)\n"
        "print(len(result.segments), [m for m in ('pandas', 'scipy') if m in sys.modules])"
    )
    path = str(tmp_path / "both.parquet")
    pq.write_table(table(2000, 1), path)
    ended = subprocess.run(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True, check=False
    )
    assert ended.stdout == "3 []\n"
