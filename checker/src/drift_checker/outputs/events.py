"""Events that people are notified of: alarms open, widen and close, invalid batches, silence.

While a monitor is muted there are none of its drift. A mute that is over says once what is open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from drift_checker.config import (
    DEFAULT_CHANNEL,
    EventKind,
    Monitor,
    Monitors,
    Settings,
    date_key,
    date_of_key,
    logical_dates_before,
)
from drift_checker.escape import for_message, one_line
from drift_checker.references import versions_in_force
from drift_checker.result import PlainDocument, Result, Verdict
from drift_checker.state import Mute, Store, newest_mute, read_latest_result, read_result
from drift_checker.wording import explanation_text, shortened

SILENT_INTERVALS = 3
"""A monitor without a verdict for so many intervals of its schedule is silent."""


_KINDS: dict[EventKind, str] = {
    "alarm_opened": "drift since",
    "alarm_closed": "the end of the drift since",
    "batch_invalid": "invalid batch at",
    "monitor_silent": "no verdict since",
    "widened": "the drift widened at",
    "mute_ended": "drift goes on, and is not muted since",
    "reminder": "drift goes on at",
}
"""What each kind says of its date, where its result is not at hand."""
OF_DRIFT: frozenset[EventKind] = frozenset({"alarm_opened", "alarm_closed", "widened", "reminder"})
"""Kinds that nobody is told of while a monitor is muted."""
MOST_IN_TITLE = 3
"""Columns that a title names."""
LATE_MUTES = timedelta(days=2)
"""Time after the end of a mute in which it is told what is open."""
_EVENT_KEY = re.compile(
    r"outbox/(?P<monitor>[^/]+)/(?P=monitor)-(?P<date>\d{8}T\d{6}Z)"
    rf"-(?P<kind>{'|'.join(_KINDS)})\.json"
)


@dataclass(frozen=True, kw_only=True)
class Event(PlainDocument):
    """One notification; monitor, kind and date name it, and each address gets it once.

    `date` is that of the tick which opened the alarm (also where it closes) or widened it, of the
    first invalid batch in a row, of the last verdict before the silence, of the end of the mute, or
    of the time to remind. `channels` are those of the monitor, `page` is the board's page of it.
    """

    kind: EventKind
    monitor: str
    date: datetime
    title: str
    message: str
    channels: tuple[str, ...] = (DEFAULT_CHANNEL,)
    page: str | None = None

    @property
    def id(self) -> str:
        """The event's name, unique in a deployment."""
        return f"{self.monitor}-{date_key(self.date)}-{self.kind}"


def tick_events(
    store: Store, settings: Settings, monitor: Monitor, result: Result, before: Iterator[Result]
) -> Iterator[Event]:
    """Yield what people are told of a tick: by the mutes of its monitor, and with where to look.

    `before` are results of the scheduled ticks before it, the last one first.
    """
    now = datetime.now(UTC)
    found = [*result_events(result, before), *_reminder(result, settings.remind_after)]
    if found or result.alarm.is_open:
        mute = newest_mute(store, monitor.name)
        if mute and mute.holds(now):
            found = [event for event in found if event.kind not in OF_DRIFT]
        elif mute and (event := _mute_ended(result, mute, now)):
            found.append(event)
    page = page_of(settings.board_url, result)
    for event in found:
        way = "" if event.kind == "alarm_closed" else f"\n\n{_way_on(monitor, event.kind, page)}"
        yield event.model_copy(
            update={"channels": monitor.notify, "page": page, "message": event.message + way}
        )


def page_of(board: str | None, result: Result) -> str | None:
    """Return the address of the board's page of a tick, or of its monitor."""
    if board is None or result.monitor is None:
        return None
    page = f"{board}/monitors/{result.monitor}"
    return f"{page}/ticks/{date_key(result.logical_date)}" if result.logical_date else page


