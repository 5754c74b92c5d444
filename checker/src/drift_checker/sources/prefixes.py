"""Sources that are files below a prefix: Parquet or CSV, in a directory or an S3, in partitions.

One file is open at a time, and of its rows only those of the window and of the selected columns are
kept.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any, Self

import obstore
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds
from obstore.store import LocalStore, S3Store

from drift_checker.config import Limits, Settings
from drift_checker.sources.objects import open_bucket
from drift_checker.sources.request import Request, Selection
from drift_checker.sources.responses import (
    RejectedResponseError,
    TableResponse,
    join_tables,
    store_errors,
    table_response,
)
from drift_checker.state import Record, identity
from drift_checker.tables import Batch, UnreadableError, empty_table, is_text

_SUFFIXES = (".parquet", ".csv")


@dataclass(frozen=True)
class Prefix:
    """What the keys of a source's files begin with, in a store; `origin` names both to people."""

    store: LocalStore | S3Store
    key: str
    origin: str

    @classmethod
    def of(cls, request: Request, settings: Settings) -> Self:
        """Open the store of a source.

        Raises:
            RejectedResponseError: There is no such directory.
        """
        if request.scheme == "s3":
            return cls(*open_bucket(request, settings), request.url or "")
        path = request.path
        folder, key = (path, "") if path.is_dir() else (path.parent, path.name)
        with store_errors(str(path)):
            return cls(LocalStore(folder), key, str(path))


@dataclass(frozen=True)
class File:
    """A file below a prefix; `folder` is the part of its key between the two."""

    key: PurePosixPath
    size: int
    folder: PurePosixPath
    tag: str
    """What a store knows its content by."""

    @property
    def identity(self) -> Record:
        """What tells it from other files, and from what it was before."""
        return Record(
            "File",
            {"key": self.key, "size": self.size, "folder": self.folder, "tag": self.tag},
        )

    @property
    def partition(self) -> dict[str, str]:
        """The names and values in folders such as `region=eu`."""
        parts = (part.partition("=") for part in self.folder.parts)
        return {name: value for name, equals, value in parts if equals}


class _ObjectFile(io.RawIOBase):
    """An object of a store as Python reads files."""

    def __init__(self, store: LocalStore | S3Store, key: str, size: int) -> None:
        self._store, self._key, self._size, self._position = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._position)
        if length <= 0:
            return 0
        data = obstore.get_range(self._store, self._key, start=self._position, length=length)
        buffer[:length] = memoryview(data)
        self._position += length
        return length


def read_files(request: Request, settings: Settings) -> TableResponse:
    """Read the files of a source.

    Raises:
        RejectedResponseError: There are none, or of several formats, or too much is in them.
        ServiceAwayError: Their store stayed away.
    """
    prefix = Prefix.of(request, settings)
    with store_errors(prefix.origin):
        return read_prefix(prefix, request.selection, settings)


def read_prefix(prefix: Prefix, selection: Selection, limits: Limits) -> TableResponse:
    """Read the files below a prefix in the order of their names, as far as they are selected.

    Raises:
        RejectedResponseError: There are none, or of several formats, or too much is in them.
        obstore.exceptions.BaseError: The store refused or stayed away.
    """
    files = list_prefix(prefix)
    csv = files[0].key.suffix == ".csv"
    try:
        schema = schema_of(prefix, files)
        tables = _read_tables(prefix, files, schema, selection)
        table = join_tables(tables, limits, prefix.origin)
        return table_response(table, prefix.origin, untyped=csv)
    except pa.ArrowException as error:
        fault = damage(error).fault
        digest = identity([file.identity for file in files])
        return TableResponse(Batch(empty_table(), digest, (fault,)), prefix.origin)


def damage(error: pa.ArrowException) -> UnreadableError:
    """Say what is wrong with files that Arrow cannot read."""
    return UnreadableError(f"A file is damaged, or has other types than the first: {error}")


