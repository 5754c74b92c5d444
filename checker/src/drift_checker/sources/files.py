"""One file below a prefix: opened by its format, and read as far as its rows are selected."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

import obstore
import pyarrow as pa
import pyarrow.dataset as ds
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from drift_checker.errors import NoBatchError
from drift_checker.sources.request import Selection, Window
from drift_checker.sources.responses import (
    RejectedResponseError,
    store_errors,
    too_large_response,
)
from drift_checker.sources.time_window import NoTimesError, filter_of, form_of, rows_in_window
from drift_checker.state import Record
from drift_checker.tables import (
    NO_LIMITS,
    PARTITION_KEY,
    TableLimits,
    TooLargeError,
    UnreadableError,
    read_batch,
    within_memory,
)
from drift_checker.tables.delimited import open_delimited
from drift_checker.tables.formats import (
    HEAD_BYTES,
    compression_of,
    decoded_stream,
    format_of,
)
from drift_checker.tables.limits import too_large

if TYPE_CHECKING:
    from drift_checker.tables.time_text import TimeForm

Format: TypeAlias = Literal["parquet", "arrow", "orc", "text", "json", "avro", "stream", "workbook"]
"""What a file is by its name; `text` is delimited text of any dialect."""

COMPRESSIONS = (".gz", ".gzip", ".zst", ".zstd", ".bz2", ".xz", ".lz4", ".zip")
"""Suffixes of compressed files, behind that of the format."""
FORMATS: dict[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".parq": "parquet",
    ".csv": "text",
    ".tsv": "text",
    ".tab": "text",
    ".psv": "text",
    ".txt": "text",
    ".feather": "arrow",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".orc": "orc",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".avro": "avro",
    ".arrows": "stream",
    ".xlsx": "workbook",
    ".xls": "workbook",
    ".xlsb": "workbook",
    ".ods": "workbook",
}
"""By the suffix, in lower case."""
MAGIC: dict[bytes, Format] = {
    b"PAR1": "parquet",
    b"ARROW1": "arrow",
    b"ORC": "orc",
    b"Obj\x01": "avro",
}
"""The first bytes of files of which those say the format."""
_DATASETS = {"parquet": ds.ParquetFileFormat, "arrow": ds.IpcFileFormat, "orc": ds.OrcFileFormat}

_BLOCK_BYTES = 1 << 20
"""Of delimited text, read at a time; the digest of a folder is of these blocks."""
_BLOCK_ROWS = 1 << 17
"""The most rows of a block."""


class PartitionValue(NamedTuple):
    """What all rows of a file have in a column that is not in it."""

    name: str
    value: Any
    type: pa.DataType

    def column(self, rows: int) -> pa.Array[Any]:
        """Return it for so many rows."""
        value: Any = pa.scalar(self.value, self.type)
        column: pa.Array[Any] = pa.repeat(value, rows)
        return column


@dataclass(frozen=True)
class File:
    """A file below a prefix; `folder` is the part of its key between the two."""

    key: PurePosixPath
    size: int
    folder: PurePosixPath
    tag: str
    """What a store knows its content by."""
    format: Format | None = None
    """By its name; None where the name says nothing."""
    partition: tuple[PartitionValue, ...] = ()
    """What the names of its folders say, or the log of its table."""
    columns: tuple[tuple[str, str], ...] = ()
    """What columns are called, and what they are called in the file, where names are mapped."""
    deleted: bytes = b""
    """Of a file with rows that are deleted: for each row a byte, 0 where it is deleted."""

    @property
    def identity(self) -> Record:
        """What tells it from other files, and from what it was before."""
        return Record(
            "File",
            {"key": self.key, "size": self.size, "folder": self.folder, "tag": self.tag},
        )

    @property
    def name(self) -> str:
        """What people find it by, below the prefix."""
        return str(self.folder / self.key.name)

    @property
    def compressed(self) -> bool:
        """Whether its name says that the whole file is compressed."""
        return self.key.suffix.lower() in COMPRESSIONS


class Content(Protocol):
    """A file that is open."""

    @property
    def schema(self) -> pa.Schema:
        """The columns as they stand in it."""

    @property
    def untyped(self) -> bool:
        """Whether text columns may hold values of any type, as in CSV."""

    @property
    def groups(self) -> Sequence[int | None]:
        """The numbers of its row groups; [None] where it has none."""

    def blocks(
        self, names: Sequence[str], rows: ds.Expression | None = None, group: int | None = None
    ) -> Iterator[pa.Table]:
        """Read some of its columns, and of its rows those that an expression is true of.

        Raises:
            pa.ArrowException: It is damaged.
        """


@dataclass(frozen=True)
class _Fragment:
    """A file that Arrow reads by its columns, with the row groups of Parquet."""

    fragment: ds.Fragment
    names: tuple[tuple[str, str], ...] = ()
    untyped = False

    @cached_property
    def _stored(self) -> pa.Schema:
        return self.fragment.physical_schema

    @cached_property
    def schema(self) -> pa.Schema:
        if not self.names:
            return self._stored
        known = [(name, stored) for name, stored in self.names if stored in self._stored.names]
        return pa.schema([self._stored.field(stored).with_name(name) for name, stored in known])

    @property
    def groups(self) -> Sequence[int | None]:
        if isinstance(self.fragment, ds.ParquetFileFragment):
            return range(self.fragment.num_row_groups)
        return [None]

    def blocks(
        self, names: Sequence[str], rows: ds.Expression | None = None, group: int | None = None
    ) -> Iterator[pa.Table]:
        fragment: Any = self.fragment
        if group is not None:
            fragment = fragment.subset(row_group_ids=[group])
        stored = dict(self.names)
        columns: Any = {name: ds.field(stored[name]) for name in names} if stored else list(names)
        batches = fragment.to_batches(
            schema=self._stored, columns=columns, filter=rows, batch_readahead=1, use_threads=False
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])


@dataclass(frozen=True)
class _Delimited:
    """Delimited text of whatever dialect, encoding and compression, which is read in blocks."""

    source: Callable[[], AbstractContextManager[Any]]
    untyped: bool = True
    groups: Sequence[int | None] = (None,)

    @cached_property
    def schema(self) -> pa.Schema:
        with self.source() as source, open_delimited(source) as reader:
            return reader.schema

    def blocks(
        self,
        names: Sequence[str],
        rows: ds.Expression | None = None,  # noqa: ARG002  of text there are none
        group: int | None = None,  # noqa: ARG002  there are none
    ) -> Iterator[pa.Table]:
        places = [self.schema.names.index(name) for name in names]
        with self.source() as source, open_delimited(source, block_bytes=_BLOCK_BYTES) as reader:
            for batch in reader:
                table = pa.Table.from_batches([batch])
                for first in range(0, table.num_rows, _BLOCK_ROWS):
                    # A slice of a table without columns has as many rows as were asked for.
                    yield table.slice(first, _BLOCK_ROWS).select(places)


@dataclass(frozen=True)
class _Whole:
    """A file that is read whole."""

    table: pa.Table
    untyped: bool
    repeated: tuple[str, ...]
    groups: Sequence[int | None] = (None,)

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    def blocks(
        self,
        names: Sequence[str],
        rows: ds.Expression | None = None,
        group: int | None = None,  # noqa: ARG002  there are none
    ) -> Iterator[pa.Table]:
        table = self.table if rows is None else self.table.filter(rows)
        yield table.select(list(names))


class _Object:
    """An object of a store; a small one is fetched at once, and held."""

    def __init__(self, store: LocalStore | S3Store, file: File) -> None:
        self._store, self._key, self.size = store, str(file.key), file.size

    @cached_property
    def _whole(self) -> memoryview:
        return memoryview(obstore.get(self._store, self._key).bytes())

    def read(self, start: int, length: int) -> memoryview:
        """Return some of its bytes."""
        if self.size <= _BLOCK_BYTES:
            return self._whole[start : start + length]
        return memoryview(obstore.get_range(self._store, self._key, start=start, length=length))

    def open(self) -> io.RawIOBase:
        """Open it from its first byte on."""
        return _ObjectFile(self)


class _ObjectFile(io.RawIOBase):
    """An object of a store as Python reads files."""

    def __init__(self, content: _Object) -> None:
        self._object, self._position = content, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        ends = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._object.size}
        self._position = ends[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), self._object.size - self._position)
        if length <= 0:
            return 0
        data = self._object.read(self._position, length)
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _open(content: _Object, file: File, limits: TableLimits) -> Content:
    """Open a file as what it is by its content, where the name says another format."""
    if file.format in _DATASETS and not file.compressed:
        source: Any = pa.PythonFile(content.open(), mode="r")
        fragment = _Fragment(_DATASETS[file.format]().make_fragment(source), file.columns)
        try:
            fragment.schema.names  # noqa: B018  is read here and now
        except UnicodeDecodeError:  # of which Arrow's datasets can read none
            pass
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, BaseError) or _format(content, file) == file.format:
                raise
        else:
            return fragment
    elif _format(content, file) == "csv":
        return _Delimited(partial(_decoded, content))
    if file.size > limits.unpacked:
        raise too_large("The data", limits.unpacked)
    data = bytes(content.read(0, file.size))
    read = partial(read_batch, data, file.key.name, limits=limits)
    batch = read() if limits is NO_LIMITS else within_memory(read, limits.unpacked)
    if batch.unreadable:
        raise UnreadableError(batch.faults[0].detail)
    return _Whole(batch.table, batch.untyped, tuple(each.column or "" for each in batch.faults))


@contextmanager
def _decoded(content: _Object) -> Iterator[Any]:
    """Open a file as a stream of bytes, without the compression that it has."""
    compression = compression_of(bytes(content.read(0, HEAD_BYTES)))
    source: Any = io.BufferedReader(content.open(), _BLOCK_BYTES)
    if compression is None:
        yield source
        return
    with decoded_stream(source, compression) as stream:
        yield stream


def _format(content: _Object, file: File) -> str:
    """Return the format that the first bytes tell, then the name."""
    with _decoded(content) as stream:
        head = stream.read(HEAD_BYTES)
    return format_of(head, file.key.name)


@contextmanager
def file_errors(origin: str, name: str) -> Iterator[None]:
    """Name the file in what goes wrong in reading it.

    Raises:
        RejectedResponseError: It has gone, or is not for us, is of a format that is not read, or
            has no times for a window.
        ServiceAwayError: The store stayed away.
        UnreadableError: It is damaged, or is not what its name says.
    """
    try:
        with store_errors(f"{origin}: {name}"):
            yield
    except RejectedResponseError:
        raise
    except TooLargeError as error:
        raise too_large_response(f"{origin}: {name}: {error}", origin) from error
    except (NoTimesError, NoBatchError) as error:
        raise RejectedResponseError(f"{origin}: {name}: {error}") from error
    except (pa.ArrowException, UnreadableError, OSError) as error:
        if isinstance(error, BaseError):
            raise
        raise UnreadableError(f"A file is damaged: {name}: {error}") from error


class SelectedFile:
    """A file, of which some columns and the rows of a window are read; its errors name it."""

    def __init__(
        self,
        store: LocalStore | S3Store,
        origin: str,
        file: File,
        selection: Selection,
        limits: TableLimits = NO_LIMITS,
    ) -> None:
        """Open it; one that is read whole may be as large as the limits say.

        Raises:
            RejectedResponseError: It has gone, or is not for us.
            ServiceAwayError: The store stayed away.
            UnreadableError: It is damaged, or is not what its name says.
        """
        self.file, self._origin, self._selection = file, origin, selection
        self._form: TimeForm | None = None
        self._inside: dict[int, list[pa.ChunkedArray[Any]]] = {}
        with self._errors():
            self._content = _open(_Object(store, file), file, limits)
            self.untyped = self._content.untyped
            self.schema, self.repeated = self._read_schema()

    def _errors(self) -> Any:
        return file_errors(self._origin, self.file.name)

    def _read_schema(self) -> tuple[pa.Schema, tuple[str, ...]]:
        """Return the columns whose name is theirs alone, and the other names."""
        stored = self._content.schema
        times = Counter(stored.names)
        keys = {each.name: each.type for each in self.file.partition}
        fields = [field for field in stored if times[field.name] == 1]
        fields = [_as_key(field) if field.name in keys else field for field in fields]
        more = [pa.field(name, type_) for name, type_ in keys.items() if name not in times]
        repeated = tuple(name for name, number in times.items() if number > 1)
        if isinstance(self._content, _Whole):
            repeated = self._content.repeated
        return pa.schema([*fields, *map(_as_key, more)]), repeated

    @property
    def _folders(self) -> dict[str, PartitionValue]:
        """The columns that only the names of folders tell."""
        stored = self._content.schema.names
        return {each.name: each for each in self.file.partition if each.name not in stored}

    @property
    def groups(self) -> Sequence[int | None]:
        """Its row groups; [None] where it is read in blocks."""
        # Deleted rows are numbered through the file.
        return [None] if self.file.deleted else self._content.groups

    def tables(self, names: Sequence[str]) -> Iterator[pa.Table]:
        """Read some of its columns, of the selected rows.

        Raises:
            RejectedResponseError: Its column of times has none, or it has gone.
            ServiceAwayError: The store stayed away.
            UnreadableError: It is damaged, or a value is no time.
        """
        with self._errors():
            for table in self._selected(names, None):
                yield self._with_folders(table, names)

    def count(self, group: int | None) -> int:
        """Return how many of the rows of a group are selected; raises what `tables` raises."""
        with self._errors():
            return sum(table.num_rows for table in self._selected([], group))

    def column(self, group: int | None, name: str) -> pa.ChunkedArray[Any]:
        """Read a column, of the selected rows of a group; raises what `tables` raises."""
        with self._errors():
            tables = [self._with_folders(each, [name]) for each in self._selected([name], group)]
            chunks = [chunk for table in tables for chunk in table.column(0).chunks]
            return pa.chunked_array(chunks, self.schema.field(name).type)

    def _selected(self, names: Sequence[str], group: int | None) -> Iterator[pa.Table]:
        """Yield the selected rows, of the columns that are in the file itself."""
        folders = self._folders
        names = [name for name in names if name not in folders]
        time, window = self._selection.time, self._selection.window
        if time is None or window is None:
            yield from self._alive(names, None, group)
            return
        if time in folders:
            if rows_in_window(pa.chunked_array([folders[time].column(1)]), window)[0].as_py():
                yield from self._alive(names, None, group)
            return
        if time not in self.schema.names:
            return
        rows = filter_of(self.schema.field(time).type, time, window)
        if rows is not None and not self.file.deleted and not self.file.columns:
            yield from self._alive(names, rows, group)
            return
        known = self._inside.get(group) if group is not None else None
        if known is not None:
            for table, inside in zip(self._alive(names, None, group), known, strict=True):
                yield table.filter(inside)
            return
        found = []
        for table in self._alive(list(dict.fromkeys([*names, time])), None, group):
            found.append(self._rows_in(table.column(time), time, window))
            yield table.filter(found[-1]).select(names)
        if group is not None:
            # The next column of the group has the same rows.
            self._inside = {group: found}

    def _rows_in(
        self, times: pa.ChunkedArray[Any], name: str, window: Window
    ) -> pa.ChunkedArray[Any]:
        """Return which rows are in the window, by the form in which all times of the file are."""
        try:
            return rows_in_window(times, window, self._form)
        except UnreadableError:
            if self._form is not None:
                raise
        self._form = form_of(table.column(0) for table in self._alive([name], None, None))
        return rows_in_window(times, window, self._form)

    def _alive(
        self, names: Sequence[str], rows: ds.Expression | None, group: int | None
    ) -> Iterator[pa.Table]:
        """Yield the rows that are not deleted."""
        deleted, first = self.file.deleted, 0
        for table in self._content.blocks(names, rows, group):
            if not deleted:
                yield table
                continue
            kept = deleted[first : first + table.num_rows]
            kept += b"\1" * (table.num_rows - len(kept))
            first += table.num_rows
            mask: Any = pa.Array.from_buffers(pa.uint8(), len(kept), [None, pa.py_buffer(kept)])
            yield table.filter(mask.cast(pa.bool_()))

    def _with_folders(self, table: pa.Table, names: Sequence[str]) -> pa.Table:
        folders = self._folders
        columns = [
            folders[name].column(table.num_rows) if name in folders else table.column(name)
            for name in names
        ]
        return pa.Table.from_arrays(
            columns, schema=pa.schema([self.schema.field(n) for n in names])
        )


def raise_for_no_times(selection: Selection, schemas: Iterable[pa.Schema], origin: str) -> None:
    """Refuse files of which none has the column of times.

    Raises:
        RejectedResponseError: They have other columns.
    """
    name = selection.time
    known = dict.fromkeys(name for schema in schemas for name in schema.names)
    if name is not None and selection.window is not None and name not in known:
        raise RejectedResponseError(
            f"{origin} has no column {name!r} of times; it has {', '.join(known)}"
        )


def without_keys(table: pa.Table) -> pa.Table:
    """Return a table that does not say which columns come from the names of folders."""
    fields = [field.with_metadata(_without_key(field.metadata)) for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields))


def _without_key(metadata: Mapping[bytes, bytes] | None) -> Any:
    kept = {key: value for key, value in (metadata or {}).items() if key != PARTITION_KEY}
    return kept or None


def _as_key(field: pa.Field[Any]) -> pa.Field[Any]:
    metadata: Any = {**(field.metadata or {}), PARTITION_KEY: b"true"}
    return field.with_metadata(metadata)
