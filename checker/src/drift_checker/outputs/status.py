"""The last verdict of every monitor, read from a few small objects."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from drift_checker.config import Monitors, logical_dates_before
from drift_checker.outputs.publish import read_publication
from drift_checker.references import version_in_force
from drift_checker.result import AlarmState, Feed, Verdict
from drift_checker.state import Document, Store, read_latest_result

SILENT_INTERVALS = 3
"""A monitor without a verdict for so many intervals of its schedule is silent."""


class MonitorStatus(Document):
    """The last verdict of one monitor; null before its first."""

    name: str
    reference: str | None
    """Version of the reference in force, null where there is none."""
    verdict: Verdict | None = None
    logical_date: datetime | None = None
    alarm: AlarmState | None = None
    drifted_columns: list[str] = Field(default_factory=list)
    faults: list[str] = Field(default_factory=list)
    feed: Feed | None = None
    """What is known of its feed; of a scheduled tick alone."""
    run_url: str | None = None
    silent: bool


class Status(Document):
    """What `drift-checker status --format json` prints."""

    monitors: list[MonitorStatus]


def read_status(store: Store, monitors: Monitors, now: datetime) -> Status:
    """Return the last verdict of every monitor, and whether it is silent."""
    return Status(
        monitors=[
            _monitor_status(store, monitor.name, monitors.schedule_of(monitor), now)
            for monitor in monitors.monitors
        ]
    )


def _monitor_status(store: Store, name: str, schedule: str, now: datetime) -> MonitorStatus:
    result, entry = read_latest_result(store, name), version_in_force(store, name)
    version = entry.version if entry else None
    if result is None:
        return MonitorStatus(name=name, reference=version, silent=True)
    publication = read_publication(store, name, result.logical_date)
    return MonitorStatus(
        name=name,
        reference=version,
        verdict=result.verdict,
        logical_date=result.logical_date,
        alarm=result.alarm.state,
        drifted_columns=result.drifted_columns,
        faults=[f"{f.fault} {f.column}" if f.column else f.fault for f in result.faults],
        feed=result.feed,
        run_url=publication.url if publication else None,
        silent=result.logical_date < silent_before(schedule, now),
    )


def silent_before(schedule: str, now: datetime) -> datetime:
    """The logical date of a schedule since which a monitor must have reached a verdict."""
    return logical_dates_before(schedule, now, SILENT_INTERVALS)[-1]
