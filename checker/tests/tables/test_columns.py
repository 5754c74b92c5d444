"""Columns of reference and batch, as they are read."""

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

from drift_checker.errors import BadReferenceError
from drift_checker.tables import (
    Batch,
    ColumnReading,
    MismatchError,
    ReadColumns,
    ReadingSettings,
    as_numpy,
    encode_categories,
    from_frame,
    infer_readings,
    is_text,
    kind_of,
    read_batch,
    to_floats,
    valid_mask,
)

TEXTS = st.lists(st.none() | st.text(max_size=3), max_size=30)


def array(values: list[Any], type_: pa.DataType | None = None) -> pa.Array[Any]:
    return pa.array(values, type_)


def as_text(values: list[Any]) -> Batch:
    """Return a batch of CSV with a column `x` of these values."""
    return read_batch(as_csv(pa.table({"x": array(values, pa.string()), "y": [1] * len(values)})))


def reading_of(reference: Batch, name: str = "x", **settings: Any) -> ColumnReading:
    return infer_readings(reference, ReadingSettings(**settings))[name]


def read(reading: ColumnReading, batch: Batch) -> pa.Array[Any]:
    return ReadColumns.of(batch).read(reading)


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
        ("categorical", [pa.dictionary(pa.int32(), pa.int64()), pa.uuid(), pa.bool8()]),
        ("timestamp", [pa.timestamp("us"), pa.timestamp("s", "UTC"), pa.date32(), pa.time64("us")]),
        (
            "timestamp",
            [pa.dictionary(pa.int8(), pa.timestamp("ns")), pa.dictionary(pa.int8(), pa.date32())],
        ),
        ("vector", [pa.list_(pa.int8()), pa.list_(pa.float32(), 3), pa.large_list(pa.float64())]),
        ("other", [pa.binary(), pa.list_(pa.string()), pa.struct([("a", pa.int8())]), pa.null()]),
        ("other", [pa.month_day_nano_interval(), pa.binary_view(), pa.json_()]),
        ("numeric", [pa.run_end_encoded(pa.int32(), pa.float32()), pa.opaque(pa.int8(), "a", "b")]),
    ],
)
def test_kinds(kind: str, types: list[pa.DataType]) -> None:
    assert {kind_of(type_) for type_ in types} == {kind}


def test_text_is_every_type_of_text() -> None:
    assert all(map(is_text, (pa.string(), pa.large_string(), pa.string_view())))
    assert not is_text(pa.binary())


@pytest.mark.parametrize(
    ("texts", "kind", "parse"),
    [
        (["1", "2", None], "numeric", "numbers"),
        (["1", "2.5"], "numeric", "numbers"),
        (["1", "NA", " nan "], "numeric", "numbers"),
        (["1,5", "2,25"], "numeric", "numbers with decimal comma"),
        (["12.5%", "7 %"], "numeric", "percentages"),
        (["1", "?", "3"], "numeric", "numbers"),
        (["true", "false"], "categorical", ""),
        (["2026-01-01", "2026-01-02 03:04"], "timestamp", "dates, ISO 8601"),
        (["2026-01-01T00:00:00Z"], "timestamp", "dates, ISO 8601, with a zone"),
        (["31/12/2025", "01/02/2026"], "timestamp", "dates, day first"),
        (["1", "x"], "categorical", ""),
        (["0x1f", "0x2a"], "categorical", ""),
        (["01067", "50667"], "categorical", ""),
        ([None, None], "categorical", ""),
        (["NA", "NA"], "categorical", ""),
    ],
)
def test_a_column_of_csv_is_what_all_of_its_values_are(
    texts: list[str | None], kind: str, parse: str
) -> None:
    reading = reading_of(as_text(texts))
    assert (reading.kind, reading.form_words) == (kind, parse)


