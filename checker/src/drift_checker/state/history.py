"""The scheduled ticks before one, from the store: a bounded number of small objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from drift_checker.config import logical_dates_before
from drift_checker.profiles import TickCounts
from drift_checker.result import Alarm, Result
from drift_checker.state import keys
from drift_checker.state.documents import read_cache
from drift_checker.state.recent import RecentTicks, ShortTick, read_recent, with_results
from drift_checker.state.results import read_result
from drift_checker.state.store import Store

LOOK_BACK = 12
"""Ticks of the schedule that an episode looks back; one that has no result in them is over."""


@dataclass(frozen=True)
class History:
    """What is known of the scheduled ticks before one.

    `since` is the logical date of the first of the `LOOK_BACK` ticks of the schedule before it;
    `ticks` are those from then on, and `recent` all that are known, both the oldest first.
    `everything` has those by hand too.
    """

    since: datetime
    recent: Sequence[ShortTick]
    everything: RecentTicks | None = None

    @property
    def ticks(self) -> list[ShortTick]:
        """The last of them, which say what the present one belongs to."""
        return [tick for tick in self.recent if tick.logical_date >= self.since]

    @property
    def alarm(self) -> Alarm | None:
        """What the last of them says of its episode, if there is any."""
        ticks = self.ticks
        return ticks[-1].alarm if ticks else None


def ticks_before(store: Store, monitor: str, schedule: str, logical_date: datetime) -> History:
    """Return the ticks before one.

    Asks for two keys and, of the `LOOK_BACK` ticks before, for the results of those that are not
    known: none, where a monitor has been checked as often as its schedule says.
    """
    recent = read_recent(store, monitor, schedule)
    dates = logical_dates_before(schedule, logical_date, LOOK_BACK)[::-1]
    known = {tick.logical_date for tick in recent.ticks}
    recent = with_results(store, recent, [date for date in dates if date not in known])
    return History(dates[0], recent.scheduled_before(logical_date), recent)


def results_before(
    store: Store, monitor: str, schedule: str, date: datetime, ticks: int
) -> Iterator[Result]:
    """Results of scheduled ticks before a date, the latest first; looks at so many ticks."""
    for logical_date in logical_dates_before(schedule, date, ticks):
        result = read_result(store, monitor, logical_date)
        if result is not None and result.trigger == "scheduled":
            yield result


def past_tick_counts(
    store: Store, monitor: str, bins_id: str, dates: Iterable[datetime]
) -> list[TickCounts]:
    """Read the tick counts of some ticks that the sequential statistic may pool.

    They are those by the same bins of one reference (`TablePair.bins_id`). A batch that is invalid
    or drifted by itself has left none: found at once, it says nothing of small lasting drift, and
    would keep its episode open for as long as it is pooled. Nor has one that was there before.
    Counts that are damaged are not pooled, as if their tick had left none.
    """
    names = [keys.result(monitor, date, "profile.json") for date in dates]
    stored = (read_cache(store, name, TickCounts.model_validate_json) for name in names)
    return [counts for counts in stored if counts and counts.reference == bins_id]
