"""Delimited text (CSV, TSV and what goes by those names) as columns of text.

The dialect is that of the first lines (`dialect`), the encoding that of the content (`encoding`).
Arrow reads what it can: one character between fields, quotes, escapes. What it has no options for
(runs of spaces, comments between rows, spaces before quotes, rows that are filled up) is read by
Python's `csv`, at a tenth of the speed. An empty field is null.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from drift_checker.tables.batch import UnreadableError
from drift_checker.tables.dialect import (
    HEAD_BYTES,
    HEAD_LINES,
    SPACES,
    UNCLOSED,
    Dialect,
    NoDialectError,
    csv_format,
    csv_reader,
    dialect_of,
    split_spaces,
)
from drift_checker.tables.encoding import (
    BLOCK_BYTES,
    RECENT_BLOCKS,
    EncodingError,
    Readable,
    Utf8Stream,
    lines_in,
)

_CELLS = 1 << 20
"""Of a batch that Python reads."""
_LINE_END = re.compile(rb"\r\n|\n|\r")
_BLANK = " \t\x1a"
"""Also what ended a file of DOS."""
_SQL_NULL = "\\N"
_TOO_LONG = "field larger"
"""In the error of Python's `csv` where a value is longer than it reads."""


def read_delimited(data: bytes) -> pa.Table:
    """Read delimited text: a table of columns of text, in which an empty field is null.

    Blank text is a table without columns. Names may be there more than once.

    Raises:
        UnreadableError: Its encoding is not certain, or it is broken: the message says in which
            line, and what to do.
    """
    with open_delimited(io.BytesIO(data)) as reader:
        return pa.Table.from_batches(list(reader), reader.schema)


def open_delimited(source: Path | Readable, *, block_bytes: int = BLOCK_BYTES) -> DelimitedReader:
    """Open a file or a stream of delimited text, to be read a block at a time.

    Raises:
        OSError: The file cannot be read.
        UnreadableError: Its encoding is not certain.
    """
    return DelimitedReader(source, block_bytes)


class DelimitedReader:
    """Record batches of blocks of delimited text, which are read once; closed by `with`.

    Raises:
        UnreadableError: While it is read: the text is broken.
    """

    def __init__(self, source: Path | Readable, block_bytes: int = BLOCK_BYTES) -> None:
        self._open, self._block_bytes = ExitStack(), block_bytes
        file = self._open.enter_context(source.open("rb")) if isinstance(source, Path) else source
        try:
            self._start(file)
        except BaseException:
            self._open.close()
            raise

    def _start(self, file: Readable) -> None:
        self.dialect: Dialect | None = None
        """None of blank text."""
        try:
            self._stream = Utf8Stream(file)
        except EncodingError as error:
            raise _unreadable(str(error)) from error
        head, whole = self._stream.head(HEAD_BYTES, HEAD_LINES)
        text = head.decode(errors="ignore")
        try:
            self.dialect = dialect = dialect_of(text, whole=whole)
        except NoDialectError:
            return
        if dialect.loose and dialect.quote:
            _raise_for_open_quote(text, dialect)
        self._stream.skip(_end_of_line(head, dialect.skipped))
        self._first_line = min(dialect.skipped, lines_in(head)) + 1
        self._in_arrow = _suits_arrow(dialect, text)

    @property
    def names(self) -> list[str]:
        """The names of the columns, as they stand there."""
        return list(self.dialect.names) if self.dialect else []

    @property
    def schema(self) -> pa.Schema:
        """The columns: all are text."""
        return pa.schema([(name, pa.string()) for name in self.names])

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if self.dialect is None or self._stream.at_end:
            return iter(())
        parts = self._stream, self.dialect, self._first_line
        rows = _ByArrow(*parts, self._block_bytes) if self._in_arrow else _ByPython(*parts)
        return rows.batches()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()


def _unreadable(what: str) -> UnreadableError:
    return UnreadableError(f"The CSV file cannot be read: {what}.")


def _raise_for_open_quote(text: str, dialect: Dialect) -> None:
    """Refuse text where a quote is not closed before the next row, which becomes its value."""
    lines = list(io.StringIO(text, newline=""))[dialect.skipped :]
    reader = csv_reader(lines, dialect, strict=True)
    before = 0
    try:
        for _ in reader:
            before = reader.line_num
    except csv.Error as error:
        if UNCLOSED in str(error) or reader.line_num > before + 1:
            raise _open_quote(dialect, dialect.skipped + before + 1) from None


def _open_quote(dialect: Dialect, line: int) -> UnreadableError:
    return _unreadable(
        f"in line {line} a quote ({dialect.quote}) is opened and not closed. Close it, or double "
        "it where it belongs to the value"
    )