def test_typed_text_is_a_number_only_where_it_has_fractions() -> None:
    batch = read_batch(b'[{"x": "1", "price": "1.50", "day": "2026-01-01"}]')
    kinds = {name: each.kind for name, each in infer_readings(batch, ReadingSettings()).items()}
    assert kinds == {"x": "categorical", "price": "numeric", "day": "timestamp"}


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
    reading = ColumnReading(name="x", source="x", kind=kind_of(type_), type=type_)
    if fault is None:
        values = reading.read(column, untyped=untyped)
        assert len(values) == len(column)
        assert pa.types.is_null(values.type) or kind_of(values.type) == kind_of(type_)
    else:
        with pytest.raises(MismatchError) as raised:
            reading.read(column, untyped=untyped)
        assert raised.value.fault == fault


def test_values_of_several_types_are_told_by_an_example_of_each() -> None:
    batch = read_batch(b'[{"x": 1}, {"x": "a"}, {"x": 2}]')
    reading = reading_of(from_frame(pa.table({"x": [1.0, 2.0]})))
    with pytest.raises(MismatchError, match='number such as 1, text such as "a"') as raised:
        read(reading, batch)
    assert raised.value.fault == "mixed_types"


def test_a_reference_of_several_types_is_refused_by_the_name_of_the_column() -> None:
    batch = read_batch(b'[{"tariff": 1}, {"tariff": "a"}]')
    with pytest.raises(BadReferenceError, match="'tariff'"):
        infer_readings(batch, ReadingSettings())
    ignored = infer_readings(batch, ReadingSettings(ignored=frozenset({"tariff"})))
    assert ignored["tariff"].kind == "other"


VALUES = {
    "whole": ([3, 1, None, 2], [pa.int8(), pa.uint64(), pa.decimal128(20), pa.float64()]),
    "fractions": (
        [0.1, 2.7, None, -3.2],
        [pa.float64(), pa.float32(), pa.decimal128(9, 1), pa.decimal64(9, 1)],
    ),
    "text": (
        ["a", "b", None, "a"],
        [
            pa.string(),
            pa.large_string(),
            pa.string_view(),
            pa.dictionary(pa.int8(), pa.string()),
            pa.dictionary(pa.int32(), pa.large_string()),
        ],
    ),
    "moments": (
        [timedelta(days=1), None, timedelta(days=900)],
        [pa.timestamp("s"), pa.timestamp("ns", "Asia/Tokyo"), pa.date32(), pa.date64()],
    ),
    "spans": (
        [timedelta(seconds=3), None, timedelta(hours=1)],
        [pa.duration("s"), pa.duration("ms"), pa.duration("ns")],
    ),
}


def stored(values: list[Any], type_: pa.DataType) -> pa.Array[Any]:
    """Return values as a type stores them, moments given as the time since 1970."""
    if kind_of(type_) == "timestamp":
        seconds = [None if each is None else int(each.total_seconds()) for each in values]
        whole = array(seconds, pa.int64()).cast(pa.timestamp("s"))
        return (
            whole.cast(pa.timestamp(type_.unit)).cast(type_)
            if pa.types.is_timestamp(type_)
            else whole.cast(type_)
        )
    if pa.types.is_decimal(type_):
        exact = [None if each is None else Decimal(str(each)) for each in values]
        return array(exact, pa.decimal128(20, type_.scale)).cast(type_)
    if pa.types.is_dictionary(type_):
        return array(values, type_.value_type).dictionary_encode().cast(type_)
    return array(values, type_)


@pytest.mark.parametrize("what", VALUES)
def test_the_same_values_are_the_same_however_they_are_stored(what: str) -> None:
    values, types = VALUES[what]
    for before in types:
        reading = reading_of(from_frame(pa.table({"x": stored(values, before)})))
        expected = read(reading, from_frame(pa.table({"x": stored(values, before)})))
        for after in types:
            found = read(reading, from_frame(pa.table({"x": stored(values, after)})))
            if reading.kind == "numeric":
                np.testing.assert_array_equal(to_floats(found), to_floats(expected))
            else:
                assert found.to_pylist() == expected.to_pylist()


