"""A table in memory, and the chunks of rows that it and other tables are read in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from drift_checker.result import Fault, Severity
from drift_checker.tables.arrays import in_one

UNREADABLE = "unreadable"
"""The fault of a batch that is no table."""
TOO_LARGE = "too_large"
"""The fault of a batch that was not read to its end, since it is larger than it may be."""
MIXED_TYPE = pa.struct([("kind", pa.string()), ("json", pa.string())])
"""Of a column whose values are of several types: the name of the type, the value as JSON."""
PARTITION_KEY = b"partition"
"""In the metadata of a field, says that the column comes from the names of folders."""
_CHUNK_ROWS = 1 << 18
"""Of a table in memory."""


class UnreadableError(Exception):
    """The bytes claim a format that they do not keep."""

    @property
    def fault(self) -> Fault:
        """The same as a fault of a batch."""
        return Fault(fault=UNREADABLE, severity=Severity.STRUCTURAL, column=None, detail=str(self))


@dataclass(frozen=True)
class Chunk:
    """Rows of a table from number `first` on; `column` reads the values of one column."""

    first: int
    rows: int
    column: Callable[[str], pa.Array[Any]]


def chunk_of(first: int, table: pa.Table) -> Chunk:
    """Return all rows of a table as a chunk; `first` is the number of its first row."""
    return Chunk(first, table.num_rows, lambda name: in_one(table.column(name)))


def foreign_type(name: str) -> pa.DataType:
    """Return the type of a column whose values are of a type that Arrow does not have.

    Only which rows have a value is kept. `name` is that of the type, such as `complex128`.
    """
    return pa.struct([pa.field(name, pa.null())])


def foreign_name(type_: pa.DataType) -> str | None:
    """Return the name of the type that Arrow does not have, or None of all other types."""
    if pa.types.is_struct(type_) and type_.num_fields == 1 and pa.types.is_null(type_[0].type):
        return str(type_[0].name)
    return None


def partition_keys(schema: pa.Schema) -> frozenset[str]:
    """Return the names of the columns that come from the names of folders."""
    return frozenset(each.name for each in schema if PARTITION_KEY in (each.metadata or {}))


@dataclass(frozen=True)
class Batch:
    """What was read: a table, and the faults found in reading it.

    `untyped` says that text columns may hold values of any type, as in CSV. `digest` is the
    SHA-256 of the bytes.
    """

    table: pa.Table
    digest: str
    faults: tuple[Fault, ...] = ()
    untyped: bool = False

    @property
    def unreadable(self) -> bool:
        """Whether there is no table to speak of; the reason is among `faults`."""
        return any(fault.fault in {UNREADABLE, TOO_LARGE} for fault in self.faults)

    @cached_property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.table.column_names)

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """The columns and their types."""
        return {field.name: field.type for field in self.table.schema}

    @property
    def partition_keys(self) -> frozenset[str]:
        """The columns by which rows are laid in folders: with every tick they are others."""
        return partition_keys(self.table.schema)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.table.num_rows)

    def chunks(self) -> Iterator[Chunk]:
        """Slice the table."""
        for first in range(0, self.rows, _CHUNK_ROWS):
            yield chunk_of(first, self.table.slice(first, _CHUNK_ROWS))
