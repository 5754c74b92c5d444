"""JSON in the shapes that tables are written in."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from samples import table

from drift_checker.errors import NoBatchError
from drift_checker.tables import read_batch
from drift_checker.tables.batch import MIXED_TYPE

CONTENT = table(30, seed=1)
RECORDS = [{"x": 1, "y": "a"}, {"x": 2, "y": "b"}]
COLUMNS = {"x": [1, 2], "y": ["a", "b"]}
FRAME = pd.DataFrame(COLUMNS)


def read(document: Any) -> dict[str, list[Any]]:
    data = document.encode() if isinstance(document, str) else json.dumps(document).encode()
    batch = read_batch(data)
    assert not batch.faults, batch.faults
    columns: dict[str, list[Any]] = batch.table.to_pydict()
    return columns


def column(*values: Any) -> Any:
    return read_batch(json.dumps([{"v": value} for value in values]).encode()).table["v"]


def error(data: str | bytes) -> str:
    data = data.encode() if isinstance(data, str) else data
    (fault,) = read_batch(data, "application/json").faults
    assert fault.fault == "unreadable"
    return fault.detail


LINES = "\n".join(map(json.dumps, RECORDS))
SHAPES = {
    "list": json.dumps(RECORDS),
    "pretty list": json.dumps(RECORDS, indent=2),
    "lines": LINES,
    "lines of Windows": LINES.replace("\n", "\r\n") + "\r\n",
    "blank lines": "\n\n" + LINES.replace("\n", "\n\n \n") + "\n",
    "values one after the other": "\n".join(json.dumps(one, indent=2) for one in RECORDS),
    "values one after the other in a line": LINES.replace("\n", ""),
    "a sequence of RFC 7464": "".join(f"\x1e{json.dumps(one)}\n" for one in RECORDS),
    "columns": json.dumps(COLUMNS),
    "pandas: columns": FRAME.to_json(),
    "pandas: index": FRAME.to_json(orient="index"),
    "pandas: records": FRAME.to_json(orient="records"),
    "pandas: lines": FRAME.to_json(orient="records", lines=True),
    "pandas: split": FRAME.to_json(orient="split"),
    "data": json.dumps({"data": RECORDS, "meta": {"page": 1}, "links": []}),
    "results": json.dumps({"count": 2, "next": None, "results": RECORDS}),
    "OData": json.dumps({"@odata.context": "…", "value": RECORDS}),
    "any other name": json.dumps({"orders": RECORDS, "total": 2}),
    "CKAN": json.dumps(
        {"success": True, "result": {"fields": [{"id": "x", "type": "int"}], "records": RECORDS}}
    ),
    "Trino": json.dumps(
        {
            "columns": [{"name": "x", "type": "bigint"}, {"name": "y", "type": "varchar"}],
            "data": [[1, "a"], [2, "b"]],
        }
    ),
    "an error beside": json.dumps({"error": None, "data": RECORDS}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_table_in_each_shape(shape: str) -> None:
    assert read(SHAPES[shape]) == COLUMNS


def test_a_table_of_pandas_has_its_index_too() -> None:
    assert read(FRAME.to_json(orient="table")) == {"index": [0, 1], **COLUMNS}


def test_one_object_is_one_record() -> None:
    assert read({"x": 1, "y": {"a": 2}}) == {"x": [1], "y": [b'{"a": 2}']}
    assert read('{"x": 1, "message": "fine"}') == {"x": [1], "message": ["fine"]}


def test_features_have_their_properties() -> None:
    feature = {"type": "Feature", "geometry": {"type": "Point"}, "properties": {"x": 1}}
    read_back = read({"type": "FeatureCollection", "features": [feature, feature]})
    assert read_back == {"x": [1, 1], "geometry": [b'{"type": "Point"}'] * 2}


def test_no_records_are_an_empty_table() -> None:
    for empty in ([], {"data": []}, {"columns": [], "index": [], "data": []}):
        assert read(empty) == {}
    assert read('{"x": [], "y": []}') == {"x": [], "y": []}


@pytest.mark.parametrize(
    ("document", "what"),
    [
        ({"detail": "Not Found"}, "Not Found"),
        ({"error": {"code": 500}, "id": 3}, "500"),
        ({"timestamp": "now", "status": 500, "error": "x", "path": "/"}, "500"),
        ({}, "no list of records"),
        ([1, 2], "a list of which the first value is a number"),
        ([[1, 2], [3, 4]], "a list of which the first value is a list"),
        ("text", "text"),
        (None, "null"),
        ({"a": RECORDS, "b": RECORDS}, "several lists of records: a, b"),
    ],
)
def test_what_holds_no_records_is_no_batch(document: Any, what: str) -> None:
    with pytest.raises(NoBatchError, match=what):
        read_batch(json.dumps(document).encode(), "application/json")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('{"x": 1}\n{"x": 2\n{"x": 3}\n', "line 2: Expecting ',' delimiter"),
        ('\n{"x": 1}\n\n{"x": 2', "line 4: Expecting"),
        ('{"x": 1}\n42\n', "line 2: expected a record, found a number"),
        ('{"x": 1}\n{"y": 1},\n', "line 2: Extra data at character 9"),
        ('[{"x": 1}, null]', "record 2: expected a record, found null"),
        ('[{"x": 1}, [2]]', "record 2: expected a record, found a list"),
        ('[{"x": 1}, {"x"', "Expecting ':' delimiter: line 1"),
        ("[{'x': 1}]", "Expecting property name enclosed in double quotes"),
        ('{"x": [1, 2], "y": [1]}', "columns differ in length: x has 2, y has 1"),
        ('{"columns": ["x"], "data": [[1], [1, 2]]}', "row 2: expected 1 values, found 2"),
        ('{\n"x": 1\n}\n{\n"x": \n}\n', "Expecting value: line 6"),
        ("[" * 100_000, "recursion"),
        ("[" + "9" * 5000 + "]", "4300 digits"),
    ],
)
def test_what_is_broken_is_named_with_its_line(text: str, what: str) -> None:
    assert what in error(text)
    assert "JSON" in error(text)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1e"])
def test_only_a_line_feed_ends_a_line(separator: str) -> None:
    text = f"one{separator}two"
    lines = [json.dumps({"x": text}, ensure_ascii=separator < " ") for _ in range(3)]
    assert read("\n".join(lines)) == {"x": [text] * 3}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"]
)
@pytest.mark.parametrize("shape", ["list", "lines", "columns"])
def test_every_encoding_of_unicode(shape: str, encoding: str) -> None:
    text = SHAPES[shape].replace('"a"', '"ä𝄞"')
    assert read_batch(text.encode(encoding)).table["y"].to_pylist() == ["ä𝄞", "b"]


def test_lone_surrogates_are_replaced_wherever_they_stand() -> None:
    escaped = rb'[{"x": "a\ud800b", "n\udc00": 1}, {"x": "\ud83d\ude00"}, {"x": null}]'
    in_bytes = (
        b'[{"x": "a\xed\xa0\x80b", "n\xed\xb0\x80": 1}, {"x": "\xf0\x9f\x98\x80"}, {"x": null}]'
    )
    for data in (escaped, in_bytes):
        columns = read_batch(data).table.to_pydict()
        assert columns == {"x": ["a\ufffdb", "😀", None], "n\ufffd": [1, None, None]}
    mixed = read_batch(rb'[{"x": "\ud800"}, {"x": 1}]').table["x"]
    assert mixed.type == MIXED_TYPE
    nested = read_batch(rb'[{"x": ["\ud800"]}]').table["x"]
    assert nested.to_pylist() == [rb'["\ud800"]']


def test_names_that_are_equal_once_replaced_are_duplicates() -> None:
    batch = read_batch(rb'[{"\ud800": 1, "\ud801": 2, "x": 3}]')
    assert batch.names == ["x"]
    assert batch.faults[0].fault == "duplicate_column"


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        ([1, 2**53 + 1, None], pa.int64()),
        ([0, 2**64 - 1], pa.uint64()),
        ([-1, 2**64 - 1], pa.decimal128(38)),
        ([2**127], pa.decimal256(76)),
        ([10**80], pa.string()),
        ([1, 0.5], pa.float64()),
        ([1.0, 2.0], pa.float64()),
        ([2**53 + 1, float("nan")], pa.int64()),
        ([float("nan"), None], pa.float64()),
        ([float("inf"), -float("inf"), 1], pa.float64()),
        ([[1, 2.5], [], None, [None, 3]], pa.list_(pa.float64())),
        ([[1, "a"]], pa.binary()),
        ([[True]], pa.binary()),
        ([[[1.0]]], pa.binary()),
        ([[], None], pa.binary()),
        ([[1.0], {"a": 1}], pa.binary()),
        ([[1.0], 2.0], MIXED_TYPE),
        ([True, 1], MIXED_TYPE),
        (["1", 1], MIXED_TYPE),
        ([None], pa.null()),
    ],
)
def test_the_type_of_a_column(values: list[Any], type_: pa.DataType) -> None:
    read_back = column(*values)
    assert read_back.type == type_
    read_back.validate(full=True)


def test_values_are_what_they_were() -> None:
    assert column(2**53 + 1, None, float("nan")).to_pylist() == [2**53 + 1, None, None]
    assert column(2**64 - 1, None, -1).to_pylist() == [2**64 - 1, None, -1]
    assert column(2**64, None, 0.5).to_pylist() == [2.0**64, None, 0.5]
    assert column(*[True, None, False]).to_pylist() == [True, None, False]
    assert column([1, 2.5], None, [None, 3]).to_pylist() == [[1.0, 2.5], None, [None, 3.0]]