def test_a_dictionary_of_numbers_is_categories_and_so_is_what_comes_for_them() -> None:
    codes = [1, 2, None, 1] * 20
    dictionary = array(codes).dictionary_encode()
    reading = reading_of(from_frame(pa.table({"x": dictionary})))
    expected = [None if code is None else str(code) for code in codes]
    assert reading.kind == "categorical"
    for column in (dictionary, array(codes), array(codes, pa.float64()), array(codes, pa.int8())):
        assert read(reading, from_frame(pa.table({"x": column}))).to_pylist() == expected
    for texts in (expected, [each and f"{each}.0" for each in expected]):
        assert read(reading, as_text(texts)).to_pylist() == expected


def test_what_is_declared_goes_before_what_a_column_looks_like() -> None:
    codes = from_frame(pa.table({"x": list(range(60))}))
    assert reading_of(codes).untested.startswith("looks like a counter of rows")
    assert "`columns.kinds: {x: numeric}`" in reading_of(codes).untested
    assert not reading_of(codes, kinds={"x": "numeric"}).untested
    assert reading_of(codes, kinds={"x": "categorical"}).kind == "categorical"
    with pytest.raises(BadReferenceError, match=r"'x' is declared numeric.*'b'"):
        reading_of(as_text(["1", "b"]), kinds={"x": "numeric"})
    assert reading_of(as_text(["1", "b"]), kinds={"x": "numeric"}, missing=("b",)).kind == "numeric"


def test_what_stands_for_no_value_is_none_in_text_and_in_numbers() -> None:
    reading = reading_of(as_text(["1", "-999", "2.5"]), missing=("-999", "unknown"))
    assert read(reading, as_text(["unknown", "3", "-999"])).to_pylist() == [None, 3, None]
    numbers = from_frame(pa.table({"x": [1.0, -999.0]}))
    assert read(reading_of(numbers, missing=("-999",)), numbers).to_pylist() == [1, None]


def test_markers_among_values_of_another_type_are_no_values() -> None:
    mixed = read_batch(b'[{"x": 1}, {"x": "NA"}, {"x": 3}]')
    reading = reading_of(mixed, missing=("NA",))
    assert (reading.kind, read(reading, mixed).to_pylist()) == ("numeric", [1, None, 3])
    with pytest.raises(BadReferenceError, match=r"number such as 1, text such as \"NA\".*columns"):
        reading_of(mixed, missing=("?",))


CODES = [1, 2, 3]


@pytest.mark.parametrize(
    "reference", [as_text(["1", "2", "3"]), read_batch(b'[{"x": 1}, {"x": "2"}, {"x": 3}]')]
)
@pytest.mark.parametrize(
    "batch",
    [
        as_text(["1", "2", "3"]),
        as_text(["1.0", "2.0", "3.0"]),
        *(
            from_frame(pa.table({"x": array(CODES).cast(type_)}))
            for type_ in (pa.int8(), pa.float32(), pa.float64(), pa.decimal128(30), pa.string())
        ),
        from_frame(pa.table({"x": array(CODES).dictionary_encode()})),
    ],
)
def test_codes_may_come_as_numbers_where_they_are_declared(reference: Batch, batch: Batch) -> None:
    reading = reading_of(reference, kinds={"x": "categorical"})
    assert (reading.kind, read(reading, batch).to_pylist()) == ("categorical", ["1", "2", "3"])


def test_codes_of_several_widths_lose_their_zeros_too() -> None:
    reading = reading_of(as_text(["007", "0171", "12"]))
    assert read(reading, as_text(["7", "171", "012"])).to_pylist() == ["7", "171", "012"]
    with pytest.raises(MismatchError, match="arrived as '7': leading zeros were lost") as raised:
        read(reading, from_frame(pa.table({"x": [7, 171, 12]})))
    assert raised.value.fault == "lost_zeros"


