"""Times of whatever type as moments in UTC, by which rows are in a window or not."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from drift_checker.sources.time_window import NoTimesError, form_of, moments, rows_in_window
from drift_checker.tables import UnreadableError

START = datetime(2026, 11, 23, 8, tzinfo=UTC)
END = START + timedelta(hours=1)
TIMES = [START - timedelta(microseconds=1), START, START + timedelta(minutes=39), None, END]
INSIDE = [False, True, True, False, False]


def chunked(values: Any, type_: pa.DataType | None = None) -> Any:
    array = values if isinstance(values, pa.Array) else pa.array(values, type_)
    return pa.chunked_array([array])


def written(form: str, zone: timezone = UTC) -> Any:
    return chunked([each and each.astimezone(zone).strftime(form) for each in TIMES], pa.string())


EAST = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    "times",
    [
        *(chunked(TIMES, pa.timestamp(unit, "UTC")) for unit in ("us", "ns")),
        *(chunked(TIMES, pa.timestamp(unit, "Asia/Kolkata")) for unit in ("us", "ns")),
        chunked([each and each.replace(tzinfo=None) for each in TIMES], pa.timestamp("ns")),
        written("%Y-%m-%dT%H:%M:%S.%f"),
        written("%Y-%m-%d %H:%M:%S.%f"),
        written("%Y-%m-%dT%H:%M:%S.%fZ"),
        written("%Y-%m-%dT%H:%M:%S.%fz"),
        written("%Y-%m-%dT%H:%M:%S.%f000Z"),
        written("%Y-%m-%dT%H:%M:%S.%f000"),
        written("%Y-%m-%dT%H:%M:%S,%fZ"),
        written("%Y-%m-%dT%H:%M:%S.%f%z", EAST),
        written("%Y-%m-%d %H:%M:%S.%f %z", EAST),
        written("%Y-%m-%d %H:%M:%S.%f UTC"),
        written("%Y/%m/%d %H:%M:%S.%f"),
        written("%Y%m%dT%H%M%S.%fZ"),
        written(" %Y-%m-%dT%H:%M:%S.%fZ "),
        written("%Y-%m-%dT%H:%M:%S.%fZ").cast(pa.large_string()),
        written("%Y-%m-%dT%H:%M:%S.%fZ").cast(pa.string_view()),
        written("%Y-%m-%dT%H:%M:%S.%fZ").dictionary_encode(),
        *(
            chunked([each and round(each.timestamp() * 10**6) * 10**zeros for each in TIMES])
            for zeros in (0, 3)
        ),
        chunked([each and each.timestamp() for each in TIMES]),
        chunked(pc.run_end_encode(pa.array(TIMES, pa.timestamp("us", "UTC")))),
    ],
)
def test_rows_are_in_the_window_from_its_start_and_before_its_end(times: Any) -> None:
    assert rows_in_window(times, (START, END)).to_pylist() == INSIDE


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (chunked([date(2026, 11, 23)]), datetime.fromisoformat("2026-11-23")),
        (chunked([date(2026, 11, 23)], pa.date64()), datetime.fromisoformat("2026-11-23")),
        (chunked(["2026-11-23"]), datetime.fromisoformat("2026-11-23")),
        (chunked(["20261123"]), datetime.fromisoformat("2026-11-23")),
        (chunked([20261123]), datetime.fromisoformat("2026-11-23")),
        (chunked(["2026-11-23T08:39"]), datetime.fromisoformat("2026-11-23T08:39")),
        (chunked([1_795_423_140]), datetime.fromisoformat("2026-11-23T08:39")),
        (chunked([1_795_423_140_000], pa.uint64()), datetime.fromisoformat("2026-11-23T08:39")),
        (
            chunked([datetime.fromisoformat("0001-01-01")], pa.timestamp("s")),
            datetime.fromisoformat("0001-01-01"),
        ),
        (chunked([None]), None),
        (chunked([None], pa.int64()), None),
        (chunked(["NA"]), None),
        (chunked([" NaT "]), None),
    ],
)
def test_what_counts_as_which_moment(times: Any, expected: datetime | None) -> None:
    assert moments(times).to_pylist() == [expected]


def test_values_with_and_without_a_zone_in_one_column() -> None:
    mixed = ["2026-11-23T10:00:00+02:00", "2026-11-23", "2026-11-23T08:00:00", "", None]
    midnight = datetime.fromisoformat("2026-11-23")
    found = moments(chunked(mixed)).to_pylist()
    assert found == [*(midnight + timedelta(hours=hour) for hour in (8, 0, 8)), None, None]


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (chunked([time(8, 39)]), "has the type time64[us], no time"),
        (chunked([True]), "has the type bool, no time"),
        (chunked([0, 1_795_423_140]), "its numbers from 0 to 1795423140"),
        (chunked([0.5]), "has the type double, no time"),
        (chunked([[1]]), "has the type list"),
    ],
)
def test_types_without_times(times: Any, said: str) -> None:
    with pytest.raises(NoTimesError) as caught:
        moments(times)
    assert said in str(caught.value)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-41", "2026-11-23T25:00:00Z", "08:39"])
def test_text_that_is_no_time(text: str) -> None:
    with pytest.raises(UnreadableError, match="not all values are times"):
        moments(chunked(["2026-11-23", text]))


@pytest.mark.parametrize(
    "form",
    ["%d.%m.%Y %H:%M:%S.%f", "%m/%d/%Y %H:%M:%S.%f", "%d %b %Y %H:%M:%S.%f", "%Y%m%d%H%M%S"],
)
def test_times_in_other_forms(form: str) -> None:
    times = written(form)
    if not form.endswith("f"):
        times = pa.chunked_array([times.combine_chunks().slice(1)])
    with pytest.raises(UnreadableError):
        moments(chunked(["2026-11-23", "08:39"]))
    found = rows_in_window(times, (START, END), form_of([times]))
    assert found.to_pylist() == INSIDE[-len(times) :]


def test_the_form_is_that_of_all_chunks() -> None:
    chunks = [chunked(texts) for texts in (["05/11/2026"], [None, ""], ["23/11/2026"])]
    form = form_of(chunks)
    assert moments(chunks[0], form).to_pylist() == [datetime.fromisoformat("2026-11-05")]
    with pytest.raises(NoTimesError, match="may be day first or month first"):
        form_of(chunks[:2])
    with pytest.raises(UnreadableError, match="not all written alike"):
        form_of([*chunks, chunked(["11/23/2026"])])
