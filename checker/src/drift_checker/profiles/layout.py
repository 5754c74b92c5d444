"""How a reference's columns are read and where they are cut: fitted once, used for every batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from drift_checker.profiles.bins import NO_BINS, Bins
from drift_checker.profiles.readers import Reader, read_here
from drift_checker.profiles.sample import RowSample, RowSampler, hash_bound, varies_enough
from drift_checker.tables import (
    GUESS_ROWS,
    ColumnReading,
    ReadColumns,
    ReadingSettings,
    holds_text,
    joined,
    possible_readings,
    readings_by_values,
    to_floats,
)
from drift_checker.tables.chunks import ChunkedTable

FIT_ROWS = 1 << 20
"""Rows of the reference that its bins are chosen from, at most."""
FIT_VALUES = 1 << 25
"""Values of all its columns that are held meanwhile, at most: a quarter of a gigabyte."""
GUESS_VALUES = 1 << 22
"""Values of all its columns, at most, by which it is told what they look like."""


@dataclass(frozen=True)
class ColumnLayout:
    """A column of the reference, or one derived: how it is read, and its bins if it is numeric."""

    reading: ColumnReading
    bins: Bins = NO_BINS

    @property
    def tested(self) -> bool:
        """Whether its numbers are counted by bins."""
        return self.reading.kind == "numeric" and not self.reading.untested


@dataclass(frozen=True)
class Layout:
    """The columns of a reference, and those of them whose rows are kept for a joint verdict."""

    columns: Mapping[str, ColumnLayout]
    sampled: tuple[str, ...]
    fit_rows: int = FIT_ROWS
    """Rows that the bins were chosen from; all where there are not more."""


def fit_layout(
    table: ChunkedTable,
    *,
    settings: ReadingSettings | None = None,
    preferred: Collection[str | None] = (),
    max_sampled: int = 50,
    fit_rows: int = FIT_ROWS,
    read: Reader = read_here,
) -> Layout:
    """Have a reference read once for how its columns are read, and once for its bins.

    Args:
        table: The reference.
        settings: What they say of how columns are read; of those that identify rows, or are
            ignored, there are no bins.
        preferred: Columns of which rows are kept before all others.
        max_sampled: Columns of which rows are kept, at most.
        fit_rows: Rows that the bins are chosen from, at most.
        read: What has the table read.

    Raises:
        BadReferenceError: Values of a column are of several types, or not what the settings say.
        UnreadableError: It is damaged.
    """
    settings = settings or ReadingSettings()
    looks = read(table, partial(_first_looks, settings=settings), _Looks.merge)
    readings = readings_by_values(
        looks.heads,
        looks.possible,
        untyped=table.untyped,
        settings=settings,
        partition_keys=table.partition_keys,
        most=looks.most,
    )
    untested = settings.identifiers | settings.ignored
    numeric = [
        reading
        for reading in readings
        if reading.kind == "numeric" and not reading.untested and reading.name not in untested
    ]
    fit_rows = min(fit_rows, FIT_VALUES // max(1, len(numeric)))
    new_sampler = partial(RowSampler, fit_rows, hash_bound(fit_rows, table.rows))
    read_values = partial(_fit_values, readings=numeric, new_sampler=new_sampler)
    values = read(table, read_values, _FitValues.merge)
    sample = values.sample.columns
    columns = {
        reading.name: ColumnLayout(
            reading,
            Bins.of(sample[reading.name], *values.ranges[reading.name])
            if reading.name in sample
            else NO_BINS,
        )
        for reading in readings
    }
    kept = [reading.name for reading in numeric if reading.name in sample and not reading.feature]
    varying = [name for name in kept if varies_enough(sample[name])]
    sampled = sorted(varying, key=lambda name: name not in preferred)[:max_sampled]
    return Layout(columns, tuple(sampled), fit_rows)


@dataclass(frozen=True)
class _FitValues:
    """The range of each numeric column, and the rows that its bins are chosen from."""

    ranges: Mapping[str, tuple[float, float]]
    sample: RowSample

    def merge(self, other: _FitValues) -> _FitValues:
        """Return that of the rows of both; those of `other` were numbered on."""
        ranges = {
            name: (min(minimum, other.ranges[name][0]), max(maximum, other.ranges[name][1]))
            for name, (minimum, maximum) in self.ranges.items()
        }
        return _FitValues(ranges, self.sample.merge(other.sample))


def _fit_values(
    table: ChunkedTable, *, readings: Sequence[ColumnReading], new_sampler: Callable[[], RowSampler]
) -> _FitValues:
    """Read the numeric columns."""
    sampler = new_sampler()
    ranges = {reading.name: (np.inf, -np.inf) for reading in readings}
    for chunk in table.chunks() if readings else ():
        chosen = sampler.choose(chunk.first, chunk.rows)
        columns = ReadColumns(chunk.column, untyped=table.untyped)
        for reading in readings:
            values = to_floats(columns.read(reading))
            finite = values[np.isfinite(values)]
            minimum, maximum = ranges[reading.name]
            ranges[reading.name] = (
                float(finite.min(initial=minimum)),
                float(finite.max(initial=maximum)),
            )
            sampler.add(reading.name, values[chosen])
        sampler.end_chunk()
    return _FitValues(ranges, sampler.sample())


@dataclass(frozen=True)
class _Looks:
    """What is seen of columns before it is sure how they are read.

    `possible` has how all values of a column of text may be read, none where it has no value;
    `heads` has the first values of each column.
    """

    possible: Mapping[str, tuple[ColumnReading, ...]]
    heads: Mapping[str, pa.Array[Any]]
    most: int

    def merge(self, other: _Looks) -> _Looks:
        """Return that of the rows of both."""
        both = {
            name: _in_common(readings, other.possible[name])
            for name, readings in self.possible.items()
            if name in other.possible
        }
        heads = {
            name: joined([head, other.heads[name]]).slice(0, self.most)
            for name, head in self.heads.items()
        }
        return _Looks({**self.possible, **other.possible, **both}, heads, self.most)


def _first_looks(table: ChunkedTable, *, settings: ReadingSettings) -> _Looks:
    """Read the first rows, and the columns of text until nothing but text is possible of them."""
    most, rows = min(GUESS_ROWS, GUESS_VALUES // max(1, len(table.types))), 0
    possible: dict[str, tuple[ColumnReading, ...]] = {}
    heads: dict[str, list[pa.Array[Any]]] = {name: [] for name in table.types}
    undecided = [name for name, type_ in table.types.items() if holds_text(type_)]
    for chunk in table.chunks():
        for name in table.types if rows < most else undecided:
            column = chunk.column(name)
            if rows < most:
                heads[name].append(column.slice(0, most - rows))
            if name in undecided:
                found = possible_readings(name, column, untyped=table.untyped, settings=settings)
                possible[name] = _in_common(possible.get(name, found), found)
        undecided = [name for name in undecided if len(possible[name]) != 1]
        rows += chunk.rows
        if rows >= most and not undecided:
            break
    empty = {
        name: pa.nulls(0, type_)  # type: ignore[call-overload]  # stubs have the single types alone
        for name, type_ in table.types.items()
        if not heads[name]
    }
    return _Looks(
        possible, {name: joined(each) for name, each in heads.items() if each} | empty, most
    )


def _in_common(
    first: tuple[ColumnReading, ...], second: tuple[ColumnReading, ...]
) -> tuple[ColumnReading, ...]:
    """Return how the values of both may be read; where one has none, how those of the other may."""
    if not (first and second):
        return first or second
    return tuple(reading for reading in first if reading in second)
