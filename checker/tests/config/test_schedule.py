from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from croniter import croniter
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.config import date_key, date_of_key, logical_dates_before
from drift_checker.config.schedule import _firings, interval, ticks_per_week


@pytest.mark.parametrize(
    ("schedule", "ticks"),
    [
        ("*/5 * * * *", 2016),
        ("* * * * *", 10080),
        ("0 6 * * 1-5", 5),
        ("0,30 */2 * * sun", 24),
        ("0 0 1 * *", 12 / 52),
        ("0 0 * * 1#2", 12 / 52),
        ("7 22-2 1-31 */1 0-6", 35),
    ],
)
def test_ticks_per_week(schedule: str, ticks: float) -> None:
    assert ticks_per_week(schedule) == pytest.approx(ticks)


@pytest.mark.parametrize(
    ("schedule", "step"),
    [
        ("*/5 * * * *", timedelta(minutes=5)),
        ("*/7 * * * *", timedelta(minutes=7)),
        ("0,10 3 * * *", timedelta(minutes=10)),
        ("30 6 * * *", timedelta(days=1)),
        ("0 6 * * 1-5", timedelta(days=1)),
        ("0 0 * * sun", timedelta(days=7)),
    ],
)
def test_the_interval_of_a_schedule_is_its_most_frequent_step(
    schedule: str, step: timedelta
) -> None:
    assert interval(schedule) == step


@pytest.mark.parametrize("schedule", ["*/7 22-2 * * *", "59/5 */3 * * *", "5,5,1 12 1-31 * ?"])
@pytest.mark.parametrize(
    "after", [datetime(2001, 1, 1, tzinfo=UTC), datetime(2024, 2, 28, 23, 59, 59, tzinfo=UTC)]
)
def test_moments_that_are_counted_are_those_of_croniter(schedule: str, after: datetime) -> None:
    expected = croniter(schedule, after, ret_type=float).all_next()
    assert list(islice(_firings(schedule, after), 60)) == list(islice(expected, 60))


@given(date=st.datetimes(timezones=st.timezones()).filter(lambda date: date.year > 1900))
def test_a_key_gives_back_its_date(date: datetime) -> None:
    assert date_of_key(date_key(date)) == date.astimezone(UTC).replace(microsecond=0)


def test_logical_dates_before_a_date_leave_it_out() -> None:
    date = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    minutes = [date - logical_date for logical_date in logical_dates_before("*/5 * * * *", date, 3)]
    assert minutes == [timedelta(minutes=n) for n in (5, 10, 15)]
