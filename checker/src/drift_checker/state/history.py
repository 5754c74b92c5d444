"""The scheduled ticks before one, from the store: a bounded number of small objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from drift_checker.config import logical_dates_before
from drift_checker.profiles import TickCounts
from drift_checker.result import Alarm, Result
from drift_checker.state import keys
from drift_checker.state.documents import read_document
from drift_checker.state.store import Store

LOOK_BACK = 12
"""Ticks of the schedule that are looked at; an episode that has no result in them is over."""


@dataclass(frozen=True)
class History:
    """What is known of the `LOOK_BACK` ticks of the schedule before one.

    `since` is the logical date of the first of them; `results` are those of scheduled ticks, the
    oldest first.
    """

    since: datetime
    results: list[Result]

    @property
    def alarm(self) -> Alarm | None:
        """What the last of them says of its episode, if there is any."""
        return self.results[-1].alarm if self.results else None


def ticks_before(store: Store, monitor: str, schedule: str, logical_date: datetime) -> History:
    """Read the results before a tick; asks for `LOOK_BACK` keys."""
    since = logical_dates_before(schedule, logical_date, LOOK_BACK)[-1]
    results = list(results_before(store, monitor, schedule, logical_date, LOOK_BACK))
    return History(since, results[::-1])


def results_before(
    store: Store, monitor: str, schedule: str, date: datetime, ticks: int
) -> Iterator[Result]:
    """Results of scheduled ticks before a date, the latest first; looks at so many ticks."""
    for logical_date in logical_dates_before(schedule, date, ticks):
        result = read_document(store, keys.result(monitor, logical_date), Result)
        if result is not None and result.trigger == "scheduled":
            yield result


def past_tick_counts(store: Store, monitor: str, bins_id: str, before: History) -> list[TickCounts]:
    """Read the tick counts that the sequential statistic may pool, the newest first.

    They are those by the same bins of one reference (`TablePair.bins_id`). A batch that is invalid
    or drifted by itself has left none: found at once, it says nothing of small lasting drift, and
    would keep its episode open for as long as it is pooled.
    """
    dates = [result.logical_date for result in reversed(before.results) if result.logical_date]
    names = [keys.result(monitor, date, "profile.json") for date in dates]
    stored = (read_document(store, name, TickCounts) for name in names)
    return [counts for counts in stored if counts and counts.reference == bins_id]