def test_codes_that_became_floats_have_lost_their_zeros() -> None:
    with pytest.raises(MismatchError, match=r"such as '7\.0': leading zeros were lost"):
        read(reading_of(as_text(["007", "171"])), as_text(["7.0", "171.0"]))


def test_text_is_rounded_to_the_width_of_the_reference() -> None:
    narrow = from_frame(pa.table({"x": array([0.1, 2.7, 0.3], pa.float32())}))
    expected = to_floats(read(reading_of(narrow), narrow))
    np.testing.assert_array_equal(
        to_floats(read(reading_of(narrow), as_text(["0.1", "2.7", "0.3"]))), expected
    )


def test_codes_that_lost_their_zeros_are_told_where_they_are_declared_or_ids() -> None:
    numbers = from_frame(pa.table({"x": [1, 2, 3]}))
    for settings in ({"kinds": {"x": "categorical"}}, {"identifiers": frozenset("x")}):
        reading = reading_of(as_text(["001", "002", "003"]), **settings)
        with pytest.raises(MismatchError, match="leading zeros were lost"):
            read(reading, numbers)


def test_booleans_of_text_are_booleans_where_they_are_declared_to_be_categories() -> None:
    reading = reading_of(as_text(["True", "False"]), kinds={"x": "categorical"})
    assert read(reading, from_frame(pa.table({"x": [True, False]}))).to_pylist() == [True, False]


def test_what_keeps_numbers_from_being_some_is_told() -> None:
    reading = reading_of(as_text(["1.5", "2.5", "void", "3"]))
    assert reading.kind == "categorical"
    assert "most of its values are numbers, and others are not, such as 'void'" in reading.why
    assert reading_of(as_text(["001", "002", "void"])).why == "stored as text"
    assert reading_of(as_text(["1.5", "2.5", "void"]), missing=("void",)).kind == "numeric"


@pytest.mark.parametrize("rows", [50, 72, 200, 3000])
def test_ids_of_text_are_known_in_tables_of_any_size(rows: int) -> None:
    reading = reading_of(as_text([f"k{row}" for row in range(rows)]))
    assert reading.untested.startswith("looks like an id")


def test_free_text_is_compared_as_such_where_it_is_the_target() -> None:
    texts = [f"the {word} is no {other}" for word in "abcdefgh" for other in "ijklmnopq"]
    readings = infer_readings(as_text(texts), ReadingSettings(tested=frozenset("x")))
    assert readings["x"].kind == "text"
    assert readings["x: words"].kind == "numeric"


def test_ids_keep_all_of_their_digits() -> None:
    ids = [10**25, 10**25 + 1]
    reference = from_frame(pa.table({"x": array(ids, pa.decimal128(38))}))
    reading = reading_of(reference, identifiers=frozenset("x"))
    for batch in (reference, as_text(list(map(str, ids)))):
        assert read(reading, batch).to_pylist() == list(map(str, ids))


@pytest.mark.parametrize(
    ("format_", "text"),
    [
        ("%d%m%Y", "17112026"),
        ("%y%m%d", "261117"),
        ("%d.%m.%Y kl. %H", "17.11.2026 kl. 0"),
        ("%G-W%V-%u", "2026-W47-2"),
        ("%Y/%m/%d %z", "2026/11/17 +0000"),
    ],
)
def test_dates_in_a_format_that_the_settings_name(format_: str, text: str) -> None:
    batch = as_text([text, None, "?"])
    reading = reading_of(batch, formats={"x": format_}, missing=("?",))
    assert (reading.kind, reading.form_words) == (
        "timestamp",
        f"dates as {format_}" + ", with a zone" * ("%z" in format_),
    )
    assert read(reading, batch).cast(pa.int64()).to_pylist() == [1_794_873_600_000_000, None, None]
    with pytest.raises(MismatchError):
        read(reading, as_text(["99999999"]))


def test_whole_numbers_in_a_format_that_the_settings_name() -> None:
    batch = from_frame(pa.table({"x": [261117, 261118]}))
    assert reading_of(batch, formats={"x": "%y%m%d"}).kind == "timestamp"


