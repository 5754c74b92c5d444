"""Columns of several files brought to one type, or told to be of several."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from drift_checker.result import Severity
from drift_checker.sources.united import (
    Part,
    SeveralTypesError,
    as_type,
    unite_schemas,
    unite_tables,
    unite_types,
)
from drift_checker.tables.batch import MIXED_TYPE

CATEGORIES = pa.dictionary(pa.int32(), pa.string())
NUMBERED = pa.dictionary(pa.int8(), pa.int64())


def united(*columns: Any, name: str = "x") -> tuple[pa.Table, list[Any]]:
    parts = {}
    for number, column in enumerate(columns):
        table = pa.table({name: column})
        parts[f"{number}.parquet"] = Part(table.schema, [table])
    table, faults = unite_tables(parts)
    return table, list(faults)


@pytest.mark.parametrize(
    ("types", "expected"),
    [
        ([pa.null(), pa.string()], pa.string()),
        ([pa.null(), pa.list_(pa.float32())], pa.list_(pa.float32())),
        ([pa.null(), pa.null()], pa.null()),
        ([pa.int32(), pa.int64()], pa.int64()),
        ([pa.uint8(), pa.uint32()], pa.uint32()),
        ([pa.uint32(), pa.int16()], pa.int64()),
        ([pa.uint64(), pa.int16()], pa.decimal128(20, 0)),
        ([pa.int64(), pa.float64()], pa.float64()),
        ([pa.int8(), pa.float32()], pa.float64()),
        ([pa.float32(), pa.float64()], pa.float64()),
        ([pa.float16(), pa.float32()], pa.float32()),
        ([pa.decimal128(10, 2), pa.decimal128(8, 4)], pa.decimal128(12, 4)),
        ([pa.decimal128(10, 2), pa.int32()], pa.decimal128(12, 2)),
        ([pa.decimal128(38, 2), pa.decimal128(38, 20)], pa.decimal256(56, 20)),
        ([pa.decimal128(10, 2), pa.float64()], pa.float64()),
        ([pa.string(), pa.large_string()], pa.large_string()),
        ([pa.string(), pa.string_view()], pa.string()),
        ([CATEGORIES, pa.string()], pa.string()),
        ([CATEGORIES, pa.dictionary(pa.int8(), pa.large_string())], pa.large_string()),
        ([CATEGORIES, CATEGORIES], CATEGORIES),
        ([pa.dictionary(pa.int32(), pa.null()), pa.int64()], pa.int64()),
        ([NUMBERED, pa.int64()], pa.dictionary(pa.int32(), pa.int64())),
        ([pa.run_end_encoded(pa.int32(), pa.string()), pa.string()], pa.string()),
        ([pa.binary(16), pa.binary()], pa.binary()),
        ([pa.uuid(), pa.binary(16)], pa.binary(16)),
        ([pa.date32(), pa.date64()], pa.date32()),
        ([pa.date32(), pa.timestamp("ns")], pa.timestamp("ns")),
        ([pa.timestamp("ms"), pa.timestamp("ns")], pa.timestamp("us")),
        ([pa.timestamp("ns", "UTC"), pa.timestamp("ns", "Europe/Oslo")], pa.timestamp("ns", "UTC")),
        ([pa.timestamp("us"), pa.timestamp("us", "Europe/Oslo")], pa.timestamp("us", "UTC")),
        ([pa.time32("s"), pa.time64("ns")], pa.time64("ns")),
        ([pa.duration("s"), pa.duration("ms")], pa.duration("ms")),
        ([pa.list_(pa.float32(), 3), pa.list_(pa.float64())], pa.list_(pa.float64())),
        ([pa.list_(pa.float32(), 3), pa.list_(pa.float32(), 4)], pa.list_(pa.float32())),
        (
            [pa.struct([("a", pa.int8())]), pa.struct([("a", pa.int64()), ("b", pa.string())])],
            pa.struct([("a", pa.int64()), ("b", pa.string())]),
        ),
    ],
)
def test_types_of_one_kind(types: list[pa.DataType], expected: pa.DataType) -> None:
    assert unite_types(types) == expected
    assert as_type(pa.chunked_array([pa.nulls(2, types[0])]), expected).type == expected
    if expected != CATEGORIES:
        assert unite_types(reversed(types)) == expected


@pytest.mark.parametrize(
    "types",
    [
        [pa.string(), pa.int64()],
        [pa.string(), pa.timestamp("us")],
        [pa.bool_(), pa.int8()],
        [pa.date32(), pa.int32()],
        [pa.date32(), pa.time32("s")],
        [CATEGORIES, pa.float64()],
        [pa.list_(pa.int8()), pa.list_(pa.string())],
        [pa.struct([("a", pa.int8())]), pa.struct([("a", pa.string())])],
        [pa.binary(), pa.string()],
    ],
)
def test_types_of_several_kinds(types: list[pa.DataType]) -> None:
    with pytest.raises(SeveralTypesError):
        unite_types(types)


@pytest.mark.parametrize(
    ("one", "other", "values"),
    [
        (pa.nulls(1), pa.array(["a"]), [None, "a"]),
        (pa.array([1], pa.int8()), pa.array([2.5]), [1, 2.5]),
        (pa.array([2**63], pa.uint64()), pa.array([-1]), [2**63, -1]),
        (pa.array([Decimal("1.25")]), pa.array([3], pa.int8()), [Decimal("1.25"), 3]),
        (pa.array(["a", "b"]).dictionary_encode(), pa.array(["c"], pa.string_view()), list("abc")),
        (pc.run_end_encode(pa.array(["a", "a"])), pa.array(["b"]), list("aab")),
        (
            pa.array([date(2026, 11, 23)]),
            pa.array([datetime(2026, 11, 23, 9, tzinfo=UTC)], pa.timestamp("ms", "Europe/Oslo")),
            [datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)],
        ),
        (
            pa.array([1_600_000_000_000_000_001]).cast(pa.timestamp("ns")),
            pa.array([datetime.fromisoformat("1700-01-01")], pa.timestamp("s")),
            [datetime.fromisoformat("2020-09-13T12:26:40"), datetime.fromisoformat("1700-01-01")],
        ),
        (pa.array([[1.0, 2.0]], pa.list_(pa.float32(), 2)), pa.array([[3.0]]), [[1, 2], [3]]),
        # A column without a value says nothing, whatever its writer took it for.
        (pa.nulls(1, pa.float64()), pa.array(["a"]), [None, "a"]),
        (pa.nulls(1, pa.float64()), pa.array([2**53 + 1]), [None, 2**53 + 1]),
        (pa.array(["a"]), pa.nulls(2, pa.int64()), ["a", None, None]),
    ],
)
def test_values_are_kept(one: Any, other: Any, values: list[Any]) -> None:
    table, faults = united(one, other)
    assert table["x"].to_pylist() == values
    assert not faults


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (pa.array(["a"]), pa.array([1.5]), "text in 0.parquet; double in 1.parquet"),
        (pa.array([True]), pa.array(["yes"]), "bool in 0.parquet; text in 1.parquet"),
        (pa.array([2**53 + 1]), pa.array([0.5]), "beyond 2^53"),
        (pa.array([10**30], pa.decimal256(40, 0)), pa.array(["x"]), "decimal256"),
        (pa.array([[1]]), pa.array([[["a"]]]), "list"),
        (
            pa.array([{"kind": "text", "json": "a"}], MIXED_TYPE),
            pa.array([1]),
            "several types in 0.parquet",
        ),
    ],
)
def test_what_cannot_be_united_is_left_out_and_told(one: Any, other: Any, said: str) -> None:
    parts = {}
    for number, column in enumerate((one, other)):
        table = pa.table({"x": column, "y": [number]})
        parts[f"{number}.parquet"] = Part(table.schema, [table])
    table, (fault,) = unite_tables(parts)
    assert table.column_names == ["y"]
    assert table["y"].to_pylist() == [0, 1]
    assert (fault.fault, fault.column, fault.severity) == ("mixed_types", "x", Severity.STRUCTURAL)
    assert said in fault.detail


def test_columns_are_in_the_order_of_the_first_file_that_has_them() -> None:
    schemas = {
        "a": pa.schema([("x", pa.int8()), ("y", pa.string())]),
        "b": pa.schema([("z", pa.bool_()), ("y", pa.string()), ("x", pa.int64())]),
        "c": pa.schema([("y", pa.string())]),
    }
    schema, faults = unite_schemas(schemas)
    assert schema == pa.schema([("x", pa.int64()), ("y", pa.string()), ("z", pa.bool_())])
    assert {(each.column, each.severity) for each in faults} == {
        ("x", Severity.NOTE),
        ("z", Severity.NOTE),
    }
    assert "1 of 3 files lack the column, where it is null: c" in faults[0].detail
    assert "a, c" in faults[1].detail
    assert unite_schemas(schemas, order=["z", "x", "y"])[0].names == ["z", "x", "y"]


def test_files_without_rows_have_no_say() -> None:
    rows = pa.table({"x": [1]})
    parts = {
        "a": Part(pa.schema([("x", pa.string()), ("w", pa.int8())])),
        "b": Part(rows.schema, [rows]),
    }
    table, faults = unite_tables(parts)
    assert (table.schema, faults) == (rows.schema, ())
    table, faults = unite_tables({"a": parts["a"]})
    assert (table.schema, faults) == (parts["a"].schema, ())
