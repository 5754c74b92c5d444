"""What is made of the bytes of a batch; what a comparison makes of it is told in `comparison/`."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from samples import as_csv, parquet, table

from drift_checker.errors import BadReferenceError, NoBatchError
from drift_checker.tables import (
    UNREADABLE,
    UnreadableError,
    as_reference,
    from_frame,
    raise_for_faults,
    read_batch,
    read_reference,
)
from drift_checker.tables.batch import MIXED_TYPE

CONTENT = table(50, seed=1)


def as_json(content: pa.Table) -> bytes:
    return json.dumps(content.to_pylist()).encode()


def as_json_lines(content: pa.Table) -> bytes:
    return "\n".join(json.dumps(row) for row in content.to_pylist()).encode()


@pytest.mark.parametrize("byte_order_mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("write", [as_json, as_json_lines, as_csv])
def test_text_is_read_with_and_without_a_byte_order_mark(
    write: Any, byte_order_mark: bytes
) -> None:
    batch = read_batch(byte_order_mark + write(CONTENT))
    assert batch.names == CONTENT.column_names
    assert batch.rows == CONTENT.num_rows
    assert batch.table["kind"].to_pylist() == CONTENT["kind"].to_pylist()
    assert batch.table["x"].cast(pa.float64()) == CONTENT["x"]
    assert batch.untyped == (write is as_csv)


def test_parquet_keeps_its_types() -> None:
    batch = read_batch(parquet(CONTENT))
    assert batch.table == CONTENT
    assert not batch.untyped


@pytest.mark.parametrize("content_type", [None, "text/csv", "application/json"])
def test_parquet_is_recognised_whatever_its_type_says(content_type: str | None) -> None:
    assert read_batch(parquet(CONTENT), content_type).table == CONTENT


def test_the_suffix_of_a_file_is_its_type(tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"no magic bytes")
    assert "Parquet" in read_batch(tmp_path / "broken.parquet").faults[0].detail
    (tmp_path / "broken.json").write_bytes(b"no brackets")
    assert "JSON" in read_batch(tmp_path / "broken.json").faults[0].detail


def test_the_digest_is_that_of_the_bytes_and_is_there_without_a_table(tmp_path: Path) -> None:
    for data in (as_csv(CONTENT), b"PAR1"):
        (tmp_path / "batch").write_bytes(data)
        assert read_batch(data).digest == sha256(data).hexdigest()
        assert read_batch(tmp_path / "batch").digest == sha256(data).hexdigest()


def test_what_cannot_be_read_is_a_table_without_columns_and_a_fault() -> None:
    batch = read_batch(b"PAR1")
    assert batch.unreadable
    assert (batch.names, batch.rows) == ([], 0)
    assert [fault.fault for fault in batch.faults] == [UNREADABLE]
    error = UnreadableError("why")
    assert (error.fault.fault, error.fault.detail) == (UNREADABLE, "why")


def test_a_name_of_several_columns_is_none_of_theirs() -> None:
    batch = read_batch(b"x,y,x,z,z\n1,2,3,4,5\n")
    assert batch.names == ["y"]
    assert [(fault.fault, fault.column) for fault in batch.faults] == [
        ("duplicate_column", "x"),
        ("duplicate_column", "z"),
    ]
    assert not batch.unreadable


def test_csv_is_text_with_nothing_for_null() -> None:
    batch = read_batch(b'a,b\n1,"two\nlines"\n,""\n')
    assert batch.table.to_pydict() == {"a": ["1", None], "b": ["two\nlines", None]}


@given(st.lists(st.none() | st.integers() | st.floats(allow_nan=False), min_size=1))
@example([10**400, -(10**400), 2**53 + 1, 0.5, None])
@example([10**400, -(10**400), 2**53 + 1, None])
@example([-(2**63), 2**63 - 1, None])
@example([2**64 - 1, 0])
@example([2**64, -1])
@example([10**76 - 1, None])
def test_numbers_in_json_are_what_python_reads(numbers: list[float | None]) -> None:
    table = read_batch(json.dumps([{"x": number} for number in numbers]).encode()).table
    values = table["x"].to_pylist()
    if any(isinstance(number, float) for number in numbers):
        assert values == [None if number is None else float(str(number)) for number in numbers]
    else:  # exact, whatever they are kept as
        assert [None if value is None else int(value) for value in values] == numbers


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        ([True, None, False], pa.bool_(), [True, None, False]),
        (["a", None, "b"], pa.string(), ["a", None, "b"]),
        ([[1], None, {"a": 2}], pa.binary(), [b"[1]", None, b'{"a": 2}']),
        ([None, None], pa.null(), [None, None]),
        (
            [1, "a", None],
            MIXED_TYPE,
            [
                {"kind": "number", "json": "1"},
                {"kind": "text", "json": '"a"'},
                {"kind": None, "json": None},
            ],
        ),
    ],
)
def test_values_in_json_are_of_the_type_of_them_all(
    values: list[Any], type_: pa.DataType, expected: list[Any]
) -> None:
    column = read_batch(json.dumps([{"x": value} for value in values]).encode()).table["x"]
    assert column.type == type_
    assert column.to_pylist() == expected


def test_a_record_without_a_name_has_null_there() -> None:
    table = read_batch(b'[{"a": 1}, {"b": "x"}]').table
    assert table.to_pydict() == {"a": [1, None], "b": [None, "x"]}


@pytest.mark.parametrize(
    "data", [b"\n<!DOCTYPE html><html>Bad gateway</html>", b'{"detail": "Not Found"}', b"42"]
)
def test_no_batch_at_all(data: bytes) -> None:
    with pytest.raises(NoBatchError):
        read_batch(data, "application/json")


def test_data_frames_are_read_as_what_they_hold() -> None:
    frame = pd.DataFrame({"x": [1.5, np.nan], "y": ["a", None], "mixed": [1, "a"]})
    batch = from_frame(frame)
    assert batch.table["x"].to_pylist() == [1.5, None]
    assert batch.table["y"].to_pylist() == ["a", None]
    assert batch.table["mixed"].type == MIXED_TYPE
    assert from_frame(CONTENT).table == CONTENT
    assert from_frame(CONTENT).digest == from_frame(CONTENT.slice(0)).digest
    assert from_frame(CONTENT).digest != from_frame(CONTENT.slice(1)).digest


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (b"", "no rows"),
        (b"x\n", "no rows"),
        (b"x,x\n1,2\n", "more than once"),
        (b"PAR1", "Parquet"),
        (b"<html>", "web page"),
    ],
)
def test_a_reference_has_to_be_sound(data: bytes, detail: str, tmp_path: Path) -> None:
    (tmp_path / "reference").write_bytes(data)
    with pytest.raises(BadReferenceError, match=detail):
        read_reference(tmp_path / "reference")


def test_a_reference_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadReferenceError, match="cannot be read"):
        read_reference(tmp_path / "nothing")


def test_a_sound_reference_is_what_was_read() -> None:
    batch = from_frame(CONTENT)
    assert as_reference(lambda: batch) is batch
    raise_for_faults(batch.faults)