@pytest.mark.parametrize("format_", ["%d.%m.%Y", "decimal comma", "day first"])
def test_a_reference_that_is_not_written_as_said_is_refused(format_: str) -> None:
    with pytest.raises(BadReferenceError, match=r"formats: 'x' is said .*'1\.5'.*missing"):
        reading_of(as_text(["1.5", "2.25"]), formats={"x": format_})


def test_whole_numbers_of_typed_text_are_numbers_where_they_are_declared() -> None:
    batch = read_batch(b'[{"x": "12"}, {"x": "7"}]')
    assert reading_of(batch).kind == "categorical"
    assert read(reading_of(batch, kinds={"x": "numeric"}), batch).to_pylist() == [12, 7]


def test_ambiguous_numbers_follow_the_other_columns() -> None:
    table = {"x": ["12,345", "67,890"], "y": ["1,5", "2,75"]}
    readings = infer_readings(read_batch(as_csv(pa.table(table))), ReadingSettings())
    assert readings["x"].form_words == "numbers with decimal comma"
    given = infer_readings(
        as_text(["12,345", "67,890"]), ReadingSettings(formats={"x": "decimal comma"})
    )
    assert given["x"].form_words == "numbers with decimal comma"


@pytest.mark.parametrize("marker", ["NA", "?", "n/a", "-", "NULL"])
@pytest.mark.parametrize("numbers", [["1.5", "2"], ["2026-11-01", "2026-11-02"]])
def test_what_is_no_value_among_numbers_is_none_among_words(
    marker: str, numbers: list[str]
) -> None:
    table = {"x": [*numbers, marker], "sex": ["male", marker, "female"]}
    readings = infer_readings(read_batch(as_csv(pa.table(table))), ReadingSettings())
    arrived = read_batch(as_csv(pa.table({"x": numbers, "sex": ["female", f" {marker}"]})))
    assert read(readings["sex"], arrived).to_pylist() == ["female", None]
    assert repr(marker) in readings["sex"].why
    # Namibia's code, where its numbers are all there.
    named = infer_readings(
        read_batch(as_csv(pa.table({"x": [*numbers, numbers[0]], "sex": table["sex"]}))),
        ReadingSettings(),
    )
    assert read(named["sex"], arrived).to_pylist() == ["female", f" {marker}"]
    declared = infer_readings(
        read_batch(as_csv(pa.table(table))), ReadingSettings(kinds={"sex": "categorical"})
    )
    assert read(declared["sex"], arrived).to_pylist() == ["female", f" {marker}"]


def test_the_same_numbers_in_another_form_are_the_same() -> None:
    reading = reading_of(as_text(["1,5", "2,25", "1000,5"]))
    for texts in (["1.5", "1000.5"], ["1,5", "1.000,5"], [" 1,5", "1000,5 "]):
        assert read(reading, as_text(texts)).to_pylist() == [1.5, 1000.5]


def test_codes_that_lost_their_zeros_are_a_fault() -> None:
    reading = reading_of(as_text(["01067", "50667", "04109"]))
    assert read(reading, as_text(["04109"])).to_pylist() == ["04109"]
    for batch in (as_text(["4109", "50667"]), from_frame(pa.table({"x": [4109, 50667]}))):
        with pytest.raises(MismatchError, match="'4109': leading zeros were lost") as raised:
            read(reading, batch)
        assert raised.value.fault == "lost_zeros"


def test_times_that_end_beyond_what_can_be_stored_are_missing() -> None:
    far = array([2**31 - 1, 1], pa.date32())
    reading = reading_of(from_frame(pa.table({"x": far})))
    assert read(reading, from_frame(pa.table({"x": far}))).null_count == 1


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


def test_arrays_are_not_copied() -> None:
    column = array([1.0, 2.0, 3.0])
    assert as_numpy(column.slice(1)).tolist() == [2, 3]
    assert not as_numpy(column).flags.owndata
