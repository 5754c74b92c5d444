"""The dialect of delimited text: each of the hand-made files is read as it was meant."""

from __future__ import annotations

import csv
import io
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from drift_checker.tables.delimited import open_delimited, read_delimited
from drift_checker.tables.dialect import ONE_COLUMN, NoDialectError, dialect_of

HANDMADE = runpy.run_path(
    str(Path(__file__).parents[3] / "benchmarks" / "dialects" / "handmade.py")
)["HANDMADE"]


@pytest.mark.parametrize("file", HANDMADE, ids=lambda file: file.name)
def test_hand_made_files(file: Any) -> None:
    table = read_delimited(file.data)
    assert table.column_names == file.names
    assert [
        list(column) for column in zip(*(one.to_pylist() for one in table.columns), strict=True)
    ] == file.rows


# --- Of any dialect ----------------------------------------------------------------------------

WORDS = st.text("abcdefgh ÄÖé'-,;|\t\"\n", max_size=12).map(str.strip)
NUMBERS = st.decimals(-1000, 1000, places=2).map(str)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """Names, and rows of numbers and texts."""
    width = draw(st.integers(2, 5))
    numeric = [True, *(draw(st.booleans()) for _ in range(width - 1))]
    names = [f"c{place}" for place in range(width)]
    row = st.tuples(*(NUMBERS if one else WORDS for one in numeric)).map(list)
    return [names, *draw(st.lists(row, min_size=3, max_size=20))]


def _survives(cells: list[list[str]], format_: dict[str, Any]) -> None:
    buffer = io.StringIO()
    csv.writer(buffer, **format_).writerows(cells)
    assume(any("'" in cell for row in cells[1:] for cell in row) <= (format_["quotechar"] == '"'))
    # Where nothing is quoted by it, another quote in the text is the only one that anybody can see.
    assume(format_["quotechar"] in buffer.getvalue() or '"' not in buffer.getvalue())
    assume(not (format_["quotechar"] == "'" and _is_whole_unquoted(buffer.getvalue(), format_)))
    table = read_delimited(buffer.getvalue().encode())
    assert table.column_names == cells[0]
    read = [[value or "" for value in column.to_pylist()] for column in table.columns]
    assert [list(row) for row in zip(*read, strict=True)] == cells[1:]


def _is_whole_unquoted(text: str, format_: dict[str, Any]) -> bool:
    """Whether single quotes may as well be apostrophes, since without them it is a table too."""
    lines = io.StringIO(text, newline="")
    plain = list(csv.reader(lines, delimiter=format_["delimiter"], quoting=csv.QUOTE_NONE))
    quoted = any(re.fullmatch("'.*'", cell, re.DOTALL) for row in plain for cell in row)
    return not quoted and len(set(map(len, plain))) == 1


FORMATS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t|"),
        "quotechar": st.sampled_from("\"'"),
        "lineterminator": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    }
)


@given(tables(), FORMATS)
def test_what_csv_writes_is_read(cells: list[list[str]], format_: dict[str, Any]) -> None:
    _survives(cells, format_)


@pytest.mark.long
@settings(max_examples=2000)
@given(tables(), FORMATS)
def test_what_csv_writes_is_read_of_many(cells: list[list[str]], format_: dict[str, Any]) -> None:
    _survives(cells, format_)


@given(st.text(max_size=200))
@example('"')
@example('a,b\n"')
@example("sep=,")
@example("sep=;\n\n")
@example("#\n#")
@example("\x1f\n\x1f")
def test_any_text_has_a_dialect_or_no_line(text: str) -> None:
    try:
        dialect = dialect_of(text)
    except NoDialectError:
        return
    assert all(dialect.names)


# --- What is left open -------------------------------------------------------------------------


def test_blank_text_has_none() -> None:
    for text in ("", " \n", "\n\r\n"):
        with pytest.raises(NoDialectError):
            dialect_of(text)


def test_words_are_one_column_and_numbers_are_no_names() -> None:
    assert dialect_of("first second\na b\n").delimiter == ONE_COLUMN
    assert dialect_of("10,20\n1,2\n3,4\n").header is False


def test_numbers_that_count_up_are_names() -> None:
    assert dialect_of("2019,2020\n5,7\n8,9\n").names == ("2019", "2020")
    assert dialect_of(",0,1\n0,5,7\n1,8,9\n").names == ("column_0", "0", "1")


def test_it_says_what_delimits() -> None:
    assert "';'" in str(dialect_of("a;b\n1;2\n"))
    assert "tabs" in str(dialect_of("a\tb\n1\t2\n"))
    assert "no delimiter" in str(dialect_of("a\n1\n"))


def test_lines_wider_than_the_head() -> None:
    names = [f"a_column_of_number_{place}" for place in range(3_000)]
    rows = [[str(place) for place in range(3_000)]] * 30
    text = "\n".join(";".join(row) for row in [names, *rows])
    with open_delimited(io.BytesIO(text.encode())) as reader:
        assert reader.names == names
        assert sum(batch.num_rows for batch in reader) == 30
