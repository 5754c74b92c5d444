"""Schedules as cron expressions of five fields in UTC, and the logical dates that they name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count, dropwhile, islice, pairwise, takewhile
from typing import Annotated

from croniter import CroniterBadDateError, CroniterError, croniter
from pydantic import AfterValidator

CRON_HELP = 'allowed: a cron expression of five fields in UTC, such as "*/5 * * * *"'
_CRON_FIELDS = 5
_DATE_KEY = "%Y%m%dT%H%M%SZ"
_FIRINGS = 200
"""Firings from which the interval of a schedule is taken."""
_START = datetime(2001, 1, 1, tzinfo=UTC)
_DAY = 86_400


def _check_cron(schedule: str) -> str:
    if len(schedule.split()) != _CRON_FIELDS:
        raise ValueError(CRON_HELP)
    try:
        croniter(schedule).get_next()
    except CroniterBadDateError:
        raise ValueError(f"it names no day that there is; {CRON_HELP}") from None
    except (CroniterError, ValueError):
        raise ValueError(CRON_HELP) from None
    return schedule


Cron = Annotated[str, AfterValidator(_check_cron)]


def date_key(date: datetime) -> str:
    """A date as it stands in keys of the store, ids and seeds: `YYYYMMDDTHHMMSSZ`, in UTC."""
    return date.astimezone(UTC).strftime(_DATE_KEY)


def date_of_key(key: str) -> datetime:
    """The date that `date_key` has written.

    Raises:
        ValueError: It has written no such text.
    """
    return datetime.strptime(key, _DATE_KEY).replace(tzinfo=UTC)


def logical_dates_before(schedule: str, date: datetime, count: int) -> list[datetime]:
    """The last `count` logical dates of a schedule before a date, the latest first."""
    dates = croniter(schedule, date.astimezone(UTC), ret_type=datetime)
    return [dates.get_prev(datetime) for _ in range(count)]


def next_logical_date(schedule: str, date: datetime) -> datetime:
    """The first logical date of a schedule after a date."""
    return croniter(schedule, date.astimezone(UTC), ret_type=datetime).get_next(datetime)


@cache
def interval(schedule: str) -> timedelta:
    """The most frequent time between two firings of a cron expression."""
    moments = _firings(schedule, _START)
    steps = Counter(later - before for before, later in pairwise(islice(moments, _FIRINGS)))
    return timedelta(seconds=steps.most_common(1)[0][0])


@cache
def ticks_per_week(schedule: str) -> float:
    """How often a cron expression of five fields fires in an average week."""
    minute, hour, *days = schedule.split()
    per_day = _count(f"{minute} {hour} * * *", days=1)
    # A year of whole weeks: every weekday occurs equally often, every day of a month too.
    firing_days = _count(f"0 0 {' '.join(days)}", days=52 * 7)
    return per_day * firing_days / 52


def _count(schedule: str, days: int) -> int:
    moments = _firings(schedule, _START - timedelta(seconds=1))
    end = (_START + timedelta(days=days)).timestamp()
    return sum(1 for _ in takewhile(lambda moment: moment < end, moments))


def _firings(schedule: str, after: datetime) -> Iterator[float]:
    """Yield the moments that a schedule fires at after one, in seconds since the epoch.

    What fires each day alike is counted here: `croniter` takes a quarter of a millisecond for each
    moment, which is more for all of them than a small batch takes to be compared.
    """
    (minutes, hours, *days), nth_weekdays = croniter.expand(schedule)
    if nth_weekdays or any(day != ["*"] for day in days):
        yield from croniter(schedule, after, ret_type=float).all_next()
        return
    at = [
        float(3600 * hour + 60 * minute)
        for hour in (range(24) if hours == ["*"] else map(int, hours))
        for minute in (range(60) if minutes == ["*"] else map(int, minutes))
    ]
    first = after.timestamp() // _DAY * _DAY
    moments = (day + second for day in count(first, _DAY) for second in at)
    yield from dropwhile(lambda moment: moment <= after.timestamp(), moments)
