"""Dates and times as people write them, read as such; all else, left as it is."""

from __future__ import annotations

import calendar
import pickle
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.tables.time_text import (
    TimeForm,
    choose_time_form,
    integer_dates,
    integer_time_form,
    time_form,
    time_forms,
)


def texts(*values: str | None) -> pa.Array[Any]:
    return pa.array(values, pa.string())


NOON = datetime(2025, 12, 31, 12)  # noqa: DTZ001 - as columns without a zone are


@pytest.mark.parametrize(
    ("written", "words", "values"),
    [
        (["2025-12-31", "2024-02-29"], "dates, ISO 8601", ["2025-12-31", "2024-02-29"]),
        (
            ["2025-12-31T12:30:15", "2025-12-31 12:30", "2025-12-31T12", "2025-1-5 1:05"],
            "dates, ISO 8601",
            ["2025-12-31 12:30:15", "2025-12-31 12:30", "2025-12-31 12:00", "2025-01-05 01:05"],
        ),
        (
            ["2025-12-31T12:30:15.1", "2025-12-31T12:30:15,123456", "2025-12-31 12:30:15.0000019"],
            "dates, ISO 8601",
            [
                "2025-12-31 12:30:15.1",
                "2025-12-31 12:30:15.123456",
                "2025-12-31 12:30:15.000001",
            ],
        ),
        (
            ["2025-12-31T12:30:15.123456789", "2025-12-31T12:30:15.1234567"],
            "dates, ISO 8601",
            ["2025-12-31 12:30:15.123456"] * 2,
        ),
        (
            ["20251231T123015", "20251231T1230"],
            "dates, ISO 8601",
            ["2025-12-31 12:30:15", "2025-12-31 12:30"],
        ),
        (
            ["2025-12-31T24:00:00", "2016-12-31 23:59:60"],
            "dates, ISO 8601",
            ["2026-01-01", "2017-01-01"],
        ),
        (["9999-12-31", "0001-01-01"], "dates, ISO 8601", ["9999-12-31", "0001-01-01"]),
        (["2025/12/31", "2025/1/2 3:04"], "dates, year first", ["2025-12-31", "2025-01-02 03:04"]),
        (["2025.12.31"], "dates, year first", ["2025-12-31"]),
        (["31/12/2025", "1/2/2025"], "dates, day first", ["2025-12-31", "2025-02-01"]),
        (["31.12.2025 23:59:59.5"], "dates, day first", ["2025-12-31 23:59:59.5"]),
        (["01.02.2025", "02.02.2025"], "dates, day first", ["2025-02-01", "2025-02-02"]),
        (["31-12-2025"], "dates, day first", ["2025-12-31"]),
        (
            ["12/31/2025", "1/2/2025 3:05 PM"],
            "dates, month first",
            ["2025-12-31", "2025-01-02 15:05"],
        ),
        (["12-31-2025"], "dates, month first", ["2025-12-31"]),
        (
            ["31/12/25", "30/11/68", "29/10/69"],
            "dates, day first, two-digit years",
            ["2025-12-31", "2068-11-30", "1969-10-29"],
        ),
        (
            ["12/31/25", "12/30/25"],
            "dates, month first, two-digit years",
            ["2025-12-31", "2025-12-30"],
        ),
        (
            ["25-12-31", "25-12-30"],
            "dates, year first, two-digit years",
            ["2025-12-31", "2025-12-30"],
        ),
        (
            [
                "31 Dec 2025",
                "1 january 2025",
                "2nd of May 2025",
                "31-DEC-25",
                "3. Sept. 2025",
                "31DEC2025:12:00",
            ],
            "dates with month names",
            [
                "2025-12-31",
                "2025-01-01",
                "2025-05-02",
                "2025-12-31",
                "2025-09-03",
                "2025-12-31 12:00",
            ],
        ),
        (
            ["Dec 31, 2025", "Wednesday, December 31st, 2025 12:00 AM", "2025-Dec-31"],
            "dates with month names",
            ["2025-12-31"] * 3,
        ),
        (
            ["Wed Dec 31 12:00:00 2025", "Thu Jan  1 12:00:00 2026"],
            "dates with month names",
            ["2025-12-31 12:00", "2026-01-01 12:00"],
        ),
        (["2025-12", "2025-11"], "months", ["2025-12-01", "2025-11-01"]),
        (["12/2025"], "months", ["2025-12-01"]),
        (["Dec 2025", "May-2025"], "months", ["2025-12-01", "2025-05-01"]),
        (["20251231", "20240229"], "dates as YYYYMMDD", ["2025-12-31", "2024-02-29"]),
        (
            ["NA", " 2025-12-31 ", "", None, "0000-00-00"],
            "dates, ISO 8601",
            [None, "2025-12-31", None, None, None],
        ),
    ],
)
@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view()])
def test_dates_are_read(
    written: list[str], words: str, values: list[str], type_: pa.DataType
) -> None:
    column = texts(*written).cast(type_)
    expected = pa.array(
        [value and datetime.fromisoformat(value) for value in values], pa.timestamp("us")
    )

    form = time_form(column)
    assert form is not None
    assert form.words == words
    read, bad = form.parse(column)
    assert read.equals(expected)
    assert not any(bad.to_pylist())
    assert form.parse(column.slice(1))[0].equals(expected.slice(1))


