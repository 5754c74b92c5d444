"""The profile of a table, by the layout of its reference."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import pyarrow as pa

from drift_checker.profiles import categorical, numeric, untested
from drift_checker.profiles.categorical import CategoricalProfile
from drift_checker.profiles.layout import ColumnLayout, Layout
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.profiles.sample import SAMPLE_ROWS, RowSample, RowSampler
from drift_checker.profiles.untested import NullProfile, TimestampProfile
from drift_checker.tables import Chunk, ChunkedTable, MismatchError, cast_to_kind, to_floats


@dataclass(frozen=True)
class Mismatch:
    """A column that did not arrive in the kind of its reference: the first of what was found."""

    fault: Literal["changed_type", "mixed_types"]
    detail: str


ColumnProfile: TypeAlias = NumericProfile | CategoricalProfile | TimestampProfile | NullProfile


@dataclass(frozen=True)
class TableProfile:
    """A table of `rows` rows; `columns` has those that its reference has too."""

    rows: int
    columns: Mapping[str, ColumnProfile | Mismatch]
    sample: RowSample

    def merge(self, other: TableProfile) -> TableProfile:
        """Return the profile of the rows of both; those of `other` were numbered on."""
        return TableProfile(
            self.rows + other.rows,
            {name: _merge(mine, other.columns[name]) for name, mine in self.columns.items()},
            self.sample.merge(other.sample),
        )


def _merge(
    first: ColumnProfile | Mismatch, second: ColumnProfile | Mismatch
) -> ColumnProfile | Mismatch:
    if isinstance(first, Mismatch):
        return first
    if isinstance(second, Mismatch):
        return second
    # Both are of the kind that the layout says.
    return first.merge(second)  # type: ignore[arg-type]


def profile_table(source: ChunkedTable, layout: Layout) -> TableProfile:
    """Read a table once, a column of a chunk at a time, and return its profile.

    Raises:
        UnreadableError: It is damaged.
    """
    names = source.types.keys()
    columns = {name: column for name, column in layout.columns.items() if name in names}
    return profile_chunks(source.chunks(), columns, layout.sampled, untyped=source.untyped)


def profile_chunks(
    chunks: Iterable[Chunk],
    columns: Mapping[str, ColumnLayout],
    sampled: Collection[str],
    *,
    untyped: bool,
) -> TableProfile:
    """Return the profile of chunks of rows, in their order."""
    found: dict[str, ColumnProfile | Mismatch] = {
        name: _count(column, pa.nulls(0)) for name, column in columns.items()
    }
    sampling, rows = RowSampler(SAMPLE_ROWS), 0
    for chunk in chunks:
        wanted = sampling.choose(chunk.first, chunk.rows)
        for name, column in columns.items():
            try:
                values = cast_to_kind(column.type, chunk.column(name), untyped=untyped)
            except MismatchError as error:
                found[name] = _merge(found[name], Mismatch(error.fault, error.detail))
                values = pa.nulls(chunk.rows)
            part = _count(column, values)
            if name in sampled:
                sampling.add(name, to_floats(values)[wanted])
            found[name] = _merge(found[name], part)
        sampling.end_chunk()
        rows += chunk.rows
    return TableProfile(rows, found, sampling.sample())


def _count(column: ColumnLayout, values: pa.Array[Any]) -> ColumnProfile:
    match column.kind:
        case "numeric":
            return numeric.count_numbers(to_floats(values), column.bins.edges)
        case "categorical":
            return categorical.count_categories(values)
        case "timestamp":
            return untested.count_timestamps(values)
        case _:
            return untested.count_nulls(values)
