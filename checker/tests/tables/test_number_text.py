"""Numbers as people write them, read as numbers; codes, left as they are."""

from __future__ import annotations

import math
import pickle
from dataclasses import asdict
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from drift_checker.tables.number_text import (
    NumberForm,
    choose_number_form,
    has_leading_zeros,
    is_missing,
    number_form,
    number_forms,
    read_numbers,
)


def texts(*values: str | None) -> pa.Array[Any]:
    return pa.array(values, pa.string())


@pytest.mark.parametrize(
    ("written", "words", "values"),
    [
        (["1", "-2", "+3"], "numbers", [1, -2, 3]),
        (["1.5", ".5", "5.", "-0.25"], "numbers", [1.5, 0.5, 5, -0.25]),
        (["1e-5", "2E+03", "1.5e2"], "numbers", [1e-5, 2000, 150]),
        (["1.5", "inf", "-Infinity", "NaN"], "numbers", [1.5, math.inf, -math.inf, None]),
        ([" 1", "2 ", "\u00a03\u202f", "\t4"], "numbers", [1, 2, 3, 4]),
        (["\u22121.5", "12-", "(3)", "- 4"], "numbers", [-1.5, -12, -3, -4]),
        (
            ["12,5", "-0,25", ",5", "1,5E+03"],
            "numbers with decimal comma",
            [12.5, -0.25, 0.5, 1500],
        ),
        (["1,234.50", "999", "(1,000)"], "numbers with , between thousands", [1234.5, 999, -1000]),
        (["12,34,567.00", "1,234"], "numbers with , between thousands", [1234567, 1234]),
        (["1,234,567", "1,234"], "numbers with , between thousands", [1234567, 1234]),
        (
            ["1.234,50", "7"],
            "numbers with decimal comma and . between thousands",
            [1234.5, 7],
        ),
        (
            ["1 234,50", "1\u00a0234 567,5", "1\u2009000", "1\u202f000"],
            "numbers with decimal comma and spaces between thousands",
            [1234.5, 1234567.5, 1000, 1000],
        ),
        (["1'234.50", "1\u2019000"], "numbers with ' between thousands", [1234.5, 1000]),
        (["12.5 %", "3%", "-1 %"], "percentages", [12.5, 3, -1]),
        (
            ["12,5%", "1.000,5%"],
            "percentages with decimal comma and . between thousands",
            [12.5, 1000.5],
        ),
        (["€ 12,50", "€3,25"], "amounts in € with decimal comma", [12.5, 3.25]),
        (
            ["$1,234.00", "-$5", "$-6", "($7.00)", "$(8)", "$9-", "+$1"],
            "amounts in $ with , between thousands",
            [1234, -5, -6, -7, -8, -9, 1],
        ),
        (["12.50 EUR", "3 EUR"], "amounts in EUR", [12.5, 3]),
        (["USD 12.50", "USD 3"], "amounts in USD", [12.5, 3]),
        (["12 kg", "5\u00a0kg"], "numbers with the unit kg", [12, 5]),
        (
            ["1 000 kg", "20 kg"],
            "numbers with the unit kg and spaces between thousands",
            [1000, 20],
        ),
        (["5ms", "7ms"], "numbers with the unit ms", [5, 7]),
        (["3.5 km/h", "4 km/h"], "numbers with the unit km/h", [3.5, 4]),
        (["21 °C", "-3 °C"], "numbers with the unit °C", [21, -3]),
        (["NA", "5", "?", "", "#DIV/0!", r"\N", "-", None], "numbers", [None, 5] + [None] * 6),
        (
            ["n/a", "12,5 %", "#N/A", "."],
            "percentages with decimal comma",
            [None, 12.5, None, None],
        ),
        (["9007199254740993", "1"], "numbers", [9007199254740993, 1]),
        (["18446744073709551615", "1"], "numbers", [18446744073709551615, 1]),
        (["1,234", "-9223372036854775808", "1,234,567"], None, [1234, -(2**63), 1234567]),
        (["0", "0.5", "-0"], "numbers", [0, 0.5, 0]),
    ],
)
@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_numbers_are_read(
    written: list[str], words: str | None, values: list[float], type_: pa.DataType
) -> None:
    column = texts(*written).cast(type_)

    form = number_form(column)
    assert form is not None
    assert words in {form.words, None}
    read, bad = form.parse(column)
    assert read.to_pylist() == values
    assert not any(bad.to_pylist())
    # Also where they do not begin at the buffer's beginning.
    assert form.parse(column.slice(1))[0].to_pylist() == values[1:]
    assert read_numbers(column)[1].to_pylist() == values  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "written",
    [
        ["00123", "12345"],
        ["007"],
        [" 00123", "4"],
        ["0x1f", "12"],
        ["+491701234567"],
        ["1.2.3", "1.2.4"],
        ["192.168.0.1"],
        ["1e5", "3fa2"],
        ["1e400", "2"],
        ["12:30"],
        ["1_000", "2_000"],
        ["٣", "٤"],
        ["1 2", "3 4"],
        ["1.234,5", "1,234.5"],
        ["12 kg", "12 lb"],
        ["12 kg", "12"],
        ["7eleven", "7eleven"],
        ["3am", "4am"],
        ["Q1", "Q2"],
        ["INV 12", "INV 13"],
        ["(1)", "(2)"],
        ["12-", "13-"],
        ["2025-12-31"],
        ["5", "five"],
        ["NA", "?", ""],
        [],
        ["99999999999999999999", "1"],
        ["18446744073709551615", "-1"],
        ["1,23,4"],
        ["12345,678.9"],
        ["nan", "n"],
    ],
)
def test_what_is_no_number_has_no_form(written: list[str]) -> None:
    assert number_form(texts(*written)) is None


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (
            ["12,345", "1,234"],
            "numbers with , between thousands (or decimal comma: no value tells)",
        ),
        (["12,345", "0,123"], "numbers with decimal comma"),
        (["12,345", "1,2"], "numbers with decimal comma"),
        (["12,345", "1234,567"], "numbers with decimal comma"),
        (["12,345", "1,234,567"], "numbers with , between thousands"),
        (["12,345", "1.5"], "numbers with , between thousands"),
        (["1.234", "5.678"], "numbers"),
    ],
)
def test_any_value_of_the_column_tells_the_signs_apart(written: list[str], words: str) -> None:
    form = number_form(texts(*written))
    assert form is not None
    assert form.words == words