@pytest.mark.parametrize(
    "written",
    [
        ["2025-12-31T12:00:00Z", "2025-12-31T14:00:00+02:00", "2025-12-31 06:30:00-0530"],
        ["2025-12-31T12Z", "2025-12-31T14+02", "2025-12-31 12:00:00.0000001 +00:00"],
        ["2025-12-31 04:00:00 -0800 PST", "20251231 120000Z"],
        ["2025-12-31 12:00:00 UTC", "2025-12-31T13:00:00+01:00[Europe/Berlin]"],
        ["Wed, 31 Dec 2025 12:00:00 +0000", "Wed, 31 Dec 2025 12:00:00 GMT"],
        ["[31/Dec/2025:12:00:00 +0000]", "31/Dec/2025:13:00:00 +0100"],
        ["Wed Dec 31 2025 13:00:00 GMT+0100 (CET)", "Wed Dec 31 12:00:00 UTC 2025"],
    ],
)
def test_zones_of_several_become_utc(written: list[str]) -> None:
    form = time_form(texts(*written))
    assert form is not None
    assert form.zoned
    assert form.words.endswith(", with a zone")
    read, bad = form.parse(texts(*written))
    assert read.type == pa.timestamp("us", tz="UTC")
    assert read.to_pylist() == [NOON.replace(tzinfo=UTC)] * len(written)
    assert not any(bad.to_pylist())


def test_what_names_no_zone_is_read_with_what_does() -> None:
    values, bad = TimeForm("ISO 8601", zoned=True).parse(
        texts("2025-12-31T12:00:00", "2025-12-31T12:00:00Z")
    )
    assert values.to_pylist() == [NOON.replace(tzinfo=UTC)] * 2
    assert not any(bad.to_pylist())
    assert TimeForm("ISO 8601").parse(texts("2025-12-31T13:00:00+01:00"))[0].to_pylist() == [NOON]


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (["12:30", "8:15"], [time(12, 30), time(8, 15)]),
        (["08:15:00.5", "23:59:59"], [time(8, 15, 0, 500_000), time(23, 59, 59)]),
        (
            ["3:05 PM", "12:00 a.m.", "12 pm", "3:05:01\u202fpm"],
            [time(15, 5), time(0), time(12), time(15, 5, 1)],
        ),
    ],
)
def test_times_of_day_are_read(written: list[str], values: list[time]) -> None:
    form = time_form(texts(*written))
    assert form is not None
    assert form.words == "times of day"
    read, bad = form.parse(texts(*written))
    assert (read.type, read.to_pylist()) == (pa.time64("us"), values)
    assert not any(bad.to_pylist())


