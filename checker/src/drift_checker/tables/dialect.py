r"""The dialect of delimited text, found by trials of Python's `csv` module on its first lines.

A candidate is a delimiter with a way of quoting. It is as good as the share of rows that have as
many fields as most (after van den Burg, Nazábal and Sutton, "Wrangling messy CSV files by
detecting row and type patterns", 2019), times the share of cells that look like one value: a
number, a date, or text without another delimiter. Of equals, the delimiter goes first that is
more usual. What stands before and below the names (titles, comments, a line `sep=;`, a row of
units) is told by the columns' values.

Types of columns are not told here: they are what all values are, not what the first ones are.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

HEAD_BYTES = 1 << 16
"""The first bytes of a text, by which its dialect is told."""
HEAD_LINES = 20
"""The first lines, where these are longer."""
ONE_COLUMN = "\x1f"
"""The delimiter of text that has none: it stands for itself in no text."""

_STRONG = ",;\t|"
SPACES = frozenset({" ", "  "})
_DELIMITERS = (*_STRONG, "\x01", "^", "~", "  ", " ", ":")
"""From the most usual on; two spaces stand for two and more, between which one is no delimiter."""
_NEED_NUMBERS = frozenset({"  ", " ", ":"})
"""They stand in texts too: they delimit only where there is a column of numbers or of times."""
_LITERAL = frozenset("\t|\x01")
"""Text that they delimit is often not quoted, so that a quote without another is of the value."""
_COMMENTS = ("#", "//", "%")
_MAX_TITLE_ROWS = 20
_MAX_TITLE_LINES = 4
"""Of titles that have as many words as the table has columns."""
_SAMPLE_ROWS = 100
_MOST = 0.9
"""Of the values of a column, as many as make its form."""
_FILLED = 0.9
_HALF = 0.5
_CLEAR_GAIN = 0.1
"""Of the rows that are as wide as most, for quotes to be taken for a part of the values."""
UNCLOSED = "unexpected end"
"""In the error of Python's `csv` where a text ends within quotes."""
_END = 1 << 30
"""The place of the first row of data where there is none."""

_NUMBER = re.compile(
    r"\s*[(+-]?\s*[€$£¥]?\s*[+-]?"
    r"(?:\d+(?:[.,'\u2019\u00a0\u202f ]\d{3})*(?:[.,]\d*)?|[.,]\d+|0x[\da-f]+|inf(?:inity)?)"
    r"(?:e[+-]?\d+)?\s*(?:%|[€$£¥]|[a-z]{3})?\)?\s*",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\s*(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[T ]\s*(?=\d)|$|(?=\s*$)))?"
    r"(?:\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:Z|[ap]m|[+-]\d{2}:?\d{2})?)?\s*",
    re.IGNORECASE,
)
_MISSING = re.compile(r"\s*(?:n/?a|#n/a|nan|null|none|-+|\?|\.|\\n)?\s*", re.IGNORECASE)
_UNIT = (
    r"\s*(?:[\[(<].*[\])>]|%|‰|°\s?[cfk]?|[µunmckMGTh]?(?:m|s|g|l|Hz|V|A|W|Wh|Pa|J|N|bar|B|mol)"
    r"(?:[²³23])?(?:\s?[/*·]\s?[a-zA-Z]{1,3}[²³23]?)*|min|hours?|h|days?|d|sec(?:onds?)?|EUR|USD"
    r"|GBP|CHF|JPY|[€$£¥]|deg|rad|K|kWh|km/h|mph|ft|in|lbs?|oz|pcs|count|units?)\s*"
)
"""Compiled where it is needed, which is seldom."""
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)


class CsvReader(Protocol):
    """What `csv.reader` returns."""

    line_num: int
    """How many lines were read."""

    def __iter__(self) -> Iterator[list[str]]:
        """Yield rows."""

    def __next__(self) -> list[str]:
        """Return the next row."""


class NoDialectError(ValueError):
    """There is no line of text."""


@dataclass(frozen=True)
class Dialect:
    """How the rows of a text are delimited, and what stands above them."""

    delimiter: str
    """Of one character, or two spaces for "two or more"; `ONE_COLUMN` if there is none."""
    names: tuple[str, ...]
    """Of the columns, as they stand there; of nameless ones, `column_` and their place from 0."""
    quote: str | None = '"'
    escape: str | None = None
    comment: str | None = None
    """What lines begin with that are left out."""
    header: bool = True
    """Whether the names stand in the text; else they are made of the columns' places."""
    skipped: int = 0
    """How many lines stand before the first row of data."""
    trimmed: bool = False
    """Whether spaces beside the delimiters belong to no value."""
    closed: bool = False
    """Whether each row ends with a delimiter, behind which there is no column."""
    filled: bool = False
    """Whether rows may end with more delimiters than they need."""
    loose: bool = False
    """Whether quotes also stand where they quote nothing."""

    def __str__(self) -> str:
        """Say what delimits the columns."""
        if self.delimiter == ONE_COLUMN:
            return "there is no delimiter"
        words = {"\t": "tabs", " ": "spaces", "  ": "two or more spaces"}
        return f"the delimiter is {words.get(self.delimiter, repr(self.delimiter))}"


