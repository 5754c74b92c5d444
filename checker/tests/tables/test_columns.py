"""Columns of a batch brought to the kinds of the reference's."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import as_csv

from drift_checker.tables import (
    MismatchError,
    as_numpy,
    batch_column,
    cast_to_kind,
    decode_dictionary,
    encode_categories,
    is_text,
    kind_of,
    parse_text,
    read_batch,
    reference_column,
    to_floats,
    valid_mask,
)

TEXTS = st.lists(st.none() | st.text(max_size=3), max_size=30)


def array(values: list[Any], type_: pa.DataType | None = None) -> pa.Array[Any]:
    return pa.array(values, type_)


@pytest.mark.parametrize(
    ("kind", "types"),
    [
        (
            "numeric",
            [pa.int8(), pa.uint64(), pa.float64(), pa.decimal128(9, 2), pa.duration("s")],
        ),
        (
            "categorical",
            [pa.string(), pa.string_view(), pa.bool_(), pa.dictionary(pa.int32(), pa.string())],
        ),
        ("timestamp", [pa.timestamp("us"), pa.timestamp("s", "UTC"), pa.date32(), pa.time64("us")]),
        ("other", [pa.binary(), pa.list_(pa.int8()), pa.struct([("a", pa.int8())]), pa.null()]),
    ],
)
def test_kinds(kind: str, types: list[pa.DataType]) -> None:
    assert {kind_of(type_) for type_ in types} == {kind}


def test_text_is_every_type_of_text() -> None:
    assert all(map(is_text, (pa.string(), pa.large_string(), pa.string_view())))
    assert not is_text(pa.binary())


@pytest.mark.parametrize(
    ("texts", "type_"),
    [
        (["1", "2", None], "int64"),
        (["1", "2.5"], "double"),
        (["1", "NA", " nan "], "int64"),
        (["true", "false"], "bool"),
        (["2026-01-01", "2026-01-02 03:04"], "timestamp[us]"),
        (["2026-01-01T00:00:00Z"], "timestamp[us, tz=UTC]"),
        (["1", "x"], "string"),
        ([None, None], "string"),
        (["NA", "NA"], "string"),
    ],
)
def test_the_type_of_a_reference_in_csv_is_that_of_all_its_values(
    texts: list[str | None], type_: str
) -> None:
    batch = read_batch(as_csv(pa.table({"x": array(texts, pa.string()), "y": [1] * len(texts)})))
    column = reference_column(batch, "x")
    assert str(column.type) == type_


def test_typed_text_is_a_number_no_more_than_it_says() -> None:
    batch = read_batch(b'[{"x": "1", "day": "2026-01-01"}]')
    assert reference_column(batch, "x").type == pa.string()
    assert reference_column(batch, "day").type == pa.timestamp("us")


@pytest.mark.parametrize(
    ("type_", "column", "untyped", "fault"),
    [
        (pa.int64(), array(["1", "2.5"]), True, None),
        (pa.int64(), array(["1", "x"]), True, "mixed_types"),
        (pa.int64(), array(["x", "y"]), True, "changed_type"),
        (pa.int64(), array(["1"]), False, "changed_type"),
        (pa.int64(), array([1.5]), False, None),
        (pa.int64(), array([True]), False, "changed_type"),
        (pa.int64(), array([None]), False, None),
        (pa.null(), array([1]), False, None),
        (pa.bool_(), array(["true"]), True, None),
        (pa.bool_(), array(["true"]), False, "changed_type"),
        (pa.string(), array([True]), False, "changed_type"),
        (pa.string(), array(["a"]), False, None),
        (pa.dictionary(pa.int8(), pa.string()), array(["a"]), False, None),
        (pa.timestamp("us"), array(["2026-01-01"]), False, None),
        (pa.timestamp("us"), array(["soon"]), False, "changed_type"),
        (pa.binary(), array(["a"]), True, "changed_type"),
    ],
)
def test_values_in_the_kind_of_a_type(
    type_: pa.DataType, column: pa.Array[Any], *, untyped: bool, fault: str | None
) -> None:
    if fault is None:
        cast = cast_to_kind(type_, column, untyped=untyped)
        assert len(cast) == len(column)
        assert (
            pa.types.is_null(column.type)
            or pa.types.is_null(type_)
            or (kind_of(cast.type) == kind_of(type_))
        )
    else:
        with pytest.raises(MismatchError) as raised:
            cast_to_kind(type_, column, untyped=untyped)
        assert raised.value.fault == fault


def test_values_of_several_types_are_told_by_an_example_of_each() -> None:
    batch = read_batch(b'[{"x": 1}, {"x": "a"}, {"x": 2}]')
    with pytest.raises(MismatchError, match='number such as 1, text such as "a"') as raised:
        batch_column(batch, "x", pa.float64())
    assert raised.value.fault == "mixed_types"


def test_text_that_is_not_of_a_type_is_none_of_it() -> None:
    assert parse_text(array(["1", "x"]), pa.int64()) is None
    numbers = parse_text(array(["1", "N/A", ""]), pa.int64())
    assert numbers is not None
    assert numbers.to_pylist() == [1, None, None]


@given(st.lists(st.none() | st.integers(-(2**53), 2**53), max_size=30))
def test_numbers_as_floats(values: list[int | None]) -> None:
    expected = [np.nan if value is None else float(value) for value in values]
    np.testing.assert_array_equal(to_floats(array(values, pa.int64())), expected)
    np.testing.assert_array_equal(valid_mask(array(values, pa.int64())), ~np.isnan(expected))


def test_decimals_and_durations_as_floats() -> None:
    assert to_floats(array([Decimal("1.25"), None])).tolist()[0] == 1.25
    assert to_floats(array([timedelta(seconds=2)], pa.duration("ms"))).tolist() == [2000]


@given(TEXTS, TEXTS)
def test_codes_stand_for_the_categories_of_both_columns(
    first: list[str | None], second: list[str | None]
) -> None:
    categories, codes = encode_categories(array(first, pa.string()), array(second, pa.string()))
    assert len(set(categories)) == len(categories)
    for values, column in zip((first, second), codes, strict=True):
        assert [None if code < 0 else categories[code] for code in column] == values


def test_dictionaries_are_the_values_that_they_stand_for() -> None:
    column = array(["a", None, "a"]).dictionary_encode()
    assert decode_dictionary(column).to_pylist() == ["a", None, "a"]
    assert decode_dictionary(decode_dictionary(column)).type == pa.string()


def test_arrays_are_not_copied() -> None:
    column = array([1.0, 2.0, 3.0])
    assert as_numpy(column.slice(1)).tolist() == [2, 3]
    assert not as_numpy(column).flags.owndata