@pytest.mark.parametrize(
    "written",
    [
        ["2025-02-30"],
        ["2025-13-01"],
        ["2023-02-29"],
        ["31/02/2025"],
        ["12025-01-01"],
        ["0000-01-01"],
        ["0001-01-01T00:00:00+01:00"],
        ["9999-12-31T24:00:00"],
        ["2025-12-31", "soon"],
        ["2025-12-31T12:00:00Z", "2025-12-31T12:00:00"],
        ["2025-12-31T25:00:00"],
        ["2025-12-31T12:60:00"],
        ["2025-12-31T12:00:00+24:00"],
        ["13/13/2025"],
        ["31/12/2025", "12/31/2025"],
        ["31/12-2025"],
        ["01/02/25", "02/01/25"],
        ["01/01/25", "01/01/24"],
        ["25:00"],
        ["12:5"],
        ["13:00 PM"],
        ["0:30 am"],
        ["2025"],
        ["12.5", "12.25"],
        ["12.2025"],
        ["1.2.3"],
        ["4711-01"],
        ["192.168.1.12"],
        ["555-1234"],
        ["Q4 2025"],
        ["2025-W48"],
        ["May"],
        ["May 5"],
        ["Dec-25"],
        ["Decem 31, 2025"],
        ["hello"],
        ["NA", ""],
        [],
        ["20251231", "20251301"],
        ["20251231", "x"],
        ["1732900000"],
        ["12345678901234567890"],
    ],
)
def test_what_is_no_time_has_no_form(written: list[str]) -> None:
    assert time_form(texts(*written)) is None


def test_any_value_of_the_column_tells_the_day_from_the_month() -> None:
    forms = time_forms(texts("01/02/2025", "03/04/2025"))
    assert choose_time_form(forms) == TimeForm("day first", ambiguous=True)
    assert choose_time_form(forms, order="month first") == TimeForm("month first")
    assert (
        TimeForm("day first", ambiguous=True).words
        == "dates, day first (or month first: no value tells)"
    )
    assert time_form(texts("01/02/2025", "03/13/2025")) == TimeForm("month first")
    forms = time_forms(texts("01/02/25", "03/04/25"))
    assert choose_time_form(forms) is None
    assert choose_time_form(forms, order="day first, two-digit years") == TimeForm(
        "day first, two-digit years"
    )


def test_forms_of_chunks_are_those_that_all_have() -> None:
    chunks = [texts("01/02/2025", "03/04/2025"), texts("13/02/2025", "NA")]
    forms = [time_forms(chunk) for chunk in chunks]
    common = tuple(form for form in forms[0] if all(form in other for other in forms))

    assert common == time_forms(pa.concat_arrays(chunks)) == (TimeForm("day first"),)
    assert pickle.loads(pickle.dumps(common)) == common  # noqa: S301
    assert asdict(common[0]) == {"order": "day first", "zoned": False, "ambiguous": False}


def test_rows_that_are_neither_times_nor_missing_are_told() -> None:
    column = texts("31/12/2025", "12/31/2025", "2025-12-31", None, "n/a", "x", "ä", "unknown")
    values, bad = TimeForm("day first").parse(column, ["unknown"])
    assert [value is not None for value in values.to_pylist()] == [True] + [False] * 7
    assert bad.to_pylist() == [False, True, True, False, False, True, True, False]


def test_a_late_wrong_value_of_many() -> None:
    days = [f"{day % 28 + 1:02}/12/2025" for day in range(100_000)]
    assert time_form(texts(*days)) == TimeForm("day first")
    assert time_form(texts(*days, "32/12/2025")) is None
    values, bad = TimeForm("day first").parse(texts(*days, "32/12/2025", "x"))
    assert np.flatnonzero(bad.to_pylist()).tolist() == [100_000, 100_001]
    assert values.null_count == 2


@pytest.mark.parametrize(
    ("values", "form"),
    [
        ([20251231, 20240229], "YYYYMMDD"),
        ([20251231], "YYYYMMDD"),
        ([20251231, 20250230], None),
        ([21011231], None),
        ([202501 + month for month in range(12)], "YYYYMM"),
        ([202501, 202502], None),
        ([202501 + month for month in range(13)], None),
        ([2025123123, 2025010100], "YYYYMMDDHH"),
        ([202512312359], "YYYYMMDDHHMM"),
        ([20251231235959], "YYYYMMDDHHMMSS"),
        ([1732900000 + second for second in range(10)], "epoch seconds"),
        ([1732900000], None),
        ([(1732900000 + second) * 10**3 for second in range(10)], "epoch milliseconds"),
        ([(1732900000 + second) * 10**6 + 1 for second in range(10)], "epoch microseconds"),
        ([(1732900000 + second) * 10**9 + 1 for second in range(10)], "epoch nanoseconds"),
        ([*(1732900000 + second for second in range(10)), 12], None),
        (list(range(1000)), None),
        ([-20251231], None),
        ([2**63], None),
        ([], None),
        ([None], None),
        ([20251231.0, None], "YYYYMMDD"),
        ([20251231.5], None),
        ([float("inf")], None),
    ],
)
def test_numbers_that_are_times(values: list[Any], form: str | None) -> None:
    column = pa.array(values, pa.uint64() if values == [2**63] else None)
    column = column.cast(pa.int64()) if pa.types.is_null(column.type) else column
    found = integer_time_form(column)
    assert (found and found.order) == form
    assert integer_dates(column) == (form is not None)
    if found is not None:
        read, bad = found.parse(column)
        assert read.null_count == column.null_count
        assert {value.year for value in read.drop_null().to_pylist()} <= {2024, 2025}
        assert not any(bad.to_pylist())
        assert found.parse(texts("20251231", "x"))[1].to_pylist()[1]