def dialect_of(head: str, *, whole: bool = True) -> Dialect:
    """Return the dialect of a text by its first lines.

    `whole` says that `head` is the whole text, and does not end within a row.

    Raises:
        NoDialectError: There are no lines but blank ones.
    """
    lines = list(io.StringIO(head, newline=""))
    if not whole and len(lines) > 1:
        lines.pop()
    first = _first_line(lines)
    told = _SEP_LINE.fullmatch(lines[first])
    if told:
        first = _first_line(lines, first + 1)
    rest = lines[first:]
    delimiters = [told[1]] if told else _occurring(rest)
    best: _Candidate | None = None
    for variant in _variants(rest, whole=whole):
        for delimiter in delimiters:
            found = _judge(_best_trial(variant, delimiter))
            if found and (best is None or found.goes_before(best)):
                best = found
            if best and best.certain:
                break
    dialect = best.dialect if best else _one_column(rest, delimiters, whole=whole)
    return replace(dialect, skipped=first + dialect.skipped)


def _first_line(lines: Sequence[str], start: int = 0) -> int:
    for number in range(start, len(lines)):
        if lines[number].strip():
            return number
    raise NoDialectError("there is no line of text")


def _occurring(lines: Sequence[str]) -> list[str]:
    """Return the delimiters that half of some lines have.

    Where quotes stay open over a line's end, most lines may be parts of a value: then also those of
    the first line.
    """
    some = [line.strip("\r\n") for line in lines if line.strip()]
    some = [line for line in some if not line.startswith(_COMMENTS)] or some
    some = some[: 4 * HEAD_LINES]
    opened = any(line.count(quote) % 2 for line in some for quote in "\"'")
    return [
        one
        for one in _DELIMITERS
        if sum(one in line for line in some) * 2 >= len(some) or (opened and one in some[0])
    ]


# --- Lines -------------------------------------------------------------------------------------


class _Lines(NamedTuple):
    """Lines without comments, each with its place in the text; and the last comment above them."""

    lines: list[str]
    places: list[int]
    whole: bool
    comment: str | None = None
    title: str | None = None


def _variants(lines: list[str], *, whole: bool) -> Iterator[_Lines]:
    """Return the lines as they stand, and without those that begin as a comment."""
    yield _Lines(lines, list(range(len(lines))), whole)
    for mark in _COMMENTS:
        places = [place for place, line in enumerate(lines) if not line.startswith(mark)]
        if places and len(places) < len(lines):
            above = [line for line in lines[: places[0]] if line.strip()]
            title = above[-1].lstrip(mark).strip() if above else None
            yield _Lines([lines[place] for place in places], places, whole, mark, title)


def split_spaces(line: str, delimiter: str, quote: str | None) -> str:
    """Replace each run of spaces and tabs between two values by one tab."""
    run = r"[ \t]{2,}|\t" if delimiter == "  " else r"[ \t]+"
    line = line.strip(" \t\r\n")
    if quote is None or quote not in line:
        return re.sub(run, "\t", line)
    quoted = f"{quote}(?:[^{quote}]|{quote}{quote})*{quote}|{run}"
    return re.sub(quoted, lambda found: found[0] if found[0][0] == quote else "\t", line)


def csv_reader(lines: list[str], dialect: Dialect, *, strict: bool = False) -> CsvReader:
    """Return Python's reader of some lines; `strict` minds quotes in the midst of values."""
    if dialect.delimiter in SPACES:
        lines = [split_spaces(line, dialect.delimiter, dialect.quote) for line in lines]
    return csv.reader(lines, strict=strict, **csv_format(dialect))


def csv_format(dialect: Dialect) -> dict[str, Any]:
    """Return a dialect as Python's `csv` module names it."""
    return {
        "delimiter": "\t" if dialect.delimiter in SPACES else dialect.delimiter,
        "quotechar": dialect.quote,
        "quoting": csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        "escapechar": dialect.escape,
        "skipinitialspace": dialect.trimmed,
    }