def test_where_no_value_does_another_column_tells() -> None:
    forms = number_forms(texts("12,345", "1,234"))
    assert choose_number_form(forms, decimal=",") == NumberForm(",")
    assert choose_number_form(forms, decimal=".") == NumberForm(".", ",")
    forms = number_forms(texts("1.234", "5.678"))
    assert choose_number_form(forms, decimal=",") == NumberForm(",", ".")
    assert choose_number_form(number_forms(texts("12", "1")), decimal=",") == NumberForm()


def test_forms_of_chunks_are_those_that_all_have() -> None:
    chunks = [texts("1", "999"), texts("12,345", "1,234"), texts("1,5", "NA")]
    forms = [number_forms(chunk) for chunk in chunks]
    common = tuple(form for form in forms[0] if all(form in other for other in forms))

    assert common == number_forms(pa.concat_arrays(chunks))
    assert pickle.loads(pickle.dumps(common)) == common  # noqa: S301
    assert asdict(NumberForm(",", ".", suffix="%")) == {
        "decimal": ",", "thousands": ".", "prefix": "", "suffix": "%", "ambiguous": False,
    }  # fmt: skip


def test_rows_that_are_neither_numbers_nor_missing_are_told() -> None:
    form = NumberForm(",")
    values, bad = form.parse(texts("1,5", "abc", None, "NA", "1.5", "2"))
    assert values.to_pylist() == [1.5, None, None, None, None, 2]
    assert bad.to_pylist() == [False, True, False, False, True, False]


