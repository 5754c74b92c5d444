"""The pointer to a monitor's latest result, so that nobody has to list its history.

It is a cache of what the results say: one that is lost or damaged is made anew of them, and one
that was left behind is moved forward by whoever finds a later result.
"""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import structlog

from drift_checker.errors import DamagedObjectError
from drift_checker.result import Alarm, Fault, Feed, Result, Verdict
from drift_checker.state import keys
from drift_checker.state.documents import Document, read_document
from drift_checker.state.results import read_result, result_dates
from drift_checker.state.store import Store

MOST_RESULTS = 100
"""Results that are read to make the pointer anew."""

log = structlog.get_logger()


class LatestTick(Document):
    """What status shows of a tick."""

    logical_date: datetime
    verdict: Verdict
    drifted_columns: list[str]
    faults: list[Fault]
    alarm: Alarm
    feed: Feed | None = None


class LatestResult(LatestTick):
    """The last tick of any kind, the last `scheduled` one, and when a report was last made.

    A tick by hand opens no alarm and closes none: what it found must not hide the other's. Objects
    of older builds have no `scheduled` until the next one. `reported` is a logical date.
    """

    reported: datetime | None
    scheduled: LatestTick | None = None

    @classmethod
    def of(cls, result: Result) -> LatestResult:
        """Return the pointer to the result of a tick."""
        if result.logical_date is None:
            raise ValueError("the result of a tick has a logical date")
        tick = LatestTick(
            logical_date=result.logical_date,
            verdict=result.verdict,
            drifted_columns=result.drifted_columns,
            faults=result.faults,
            alarm=result.alarm,
            feed=result.feed,
        )
        return cls(
            **dict(tick),
            reported=result.logical_date if result.report else None,
            scheduled=tick if result.trigger == "scheduled" else None,
        )

    def after(self, before: LatestResult) -> LatestResult:
        """Return the pointer that knows of both; of one tick the later result counts."""
        newer = max(self, before, key=lambda pointer: pointer.logical_date)
        scheduled = [each for each in (self.scheduled, before.scheduled) if each]
        return newer.model_copy(
            update={
                "reported": max(filter(None, (before.reported, self.reported)), default=None),
                "scheduled": max(scheduled, key=lambda tick: tick.logical_date, default=None),
            }
        )


def read_latest_result(store: Store, monitor: str) -> LatestResult | None:
    """The pointer of a monitor, or None before its first result; a damaged one is made anew."""
    try:
        return read_document(store, keys.latest(monitor), LatestResult)
    except DamagedObjectError as error:
        log.warning("damaged, and made anew", key=error.key, reason=error.reason)
        return rebuild_latest_result(store, monitor)


def rebuild_latest_result(store: Store, monitor: str) -> LatestResult | None:
    """Store the pointer as the results say it, whatever it says; returns it."""
    latest = latest_of_results(store, monitor)
    if latest is None:
        store.delete(keys.latest(monitor))
    else:
        _put(store, monitor, latest)
    return latest


def latest_of_results(store: Store, monitor: str) -> LatestResult | None:
    """Return what the pointer has to be by the results, whose dates are listed.

    The last report and the last scheduled tick are looked for in the last `MOST_RESULTS` of them.
    """
    newest: LatestResult | None = None
    for date in islice(result_dates(store, monitor), MOST_RESULTS):
        result = read_result(store, monitor, date)
        if result is None:
            continue
        each = LatestResult.of(result)
        newest = newest.after(each) if newest else each
        if newest.reported and newest.scheduled:
            break
    return newest


def write_latest_result(store: Store, monitor: str, latest: LatestResult) -> LatestResult:
    """Move the pointer forward; a result older than the one it names leaves it there.

    Nothing is written that is there already. Returns the pointer as it is then.
    """
    before = read_latest_result(store, monitor)
    if before is not None:
        latest = latest.after(before)
    if latest != before:
        _put(store, monitor, latest)
    return latest


def _put(store: Store, monitor: str, latest: LatestResult) -> None:
    store.put(keys.latest(monitor), latest.model_dump_json().encode())
