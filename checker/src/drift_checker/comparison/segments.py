"""Segments: the rows of both sides with one value of a column, which are judged by themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.comparison.columns import judge_columns
from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.pairs import ColumnSample, InMemoryPair
from drift_checker.result import ColumnResult, Segment, Verdict
from drift_checker.tables import MismatchError, as_numpy
from drift_checker.wording import shortened

MAX_SEGMENTS = 20
"""Segments with a name, the largest of the reference; each further one dilutes the level."""
MIN_ROWS = 200
"""On either side, below which a segment is pooled with the others."""
OTHERS = "(others)"

Masks: TypeAlias = "tuple[pa.Array[Any], pa.Array[Any]]"
"""Which rows of (current, reference)."""


@dataclass(frozen=True)
class Part:
    """A segment, by which column it is one, and which rows of (current, reference) are in it."""

    name: str
    by: str
    masks: Masks

    @property
    def rows(self) -> tuple[int, int]:
        """The number of rows on both sides."""
        current, reference = (int(as_numpy(mask.cast(pa.uint8())).sum()) for mask in self.masks)
        return current, reference


def parts(tables: InMemoryPair, by: Sequence[str]) -> list[Part]:
    """Split both sides by each of the columns.

    At most `MAX_SEGMENTS` of at least `MIN_ROWS` rows are segments of their own; what is left of a
    column's rows is pooled, with those without a value and those of values that are new.
    """
    found: list[tuple[int, Part]] = []
    texts = {name: both for name in by if (both := _texts(tables, name))}
    for name, (current, reference) in texts.items():
        frequent = {value.as_py() for value, _ in _frequent(current)}
        for value, count in _frequent(reference):
            if value.as_py() in frequent:
                masks = _is(current, value), _is(reference, value)
                found.append((count, Part(_named(name, value.as_py()), name, masks)))
    # The sort is stable: of two that are as large, the first stays the first.
    kept = [part for _, part in sorted(found, key=lambda one: -one[0])[:MAX_SEGMENTS]]
    pooled = [_others(name, [part for part in kept if part.by == name]) for name in texts]
    return kept + [part for part in pooled if part and min(part.rows) >= MIN_ROWS]


def sampled_parts(
    tables: InMemoryPair, by: Sequence[str], columns: Sequence[str]
) -> list[tuple[Part, dict[str, ColumnSample]]]:
    """Split both sides, and take of each segment the samples of these columns."""
    return [(part, samples(tables, part, columns)) for part in parts(tables, by)]


def judge(
    sampled: Sequence[tuple[Part, Mapping[str, ColumnSample]]],
    columns: Mapping[str, ColumnResult],
    settings: CompareSettings,
    level: float,
) -> list[Segment]:
    """Test the samples of all segments at a level for all of them.

    `columns` has the result of each column so far, of which kind and role stay.
    """
    each = [(columns[name], one) for _, taken in sampled for name, one in taken.items()]
    results = iter(judge_columns(each, settings, level))
    return [_segment(part, list(islice(results, len(taken)))) for part, taken in sampled]


def _segment(part: Part, columns: list[ColumnResult]) -> Segment:
    drifted = any(column.verdict is Verdict.DRIFT for column in columns)
    rows, reference_rows = part.rows
    return Segment(
        name=part.name,
        rows=rows,
        reference_rows=reference_rows,
        verdict=Verdict.DRIFT if drifted else Verdict.OK,
        columns=columns,
    )


def samples(tables: InMemoryPair, part: Part, columns: Sequence[str]) -> dict[str, ColumnSample]:
    """Take the samples of a segment, of those columns that have values in it on both sides."""
    taken = {name: tables.part(name, part.masks).sample() for name in columns if name != part.by}
    return {name: sample for name, sample in taken.items() if all(sample.values)}


def _texts(tables: InMemoryPair, name: str) -> tuple[pa.Array[Any], pa.Array[Any]] | None:
    """The values of a column as text; a column that cannot be compared is a fault already."""
    if name not in tables.current.names:
        return None
    try:
        pair = tables.pair(name)
    except MismatchError:
        return None
    return pair.current.cast(pa.string()), pair.reference.cast(pa.string())


def _frequent(texts: pa.Array[Any]) -> list[tuple[pa.Scalar[Any], int]]:
    """The values with enough rows, and how many."""
    counts = pc.value_counts(texts.drop_null())
    values, numbers = counts.field("values"), as_numpy(counts.field("counts"))
    return [(values[int(i)], int(numbers[i])) for i in np.flatnonzero(numbers >= MIN_ROWS)]


def _is(texts: pa.Array[Any], value: pa.Scalar[Any]) -> pa.Array[Any]:
    # Of a null, the comparison is null, and so no; fill_null() would import pandas.
    return pc.and_kleene(pc.equal(texts, value), texts.is_valid())


def _others(name: str, kept: Sequence[Part]) -> Part | None:
    """What no segment of a column holds; without such a segment, it would be the whole."""
    if not kept:
        return None
    masks = []
    for side in (0, 1):
        inside = kept[0].masks[side]
        for part in kept[1:]:
            inside = pc.or_(inside, part.masks[side])
        masks.append(pc.invert(inside))
    return Part(_named(name, OTHERS), name, (masks[0], masks[1]))


def _named(column: str, value: str) -> str:
    return f"{shortened(column)}={shortened(value)}"
