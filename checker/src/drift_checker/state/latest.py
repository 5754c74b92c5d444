"""The pointer to a monitor's latest result, so that nobody has to list its history.

It is a cache of what the results say: one that is lost comes back with the next tick.
"""

from __future__ import annotations

from datetime import datetime

from drift_checker.result import Alarm, Fault, Feed, Verdict
from drift_checker.state import keys
from drift_checker.state.documents import Document, read_document
from drift_checker.state.store import Store


class LatestResult(Document):
    """What status shows of a monitor, and when its last report was made (a logical date)."""

    logical_date: datetime
    verdict: Verdict
    drifted_columns: list[str]
    faults: list[Fault]
    alarm: Alarm
    reported: datetime | None
    feed: Feed | None = None


def read_latest_result(store: Store, monitor: str) -> LatestResult | None:
    """The pointer of a monitor, or None before its first result."""
    return read_document(store, keys.latest(monitor), LatestResult)


def write_latest_result(store: Store, monitor: str, latest: LatestResult) -> None:
    """Move the pointer forward; a result older than the one it names leaves it there."""
    before = read_latest_result(store, monitor)
    if before is not None:
        reported = max(filter(None, (before.reported, latest.reported)), default=None)
        newer = max(before, latest, key=lambda pointer: pointer.logical_date)
        latest = newer.model_copy(update={"reported": reported})
    store.put(keys.latest(monitor), latest.model_dump_json().encode())
