"""Tables that are read a chunk of rows at a time: Parquet, CSV, and what is in memory."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import pyarrow as pa
import pyarrow.parquet

from drift_checker.result import Fault
from drift_checker.tables.batch import Batch, Chunk, UnreadableError, chunk_of
from drift_checker.tables.formats import (
    Compression,
    decoded_stream,
    told_format,
)
from drift_checker.tables.reading import (
    duplicate_column_faults,
    parquet_errors,
    read_batch,
    reference_errors,
)
from drift_checker.tables.unicode import unicode_text

if TYPE_CHECKING:
    from drift_checker.tables.delimited import DelimitedReader


class ChunkedTable(Protocol):
    """A table that can be read again and again."""

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """The columns whose name is theirs alone, and their types."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The names that are there more than once."""

    @property
    def partition_keys(self) -> frozenset[str]:
        """The columns whose values are names of folders."""

    @property
    def rows(self) -> int | None:
        """The number of rows, if it is known before they are read."""

    @property
    def untyped(self) -> bool:
        """Whether text columns may hold values of any type, as in CSV."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the bytes."""

    def chunks(self) -> Iterator[Chunk]:
        """Read the table from its first row on.

        Raises:
            UnreadableError: It is damaged.
        """


@dataclass(frozen=True)
class _FileTable(ABC):
    """A file, of a format that knows the names and types of its columns."""

    path: Path
    partition_keys: ClassVar[frozenset[str]] = frozenset()
    """A file has none."""

    @property
    def digest(self) -> str:
        """The SHA-256 of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    @abstractmethod
    def _schema(self) -> pa.Schema:
        """The names and types as they stand in the file."""

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """The columns whose name is theirs alone, and their types."""
        repeated = {fault.column for fault in self.faults}
        return {field.name: field.type for field in self._schema if field.name not in repeated}

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """The names that are there more than once."""
        return duplicate_column_faults(self._schema.names)


@dataclass(frozen=True)
class ParquetTable(_FileTable):
    """A Parquet file; a chunk is a row group, of which one column at a time is held."""

    untyped = False
    """Parquet has types."""

    @cached_property
    def _file(self) -> pa.parquet.ParquetFile:
        with parquet_errors():
            return pa.parquet.ParquetFile(self.path)

    @cached_property
    def _schema(self) -> pa.Schema:
        return self._file.schema_arrow

    @property
    def rows(self) -> int:
        """The number of rows, as it stands at the end of the file."""
        return int(self._file.metadata.num_rows)

    def chunks(self) -> Iterator[Chunk]:
        """Read a row group at a time."""
        first = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            yield Chunk(first, rows, partial(self._column, group))
            first += rows

    def _column(self, group: int, name: str) -> pa.Array[Any]:
        with parquet_errors():
            table = self._file.read_row_group(group, [name], use_threads=False)
        return unicode_text(table.column(name).combine_chunks())


@dataclass(frozen=True)
class CsvTable(_FileTable):
    """A CSV file; a chunk is a block of bytes, of which all columns are held as text."""

    compression: Compression | None = None

    untyped = True
    """CSV carries no types."""
    rows = None
    """It does not say how many there are."""

    @cached_property
    def _schema(self) -> pa.Schema:
        with self._open() as reader:
            return reader.schema

    def chunks(self) -> Iterator[Chunk]:
        """Read a block at a time."""
        first = 0
        with self._open() as reader:
            for batch in reader:
                yield chunk_of(first, pa.Table.from_batches([batch]))
                first += batch.num_rows

    @contextmanager
    def _open(self) -> Iterator[DelimitedReader]:
        from drift_checker.tables.delimited import open_delimited  # noqa: PLC0415  # of text only

        if self.compression is None:
            with open_delimited(self.path) as reader:
                yield reader
        else:
            decoded = decoded_stream(self.path, self.compression)
            with decoded as stream, open_delimited(stream) as reader:
                yield reader


def chunked_table(table: Batch | Path) -> ChunkedTable:
    """Return a table that is read in chunks: of a Parquet or CSV file as it lies there.

    Raises:
        NoBatchError: The file is a web page, or JSON that holds no records.
        OSError: The file cannot be read.
    """
    if isinstance(table, Batch):
        return table
    match told_format(table):
        case "parquet", None:
            return _parquet_table(table)
        case "csv", compression:
            return CsvTable(table, compression)
        case _:
            return read_batch(table)


def _parquet_table(path: Path) -> ChunkedTable:
    table = ParquetTable(path)
    try:
        with suppress(UnreadableError):  # raised where it is read
            table.types  # noqa: B018  the first look into the file
    except UnicodeDecodeError:  # the name of a column, by which none can be read
        return read_batch(path)
    return table


def chunked_reference(table: Batch | Path) -> ChunkedTable:
    """Return a reference that is read in chunks.

    Raises:
        BadReferenceError: It cannot be read.
    """
    with reference_errors():
        return chunked_table(table)
