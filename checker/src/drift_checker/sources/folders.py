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
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset as ds
from obstore.store import LocalStore, S3Store

from drift_checker.config.settings import Limits
from drift_checker.sources.responses import (
    RejectedResponseError,
    TableResponse,
    Window,
    gather,
    rows,
)
from drift_checker.state.identity import Record, identity
from drift_checker.tables import Batch, UnreadableError, empty_table, is_text

_SUFFIXES = (".parquet", ".csv")


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


@dataclass(frozen=True)
class Selection:
    """What is read of the files: all columns where none are named, all times without a window."""

    columns: Sequence[str] = ()
    time: str | None = None
    window: Window | None = None

    @property
    def identity(self) -> Record:
        """What tells it from other selections."""
        return Record(
            "Selection",
            {"columns": tuple(self.columns), "time": self.time, "window": self.window},
        )

    def names(self, schema: pa.Schema) -> list[str]:
        """Return the columns that are read; what is missing is for the comparison to say."""
        return [name for name in self.columns or schema.names if name in schema.names]


class _Object(io.RawIOBase):
    """An object of a store as Python reads files."""

    def __init__(self, store: LocalStore | S3Store, key: str, size: int) -> None:
        self._store, self._key, self._size, self._place = store, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = start + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._size - self._place)
        if length <= 0:
            return 0
        found = obstore.get_range(self._store, self._key, start=self._place, length=length)
        buffer[:length] = memoryview(found)
        self._place += length
        return length


def ask_folder(
    store: LocalStore | S3Store, prefix: str, selection: Selection, limits: Limits, origin: str
) -> TableResponse:
    """Read the files below a prefix in the order of their names, as far as they are selected.

    Raises:
        RejectedAnswerError: There are none, or of several formats, or too much is in them.
        obstore.exceptions.BaseError: The store refused or stayed away.
    """
    files = files_below(store, prefix, origin)
    csv = files[0].key.suffix == ".csv"
    try:
        schema = schema_of(store, files)
        tables = _tables(store, files, schema, selection, origin)
        return rows(gather(tables, limits, origin), origin, untyped=csv)
    except pa.ArrowException as error:
        fault = UnreadableError(f"A file is damaged, or has other types than the first: {error}")
        digest = identity([file.identity for file in files])
        return TableResponse(Batch(empty_table(), digest, (fault.fault,)), origin)


def files_below(store: LocalStore | S3Store, prefix: str, origin: str) -> list[File]:
    """List the files, but for those that tools hide from readers by a leading `_` or `.`.

    Raises:
        RejectedAnswerError: There are none, or of several formats.
        obstore.exceptions.BaseError: The store refused or stayed away.
    """
    files = []
    for entry in _entries(store, prefix):
        key = PurePosixPath(entry["path"])
        parts = key.relative_to(prefix).parts
        hidden = any(part.startswith(("_", ".")) for part in parts)
        if key.suffix in _SUFFIXES and entry["size"] and not hidden:
            folder = PurePosixPath(*parts[:-1])
            files.append(File(key, entry["size"], folder, entry["e_tag"] or ""))
    if len({file.key.suffix for file in files}) != 1:
        reason = "both .parquet and .csv" if files else "neither .parquet nor .csv"
        raise RejectedResponseError(f"{origin}: there are {reason} files")
    return sorted(files, key=lambda file: file.key)


def _entries(store: LocalStore | S3Store, prefix: str) -> Iterator[obstore.ObjectMeta]:
    if prefix.endswith(_SUFFIXES):
        yield obstore.head(store, prefix)
        return
    for page in obstore.list(store, prefix or None):
        yield from page


def schema_of(store: LocalStore | S3Store, files: Sequence[File]) -> pa.Schema:
    """Return the columns of the first file, of CSV as text, and of the folders, as text."""
    schema = fragment_of(store, files[0], pa.schema([])).physical_schema
    if files[0].key.suffix == ".csv":
        schema = pa.schema([(name, pa.string()) for name in schema.names])
    folders = [name for name in files[0].partition if name not in schema.names]
    return pa.schema([*schema, *((name, pa.string()) for name in folders)])


def _tables(
    store: LocalStore | S3Store,
    files: Sequence[File],
    schema: pa.Schema,
    selection: Selection,
    origin: str,
) -> Iterator[pa.Table]:
    names = selection.names(schema)
    wanted = within(schema, selection, origin)
    yield pa.schema([schema.field(name) for name in names]).empty_table()
    for file in files:
        batches = fragment_of(store, file, schema).to_batches(
            schema=schema,
            columns=names,
            filter=wanted,
            batch_readahead=1,
            use_threads=False,
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])


def fragment_of(store: LocalStore | S3Store, file: File, schema: pa.Schema) -> ds.Fragment:
    """Open a file as Arrow reads it, with the columns of its folders."""
    source: Any = pa.PythonFile(_Object(store, str(file.key), file.size), mode="r")
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


def within(schema: pa.Schema, selection: Selection, origin: str) -> ds.Expression | None:
    """Say in Arrow's words that a row's time is in the window; None where all rows are wanted.

    Raises:
        RejectedAnswerError: There is no such column, or it holds no times.
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
    start, end = (_moment(moment, type_) for moment in selection.window)
    wanted: ds.Expression = (at >= start) & (at < end)
    return wanted


def _moment(moment: datetime, type_: Any) -> Any:
    """A moment in UTC as a value of a type of timestamps, with its zone or without any."""
    micros = pa.scalar(round(moment.timestamp() * 1_000_000), pa.int64())
    return micros.cast(pa.timestamp("us", tz=type_.tz))
