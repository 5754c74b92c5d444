"""Files below a prefix as one table that is read where it lies, a row group and a column at a time.

A table can be split into parts, each of which is read by itself: they are numbered on, so that what
is made of all parts is what would be made of the whole.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, groupby
from typing import Any, cast

import pyarrow as pa
import pyarrow.dataset as ds
from obstore.store import LocalStore, S3Store

from drift_checker.profiles import Reader
from drift_checker.result import Fault
from drift_checker.sources.folders import (
    File,
    Selection,
    files_below,
    fragment_of,
    schema_of,
    within,
)
from drift_checker.sources.responses import asked
from drift_checker.state.identity import identity
from drift_checker.tables import (
    Chunk,
    UnreadableError,
    chunk_of,
    decode_dictionary,
    duplicate_column_faults,
)


@dataclass(frozen=True)
class Piece:
    """Rows that are read together: of Parquet a row group, of CSV a file.

    `first` is the number in the table of the first of those that are selected.
    """

    file: File
    group: int | None
    rows: int
    first: int = 0


@dataclass(frozen=True)
class Files:
    """The files below a prefix, or some pieces of them."""

    store: LocalStore | S3Store
    origin: str
    schema: pa.Schema
    selection: Selection
    digest: str
    """Of the names, sizes and tags of all files, and of what is selected: not of their bytes."""
    untyped: bool
    """Whether the files are CSV, which carries no types."""
    pieces: tuple[Piece, ...]

    @cached_property
    def types(self) -> Mapping[str, pa.DataType]:
        """The columns that are selected and whose name is theirs alone, and their types."""
        twice = {fault.column for fault in self.faults}
        names = self.selection.names(self.schema)
        return {name: self.schema.field(name).type for name in names if name not in twice}

    @property
    def faults(self) -> tuple[Fault, ...]:
        """The names that are there more than once."""
        return duplicate_column_faults(self.selection.names(self.schema))

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def bytes(self) -> int:
        """The size of the files that have rows."""
        return sum(file.size for file in {piece.file for piece in self.pieces})

    def parts(self, most: int) -> list[Files]:
        """Split the pieces into at most so many parts of about as many rows, in their order."""
        total = max(1, self.rows)
        ends = accumulate(piece.rows for piece in self.pieces)
        placed = zip(((end - 1) * most // total for end in ends), self.pieces, strict=True)
        groups = groupby(placed, key=operator.itemgetter(0))
        return [replace(self, pieces=tuple(piece for _, piece in group)) for _, group in groups]

    def chunks(self) -> Iterator[Chunk]:
        """Read a piece at a time.

        Raises:
            RejectedAnswerError: A file has gone.
            ServiceAwayError: The store stayed away.
            UnreadableError: A file is damaged, or has other types than the first.
        """
        for piece, fragment in self._opened():
            if piece.group is None:
                yield from self._blocks(piece, fragment)
            else:
                yield Chunk(piece.first, piece.rows, self._column_of(fragment, piece.group))

    def counted(self) -> tuple[Piece, ...]:
        """Return the pieces with the number of their rows, those of Parquet by row group.

        Raises:
            RejectedAnswerError: A file has gone.
            ServiceAwayError: The store stayed away.
            UnreadableError: A file is damaged, or has other types than the first.
        """
        found = []
        for piece, fragment in self._opened():
            with _reading(self.origin):
                for group in _groups(fragment):
                    # Scanner.count_rows() counts all groups, whichever were chosen.
                    blocks = self._scanner(_of(fragment, group), []).to_batches()
                    rows = sum(block.num_rows for block in blocks)
                    found.append(Piece(piece.file, group, rows))
        return tuple(found)

    def _opened(self) -> Iterator[tuple[Piece, ds.Fragment]]:
        for file, pieces in groupby(self.pieces, key=lambda piece: piece.file):
            with _reading(self.origin):
                fragment = fragment_of(self.store, file, self.schema)
            for piece in pieces:
                yield piece, fragment

    def _scanner(self, fragment: ds.Fragment, columns: Sequence[str]) -> ds.Scanner:
        """Have Arrow read the rows that are selected, in the types of the first file."""
        return ds.Scanner.from_fragment(
            fragment,
            schema=self.schema,
            columns=list(columns),
            filter=within(self.schema, self.selection, self.origin),
            batch_readahead=1,
            use_threads=False,
        )

    def _blocks(self, piece: Piece, fragment: ds.Fragment) -> Iterator[Chunk]:
        first, names = piece.first, list(self.types)
        with _reading(self.origin):
            for block in self._scanner(fragment, names).to_batches():
                yield chunk_of(first, pa.Table.from_batches([block]))
                first += block.num_rows

    def _column_of(self, fragment: ds.Fragment, group: int) -> Callable[[str], pa.Array[Any]]:
        def column(name: str) -> pa.Array[Any]:
            with _reading(self.origin):
                table = self._scanner(_of(fragment, group), [name]).to_table()
            return decode_dictionary(table.column(name).combine_chunks())

        return column


def list_files(
    store: LocalStore | S3Store, prefix: str, selection: Selection, origin: str, read: Reader
) -> Files:
    """List the files below a prefix, and have their rows numbered.

    Raises:
        RejectedAnswerError: There are none, or of several formats, or without the column of times.
        ServiceAwayError: The store stayed away.
        UnreadableError: A file is damaged, or has other types than the first.
    """
    with _reading(origin):
        files = files_below(store, prefix, origin)
        schema = schema_of(store, files)
        within(schema, selection, origin)
    untyped = files[0].key.suffix == ".csv"
    listed = [(str(file.key), file.size, file.tag) for file in files]
    digest = identity((listed, selection.identity))
    # By their sizes they are shared out to those who count.
    pieces = tuple(Piece(file, None, file.size) for file in files)
    whole = Files(store, origin, schema, selection, digest, untyped, pieces)
    counted = read(whole, Files.counted, operator.add)
    firsts = accumulate((piece.rows for piece in counted), initial=0)
    numbered = (replace(piece, first=first) for piece, first in zip(counted, firsts, strict=False))
    return replace(whole, pieces=tuple(piece for piece in numbered if piece.rows))


def _groups(fragment: ds.Fragment) -> list[int] | list[None]:
    """Return the numbers of a file's row groups; of CSV, None."""
    if isinstance(fragment, ds.ParquetFileFragment):
        return list(range(fragment.num_row_groups))
    return [None]


def _of(fragment: ds.Fragment, group: int | None) -> ds.Fragment:
    if group is None or not isinstance(fragment, ds.ParquetFileFragment):
        return fragment
    chosen: Any = fragment.subset(row_group_ids=[group])
    return cast("ds.Fragment", chosen)


@contextmanager
def _reading(origin: str) -> Iterator[None]:
    try:
        with asked(origin):
            yield
    except pa.ArrowException as error:
        raise UnreadableError(
            f"A file is damaged, or has other types than the first: {error}"
        ) from error
