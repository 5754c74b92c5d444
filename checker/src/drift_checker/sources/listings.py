"""Files below a prefix as one table that is read where it lies, a row group and a column at a time.

A listing can be split, so that several read it: rows are numbered on from one part to the next, and
what is made of all of them is what would be made of the whole.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from itertools import accumulate, groupby
from typing import Any

import pyarrow as pa

from drift_checker.config import Monitor, ReferenceSource, Settings
from drift_checker.profiles.readers import Reader
from drift_checker.result import Fault
from drift_checker.sources.files import File, SelectedFile, file_errors, raise_for_no_times
from drift_checker.sources.folders import Prefix, list_prefix
from drift_checker.sources.request import Request, Selection
from drift_checker.sources.responses import store_errors
from drift_checker.sources.united import (
    as_type,
    in_schema,
    nulls,
    of_table,
    repeated_name_faults,
    unite_schemas,
)
from drift_checker.state import identity
from drift_checker.tables import (
    Chunk,
    chunk_of,
    partition_keys,
    reference_errors,
)


@dataclass(frozen=True)
class FilePart:
    """Rows that are read together: of Parquet a row group, of other formats a file.

    `first` is the number in the table of the first of those that are selected.
    """

    file: File
    group: int | None
    rows: int
    first: int = 0


@dataclass(frozen=True)
class CountedFile:
    """What is known of a file that was looked at: its columns and its parts."""

    parts: tuple[FilePart, ...]
    schema: pa.Schema
    """The columns whose name is theirs alone."""
    repeated: tuple[str, ...]
    """The other names."""
    untyped: bool

    @property
    def rows(self) -> int:
        """How many of its rows are selected."""
        return sum(part.rows for part in self.parts)


@dataclass(frozen=True)
class FileListing:
    """The files below a prefix, or some parts of them."""

    prefix: Prefix
    schema: pa.Schema
    """The columns that are selected, in the types that hold the values of all files."""
    selection: Selection
    digest: str
    """Of the names, sizes and tags of all files, and of what is selected: not of their bytes."""
    untyped: bool
    """Whether the files are delimited text, which carries no types."""
    parts: tuple[FilePart, ...]
    faults: tuple[Fault, ...] = ()
    """What is wrong with columns, which are left out, and notes."""

    @cached_property
    def types(self) -> Mapping[str, pa.DataType]:
        """The columns that are selected, and their types."""
        return {field.name: field.type for field in self.schema}

    @property
    def partition_keys(self) -> frozenset[str]:
        """The columns by which rows are laid in folders: with every tick they are others."""
        return partition_keys(self.schema)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(part.rows for part in self.parts)

    @property
    def bytes(self) -> int:
        """The size of the files that have rows."""
        return sum(file.size for file in {part.file for part in self.parts})

    def split(self, most: int) -> list[FileListing]:
        """Split into at most so many listings of about as many rows, in their order."""
        total = max(1, self.rows)
        ends = accumulate(part.rows for part in self.parts)
        numbered = zip(((end - 1) * most // total for end in ends), self.parts, strict=True)
        groups = groupby(numbered, key=operator.itemgetter(0))
        return [replace(self, parts=tuple(part for _, part in group)) for _, group in groups]

    def chunks(self) -> Iterator[Chunk]:
        """Read a part at a time.

        Raises:
            RejectedResponseError: A file has gone.
            ServiceAwayError: The store stayed away.
            UnreadableError: A file is damaged, or has values that the type of all does not hold.
        """
        for part, opened in self._open_files():
            if part.group is None:
                yield from self._blocks(part.first, opened)
            else:
                yield Chunk(part.first, part.rows, partial(self._column, opened, part.group))

    def counted(self) -> tuple[CountedFile, ...]:
        """Return the files with their columns, and the number of their rows by row group.

        Raises:
            RejectedResponseError: A file has gone.
            ServiceAwayError: The store stayed away.
            UnreadableError: A file is damaged.
        """
        counted = []
        for part, opened in self._open_files():
            groups = [FilePart(part.file, each, opened.count(each)) for each in opened.groups]
            groups = groups or [FilePart(part.file, None, 0)]
            counted.append(
                CountedFile(tuple(groups), opened.schema, opened.repeated, opened.untyped)
            )
        return tuple(counted)

    def _open_files(self) -> Iterator[tuple[FilePart, SelectedFile]]:
        prefix = self.prefix
        for file, parts in groupby(self.parts, key=lambda part: part.file):
            opened = SelectedFile(prefix.store, prefix.origin, file, self.selection)
            for part in parts:
                yield part, opened

    def _blocks(self, first: int, opened: SelectedFile) -> Iterator[Chunk]:
        names = [name for name in self.types if name in opened.schema.names]
        for table in opened.tables(names):
            with file_errors(self.prefix.origin, opened.file.name):
                united = in_schema(table, self.schema)
            yield chunk_of(first, united)
            first += table.num_rows

    def _column(self, opened: SelectedFile, group: int, name: str) -> pa.Array[Any]:
        if name not in opened.schema.names:
            column = nulls(opened.count(group), self.types[name])
        else:
            column = opened.column(group, name)
        with file_errors(self.prefix.origin, opened.file.name):
            values: pa.Array[Any] = as_type(column, self.types[name]).combine_chunks()
        return values


def list_batch(
    monitor: Monitor, logical_date: datetime, settings: Settings, reader: Reader
) -> FileListing:
    """List the files of one tick, to be read where they lie.

    Raises:
        RejectedResponseError: There are none, or of several formats, or without times.
        ServiceAwayError: The store stayed away.
        UnreadableError: A file is damaged, or has other types than the first.
    """
    request = Request.of_tick(monitor, logical_date)
    return list_files(Prefix.of(request, settings), request.selection, reader)


def list_reference(reference: ReferenceSource, settings: Settings, reader: Reader) -> FileListing:
    """List the files of a reference, to be read where they lie.

    Raises:
        BadReferenceError: There are none, or they are damaged.
        ServiceAwayError: Their store stayed away.
    """
    request = Request.of_reference(reference)
    with reference_errors():
        return list_files(Prefix.of(request, settings), request.selection, reader)


def list_files(prefix: Prefix, selection: Selection, reader: Reader) -> FileListing:
    """List the files below a prefix, and have their rows numbered.

    Raises:
        RejectedResponseError: There are none, or of several formats, or without times.
        ServiceAwayError: The store stayed away.
        UnreadableError: A file is damaged, or has other types than the first.
    """
    with store_errors(prefix.origin):
        folder = list_prefix(prefix)
    listed = [(str(file.key), file.size, file.tag) for file in folder.files]
    digest = identity((listed, selection.identity))
    # By their sizes they are shared out to those who count.
    parts = tuple(FilePart(file, None, file.size) for file in folder.files)
    prefix = replace(prefix, store=folder.store)
    whole = FileListing(prefix, pa.schema([]), selection, digest, untyped=False, parts=parts)
    counted = reader(whole, FileListing.counted, operator.add)
    raise_for_no_times(selection, (file.schema for file in counted), prefix.origin)
    repeated = dict.fromkeys(name for file in counted for name in file.repeated)
    schema, faults = unite_schemas(
        _selected_schemas(counted, selection), order=selection.columns, without=repeated
    )
    columns = folder.selected_columns(selection)
    if columns is not None:
        schema, faults = of_table(columns, schema, faults)
    return replace(
        whole,
        schema=schema,
        untyped=any(file.untyped for file in counted),
        parts=tuple(_numbered(part for file in counted for part in file.parts)),
        faults=(*folder.faults, *repeated_name_faults(repeated), *faults),
    )


def _numbered(parts: Iterable[FilePart]) -> Iterator[FilePart]:
    """Yield the parts with rows, each with the number of its first."""
    first = 0
    for part in parts:
        if part.rows:
            yield replace(part, first=first)
        first += part.rows


def _selected_schemas(counted: Sequence[CountedFile], selection: Selection) -> dict[str, pa.Schema]:
    """Return the selected columns of the files with rows, or of all if none has any."""
    filled = [file for file in counted if file.rows] or counted
    return {
        file.parts[0].file.name: pa.schema(
            [file.schema.field(name) for name in selection.names(file.schema)]
        )
        for file in filled
    }
