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
"""Rows of the reference that its cuts are chosen from, at most."""
FIT_CELLS = 1 << 25
"""Values of all its columns that are held meanwhile, at most: a quarter of a gigabyte."""


@dataclass(frozen=True)
class ColumnLayout:
    """A column of the reference: its type once it is read, and its cuts if it is numeric."""

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
    """Rows that the cuts were chosen from; all where there are not more."""


def fit(
    source: ChunkedTable,
    *,
    untested: Collection[str | None] = (),
    first: Collection[str | None] = (),
    most: int = 50,
    read: Reader = read_here,
) -> Layout:
    """Have a reference read once for its types where it is text, and once for its cuts.

    Rows are kept of at most `most` columns: of those in `first`, then in their order, and of
    none in `untested`.

    Raises:
        UnreadableError: It is damaged.
    """
    types = dict(source.types)
    for name, found in read(source, _candidates, _common).items():
        types[name] = found[0] if found else types[name]
    numeric = {
        name: type_
        for name, type_ in types.items()
        if kind_of(type_) == "numeric" and name not in untested
    }
    rows = min(FIT_ROWS, FIT_CELLS // max(1, len(numeric)))
    sampling = partial(RowSampler, rows, hash_bound(rows, source.rows))
    spread = read(source, partial(_spread, types=numeric, sampling=sampling), _Spread.merge)
    sample = spread.sample.columns
    columns = {
        name: ColumnLayout(type_, _cuts(spread, name) if name in sample else NO_BINS)
        for name, type_ in types.items()
    }
    varying = [name for name in sample if varies_enough(sample[name])]
    kept = sorted(varying, key=lambda name: name not in first)[:most]
    return Layout(columns, tuple(kept), rows)


@dataclass(frozen=True)
class _Spread:
    """The range of each numeric column, and the rows that its cuts are chosen from."""

    ranges: Mapping[str, tuple[float, float]]
    sample: RowSample

    def merge(self, other: _Spread) -> _Spread:
        """Return that of the rows of both; those of `other` were numbered on."""
        ranges = {
            name: (min(least, other.ranges[name][0]), max(largest, other.ranges[name][1]))
            for name, (least, largest) in self.ranges.items()
        }
        return _Spread(ranges, self.sample.merge(other.sample))


def _spread(
    source: ChunkedTable, *, types: Mapping[str, pa.DataType], sampling: Callable[[], RowSampler]
) -> _Spread:
    """Read the numeric columns, which have these types once they are read."""
    taken = sampling()
    ranges = dict.fromkeys(types, (np.inf, -np.inf))
    for chunk in source.chunks() if types else ():
        rows = taken.choose(chunk.first, chunk.rows)
        for name, type_ in types.items():
            values = to_floats(cast_to_kind(type_, chunk.column(name), untyped=source.untyped))
            finite = values[np.isfinite(values)]
            least, largest = ranges[name]
            ranges[name] = (
                float(finite.min(initial=least)),
                float(finite.max(initial=largest)),
            )
            taken.add(name, values[rows])
        taken.end_chunk()
    return _Spread(ranges, taken.sample())


def _cuts(spread: _Spread, name: str) -> Bins:
    return Bins.of(spread.sample.columns[name], *spread.ranges[name])


Candidates: TypeAlias = "dict[str, tuple[pa.DataType, ...]]"
"""The types that all values of a column of text are of, by its name; none of empty columns."""


def _candidates(source: ChunkedTable) -> Candidates:
    """Read the columns of text, until nothing but text is left to them."""
    found: Candidates = {}
    open_ = {name for name, type_ in source.types.items() if is_text(type_)}
    for chunk in source.chunks() if open_ else ():
        for name in sorted(open_):
            column = chunk.column(name)
            if column.null_count == len(column):
                continue
            known = found.get(name) or candidate_types(column, untyped=source.untyped)
            found[name] = tuple(t for t in known if parse_text(column, t) is not None)
        open_ -= {name for name, known in found.items() if not known}
        if not open_:
            break
    return found


def _common(first: Candidates, second: Candidates) -> Candidates:
    """Return the types that the values of both are of."""
    both = {
        name: tuple(type_ for type_ in known if type_ in second[name])
        for name, known in first.items()
        if name in second
    }
    return {**first, **second, **both}