def test_whole_numbers_too_large_are_told_among_whole_numbers_only() -> None:
    values, bad = NumberForm().parse(texts("12", "99999999999999999999"))
    assert (values.type, values.to_pylist()) == (pa.int64(), [12, None])
    assert bad.to_pylist() == [False, True]
    values, bad = NumberForm().parse(texts("1.5", "99999999999999999999"))
    assert values.to_pylist() == [1.5, 1e20]
    assert not any(bad.to_pylist())


def test_settings_add_markers_of_missing_values() -> None:
    column = texts("1", "unknown", "-999", "2.5")
    assert number_form(column) is None
    form = number_form(column, missing=["Unknown"])
    assert form == NumberForm()
    assert form.parse(column, ["Unknown"])[0].to_pylist() == [1, None, -999, 2.5]
    assert form.parse(column, ["unknown", "-999"])[0].to_pylist() == [1, None, None, 2.5]
    assert is_missing(column, ["unknown"]).to_pylist() == [False, True, False, False]


def test_leading_zeros() -> None:
    assert has_leading_zeros(texts("12", None, "", "012"))
    assert not has_leading_zeros(texts("0", "0", "0.5", "5", "10", "", "0"))
    assert not has_leading_zeros(texts())
    assert has_leading_zeros(texts("01", "5").slice(0, 1))
    assert not has_leading_zeros(texts("01", "5").slice(1))


SIGNS = {",": (",", ""), ".": (".", "")}
FORMS = st.builds(
    NumberForm,
    decimal=st.sampled_from(".,"),
    thousands=st.sampled_from(["", " ", "'", "other"]),
    suffix=st.sampled_from(["", "%", "kg"]),
).map(lambda form: form if form.thousands != "other" else NumberForm(
    form.decimal, {".": ",", ",": "."}[form.decimal], suffix=form.suffix
))  # fmt: skip
NUMBERS = st.lists(
    st.decimals(min_value=-(10**9), max_value=10**9, places=4),
    min_size=30,
    max_size=30,
    unique=True,
)


def write(number: Decimal, form: NumberForm) -> str:
    text = f"{number:,.4f}" if form.thousands else f"{number:.4f}"
    return text.translate({ord(","): form.thousands, ord("."): form.decimal}) + form.suffix


@given(FORMS, NUMBERS)
def test_a_form_is_found_again_and_reads_what_was_written(
    form: NumberForm, numbers: list[Decimal]
) -> None:
    column = texts(*(write(number, form) for number in numbers))
    found = number_form(column)
    assert found is not None
    assert not found.ambiguous
    for reading in (form, found):
        values, bad = reading.parse(column)
        assert values.to_pylist() == [float(number) for number in numbers]
        assert not any(bad.to_pylist())
    assert form in number_forms(column)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
@example([1e22, 5e-324, 1.7976931348623157e308])
def test_floats_are_read_exactly(numbers: list[float]) -> None:
    column = texts(*map(repr, numbers))
    values, bad = NumberForm().parse(column)
    np.testing.assert_array_equal(values.to_pylist(), numbers)
    assert not any(bad.to_pylist())
    comma = texts(*(repr(number).replace(".", ",") for number in numbers))
    np.testing.assert_array_equal(NumberForm(",").parse(comma)[0].to_pylist(), numbers)


@given(st.lists(st.integers(-(2**63), 2**64 - 1), min_size=1, max_size=20))
def test_whole_numbers_are_read_exactly_or_not_at_all(numbers: list[int]) -> None:
    form = number_form(texts(*map(str, numbers)))
    if form is None:
        assert min(numbers) < 0
        assert max(numbers) >= 2**63
    else:
        assert form.parse(texts(*map(str, numbers)))[0].to_pylist() == numbers


@given(st.lists(st.none() | st.text("0123456789.,-+eE %$€()'\u00a0NAinf", max_size=8), max_size=20))
def test_any_text_is_read_or_told(values: list[str | None]) -> None:
    column = texts(*values)
    form = number_form(column)
    read, bad = (form or NumberForm()).parse(column)
    assert len(read) == len(bad) == len(values)
    assert form is None or not any(bad.to_pylist())
    for value, number, wrong in zip(values, read.to_pylist(), bad.to_pylist(), strict=True):
        assert not wrong or (number is None and value is not None)
