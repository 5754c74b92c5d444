"""Reading a batch or a reference: bytes, files and data frames as Arrow tables.

Delimited text carries no types, so its columns are read as text and converted when they meet the
reference (see `columns`). Whatever is wrong with a batch becomes a `Fault`, so that a verdict is
always reached; only a response that is no batch at all raises `NoBatchError`.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from drift_checker.errors import BadReferenceError, NoBatchError
from drift_checker.result import Fault, Severity
from drift_checker.tables.batch import Batch, UnreadableError
from drift_checker.tables.formats import (
    HEAD_BYTES,
    Format,
    format_of,
    open_regular,
    told_format,
    unpack,
    unreadable_where,
)
from drift_checker.tables.limits import NO_LIMITS, TableLimits, too_large
from drift_checker.tables.unicode import with_unicode, with_unicode_names

_BYTES_PER_VALUE = 8
"""Of text, about."""
_UNPACKED = 5
"""Bytes of text, of each that is compressed, about."""


def read_batch(
    data: bytes | Path, content_type: str | None = None, *, limits: TableLimits = NO_LIMITS
) -> Batch:
    """Read a batch from its bytes or from a file.

    The format is recognised by the content itself, then by `content_type` or the file's name.
    Without limits, compressed data may have `MAX_BYTES` once they are unpacked.

    Raises:
        NoBatchError: The content is of a format that is not read, or JSON that holds no records.
        TooLargeError: It is more than the limits allow.
        OSError: The file cannot be read.
    """
    if isinstance(data, Path):
        content_type = content_type or data.name
        with open_regular(data) as file:
            data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    try:
        table, untyped = _parse(unpack(data, limits.unpacked), content_type or "", limits)
    except UnreadableError as error:
        return Batch(empty_table(), digest, (error.fault,))
    table, faults = _without_duplicates(table)
    return Batch(table, digest, faults, untyped=untyped)


def read_reference(path: Path) -> Batch:
    """Read a reference; unlike a batch, it has to be sound.

    Raises:
        BadReferenceError: It is missing, unreadable, empty or names a column twice.
    """
    return as_reference(lambda: read_batch(path))


def count_values(table: Batch | Path) -> int:
    """Return how many values a table has, of a file of text about; 0 of what cannot be read."""
    if isinstance(table, Batch):
        return table.rows * len(table.names)
    try:
        format_, compression = told_format(table)
        if (format_, compression) != ("parquet", None):
            size = table.stat().st_size * (_UNPACKED if compression else 1)
            return size // _BYTES_PER_VALUE
        metadata = pa.parquet.read_metadata(table)
    except (OSError, pa.ArrowException, NoBatchError):
        return 0
    return int(metadata.num_rows * metadata.num_columns)


def as_reference(read: Callable[[], Batch]) -> Batch:
    """Read what has to be sound, by whatever function.

    Raises:
        BadReferenceError: It is missing, unreadable, empty or names a column twice.
    """
    with reference_errors():
        batch = read()
    raise_for_faults(batch.faults)
    if not batch.rows:
        raise _unusable("it has no rows")
    return batch


def raise_for_faults(faults: Sequence[Fault]) -> None:
    """Refuse a reference that was read with faults; notes are none.

    Raises:
        BadReferenceError: There are some.
    """
    for fault in faults:
        if fault.severity is Severity.STRUCTURAL:
            raise _unusable(fault.detail)


def _unusable(detail: str) -> BadReferenceError:
    return BadReferenceError(f"The reference cannot be used: {detail.rstrip('.')}.")


@contextmanager
def reference_errors() -> Iterator[None]:
    """Raise what is wrong with a reference's file or response as an error of the reference.

    Raises:
        BadReferenceError: It is not there, rejected or unreadable.
    """
    try:
        yield
    except (OSError, NoBatchError, UnreadableError) as error:
        raise BadReferenceError(f"The reference cannot be read: {error}") from error


parquet_errors = partial(
    unreadable_where, (pa.ArrowException, OSError), "The Parquet file is damaged or cut off"
)


def from_frame(frame: Any) -> Batch:
    """Return a frame of pandas or polars, an Arrow table, or what else has columns.

    The digest is that of the table as an Arrow stream.

    Raises:
        UsageError: It is no table.
    """
    if not isinstance(frame, pa.Table):
        from drift_checker.tables.frames import table_of  # noqa: PLC0415  # of the library only

        frame = table_of(frame)
    # By Arrow's C stream, as ever: the digest is of the buffers that come out of it.
    table, faults = _without_duplicates(pa.table(frame))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return Batch(table, hashlib.sha256(sink.getvalue()).hexdigest(), faults)


def _parse(data: bytes, kind: str, limits: TableLimits) -> tuple[pa.Table, bool]:
    """Return a table, and whether it is of delimited text, which has no types."""
    if not data.strip():
        return empty_table(), False
    match format_of(data[:HEAD_BYTES], kind):
        case "parquet":
            return _typed(_parse_parquet(data, limits), limits), False
        case "csv":
            from drift_checker.tables.delimited import read_delimited  # noqa: PLC0415  # of text only

            table, untyped = read_delimited(data), True
        case "json":
            from drift_checker.tables.json_records import read_json  # noqa: PLC0415  # of JSON only

            table, untyped = read_json(data), False
        case other:
            return _parse_foreign(data, other, limits)
    limits.raise_for_shape(table.num_rows, table.num_columns)
    return table, untyped


def _typed(table: pa.Table, limits: TableLimits) -> pa.Table:
    """Return a table of a binary format, if it is none too large or too deep."""
    table = with_unicode_names(table)
    limits.raise_for_table(table)
    return table


def _parse_foreign(data: bytes, format_: Format, limits: TableLimits) -> tuple[pa.Table, bool]:
    from drift_checker.tables.foreign_files import (  # noqa: PLC0415  # seldom needed
        archived_file,
        read_foreign,
    )

    archived = archived_file(data, limits.unpacked) if format_ == "zip" else None
    if archived is not None:
        return _parse(*archived, limits)
    return _typed(read_foreign(data, format_), limits), False


def _parse_parquet(data: bytes, limits: TableLimits) -> pa.Table:
    file: Any
    with parquet_errors():
        try:
            file = pa.parquet.ParquetFile(pa.BufferReader(data))
            read = file.read
        except UnicodeDecodeError:  # the name of a column, at which `ParquetFile` itself fails
            from pyarrow._parquet import ParquetReader  # noqa: PLC0415  # seldom needed

            file = ParquetReader()
            file.open(pa.BufferReader(data))
            read = file.read_all
        _raise_for_metadata(file.metadata, limits)
        table: pa.Table = read(use_threads=False)
        return table


def _raise_for_metadata(metadata: pa.parquet.FileMetaData, limits: TableLimits) -> None:
    """Refuse a file that says itself that it is too large, before it is decoded."""
    limits.raise_for_shape(metadata.num_rows, metadata.num_columns)
    groups = map(metadata.row_group, range(metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > limits.decoded:
        raise too_large("The columns of the table", limits.decoded)


def _without_duplicates(table: pa.Table) -> tuple[pa.Table, tuple[Fault, ...]]:
    """Drop the columns whose name is not theirs alone."""
    table = with_unicode(table)
    faults = duplicate_column_faults(table.column_names)
    repeated = {fault.column for fault in faults}
    unique = [at for at, name in enumerate(table.column_names) if name not in repeated]
    return (table.select(unique) if repeated else table), faults


def duplicate_column_faults(names: list[str]) -> tuple[Fault, ...]:
    """Return a fault for each name that is there more than once."""
    return tuple(
        _structural("duplicate_column", name, f"column {name!r} is there more than once")
        for name, times in Counter(names).items()
        if times > 1
    )


def empty_table() -> pa.Table:
    """Return a table without columns, of what cannot be read."""
    return pa.schema([]).empty_table()


def _structural(fault: str, column: str | None, detail: str) -> Fault:
    return Fault(fault=fault, severity=Severity.STRUCTURAL, column=column, detail=detail)
