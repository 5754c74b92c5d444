"""Segments: the rows of both tables with one value of a column, judged by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.comparison.columns import judge_columns
from drift_checker.comparison.in_memory_pairs import InMemoryPair
from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.samples import ColumnSample
from drift_checker.result import ColumnResult, Segment, Verdict
from drift_checker.tables import MismatchError, as_numpy
from drift_checker.wording import shortened

MAX_SEGMENTS = 20
"""Segments with a name, the largest of the reference; each further one dilutes the level."""
MIN_SEGMENT_ROWS = 200
"""In either table, below which a segment is pooled with the others."""
OTHERS = "(others)"


@dataclass(frozen=True)
class SegmentRows:
    """A segment by a value of a column: its name, and which rows of (current, reference) it has."""

    name: str
    column: str
    masks: tuple[pa.Array[Any], pa.Array[Any]]

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of rows in (current, reference)."""
        current, reference = (int(as_numpy(mask.cast(pa.uint8())).sum()) for mask in self.masks)
        return current, reference


def split_rows(tables: InMemoryPair, columns: Sequence[str]) -> list[SegmentRows]:
    """Split both tables by each of the columns.

    At most `MAX_SEGMENTS` of at least `MIN_SEGMENT_ROWS` rows are segments of their own; what is
    left of a column's rows is pooled, with those without a value and those of values that are new.
    """
    sized: list[tuple[int, SegmentRows]] = []
    texts = {name: both for name in columns if (both := _texts(tables, name))}
    for name, (current, reference) in texts.items():
        frequent = {value.as_py() for value, _ in _frequent(current)}
        for value, rows in _frequent(reference):
            if value.as_py() in frequent:
                masks = _rows_of(current, value), _rows_of(reference, value)
                sized.append((rows, SegmentRows(_segment_name(name, value.as_py()), name, masks)))
    # The sort is stable: of two that are as large, the first stays the first.
    named = [segment for _, segment in sorted(sized, key=lambda pair: -pair[0])[:MAX_SEGMENTS]]
    pooled = [_others(name, [each for each in named if each.column == name]) for name in texts]
    return named + [each for each in pooled if each and min(each.sizes) >= MIN_SEGMENT_ROWS]


def sampled_segments(
    tables: InMemoryPair, by: Sequence[str], columns: Sequence[str]
) -> list[tuple[SegmentRows, dict[str, ColumnSample]]]:
    """Split both tables `by` columns, and take of each segment the samples of `columns`."""
    segments = split_rows(tables, by)
    return [(segment, _segment_samples(tables, segment, columns)) for segment in segments]


def judge(
    segments: Sequence[tuple[SegmentRows, Mapping[str, ColumnSample]]],
    columns: Mapping[str, ColumnResult],
    settings: CompareSettings,
    level: float,
) -> tuple[list[Segment], float | None]:
    """Test the samples of all segments at a level for all of them; return their p-value as well.

    `columns` has the result of each column so far, of which name, kind and role stay.
    """
    all_samples = [
        (columns[name], sample) for _, samples in segments for name, sample in samples.items()
    ]
    judged = judge_columns(all_samples, settings, level)
    results = iter(judged.results)
    return [
        _judged(segment, list(islice(results, len(samples)))) for segment, samples in segments
    ], judged.p_value


def _judged(segment: SegmentRows, columns: list[ColumnResult]) -> Segment:
    drifted = any(column.verdict is Verdict.DRIFT for column in columns)
    rows, reference_rows = segment.sizes
    return Segment(
        name=segment.name,
        rows=rows,
        reference_rows=reference_rows,
        verdict=Verdict.DRIFT if drifted else Verdict.OK,
        columns=columns,
    )


def _segment_samples(
    tables: InMemoryPair, segment: SegmentRows, columns: Sequence[str]
) -> dict[str, ColumnSample]:
    """Take the samples of a segment, of those columns that have values in it in both tables."""
    samples = {
        name: tables.filtered_pair(name, segment.masks).sample
        for name in columns
        if name != segment.column
    }
    return {name: sample for name, sample in samples.items() if all(sample.sizes)}


def _texts(tables: InMemoryPair, name: str) -> tuple[pa.Array[Any], pa.Array[Any]] | None:
    """Return the values of a column as text; one that cannot be compared is a fault already."""
    if name not in tables.current.names:
        return None
    try:
        pair = tables.column_pair(name)
    except MismatchError:
        return None
    if pair.reading.kind in {"vector", "other"}:
        return None
    return pair.current.cast(pa.string()), pair.reference.cast(pa.string())


def _frequent(texts: pa.Array[Any]) -> list[tuple[pa.Scalar[Any], int]]:
    """Return the values with enough rows, and how many."""
    counts = pc.value_counts(texts.drop_null())
    values, rows = counts.field("values"), as_numpy(counts.field("counts"))
    return [(values[int(i)], int(rows[i])) for i in np.flatnonzero(rows >= MIN_SEGMENT_ROWS)]


def _rows_of(texts: pa.Array[Any], value: pa.Scalar[Any]) -> pa.Array[Any]:
    # Of a null, the comparison is null, and so no; fill_null() would import pandas.
    return pc.and_kleene(pc.equal(texts, value), texts.is_valid())


def _others(column: str, named: Sequence[SegmentRows]) -> SegmentRows | None:
    """Return what no segment of a column holds; without such a segment, it would be the whole."""
    if not named:
        return None
    masks = [
        pc.invert(reduce(pc.or_, (segment.masks[table] for segment in named))) for table in (0, 1)
    ]
    return SegmentRows(_segment_name(column, OTHERS), column, (masks[0], masks[1]))


def _segment_name(column: str, value: str) -> str:
    return f"{shortened(column)}={shortened(value)}"