def _wrong_width(dialect: Dialect, line: int, width: int) -> UnreadableError:
    fields = f"{width} field{'s' * (width != 1)}"
    return _unreadable(
        f"line {line} has {fields} where {len(dialect.names) + dialect.closed} are expected "
        f"({dialect}). "
        "Complete the line, or quote values that hold the delimiter"
    )


def _end_of_line(head: bytes, lines: int) -> int:
    """Return where so many lines end."""
    end = 0
    for number, found in enumerate(_LINE_END.finditer(head), start=1):
        if number > lines:
            return end
        end = found.end()
    return end if lines_in(head) >= lines else len(head)


def _suits_arrow(dialect: Dialect, text: str) -> bool:
    if dialect.delimiter in SPACES or dialect.comment or dialect.filled:
        return False
    if not dialect.delimiter.isascii():
        return False
    quotes = dialect.quote is not None and dialect.quote in text
    return not (dialect.trimmed and quotes) and not (dialect.escape and _SQL_NULL in text)


# --- By Arrow ----------------------------------------------------------------------------------


class _ByArrow:
    """Rows as Arrow reads them; its columns are numbered, since names may be repeated."""

    def __init__(
        self, stream: Utf8Stream, dialect: Dialect, first_line: int, block_bytes: int
    ) -> None:
        self._stream, self._dialect, self._first_line = stream, dialect, first_line
        self._block_bytes = block_bytes
        self._fields = len(dialect.names) + dialect.closed
        self._broken: tuple[int, str] | None = None

    def batches(self) -> Iterator[pa.RecordBatch]:
        last: pa.RecordBatch | None = None
        rows = 0
        try:
            source: Any = pa.PythonFile(self._stream, mode="r")
            with pa.csv.open_csv(source, **self._options()) as reader:
                for last in reader:
                    yield self._named(last, rows)
                    rows += last.num_rows
        except EncodingError as error:
            raise _unreadable(str(error)) from error
        except pa.ArrowInvalid as error:
            raise self._damage(error, rows) from error
        if last is not None and last.num_rows:
            self._raise_for_open_quote(last.slice(last.num_rows - 1))

    def _options(self) -> dict[str, Any]:
        numbered = [str(place) for place in range(self._fields)]
        dialect = self._dialect
        return {
            "read_options": pa.csv.ReadOptions(
                column_names=numbered, use_threads=False, block_size=self._block_bytes
            ),
            "parse_options": pa.csv.ParseOptions(
                delimiter=dialect.delimiter,
                quote_char=dialect.quote or False,
                escape_char=dialect.escape or False,
                newlines_in_values=dialect.quote is not None or dialect.escape is not None,
                invalid_row_handler=self._keep_broken,
            ),
            "convert_options": pa.csv.ConvertOptions(
                check_utf8=False,  # the stream has
                column_types=dict.fromkeys(numbered, pa.string()),
                strings_can_be_null=True,
                null_values=["", _SQL_NULL],
            ),
        }

    def _keep_broken(self, row: pa.csv.InvalidRow) -> Literal["skip", "error"]:
        if not row.text.strip(_BLANK):
            return "skip"
        self._broken = row.actual_columns, row.text
        return "error"

    def _named(self, batch: pa.RecordBatch, rows: int) -> pa.RecordBatch:
        columns = batch.columns
        if self._dialect.closed and columns.pop().null_count < batch.num_rows:
            raise _unreadable(
                f"a row after row {rows} has a value behind the last delimiter, where there is no "
                "name. Name the column"
            )
        if self._dialect.trimmed:
            columns = [_trimmed(column) for column in columns]
        return pa.RecordBatch.from_arrays(columns, names=list(self._dialect.names))

    def _damage(self, error: pa.ArrowInvalid, rows: int) -> UnreadableError:
        if self._broken is None:
            return _unreadable(
                f"behind row {rows} there is a row of more than {self._block_bytes >> 20} MB. "
                f"Is a quote ({self._dialect.quote}) not closed? ({error})"
            )
        width, text = self._broken
        row = re.compile(rb"(?:^|(?<=[\r\n]))" + re.escape(text.encode()) + rb"(?=[\r\n]|$)")
        line = self._first_line
        for lines, block in self._stream.recent:
            start = _end_of_line(block, self._first_line - 1) if not lines else 0
            found = row.search(block, start)
            if found:
                line = lines + lines_in(block[: found.start()]) + 1
                break
        return _wrong_width(self._dialect, line, width)

    def _raise_for_open_quote(self, last: pa.RecordBatch) -> None:
        """Refuse a last row that ends within quotes, which Arrow does not mind.

        It is looked at as it stands: as many lines from the end as its values have, and one.
        """
        text = b"".join(block for _, block in self._stream.recent).rstrip(b"\r\n")
        mark = (self._dialect.quote or "").encode()
        values = [str(column[0]).encode() for column in last.columns if column[0].is_valid]
        inside = sum(map(lines_in, values)) + 1
        if not mark or self._dialect.loose or (inside == 1 and mark not in text[-BLOCK_BYTES:]):
            return
        end = b"\n" if b"\n" in text else b"\r"
        lines = text.rsplit(end, inside)
        begins = len(lines) > inside or len(self._stream.recent) < RECENT_BLOCKS
        if begins:
            lines = lines[-inside:]
        decoded = [line.decode(errors="ignore") + "\n" for line in lines]
        reader = csv_reader(decoded, self._dialect, strict=True)
        before = 0
        try:
            for _ in reader:
                before = reader.line_num
            unclosed = not begins
        except csv.Error as error:
            unclosed = UNCLOSED in str(error) or _TOO_LONG in str(error)
        if unclosed and not (before == 0 and text.endswith(mark)):
            first = self._stream.recent[0][0] + lines_in(text) + 2 - inside
            raise _open_quote(self._dialect, first + before)