MOMENTS = st.lists(
    st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31)),  # noqa: DTZ001
    min_size=30,
    max_size=30,
    unique=True,
)
WRITTEN = {
    "ISO 8601": "%Y-%m-%dT%H:%M:%S.%f",
    "year first": "%Y/%m/%d %H:%M:%S.%f",
    "day first": "%d.%m.%Y %H:%M:%S.%f",
    "month first": "%m/%d/%Y %I:%M:%S.%f %p",
    "month names": "%d %B %Y %H:%M:%S.%f",
    "times of day": "%I:%M:%S.%f %p",
}


@given(st.sampled_from(sorted(WRITTEN)), MOMENTS)
def test_a_form_is_found_again_and_reads_what_was_written(
    order: str, moments: list[datetime]
) -> None:
    moments = [*moments, NOON]
    column = texts(*(moment.strftime(WRITTEN[order]) for moment in moments))
    assert time_form(column) == TimeForm(order)
    values, bad = TimeForm(order).parse(column)
    assert values.to_pylist() == [
        moment.time() if order == "times of day" else moment for moment in moments
    ]
    assert not any(bad.to_pylist())


@given(MOMENTS, st.lists(st.integers(-14 * 4, 14 * 4), min_size=30, max_size=30))
def test_zones_are_read_as_python_writes_them(moments: list[datetime], quarters: list[int]) -> None:
    zoned = [
        moment.replace(tzinfo=timezone(timedelta(minutes=15 * quarter)), microsecond=0)
        for moment, quarter in zip(moments, quarters, strict=True)
    ]
    for write in (datetime.isoformat, format_datetime):
        form = time_form(texts(*map(write, zoned)))
        assert form is not None
        assert form.parse(texts(*map(write, zoned)))[0].to_pylist() == zoned


@given(st.integers(0, 9999), st.integers(0, 99), st.integers(0, 99))
def test_only_days_of_the_calendar_are_dates(year: int, month: int, day: int) -> None:
    try:
        expected = date(year, month, day)
    except ValueError:
        expected = None
    written = f"{year:04}-{month:02}-{day:02}"
    values, bad = TimeForm("ISO 8601").parse(texts(written))
    is_missing = written == "0000-00-00"
    assert bad.to_pylist() == [expected is None and not is_missing]
    assert expected is None or values.to_pylist()[0].date() == expected
    values, _ = TimeForm("day first").parse(texts(f"{day}/{month}/{year:04}"))
    assert expected is None or values.to_pylist()[0].date() == expected


@given(st.lists(st.none() | st.text("0123456789/-.:+ TZamPDecä", max_size=20), max_size=20))
def test_any_text_is_read_or_told(values: list[str | None]) -> None:
    column = texts(*values)
    found = time_form(column)
    assert found is None or not any(found.parse(column)[1].to_pylist())
    for order in ("ISO 8601", "day first", "month names", "times of day", "YYYYMMDD"):
        read, bad = TimeForm(order).parse(column)
        assert len(read) == len(bad) == len(values)
        for value, moment, wrong in zip(values, read.to_pylist(), bad.to_pylist(), strict=True):
            assert not wrong or (moment is None and value is not None)


def test_month_names_are_those_of_the_c_locale() -> None:
    column = texts(*(f"1 {calendar.month_abbr[month]} 2025" for month in range(1, 13)))
    values, _ = TimeForm("month names").parse(column)
    assert [value.month for value in values.to_pylist()] == list(range(1, 13))
