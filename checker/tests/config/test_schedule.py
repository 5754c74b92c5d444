from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.config import date_key, date_of_key, logical_dates_before
from drift_checker.config.schedule import ticks_per_week


@pytest.mark.parametrize(
    ("schedule", "ticks"),
    [
        ("*/5 * * * *", 2016),
        ("* * * * *", 10080),
        ("0 6 * * 1-5", 5),
        ("0,30 */2 * * sun", 24),
        ("0 0 1 * *", 12 / 52),
    ],
)
def test_ticks_per_week(schedule: str, ticks: float) -> None:
    assert ticks_per_week(schedule) == pytest.approx(ticks)


@given(date=st.datetimes(timezones=st.timezones()).filter(lambda date: date.year > 1900))
def test_a_key_gives_back_its_date(date: datetime) -> None:
    assert date_of_key(date_key(date)) == date.astimezone(UTC).replace(microsecond=0)


def test_logical_dates_before_a_date_leave_it_out() -> None:
    date = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    minutes = [date - logical_date for logical_date in logical_dates_before("*/5 * * * *", date, 3)]
    assert minutes == [timedelta(minutes=n) for n in (5, 10, 15)]
