"""How a reference's columns are read and where they are cut: fitted once, used for every batch."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from drift_checker.profiles.bins import NO_BINS, Bins
from drift_checker.profiles.readers import Reader, read_here
from drift_checker.profiles.sample import RowSample, RowSampler, hash_bound, varies_enough
from drift_checker.tables import (
    ChunkedTable,
    ColumnKind,
    candidate_types,
    cast_to_kind,
    is_text,
    kind_of,
    parse_text,
    to_floats,
)

FIT_ROWS = 1 << 20
"""Rows of the reference that its bins are chosen from, at most."""
FIT_VALUES = 1 << 25
"""Values of all its columns that are held meanwhile, at most: a quarter of a gigabyte."""


@dataclass(frozen=True)
class ColumnLayout:
    """A column of the reference: its type once it is read, and its bins if it is numeric."""

    type: pa.DataType
    bins: Bins = NO_BINS

    @property
    def kind(self) -> ColumnKind:
        """How it is compared."""
        return kind_of(self.type)


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
    untested: Collection[str | None] = (),
    preferred: Collection[str | None] = (),
    max_sampled: int = 50,
    fit_rows: int = FIT_ROWS,
    read: Reader = read_here,
) -> Layout:
    """Have a reference read once for its types where it is text, and once for its bins.

    Args:
        table: The reference.
        untested: Columns that have no bins, and of which no rows are kept.
        preferred: Columns of which rows are kept before all others.
        max_sampled: Columns of which rows are kept, at most.
        fit_rows: Rows that the bins are chosen from, at most.
        read: What has the table read.

    Raises:
        UnreadableError: It is damaged.
    """
    types = dict(table.types)
    for name, possible in read(table, _text_types, _common_types).items():
        types[name] = possible[0] if possible else types[name]
    numeric = {
        name: type_
        for name, type_ in types.items()
        if kind_of(type_) == "numeric" and name not in untested
    }
    fit_rows = min(fit_rows, FIT_VALUES // max(1, len(numeric)))
    new_sampler = partial(RowSampler, fit_rows, hash_bound(fit_rows, table.rows))
    read_values = partial(_fit_values, types=numeric, new_sampler=new_sampler)
    values = read(table, read_values, _FitValues.merge)
    sample = values.sample.columns
    columns = {
        name: ColumnLayout(
            type_, Bins.of(sample[name], *values.ranges[name]) if name in sample else NO_BINS
        )
        for name, type_ in types.items()
    }
    varying = [name for name in sample if varies_enough(sample[name])]
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
    table: ChunkedTable, *, types: Mapping[str, pa.DataType], new_sampler: Callable[[], RowSampler]
) -> _FitValues:
    """Read the numeric columns, which have these types once they are read."""
    sampler = new_sampler()
    ranges = dict.fromkeys(types, (np.inf, -np.inf))
    for chunk in table.chunks() if types else ():
        chosen = sampler.choose(chunk.first, chunk.rows)
        for name, type_ in types.items():
            values = to_floats(cast_to_kind(type_, chunk.column(name), untyped=table.untyped))
            finite = values[np.isfinite(values)]
            minimum, maximum = ranges[name]
            ranges[name] = (
                float(finite.min(initial=minimum)),
                float(finite.max(initial=maximum)),
            )
            sampler.add(name, values[chosen])
        sampler.end_chunk()
    return _FitValues(ranges, sampler.sample())


_TextTypes: TypeAlias = "dict[str, tuple[pa.DataType, ...]]"
"""The types that all values of a column of text are of, by its name; none of empty columns."""


def _text_types(table: ChunkedTable) -> _TextTypes:
    """Read the columns of text, until nothing but text is possible of them."""
    types: _TextTypes = {}
    undecided = {name for name, type_ in table.types.items() if is_text(type_)}
    for chunk in table.chunks() if undecided else ():
        for name in sorted(undecided):
            column = chunk.column(name)
            if column.null_count == len(column):
                continue
            possible = types.get(name) or candidate_types(column, untyped=table.untyped)
            types[name] = tuple(t for t in possible if parse_text(column, t) is not None)
        undecided -= {name for name, possible in types.items() if not possible}
        if not undecided:
            break
    return types


def _common_types(first: _TextTypes, second: _TextTypes) -> _TextTypes:
    """Return the types that the values of both are of."""
    both = {
        name: tuple(type_ for type_ in possible if type_ in second[name])
        for name, possible in first.items()
        if name in second
    }
    return {**first, **second, **both}
