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
from drift_checker.tables import Chunk, MismatchError, ReadColumns, to_floats
from drift_checker.tables.chunks import ChunkedTable


@dataclass(frozen=True)
class Mismatch:
    """A column that did not arrive in the kind of its reference: the first fault of its chunks."""

    fault: Literal["changed_type", "mixed_types", "lost_zeros"]
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
            {name: _merge(column, other.columns[name]) for name, column in self.columns.items()},
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


def profile_table(table: ChunkedTable, layout: Layout) -> TableProfile:
    """Read a table once, a column of a chunk at a time, and return its profile.

    Raises:
        UnreadableError: It is damaged.
    """
    names = table.types.keys()
    columns = {
        name: column for name, column in layout.columns.items() if column.reading.source in names
    }
    return profile_chunks(table.chunks(), columns, layout.sampled, untyped=table.untyped)


def profile_chunks(
    chunks: Iterable[Chunk],
    columns: Mapping[str, ColumnLayout],
    sampled: Collection[str],
    *,
    untyped: bool,
) -> TableProfile:
    """Return the profile of chunks of rows, in their order.

    Args:
        chunks: The rows.
        columns: Those columns of the reference that the chunks have.
        sampled: The numeric ones of them whose rows are kept.
        untyped: Whether text may hold values of any type.
    """
    profiles: dict[str, ColumnProfile | Mismatch] = {
        name: _count(column, pa.nulls(0)) for name, column in columns.items()
    }
    sampler, rows = RowSampler(SAMPLE_ROWS), 0
    for chunk in chunks:
        chosen, read = (
            sampler.choose(chunk.first, chunk.rows),
            ReadColumns(chunk.column, untyped=untyped),
        )
        for name, column in columns.items():
            try:
                values = read.read(column.reading)
            except MismatchError as error:
                profiles[name] = _merge(profiles[name], Mismatch(error.fault, error.detail))
                values = pa.nulls(chunk.rows)
            if name in sampled:
                sampler.add(name, to_floats(values)[chosen])
            profiles[name] = _merge(profiles[name], _count(column, values))
        sampler.end_chunk()
        rows += chunk.rows
    return TableProfile(rows, profiles, sampler.sample())


def _count(column: ColumnLayout, values: pa.Array[Any]) -> ColumnProfile:
    match column.reading.kind:
        case "numeric":
            return numeric.count_numbers(to_floats(values), column.bins.edges)
        case "categorical":
            return categorical.count_categories(values)
        case "timestamp":
            return untested.count_timestamps(values)
        case _:
            return NullProfile(len(values), values.null_count)
