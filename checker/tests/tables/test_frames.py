"""Data frames of any library as tables."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.errors import UsageError
from drift_checker.tables import from_frame
from drift_checker.tables.batch import MIXED_TYPE, foreign_name, foreign_type

DAY, NOON = dt.date(2026, 1, 1), dt.datetime(2026, 1, 1, 12)  # noqa: DTZ001  as frames have them


def column(values: Any) -> Any:
    return from_frame(pd.DataFrame({"v": values})).table["v"].combine_chunks()


@pytest.mark.parametrize(
    ("series", "type_", "values"),
    [
        (pd.Series([1, None], dtype="Int64"), pa.int64(), [1, None]),
        (pd.Series([1, None], dtype="int64[pyarrow]"), pa.int64(), [1, None]),
        (pd.Series([True, None], dtype="boolean"), pa.bool_(), [True, None]),
        (pd.Series([1.5, np.nan], dtype="float32"), pa.float32(), [1.5, None]),
        (pd.Series([0, 0, 1], dtype=pd.SparseDtype("int64", 0)), pa.int64(), [0, 0, 1]),
        (pd.Series([1.5, np.nan], dtype=pd.SparseDtype("float")), pa.float64(), [1.5, None]),
        (pd.Series(np.array([1.5], np.longdouble)), pa.float64(), [1.5]),
        (pd.Series([2**70, 1]), pa.decimal128(38), [2**70, 1]),
        (pd.Series([2**64 - 1, None], dtype=object), pa.uint64(), [2**64 - 1, None]),
        (pd.Series([Decimal("1.5"), 2.5, 1]), pa.float64(), [1.5, 2.5, 1]),
        (pd.Series([Decimal("1.5"), 2]), pa.decimal128(2, 1), [Decimal("1.5"), Decimal(2)]),
        (pd.Series([DAY, NOON, None]), pa.timestamp("us"), [dt.datetime(2026, 1, 1), NOON, None]),  # noqa: DTZ001
        (pd.Series([pd.NaT, DAY], dtype=object), pa.date32(), [None, DAY]),
        (pd.Series(["a", np.nan, pd.NA, None], dtype=object), pa.string(), ["a", None, None, None]),
        (pd.Series(["\ud800x"], dtype=object), pa.string(), ["\ufffdx"]),
        (pd.Series([np.array([1.0, 2.0]), None]), pa.list_(pa.float64()), [[1.0, 2.0], None]),
        (pd.Series([np.int64(1), "a"], dtype=object), MIXED_TYPE, None),
        (pd.Series([1, "a"], dtype=object), MIXED_TYPE, None),
        (pd.Series([DAY, "a"], dtype=object), MIXED_TYPE, None),
        (pd.Series([b"x", "a"], dtype=object), MIXED_TYPE, None),
        (pd.Series([1 + 2j, np.nan]), foreign_type("complex"), None),
        (pd.Series([object(), None]), foreign_type("object"), None),
        (pd.Series([None, None], dtype=object), pa.null(), [None, None]),
        (pd.interval_range(0, 2).to_series(), pa.large_string(), ["(0, 1]", "(1, 2]"]),
    ],
)
def test_a_column_of_pandas(series: Any, type_: pa.DataType, values: list[Any] | None) -> None:
    read = column(series)
    assert read.type == type_
    read.validate(full=True)
    assert read.null_count == int(series.isna().sum())
    if values is not None:
        assert read.to_pylist() == values


@pytest.mark.parametrize(
    ("values", "type_", "expected"),
    [
        (pd.cut([1, 2, 3, np.nan], [0, 2, 4]), pa.string(), ["(0, 2]", "(0, 2]", "(2, 4]", None]),
        (pd.Categorical(["b", "a", None]), pa.string(), ["b", "a", None]),
        (pd.Categorical([3, 1, 3]), pa.int64(), [3, 1, 3]),
        (pd.Categorical([DAY]), pa.date32(), [DAY]),
        (pd.Categorical([(1, 2), (3, 4)]), pa.string(), ["(1, 2)", "(3, 4)"]),
        (pd.Categorical([1, "a"]), pa.string(), ["1", "a"]),
        (pd.Categorical([True, None]), pa.bool_(), [True, None]),
        (pd.Categorical([None]), pa.float64(), [None]),
    ],
)
def test_categories_of_pandas(values: Any, type_: pa.DataType, expected: list[Any]) -> None:
    read = column(values)
    assert pa.types.is_dictionary(read.type)
    assert read.type.value_type in {type_, pa.large_string() if type_ == pa.string() else type_}
    assert read.to_pylist() == expected


def test_periods_are_the_time_of_their_start() -> None:
    read = column(pd.period_range("2026-01", periods=2, freq="M"))
    assert pa.types.is_timestamp(read.type)
    assert str(read[1])[:10] == "2026-02-01"


def test_names_of_any_type() -> None:
    names = pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    batch = from_frame(pd.DataFrame([[1, 2]], columns=names))
    assert batch.names == ["('a', 1)", "('a', 2)"]
    batch = from_frame(pd.DataFrame([[1, 2, 3, 4]], columns=[0, None, "\ud800", DAY]))
    assert batch.names == ["0", "None", "\ufffd", "2026-01-01"]
    batch = from_frame(pd.DataFrame([[1, 2, 3]], columns=["a", "a", "b"]))
    assert (batch.names, batch.faults[0].column) == (["b"], "a")
    batch = from_frame(pd.DataFrame([[1, 2, 3]], columns=[1, "1", "b"]))
    assert (batch.names, batch.faults[0].column) == (["b"], "1")
    assert from_frame(pd.DataFrame()).names == []
    assert from_frame(pd.DataFrame({"x": []})).rows == 0


def test_what_arrow_does_not_have_is_named() -> None:
    type_ = column(pd.Series([1 + 2j])).type
    assert foreign_name(type_) == "complex"
    assert foreign_name(pa.struct([("a", pa.int64())])) is None
    assert foreign_name(pa.int64()) is None


class _Interchange:
    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def __dataframe__(self, *arguments: Any, **options: Any) -> Any:
        return self._frame.__dataframe__(*arguments, **options)


class _Stream:
    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        return self._table.__arrow_c_stream__(requested_schema)


TABLE = pa.table({"x": [1, 2], "y": ["a", "b"]})
FRAMES: dict[str, Callable[[], Any]] = {
    "pandas": TABLE.to_pandas,
    "polars": lambda: pl.DataFrame(TABLE),
    "polars, lazy": lambda: pl.DataFrame(TABLE).lazy(),
    "DuckDB": lambda: duckdb.from_arrow(TABLE),
    "batch": lambda: TABLE.to_batches()[0],
    "reader": TABLE.to_reader,
    "stream": lambda: _Stream(TABLE),
    "interchange": lambda: _Interchange(TABLE),
    "mapping": TABLE.to_pydict,
    "mapping of arrays": lambda: {"x": np.array([1, 2]), "y": TABLE["y"]},
    "records": TABLE.to_pylist,
}


@pytest.mark.parametrize("kind", FRAMES)
def test_frames_of_every_kind(kind: str) -> None:
    batch = from_frame(FRAMES[kind]())
    assert batch.table.to_pydict() == TABLE.to_pydict()
    assert not batch.untyped
    assert len(batch.digest) == 64


def test_a_frame_of_polars_with_types_that_arrow_has_not() -> None:
    frame = pl.DataFrame({"i": pl.Series([2**70, None], dtype=pl.Int128), "x": ["a", "b"]})
    table = from_frame(frame).table
    assert table["i"].to_pylist() == [2**70, None]
    assert table["x"].to_pylist() == ["a", "b"]
    categories = pl.DataFrame({"c": pl.Series(["u", None], dtype=pl.Categorical)})
    assert from_frame(categories).table["c"].to_pylist() == ["u", None]


@pytest.mark.parametrize("nothing", [5, "x", None, np.zeros(3), object(), [1, 2], [[1]]])
def test_what_is_no_frame_is_wrong_usage(nothing: Any) -> None:
    with pytest.raises(UsageError, match="is no table"):
        from_frame(nothing)


def test_columns_of_different_lengths_are_wrong_usage() -> None:
    with pytest.raises(UsageError, match="x 2, y 1"):
        from_frame({"x": [1, 2], "y": [1]})


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(max_size=3),
    st.dates(), st.datetimes(), st.times(), st.timedeltas(), st.decimals(), st.fractions(),
    st.complex_numbers(), st.uuids(), st.lists(st.integers() | st.text(), max_size=2),
    st.dictionaries(st.text(), st.integers(), max_size=2), st.tuples(st.integers()),
    st.sets(st.integers(), max_size=2), st.characters(categories=["Cs"]),
    st.sampled_from([pd.NaT, pd.NA, np.float32(1), np.datetime64("2026-01-01"), pd.Interval(1, 2),
                     pd.Period("2026-01"), np.array([1, 2]), np.array(["a"]), object, len]),
)  # fmt: skip


@given(st.one_of(st.lists(VALUES), VALUES.flatmap(lambda one: st.lists(st.just(one) | st.none()))))
def test_objects_of_any_type_are_columns(values: list[Any]) -> None:
    series = pd.Series(values, dtype=object)
    read = column(series)
    assert len(read) == len(values)
    read.validate(full=True)
    assert len(from_frame({"v": values}).table) == len(values)
    assert len(from_frame([{"v": value} for value in values]).table) == len(values)
