"""The last verdict of every monitor, read from a few small objects."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import Field

from drift_checker.config import Monitors
from drift_checker.outputs.events import first_reference, silent_before
from drift_checker.outputs.notify import Address, WaitingNotification, waiting_notifications
from drift_checker.outputs.publish import newest_pending, read_publication
from drift_checker.references import version_in_force
from drift_checker.result import Alarm, AlarmState, Feed, Verdict
from drift_checker.state import (
    Document,
    LatestResult,
    Store,
    keys,
    latest_of_results,
    mute_in_force,
    read_latest_result,
    read_recent,
    read_result,
    write_latest_result,
)


class OpenAlarm(Document):
    """The alarm that is open after the last scheduled tick, whatever one by hand has found.

    `columns` are those that drifted in it so far; none where it is not known.
    """

    id: str
    since: datetime
    columns: list[str]


class MonitorStatus(Document):
    """The last verdict of one monitor; null before its first."""

    name: str
    reference: str | None
    """Version of the reference in force, null where there is none."""
    verdict: Verdict | None = None
    logical_date: datetime | None = None
    """The last tick of any kind; one by hand says nothing of an alarm."""
    alarm: AlarmState | None = None
    """What the last scheduled tick says of its episode."""
    open_alarm: OpenAlarm | None = None
    muted_until: datetime | None = None
    page: str | None = None
    """The board's page of the monitor."""
    drifted_columns: list[str] = Field(default_factory=list)
    faults: list[str] = Field(default_factory=list)
    feed: Feed | None = None
    """What is known of its feed; of a scheduled tick alone."""
    run_url: str | None = None
    runs_url: str | None = None
    """The page of MLflow that lists all of its runs."""
    silent: bool


class SetAside(Document):
    """An object that was damaged, and lies below `damaged/` now; `size` in bytes."""

    key: str
    """Where it lies now: that of before, after `damaged/`."""
    size: int
    since: datetime


class Status(Document):
    """What `drift-checker status --format json` prints."""

    monitors: list[MonitorStatus]
    waiting: list[WaitingNotification] = Field(default_factory=list)
    """Notifications that have not been taken yet."""
    damaged: list[SetAside] = Field(default_factory=list)


def read_status(
    store: Store,
    monitors: Monitors,
    now: datetime,
    addresses: Sequence[Address] = (),
    board: str | None = None,
) -> Status:
    """Return the last verdict of every monitor, whether it is silent, and what the store says else.

    That is what waits for one of the addresses, and what was set aside. `board` is the board's
    address.
    """
    pending = newest_pending(store)
    shown = [
        _monitor_status(
            store, monitor.name, monitors.schedule_of(monitor), now, pending.get(monitor.name, [])
        ).model_copy(update={"page": f"{board}/monitors/{monitor.name}" if board else None})
        for monitor in monitors.monitors
    ]
    waiting = list(waiting_notifications(store, addresses))
    # Listed last: what is read until then may be among them.
    aside = store.list(keys.damaged())
    damaged = [SetAside(key=each.key, size=each.size, since=each.modified) for each in aside]
    return Status(monitors=shown, waiting=waiting, damaged=damaged)


def _latest(store: Store, name: str, pending: Sequence[datetime]) -> LatestResult | None:
    """The pointer, moved to a result that its process was killed behind."""
    latest = read_latest_result(store, name)
    for date in pending:
        if latest is not None and date < latest.logical_date:
            break
        result = read_result(store, name, date)
        if result is not None:
            return write_latest_result(store, name, LatestResult.of(result))
    if latest is None and (found := latest_of_results(store, name)):
        return write_latest_result(store, name, found)
    return latest


def last_alarm(store: Store, name: str, schedule: str) -> Alarm:
    """Return what the last scheduled tick of a monitor says of its episode.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    latest = read_latest_result(store, name)
    return _alarm_of(store, name, schedule, latest) if latest else Alarm()


def _alarm_of(store: Store, name: str, schedule: str, latest: LatestResult) -> Alarm:
    if latest.scheduled is not None:
        return latest.scheduled.alarm
    if latest.alarm.state != "none":
        return latest.alarm  # of an older build, and of a scheduled tick
    ticks = read_recent(store, name, schedule).ticks
    return next((each.alarm for each in reversed(ticks) if each.trigger == "scheduled"), Alarm())


def _open_alarm(alarm: Alarm) -> OpenAlarm | None:
    if not alarm.is_open or alarm.id is None or alarm.since is None:
        return None
    return OpenAlarm(id=alarm.id, since=alarm.since, columns=list(alarm.columns or {}))


def _monitor_status(
    store: Store, name: str, schedule: str, now: datetime, pending: Sequence[datetime]
) -> MonitorStatus:
    result, entry = _latest(store, name, pending), version_in_force(store, name)
    version = entry.version if entry else None
    if result is None:
        since = first_reference(store, name)
        silent = since is None or since < silent_before(schedule, now)
        return MonitorStatus(name=name, reference=version, silent=silent)
    publication = read_publication(store, name, result.logical_date)
    alarm = _alarm_of(store, name, schedule, result)
    mute = mute_in_force(store, name, now)
    return MonitorStatus(
        name=name,
        reference=version,
        verdict=result.verdict,
        logical_date=result.logical_date,
        alarm=alarm.state,
        open_alarm=_open_alarm(alarm),
        muted_until=mute.until if mute else None,
        drifted_columns=result.drifted_columns,
        faults=[f"{f.fault} {f.column}" if f.column else f.fault for f in result.faults],
        feed=result.feed,
        run_url=publication.url if publication else None,
        runs_url=publication.runs_url if publication else None,
        silent=result.logical_date < silent_before(schedule, now),
    )
