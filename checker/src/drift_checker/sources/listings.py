"""Files below a prefix as one table that is read where it lies, a row group and a column at a time.

A listing can be split, so that several read it: rows are numbered on from one part to the next, and
what is made of all of them is what would be made of the whole.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from itertools import accumulate, groupby
from typing import Any, cast

import pyarrow as pa
import pyarrow.dataset as ds

from drift_checker.config import Monitor, ReferenceSource, Settings
from drift_checker.profiles.readers import Reader
from drift_checker.result import Fault
from drift_checker.sources.prefixes import (
    File,
    Prefix,
    damage,
    list_prefix,
    open_file,
    schema_of,
    window_filter,
)
from drift_checker.sources.request import Request, Selection
from drift_checker.sources.responses import store_errors
from drift_checker.state import identity
from drift_checker.tables import (
    Chunk,
    chunk_of,
    decode_dictionary,
    duplicate_column_faults,
    reference_errors,
)


@dataclass(frozen=True)
class FilePart:
    """Rows that are read together: of Parquet a row group, of CSV a file.

    `first` is the number in the table of the first of those that are selected.
    """

    file: File
    group: int | None
    rows: int
    first: int = 0


@dataclass(frozen=True)
class FileListing:
    """The files below a prefix, or some parts of them."""

    prefix: Prefix
    schema: pa.Schema
    selection: Selection
    digest: str
    """Of the names, sizes and tags of all files, and of what is selected: not of their bytes."""
    untyped: bool
    """Whether the files are CSV, which carries no types."""
    parts: tuple[FilePart, ...]

    @cached_property
    def types(self) -> Mapping[str, pa.DataType]:
        """The columns that are selected and whose name is theirs alone, and their types."""
        repeated = {fault.column for fault in self.faults}
        names = self.selection.names(self.schema)
        return {name: self.schema.field(name).type for name in names if name not in repeated}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The names that are there more than once."""
        return duplicate_column_faults(self.selection.names(self.schema))

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
            UnreadableError: A file is damaged, or has other types than the first.
        """
        for part, fragment in self._open_files():
            if part.group is None:
                yield from self._chunks_of_file(part, fragment)
            else:
                yield Chunk(part.first, part.rows, partial(self._column, fragment, part.group))

    def counted(self) -> tuple[FilePart, ...]:
        """Return the parts with the number of their rows, those of Parquet by row group.

        Raises:
            RejectedResponseError: A file has gone.
            ServiceAwayError: The store stayed away.
            UnreadableError: A file is damaged, or has other types than the first.
        """
        parts = []
        for part, fragment in self._open_files():
            with _file_errors(self.prefix.origin):
                for group in _row_groups(fragment):
                    # Scanner.count_rows() counts all groups, whichever were chosen.
                    blocks = self._scanner(_row_group(fragment, group), []).to_batches()
                    rows = sum(block.num_rows for block in blocks)
                    parts.append(FilePart(part.file, group, rows))
        return tuple(parts)

    def _open_files(self) -> Iterator[tuple[FilePart, ds.Fragment]]:
        for file, parts in groupby(self.parts, key=lambda part: part.file):
            with _file_errors(self.prefix.origin):
                fragment = open_file(self.prefix, file, self.schema)
            for part in parts:
                yield part, fragment

    def _scanner(self, fragment: ds.Fragment, columns: Sequence[str]) -> ds.Scanner:
        """Have Arrow read the rows that are selected, in the types of the first file."""
        return ds.Scanner.from_fragment(
            fragment,
            schema=self.schema,
            columns=list(columns),
            filter=window_filter(self.schema, self.selection, self.prefix.origin),
            batch_readahead=1,
            use_threads=False,
        )

    def _chunks_of_file(self, part: FilePart, fragment: ds.Fragment) -> Iterator[Chunk]:
        first, names = part.first, list(self.types)
        with _file_errors(self.prefix.origin):
            for block in self._scanner(fragment, names).to_batches():
                yield chunk_of(first, pa.Table.from_batches([block]))
                first += block.num_rows

    def _column(self, fragment: ds.Fragment, group: int, name: str) -> pa.Array[Any]:
        with _file_errors(self.prefix.origin):
            table = self._scanner(_row_group(fragment, group), [name]).to_table()
        return decode_dictionary(table.column(name).combine_chunks())


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
    with _file_errors(prefix.origin):
        files = list_prefix(prefix)
        schema = schema_of(prefix, files)
        window_filter(schema, selection, prefix.origin)
    untyped = files[0].key.suffix == ".csv"
    listed = [(str(file.key), file.size, file.tag) for file in files]
    digest = identity((listed, selection.identity))
    # By their sizes they are shared out to those who count.
    parts = tuple(FilePart(file, None, file.size) for file in files)
    whole = FileListing(prefix, schema, selection, digest, untyped, parts)
    counted = reader(whole, FileListing.counted, operator.add)
    firsts = accumulate((part.rows for part in counted), initial=0)
    numbered = (replace(part, first=first) for part, first in zip(counted, firsts, strict=False))
    return replace(whole, parts=tuple(part for part in numbered if part.rows))


def _row_groups(fragment: ds.Fragment) -> list[int] | list[None]:
    """Return the numbers of a file's row groups; of CSV, None."""
    if isinstance(fragment, ds.ParquetFileFragment):
        return list(range(fragment.num_row_groups))
    return [None]


def _row_group(fragment: ds.Fragment, group: int | None) -> ds.Fragment:
    if group is None or not isinstance(fragment, ds.ParquetFileFragment):
        return fragment
    subset: Any = fragment.subset(row_group_ids=[group])
    return cast("ds.Fragment", subset)


@contextmanager
def _file_errors(origin: str) -> Iterator[None]:
    try:
        with store_errors(origin):
            yield
    except pa.ArrowException as error:
        raise damage(error) from error
