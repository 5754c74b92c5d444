"""How a reference's columns are read and where they are cut: fitted once, used for every batch."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from drift_checker.columns import (
    Kind,
    candidate_types,
    floats,
    in_kind_of,
    is_text,
    kind_of,
    parsed,
)
from drift_checker.engine.numbers import NO_CUTS, Cuts
from drift_checker.engine.rows import Sampling
from drift_checker.engine.sources import Source
from drift_checker.joint import varies_enough

FIT_ROWS = 1 << 20
"""Rows of the reference that its cuts are chosen from, at most."""
FIT_CELLS = 1 << 25
"""Values of all its columns that are held meanwhile, at most: a quarter of a gigabyte."""


@dataclass(frozen=True)
class Column:
    """A column of the reference: its type once it is read, and its cuts if it is numeric."""

    type: pa.DataType
    cuts: Cuts = NO_CUTS

    @property
    def kind(self) -> Kind:
        """How it is compared."""
        return kind_of(self.type)


@dataclass(frozen=True)
class Layout:
    """The columns of a reference, and those of them whose rows are kept for a joint verdict."""

    columns: Mapping[str, Column]
    sampled: tuple[str, ...]
    fit_rows: int = FIT_ROWS
    """Rows that the cuts were chosen from; all where there are not more."""


def fit(
    source: Source,
    *,
    untested: Collection[str | None] = (),
    first: Collection[str | None] = (),
    most: int = 50,
) -> Layout:
    """Read a reference once for its types where it is text, and once for its cuts.

    Rows are kept of at most `most` columns: of those in `first`, then in their order, and of
    none in `untested`.

    Raises:
        UnreadableError: It is damaged.
    """
    types = _types(source)
    numeric = [
        name
        for name, type_ in types.items()
        if kind_of(type_) == "numeric" and name not in untested
    ]
    sampling = Sampling(min(FIT_ROWS, FIT_CELLS // max(1, len(numeric))))
    ranges = dict.fromkeys(numeric, (np.inf, -np.inf))
    for chunk in source.chunks() if numeric else ():
        rows = sampling.rows(chunk.first, chunk.rows)
        for name in numeric:
            column = in_kind_of(types[name], chunk.column(name), untyped=source.untyped)
            values = floats(column)
            finite = values[np.isfinite(values)]
            least, largest = ranges[name]
            ranges[name] = (
                float(finite.min(initial=least)),
                float(finite.max(initial=largest)),
            )
            sampling.add(name, values[rows])
        sampling.end_chunk()
    sample = sampling.sample().values
    columns = {
        name: Column(type_, Cuts.of(sample[name], *ranges[name]) if name in sample else NO_CUTS)
        for name, type_ in types.items()
    }
    varying = [name for name in sample if varies_enough(sample[name])]
    kept = sorted(varying, key=lambda name: name not in first)[:most]
    return Layout(columns, tuple(kept), sampling.most)


def _types(source: Source) -> dict[str, pa.DataType]:
    """Return the types of all columns, of text those that all of its values are of."""
    types = dict(source.types)
    candidates: dict[str, tuple[pa.DataType, ...]] = {}
    open_ = {name for name, type_ in types.items() if is_text(type_)}
    for chunk in source.chunks() if open_ else ():
        for name in sorted(open_):
            column = chunk.column(name)
            if column.null_count == len(column):
                continue
            known = candidates.get(name) or candidate_types(column, untyped=source.untyped)
            candidates[name] = tuple(t for t in known if parsed(column, t) is not None)
        open_ -= {name for name, known in candidates.items() if not known}
        if not open_:
            break
    return types | {name: known[0] for name, known in candidates.items() if known}