# --- Trials ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Trial:
    """The rows of some lines in a dialect without names, and the place of each row's first line."""

    dialect: Dialect
    rows: list[list[str]]
    places: list[int]
    end: int
    """The place behind the last row that ends."""
    covered: float
    """The share of lines that are in rows that end."""
    strict: bool
    """Whether quotes stand only where the dialect has them."""
    unclosed: bool
    """Whether the text ends within quotes."""
    title: str | None

    @cached_property
    def width(self) -> int:
        """The number of fields that most rows have; of as many, that of the first row."""
        widths = Counter(map(len, self.rows))
        most = max(widths.values(), default=0)
        return next((len(row) for row in self.rows if widths[len(row)] == most), 0)

    def share(self, first: int = 0) -> float:
        """Return the share of rows that are as wide as most; a row filled up is not quite one."""
        rows = self.rows[first:]
        alike = sum(len(row) == self.width for row in rows)
        filled = sum(map(self.is_filled, rows))
        return self.covered * (alike + _FILLED * filled) / max(len(rows), 1)

    def is_filled(self, row: list[str]) -> bool:
        """Whether nothing stands in what a row has more than others."""
        return len(row) > self.width and not any(map(str.strip, row[self.width :]))


def _best_trial(lines: _Lines, delimiter: str) -> _Trial:
    """Return the rows by a delimiter, in the way of quoting that fits the text best."""
    plain = Dialect(delimiter, (), comment=lines.comment)
    best = _try(lines, plain)
    text = "".join(lines.lines)
    if best.strict and best.share() == 1 and "'" not in text and ' "' not in text:
        return best
    edge = "[ \t]" if delimiter in SPACES else re.escape(delimiter)
    ways = []
    if re.search(rf"\\(?:[\"'\\]|{edge})", text):
        ways.append(replace(plain, escape="\\"))
    if re.search(rf"(?:^|{edge}) +\"", text, re.MULTILINE) and delimiter not in SPACES:
        ways.append(replace(plain, trimmed=True))
    if '"' in text:
        ways.append(replace(plain, quote=None))
    if re.search(rf"(?:^|{edge}) *'", text, re.MULTILINE):
        single = replace(plain, quote="'")
        ways += [single, replace(single, escape="\\")] if "\\" in text else [single]
    for way in ways:
        trial = _try(lines, way)
        if _is_better(trial, best):
            best = trial
    return best


def _is_better(trial: _Trial, best: _Trial) -> bool:
    """Say whether another way of quoting reads more rows alike, or as many with quotes undone."""
    if trial.dialect.quote is None:
        gain = trial.share() - best.share()
        if trial.dialect.delimiter in _LITERAL:
            return gain >= 0 and not (best.strict and best.covered > _HALF)
        return gain >= _CLEAR_GAIN and not (best.strict or best.unclosed)
    gain = trial.share() - best.share()
    if gain < 0 or not trial.strict:
        return gain > 0 and not best.strict
    undone = trial.dialect.quote == "'" or trial.dialect.trimmed
    marks = rf" *{trial.dialect.quote}.*{trial.dialect.quote} *"
    return (
        gain > 0
        or not best.strict
        or (
            undone
            and any(re.fullmatch(marks, cell, re.DOTALL) for row in best.rows for cell in row)
        )
    )


def _try(lines: _Lines, dialect: Dialect) -> _Trial:
    unclosed = False
    for strict in (True, False):
        reader = csv_reader(lines.lines, dialect, strict=strict)
        rows, places, before, ends = [], [], 0, True
        try:
            for row in reader:
                if row and (len(row) > 1 or row[0].strip()):
                    rows.append(row)
                    places.append(lines.places[before])
                before = reader.line_num
        except csv.Error as error:
            unclosed = UNCLOSED in str(error)
            if strict and (lines.whole or not unclosed):
                continue
            ends = False
        break
    covered = before / max(len(lines.lines), 1)
    end = lines.places[before] if before < len(lines.places) else _END
    return _Trial(dialect, rows, places, end, covered, strict or not ends, unclosed, lines.title)


# --- Names -------------------------------------------------------------------------------------


class _Candidate(NamedTuple):
    """A dialect, and how good it is."""

    dialect: Dialect
    score: float
    certain: bool
    """Whether no other needs to be tried."""
    below_comments: bool
    """Whether names stand in a row below comments, and in none of them."""

    def goes_before(self, other: _Candidate) -> bool:
        """Say whether it is better than one that was found before."""
        return self.score > other.score or (self.score == other.score and self.below_comments)


class _Layout(NamedTuple):
    """Where the rows of a table begin, and the names above them: None if there are none."""

    names: list[str] | None
    data: int