def _way_on(monitor: Monitor, kind: EventKind, page: str | None) -> str:
    """Say where to look, and how to mute or accept."""
    lines = [f"look: {page}"] if page else []
    if monitor.owner or monitor.severity != "warning":
        who = f", of {one_line(monitor.owner)}" if monitor.owner else ""
        lines.append(f"severity: {monitor.severity}{who}")
    if kind != "batch_invalid":
        name = monitor.name
        lines += [
            f"mute: drift-checker mute --monitor {name} --for 4h",
            f"accept as the new normal: drift-checker baseline accept --monitor {name}",
        ]
    return for_message("\n".join([*lines, "what now: docs/alarm.md"]))


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
    if alarm.widened:
        title = f"{name}: {_columns(alarm.widened)} too"
        events.append(_event("widened", name, result.logical_date, title, message))
    if alarm.state == "closed" and alarm.since:
        title = f"{name}: the drift since {_utc(alarm.since)} has ended"
        events.append(_event("alarm_closed", name, alarm.since, title, message))
    invalid_before = last is not None and last.verdict is Verdict.INVALID
    if result.verdict is Verdict.INVALID and not invalid_before:
        title = f"{name}: invalid batch at {_utc(result.logical_date)}"
        events.append(_event("batch_invalid", name, result.logical_date, title, message))
    return events


def _columns(names: list[str]) -> str:
    """Name the columns that joined, as far as a title has room."""
    shown = ", ".join(one_line(shortened(name)) for name in names[:MOST_IN_TITLE])
    more = f" and {len(names) - MOST_IN_TITLE} more" if len(names) > MOST_IN_TITLE else ""
    verb = "drifts" if len(names) == 1 else "drift"
    return for_message(f"{shown}{more} {verb}")


def _reminder(result: Result, after: timedelta | None) -> Iterator[Event]:
    """The reminder of an alarm that is open so long; one for each time that this has passed.

    Each tick until the next time has the same one, which is told once.
    """
    alarm = result.alarm
    if after is None or not alarm.is_open or not (alarm.since and result.logical_date):
        return
    times = (result.logical_date - alarm.since) // after
    if times > 0 and result.monitor:
        title = f"{result.monitor}: drift still goes on, since {_utc(alarm.since)}"
        due = alarm.since + times * after
        yield _event("reminder", result.monitor, due, title, _message(result))


def _mute_ended(result: Result, mute: Mute, now: datetime) -> Event | None:
    """What to tell after a mute: the alarm that was open when it ended, once."""
    since = result.alarm.since
    if not result.alarm.is_open or since is None or result.monitor is None:
        return None
    if not (since <= mute.until <= now < mute.until + LATE_MUTES):
        return None
    title = f"{result.monitor}: no longer muted, and drift goes on since {_utc(since)}"
    return _event("mute_ended", result.monitor, mute.until, title, _message(result))


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


def silence_events(
    store: Store, monitors: Monitors, now: datetime, board: str | None = None
) -> Iterator[Event]:
    """Yield an event for each monitor without a verdict for three intervals.

    They are counted from its first reference where there is none yet. `board` is the board's
    address.
    """
    for monitor in monitors.monitors:
        name, schedule = monitor.name, monitors.schedule_of(monitor)
        result = read_latest_result(store, name)
        start = result.logical_date if result else first_reference(store, name) or now
        if start < silent_before(schedule, now):
            title = f"{name}: no verdict since {_utc(start)}"
            message = (
                f"There has been no verdict for {SILENT_INTERVALS} intervals of its schedule, "
                f"{schedule}. The log of its last check in Airflow says why."
            )
            silence = _event("monitor_silent", name, start, title, message)
            page = f"{board}/monitors/{name}" if board else None
            yield silence.model_copy(update={"channels": monitor.notify, "page": page})


def first_reference(store: Store, monitor: str) -> datetime | None:
    """Return since when a monitor without a verdict could have had one; None without a reference.

    Raises:
        ServiceAwayError: the store stayed away.
    """
    versions = versions_in_force(store, monitor)
    return versions[0].since if versions else None


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
