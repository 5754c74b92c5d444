"""Delimited text as columns: the same whole and in blocks, and errors that name the line."""

from __future__ import annotations

import gzip
import io
from contextlib import suppress
from pathlib import Path
from typing import cast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.tables import UnreadableError
from drift_checker.tables.delimited import open_delimited, read_delimited
from drift_checker.tables.encoding import BLOCK_BYTES, Readable

ROWS = 70_000
LARGE = "id;town;amount\n" + "".join(f"{n};Köln {n % 7};{n % 100},5\n" for n in range(ROWS))
BLOCK = 1 << 18
"""Of which these have some; those of a command are larger."""


def whole(source: Path | Readable, block_bytes: int = BLOCK_BYTES) -> pa.Table:
    with open_delimited(source, block_bytes=block_bytes) as reader:
        return pa.Table.from_batches(list(reader), reader.schema)


def test_blank_text_is_a_table_without_columns() -> None:
    for data in (b"", b"\n \n", b"\xef\xbb\xbf"):
        assert read_delimited(data).num_columns == 0


def test_an_empty_field_and_the_null_of_sql_are_null() -> None:
    table = read_delimited(b'a,b\n1,""\n,x\n\\N,y\n')
    assert table.to_pydict() == {"a": ["1", None, None], "b": [None, "x", "y"]}
    table = read_delimited(b'a,b\n1,"x\\"y, z"\n2,\\N\n')
    assert table.to_pydict() == {"a": ["1", "2"], "b": ['x"y, z', None]}


def test_lines_of_nothing_but_spaces_are_no_rows() -> None:
    assert read_delimited(b"a,b\n1,2\n  \n3,4\n\x1a").num_rows == 2
    assert read_delimited(b"# c\na,b\n1,2\n  \n# d\n3,4\n\x1a").num_rows == 2


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
def test_blocks_hold_what_the_whole_holds(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(LARGE.encode(encoding))
    with open_delimited(path, block_bytes=BLOCK) as reader:
        batches = list(reader)
    assert len(batches) > 1
    table = pa.Table.from_batches(batches)
    assert table.num_rows == ROWS
    assert table.column("town")[ROWS - 1].as_py() == f"Köln {(ROWS - 1) % 7}"
    assert table.combine_chunks().equals(read_delimited(LARGE.encode()).combine_chunks())


def test_a_compressed_stream_is_read_as_it_comes() -> None:
    data = gzip.compress(LARGE.encode(), 1, mtime=0)
    assert whole(gzip.GzipFile(fileobj=io.BytesIO(data)), BLOCK).num_rows == ROWS
    with pa.CompressedInputStream(io.BytesIO(data), "gzip") as stream:
        assert whole(cast("Readable", stream), BLOCK).num_rows == ROWS


def test_what_arrow_has_no_options_for_is_read_in_blocks_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("drift_checker.tables.delimited._CELLS", 1000)
    rows = 2100
    text = "a  b\n" + "".join(f"{n}   x{n}\n" for n in range(rows))
    table = read_delimited(text.encode())
    assert table.num_rows == rows
    assert table.slice(rows - 1).to_pydict() == {"a": [str(rows - 1)], "b": [f"x{rows - 1}"]}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x,y\n1,2\n3,4,5\n", r"line 3 has 3 fields where 2 are expected \(the delimiter is ','"),
        (b"x;y;\n1;2;\n3;\n", "line 3 has 2 fields where 3 are expected"),
        (b"x,y\n1,2\n\n\n3\n", "line 5 has 1 field where 2 are expected"),
        (b'x,y\n1,"a\nb"\n1,2\n3,4,5\n', "line 5 has 3 fields"),
        (b"# c\nx,y\n1,2\n# d\n3\n", "line 5 has 1 field where"),
        (b"x  y\n1  2\n1  2\n3  4  5\n", "line 4 has 3 fields where 2 .* spaces"),
        (b"x,y\n1,2\n3,4\n5;6\n", "line 4 has 1 field"),
        (b"x,y\n" + b"1,2\n" * 300 + b"1;2\n" * 300, "line 302 has 1 field"),
        (b"x;y\n" + b"1;2\n" * 300 + b"1,2\n" * 300, "line 302 has 1 field"),
        (b"x,y\n1,2,3\n4,5,6\n", "line 2 has 3 fields where 2"),
        (b'x,y\n1,2\n3,"4\n5,6\n', "in line 3 a quote .* not closed"),
        (b'x,y\n1,2\n3,"4\n5,6\n7,"8"\n', "in line 3 a quote .* not closed"),
        (b'x,y\n1,2\n"3,4\n', "in line 3 a quote .* not closed"),
        (b'x,y\n1,2\n3,"4', "in line 3 a quote .* not closed"),
        (b'# c\nx,y\n1,2\n3,"4\n5,6\n', "in line 4 a quote .* not closed"),
        (b"x,y\n" + b"1,2\n" * 50_000 + b'3,"4\n5,6\n', "in line 50002 a quote .* not closed"),
        (b'x,y\n1,2\n3,"4\n' + b"5,6\n" * 50_000, "in line 3 a quote .* not closed"),
        pytest.param(
            b'x,y\n3,"4\n' + b"5,6\n" * 6_500_000, "a quote .*not closed", marks=pytest.mark.long
        ),
        (b"x,y\n" + b"1,2\n" * 50_000 + b"3,4,5\n", "line 50002 has 3 fields"),
        pytest.param(
            b"x,y\n" + b"1,2\n" * 3_000_000 + b"3,4,5\n",
            "line 3000002 has 3 fields",
            marks=pytest.mark.long,
        ),
        (b"x,y\n1,a\0b\n", "line 2 has a NUL byte"),
        (b"x,y\n1,\xff\xfe\n", "line 2 has the byte 0xFF, .* save the file as UTF-8"),
        (b"x,y\r1,2\r3\r", "line 3 has 1 field"),
        (b"x\n" + b"y" * (40 << 20), "more than 8 MB"),
    ],
    ids=range(24),
)
def test_what_is_broken_is_told_with_its_line(data: bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=f"The CSV file cannot be read: .*{message}"):
        read_delimited(data)
    with pytest.raises(UnreadableError, match=message):
        whole(io.BytesIO(data))


def test_values_where_names_are_expected() -> None:
    table = read_delimited(b"1,2.5\n7,3.5\n")
    assert table.column_names == ["column_0", "column_1"]
    assert table.num_rows == 2


def test_a_value_behind_the_last_delimiter_has_no_name() -> None:
    data = b"a,b\n" + b"1,2,\n" * 20_000
    assert read_delimited(data).num_rows == 20_000
    with pytest.raises(UnreadableError, match="behind the last delimiter"):
        read_delimited(data + b"1,2,3\n")


def test_a_file_is_closed(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n\xff\xff,\n")
    for _ in range(2):  # an unclosed file is a warning, and so an error
        with pytest.raises(UnreadableError):
            open_delimited(tmp_path / "t.csv")


@given(st.binary(max_size=300) | st.text("ab1,;\"'\n\r\t #\\ ", max_size=300).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with suppress(UnreadableError):
        read_delimited(data).validate(full=True)