def _judge(trial: _Trial) -> _Candidate | None:
    """Return how good a trial is; None if its rows are no table."""
    width, delimiter = trial.width, trial.dialect.delimiter
    first = _first_row(trial)
    if first is None or (width < 2 and delimiter != ONE_COLUMN):  # noqa: PLR2004
        return None
    layout = _layout(trial, first)
    if layout is None:
        return None
    data = layout.data
    below_comments = bool(trial.title and layout.names) and data > first
    if layout.names and _is_units(trial.rows[data : data + _SAMPLE_ROWS], width):
        data += 1
    sample = [row for row in trial.rows[data : data + _SAMPLE_ROWS] if len(row) == width]
    if delimiter in _NEED_NUMBERS and not _has_numbers(sample, width):
        return None
    dialect = _with_names(trial, layout, sample, data)
    consistent = trial.share(first)
    clean = _clean_share(sample or [trial.rows[first]], dialect)
    titles = bool(first)
    return _Candidate(
        dialect,
        score=consistent * clean - 0.1 * titles,
        certain=consistent == clean == 1 and trial.strict and not titles and delimiter in _STRONG,
        below_comments=below_comments,
    )


def _first_row(trial: _Trial) -> int | None:
    """Return which row is the first of the table's width, after at most a few titles."""
    width = trial.width
    for index, row in enumerate(trial.rows[: _MAX_TITLE_ROWS + 1]):
        if len(row) == width:
            values = sum(bool(cell.strip()) for cell in row)
            if values > (width > 2) or width == 1 or index + 1 == len(trial.rows):  # noqa: PLR2004
                return _behind_titles(trial, index)
        elif trial.is_filled(row):
            return index
        elif len(row) > width and trial.dialect.delimiter not in SPACES:
            return None
    return None


def _behind_titles(trial: _Trial, first: int) -> int:
    """Return which row is the first: one below a blank line, if that has names and it has none."""
    rows, places = trial.rows, trial.places
    for index in range(first + 1, min(first + _MAX_TITLE_LINES, len(rows))):
        if places[index] > places[index - 1] + 1 and len(rows[index]) == trial.width:
            below = rows[index + 1 : index + _SAMPLE_ROWS]
            below = [row for row in below if len(row) == trial.width]
            if _are_names(rows[index], below):
                return index
    return first


def _layout(trial: _Trial, first: int) -> _Layout | None:
    """Find the names: in the first row of the table's width, or above it; None if it is none."""
    rows = [row[: trial.width] for row in trial.rows[first : first + _SAMPLE_ROWS]]
    row, below = rows[0], [one for one in rows[1:] if len(one) == trial.width]
    proven = _are_names(row, below)
    if proven:
        return _Layout(row, first + 1)
    above = _names_above(trial, first, [row, *below])
    if above:
        return _Layout(above, first)
    gap = first and trial.places[first] > trial.places[first - 1] + 1
    if first and not gap:
        return None
    if proven is None or _count_up([cell for cell in row if _NUMBER.fullmatch(cell)]):
        return _Layout(row, first + 1)
    return _Layout(None, first)


def _names_above(trial: _Trial, first: int, rows: list[list[str]]) -> list[str] | None:
    """Return names that stand in the comment above, or in a row that lacks one."""
    if trial.title:
        names = next(csv_reader([trial.title], trial.dialect))
        if len(names) == trial.width and _are_names(names, rows):
            return names
    if first and len(trial.rows[first - 1]) == trial.width - 1 > 1:
        names = trial.rows[first - 1]
        if not any(row[-1].strip() for row in rows):
            return [*names, ""]
        if _is_index([row[0] for row in rows]) and _are_names(names, [r[1:] for r in rows]):
            return ["", *names]
    return None


def _are_names(cells: list[str], rows: list[list[str]]) -> bool | None:
    """Say whether some cells are names, by the values in their columns; None if both may be."""
    numbers: list[str] = []
    for cell, column in zip(cells, _columns(rows, len(cells)), strict=True):
        for pattern in (_NUMBER, _TIME):
            if _mostly(pattern, column) and not _MISSING.fullmatch(cell):
                if not pattern.fullmatch(cell):
                    return True
                numbers.append(cell)
    return False if numbers else None


def _count_up(cells: list[str]) -> bool:
    """Say whether numbers are names, as 0, 1, 2 and 2019, 2020 are."""
    if not all(cell.strip().isdecimal() for cell in cells):
        return False
    numbers = list(map(int, cells))
    return numbers == [0] or (
        len(numbers) > 1 and {after - before for before, after in pairwise(numbers)} == {1}
    )