def list_prefix(prefix: Prefix) -> list[File]:
    """List the files, but for those that tools hide from readers by a leading `_` or `.`.

    Raises:
        RejectedResponseError: There are none, or of several formats.
        obstore.exceptions.BaseError: The store refused or stayed away.
    """
    files = []
    for entry in _list_objects(prefix):
        key = PurePosixPath(entry["path"])
        parts = key.relative_to(prefix.key).parts
        hidden = any(part.startswith(("_", ".")) for part in parts)
        if key.suffix in _SUFFIXES and entry["size"] and not hidden:
            folder = PurePosixPath(*parts[:-1])
            files.append(File(key, entry["size"], folder, entry["e_tag"] or ""))
    if len({file.key.suffix for file in files}) != 1:
        reason = "both .parquet and .csv" if files else "neither .parquet nor .csv"
        raise RejectedResponseError(f"{prefix.origin}: there are {reason} files")
    return sorted(files, key=lambda file: file.key)


def _list_objects(prefix: Prefix) -> Iterator[obstore.ObjectMeta]:
    if prefix.key.endswith(_SUFFIXES):
        yield obstore.head(prefix.store, prefix.key)
        return
    for page in obstore.list(prefix.store, prefix.key or None):
        yield from page


def schema_of(prefix: Prefix, files: Sequence[File]) -> pa.Schema:
    """Return the columns of the first file, of CSV as text, and of the folders, as text."""
    schema = open_file(prefix, files[0], pa.schema([])).physical_schema
    if files[0].key.suffix == ".csv":
        schema = pa.schema([(name, pa.string()) for name in schema.names])
    folders = [name for name in files[0].partition if name not in schema.names]
    return pa.schema([*schema, *((name, pa.string()) for name in folders)])


def _read_tables(
    prefix: Prefix, files: Sequence[File], schema: pa.Schema, selection: Selection
) -> Iterator[pa.Table]:
    names = selection.names(schema)
    in_window = window_filter(schema, selection, prefix.origin)
    yield pa.schema([schema.field(name) for name in names]).empty_table()
    for file in files:
        batches = open_file(prefix, file, schema).to_batches(
            schema=schema,
            columns=names,
            filter=in_window,
            batch_readahead=1,
            use_threads=False,
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])


def open_file(prefix: Prefix, file: File, schema: pa.Schema) -> ds.Fragment:
    """Open a file as Arrow reads it, with the columns of its folders."""
    source: Any = pa.PythonFile(_ObjectFile(prefix.store, str(file.key), file.size), mode="r")
    texts = pa.schema([(name, pa.string()) for name in file.partition])
    partition = ds.HivePartitioning(texts).parse(f"{file.folder}/")
    if file.key.suffix == ".csv":
        return ds.CsvFileFormat(
            parse_options=pa.csv.ParseOptions(newlines_in_values=True),
            convert_options=pa.csv.ConvertOptions(
                column_types={field.name: field.type for field in schema},
                strings_can_be_null=True,
                null_values=[""],
            ),
        ).make_fragment(source, partition_expression=partition)
    return ds.ParquetFileFormat().make_fragment(source, partition_expression=partition)


def window_filter(schema: pa.Schema, selection: Selection, origin: str) -> ds.Expression | None:
    """Say in Arrow's words that a row's time is in the window; None where all rows are selected.

    Raises:
        RejectedResponseError: There is no such column, or it holds no times.
    """
    name = selection.time
    if name is None or selection.window is None:
        return None
    if name not in schema.names:
        known = ", ".join(schema.names)
        raise RejectedResponseError(f"{origin} has no column {name!r} of times; it has {known}")
    type_ = schema.field(name).type
    at: Any = ds.field(name)
    if not pa.types.is_timestamp(type_):
        if not (pa.types.is_date(type_) or is_text(type_)):
            raise RejectedResponseError(f"{origin}: column {name!r} has the type {type_}, no time")
        type_ = pa.timestamp("us")
        at = at.cast(type_)
    start, end = (_timestamp(moment, type_) for moment in selection.window)
    in_window: ds.Expression = (at >= start) & (at < end)
    return in_window


def _timestamp(moment: datetime, type_: Any) -> Any:
    """A moment in UTC as a value of a type of timestamps, with its zone or without any."""
    micros = pa.scalar(round(moment.timestamp() * 1_000_000), pa.int64())
    return micros.cast(pa.timestamp("us", tz=type_.tz))