def _trimmed(column: pa.Array[Any]) -> pa.Array[Any]:
    values = pc.utf8_trim(column, " \t")
    trimmed: pa.Array[Any] = pc.if_else(
        pc.equal(values, pa.scalar("")), pa.scalar(None, pa.string()), values
    )
    return trimmed


# --- By Python ---------------------------------------------------------------------------------


class _ByPython:
    """Rows as Python's `csv` reads them."""

    def __init__(self, stream: Utf8Stream, dialect: Dialect, first_line: int) -> None:
        self._dialect = dialect
        self._line = first_line - 1
        self._row_begins = True
        self._text = io.TextIOWrapper(io.BufferedReader(stream), "utf-8", newline="")

    def batches(self) -> Iterator[pa.RecordBatch]:
        names = list(self._dialect.names)
        size = max(_CELLS // len(names), 1)
        rows: list[list[str]] = []
        for row in self._rows():
            rows.append(row)
            if len(rows) == size:
                yield _as_batch(rows, names)
                rows = []
        if rows:
            yield _as_batch(rows, names)

    def _rows(self) -> Iterator[list[str]]:
        width = len(self._dialect.names)
        format_ = csv_format(self._dialect)
        reader = csv.reader(self._lines(), strict=not self._dialect.loose, **format_)
        while True:
            self._row_begins = True
            line = self._line + 1
            try:
                row = next(reader, None)
            except csv.Error as error:
                raise self._damage(error, line) from error
            except EncodingError as error:
                raise _unreadable(str(error)) from error
            if row is None:
                return
            if not row or (len(row) == 1 and not row[0].strip(_BLANK)):
                continue
            if len(row) > width and not any(map(str.strip, row[width:])):
                row = row[:width]
            if len(row) != width:
                raise _wrong_width(self._dialect, self._line, len(row))
            yield list(map(str.strip, row)) if self._dialect.trimmed else row

    def _damage(self, error: csv.Error, line: int) -> UnreadableError:
        if UNCLOSED in str(error) or _TOO_LONG in str(error):
            return _open_quote(self._dialect, line)
        return _unreadable(f"in line {self._line} a quote stands within a value ({error})")

    def _lines(self) -> Iterator[str]:
        """Yield the lines as `csv` is to see them; comments stand between rows only."""
        dialect = self._dialect
        edge = re.escape(dialect.delimiter)
        null = re.compile(rf"(?:(?<={edge})|^)\\N(?={edge}|[\r\n]|$)")
        for line in self._text:
            self._line += 1
            if dialect.comment and self._row_begins and line.startswith(dialect.comment):
                continue
            self._row_begins = False
            if dialect.delimiter in SPACES:
                yield split_spaces(line, dialect.delimiter, dialect.quote)
            else:
                yield null.sub("", line) if dialect.escape else line


def _as_batch(rows: list[list[str]], names: list[str]) -> pa.RecordBatch:
    columns = []
    for values in zip(*rows, strict=True):
        # pa.array() would import pandas.
        builder = pa.lib.StringBuilder()
        builder.append_values([None if value in {"", _SQL_NULL} else value for value in values])
        columns.append(builder.finish())
    return pa.RecordBatch.from_arrays(columns, names=names)
