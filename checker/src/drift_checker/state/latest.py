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


class LatestResult(Document):
    """What status shows of a monitor, and when its last report was made (a logical date)."""

    logical_date: datetime
    verdict: Verdict
    drifted_columns: list[str]
    faults: list[Fault]
    alarm: Alarm
    reported: datetime | None
    feed: Feed | None = None

    @classmethod
    def of(cls, result: Result) -> LatestResult:
        """Return the pointer to the result of a tick."""
        if result.logical_date is None:
            raise ValueError("the result of a tick has a logical date")
        return cls(
            logical_date=result.logical_date,
            verdict=result.verdict,
            drifted_columns=result.drifted_columns,
            faults=result.faults,
            alarm=result.alarm,
            reported=result.logical_date if result.report else None,
            feed=result.feed,
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

    The last report is looked for in the last `MOST_RESULTS` of them.
    """
    newest: LatestResult | None = None
    for date in islice(result_dates(store, monitor), MOST_RESULTS):
        result = read_result(store, monitor, date)
        if result is None:
            continue
        newest = newest or LatestResult.of(result)
        if result.report:
            return newest.model_copy(update={"reported": result.logical_date})
    return newest


def write_latest_result(store: Store, monitor: str, latest: LatestResult) -> LatestResult:
    """Move the pointer forward; a result older than the one it names leaves it there.

    Nothing is written that is there already. Returns the pointer as it is then.
    """
    before = read_latest_result(store, monitor)
    if before is not None:
        reported = max(filter(None, (before.reported, latest.reported)), default=None)
        # Of one tick the later result counts, which has replaced the other.
        newer = max(latest, before, key=lambda pointer: pointer.logical_date)
        latest = newer.model_copy(update={"reported": reported})
    if latest != before:
        _put(store, monitor, latest)
    return latest


def _put(store: Store, monitor: str, latest: LatestResult) -> None:
    store.put(keys.latest(monitor), latest.model_dump_json().encode())
