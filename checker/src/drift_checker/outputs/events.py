"""Events that people are notified of: alarms open and close, batches turn invalid, silence."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from drift_checker.config import Monitors, date_key, date_of_key, logical_dates_before
from drift_checker.escape import for_message, one_line
from drift_checker.references import versions_in_force
from drift_checker.result import PlainDocument, Result, Verdict
from drift_checker.state import Store, read_latest_result, read_result
from drift_checker.wording import explanation_text

EventKind = Literal["alarm_opened", "alarm_closed", "batch_invalid", "monitor_silent"]

SILENT_INTERVALS = 3
"""A monitor without a verdict for so many intervals of its schedule is silent."""


_KINDS: dict[EventKind, str] = {
    "alarm_opened": "drift since",
    "alarm_closed": "the end of the drift since",
    "batch_invalid": "invalid batch at",
    "monitor_silent": "no verdict since",
}
"""What each kind says of its date, where its result is not at hand."""
_EVENT_KEY = re.compile(
    r"outbox/(?P<monitor>[^/]+)/(?P=monitor)-(?P<date>\d{8}T\d{6}Z)"
    rf"-(?P<kind>{'|'.join(_KINDS)})\.json"
)


@dataclass(frozen=True, kw_only=True)
class Event(PlainDocument):
    """One notification; monitor, kind and date name it, and each address gets it once.

    `date` is that of the tick which opened the alarm (also where it closes), of the first invalid
    batch in a row, or of the last verdict before the silence.
    """

    kind: EventKind
    monitor: str
    date: datetime
    title: str
    message: str

    @property
    def id(self) -> str:
        """The event's name, unique in a deployment."""
        return f"{self.monitor}-{date_key(self.date)}-{self.kind}"


def result_events(result: Result, before: Iterator[Result]) -> list[Event]:
    """Return the events of a tick; of an unscheduled one there are none.

    An invalid batch after another is no event.

    Args:
        result: The result of the tick.
        before: Results of the scheduled ticks before it, the last one first.
    """
    if result.trigger == "manual" or result.monitor is None or result.logical_date is None:
        return []
    name, alarm, events = result.monitor, result.alarm, []
    message = _message(result)
    # Read only where an event depends on it.
    needed = alarm.state == "opened" or result.verdict is Verdict.INVALID
    last = next(before, None) if needed else None
    if alarm.state == "opened" and alarm.since:
        events += _reference_replaced(result, last)
        title = f"{name}: drift since {_utc(alarm.since)}"
        events.append(_event("alarm_opened", name, alarm.since, title, message))
    if alarm.state == "closed" and alarm.since:
        title = f"{name}: the drift since {_utc(alarm.since)} has ended"
        events.append(_event("alarm_closed", name, alarm.since, title, message))
    invalid_before = last is not None and last.verdict is Verdict.INVALID
    if result.verdict is Verdict.INVALID and not invalid_before:
        title = f"{name}: invalid batch at {_utc(result.logical_date)}"
        events.append(_event("batch_invalid", name, result.logical_date, title, message))
    return events


def _reference_replaced(result: Result, last: Result | None) -> list[Event]:
    """The end of an episode whose reference was replaced, where the new one drifts at once."""
    if last is None or not last.alarm.is_open or not last.alarm.since:
        return []
    version = result.reference.version
    if result.monitor is None or last.reference.version == version:
        return []
    title = f"{result.monitor}: the drift since {_utc(last.alarm.since)} has ended"
    message = f"It was measured by another reference: version {version} is in force now."
    return [_event("alarm_closed", result.monitor, last.alarm.since, title, message)]


def event_anew(store: Store, key: str) -> Event | None:
    """Return an event of the outbox whose object is damaged, as its key and its result tell it.

    None of a key that names no event.
    """
    found = _EVENT_KEY.fullmatch(key)
    if found is None:
        return None
    monitor, date = found["monitor"], date_of_key(found["date"])
    kind = cast("EventKind", found["kind"])
    title = f"{monitor}: {_KINDS[kind]} {_utc(date)}"
    message = "What was to be said of it was damaged in the store: `drift-checker store check`."
    if kind in {"alarm_opened", "batch_invalid"}:
        result = read_result(store, monitor, date)
        message = _message(result) if result else message
    return _event(kind, monitor, date, title, message)


def silence_events(store: Store, monitors: Monitors, now: datetime) -> Iterator[Event]:
    """Yield an event for each monitor without a verdict for three intervals.

    They are counted from its first reference where there is none yet.
    """
    for monitor in monitors.monitors:
        name, result = monitor.name, read_latest_result(store, monitor.name)
        versions = [] if result else versions_in_force(store, name)
        start = result.logical_date if result else versions[0].since if versions else now
        if start < silent_before(monitors.schedule_of(monitor), now):
            title = f"{name}: no verdict since {_utc(start)}"
            message = (
                f"There has been no verdict for {SILENT_INTERVALS} intervals of its schedule, "
                f"{monitors.schedule_of(monitor)}. The log of its last check in Airflow says why."
            )
            yield _event("monitor_silent", name, start, title, message)


def silent_before(schedule: str, now: datetime) -> datetime:
    """The logical date of a schedule since which a monitor must have reached a verdict."""
    return logical_dates_before(schedule, now, SILENT_INTERVALS)[-1]


def _message(result: Result) -> str:
    if result.explanation is None:
        return str(result.verdict)
    summary = one_line(result.explanation.summary)
    return for_message(f"{summary}\n\n{explanation_text(result.explanation)}")


def _event(kind: EventKind, monitor: str, date: datetime, title: str, message: str) -> Event:
    return Event(
        kind=kind, monitor=monitor, date=date.replace(microsecond=0), title=title, message=message
    )


def _utc(date: datetime) -> str:
    return f"{date:%Y-%m-%d %H:%M:%SZ}"