def _is_index(cells: list[str]) -> bool:
    """Say whether the values of a column without a name name the rows."""
    if len(set(cells)) < len(cells):
        return False
    return _count_up(cells) or not any(map(_NUMBER.fullmatch, cells))


def _is_units(rows: list[list[str]], width: int) -> bool:
    """Say whether the first row has a unit in each column whose other values are numbers."""
    unit, *rest = rows or [[]]
    if len(unit) != width or len(rest) < 2:  # noqa: PLR2004
        return False
    columns = _columns([row for row in rest if len(row) == width], width)
    numeric = [place for place, column in enumerate(columns) if _mostly(_NUMBER, column)]
    if not numeric or any(_NUMBER.fullmatch(unit[place]) for place in numeric):
        return False
    return all(re.fullmatch(_UNIT, unit[place]) for place in numeric)


def _with_names(trial: _Trial, layout: _Layout, sample: list[list[str]], data: int) -> Dialect:
    names, width = list(layout.names or [""] * trial.width), trial.width
    trimmed = trial.dialect.trimmed or _is_padded(sample)
    if trimmed:
        names = [name.strip() for name in names]
    if trial.dialect.comment is None and len(names) > 1 and names[0].startswith("#"):
        names[0] = names[0].lstrip("# ") or names[0]
    closed = (
        layout.names is not None
        and width > 1
        and bool(sample)
        and [place for place, name in enumerate(names) if place and not name] == [width - 1]
        and not any(row[-1].strip() for row in sample)
    )
    if closed:
        names.pop()
    skipped = trial.places[data] if data < len(trial.rows) else trial.end
    return replace(
        trial.dialect,
        names=tuple(name or f"column_{place}" for place, name in enumerate(names)),
        header=layout.names is not None,
        skipped=skipped,
        trimmed=trimmed,
        closed=closed,
        filled=any(map(trial.is_filled, trial.rows[data:])),
        loose=not trial.strict,
    )


def _is_padded(rows: list[list[str]]) -> bool:
    """Say whether a space stands behind each delimiter, or before each."""
    if len(rows) < 2:  # noqa: PLR2004
        return False
    behind = [cell for row in rows for cell in row[1:] if cell]
    before = [cell for row in rows for cell in row[:-1] if cell]
    return (bool(behind) and all(cell[0] == " " for cell in behind)) or (
        bool(before) and all(cell[-1] == " " for cell in before)
    )


def _one_column(lines: list[str], delimiters: Sequence[str], *, whole: bool) -> Dialect:
    """Return the dialect of rows of one value, or of broken rows: what is wrong is told of them."""
    text = next(_variants(lines, whole=whole))
    for delimiter in delimiters:
        trial = _best_trial(text, delimiter)
        if delimiter in _STRONG and trial.rows and len(trial.rows[0]) > 1:
            data = [*trial.places, trial.end][1]
            names = (name or f"column_{place}" for place, name in enumerate(trial.rows[0]))
            return replace(trial.dialect, names=tuple(names), skipped=data)
    columns = [
        _judge(_best_trial(variant, ONE_COLUMN)) for variant in _variants(lines, whole=whole)
    ]
    best = max(filter(None, columns), key=lambda one: one.score, default=None)
    if best:
        return best.dialect
    return Dialect(ONE_COLUMN, (lines[0].strip(),), quote=None, skipped=1)


# --- Values ------------------------------------------------------------------------------------


def _columns(rows: list[list[str]], width: int) -> list[list[str]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[]] * width


def _mostly(pattern: re.Pattern[str], column: list[str]) -> bool:
    """Say whether the values of a column are of a form, but for the missing ones and a few."""
    values = [cell for cell in column if not _MISSING.fullmatch(cell)]
    fitting = sum(bool(pattern.fullmatch(cell)) for cell in values)
    return bool(values) and fitting >= _MOST * len(values)


def _has_numbers(rows: list[list[str]], width: int) -> bool:
    columns = _columns(rows, width)
    return any(_mostly(form, column) for column in columns for form in (_NUMBER, _TIME))


def _clean_share(rows: list[list[str]], dialect: Dialect) -> float:
    """Return the share of cells that look like one value, and not like several."""
    others = {*_DELIMITERS} - {*_NEED_NUMBERS, dialect.delimiter}
    several = re.compile(rf'[{re.escape("".join(others))}]|^".*"$')
    cells = [cell for row in rows for cell in row]
    clean = sum(
        not several.search(cell) or bool(_NUMBER.fullmatch(cell)) or "\n" in cell for cell in cells
    )
    return clean / max(len(cells), 1)
