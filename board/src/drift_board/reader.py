"""The store, as the board reads it: few small objects, and none twice that has not changed.

It never calls what mends: caches are made anew and damaged objects set aside by the checks, which
may write there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from drift_board.view import STRIP, Detail, MonitorView, Past, Snapshot, strip
from drift_checker.config import Monitor, Monitors, load_monitors
from drift_checker.errors import DamagedObjectError, UsageError
from drift_checker.outputs import untold_events
from drift_checker.state import (
    LatestResult,
    Mute,
    RecentTicks,
    Store,
    keys,
    parsed,
    read_document,
    result_of,
)

AT_ONCE = 4
"""Monitors that are read at a time."""
KEPT = STRIP + 16
"""Ticks that a strip is made of, with some by hand between them."""
UNTOLD_EVERY = timedelta(minutes=1)
"""Time between two looks for events that nobody could be told of: each of them is a list more."""
MUTES_SHOWN = timedelta(days=60)
"""Mutes that ended longer ago are in no strip."""

log = structlog.get_logger()


class MonitorsFile:
    """The monitors file, read again when it changes; a wrong one leaves the one before in force."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = self._now()
        self.monitors: Monitors = load_monitors(path)
        self.wrong: str | None = None

    def _now(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return 0, 0
        return status.st_mtime_ns, status.st_size

    def read(self) -> Monitors:
        """Return the monitors as they are now."""
        stamp = self._now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self.monitors, self.wrong = load_monitors(self._path), None
            except UsageError as error:
                self.wrong = str(error)
                log.warning("the monitors file is wrong, the one before stays", reason=self.wrong)
        return self.monitors


@dataclass
class _Known:
    """What was read of a monitor, and of which bytes."""

    pointer: bytes | None = None
    settled: bool = False
    """Whether all is as new as the pointer."""
    past: Past | None = None
    detail: Detail | None = None
    detail_of: datetime | None = None
    damaged: list[str] = field(default_factory=list)


class Reader:
    """Makes snapshots; one thread at a time."""

    def __init__(self, store: Store, monitors: MonitorsFile) -> None:
        self._store = store
        self._file = monitors
        self._known: dict[str, _Known] = {}
        self._mutes: dict[str, Mute | None] = {}
        self._untold: Mapping[str, int] = {}
        self._untold_of: datetime | None = None

    def snapshot(self, now: datetime) -> Snapshot:
        """Return all monitors as the store has them.

        Asks for one object of each monitor, for two more of one that has a new result, for one list
        of all mutes, and once in `UNTOLD_EVERY` for one of all events that wait to be told.

        Raises:
            ServiceAwayError: The store stayed away.
        """
        monitors = self._file.read()
        mutes = self._read_mutes(now)
        if self._untold_of is None or now - self._untold_of >= UNTOLD_EVERY:
            self._untold, self._untold_of = untold_events(self._store), now
        with ThreadPoolExecutor(AT_ONCE) as pool:
            known = list(pool.map(self._read, monitors.monitors))
        views = [
            self._view(monitors, monitor, each, mutes.get(monitor.name, []), now)
            for monitor, each in zip(monitors.monitors, known, strict=True)
        ]
        for name in self._known.keys() - {monitor.name for monitor in monitors.monitors}:
            del self._known[name]
        return Snapshot(
            at=now,
            monitors=sorted(views, key=lambda view: view.rank),
            alarms_per_week=monitors.alarms_per_week,
            wrong=self._file.wrong,
        )

    def _view(
        self,
        monitors: Monitors,
        monitor: Monitor,
        known: _Known,
        mutes: Sequence[Mute],
        now: datetime,
    ) -> MonitorView:
        schedule = monitors.schedule_of(monitor)
        latest = mutes[-1] if mutes else None
        return MonitorView(
            monitor=monitor,
            schedule=schedule,
            now=now,
            past=known.past,
            detail=known.detail,
            damaged=tuple(known.damaged),
            mute=latest if latest and latest.until > now else None,
            untold=self._untold.get(monitor.name, 0),
            cells=strip(known.past.ticks, schedule, now, mutes) if known.past else (),
        )

    def _read(self, monitor: Monitor) -> _Known:
        known = self._known.setdefault(monitor.name, _Known())
        pointer = self._store.get(keys.latest(monitor.name))
        if pointer == known.pointer and known.settled:
            return known
        known.damaged = []
        latest = self._latest(monitor.name, pointer, known)
        if pointer is not None or known.past is not None:
            self._read_past(monitor.name, known)
        self._read_detail(monitor.name, known)
        # The recent past is written after the pointer: until it has that tick, it is asked again.
        newest = known.past.newest if known.past else None
        behind = latest is not None and (newest is None or newest < latest.logical_date)
        known.pointer, known.settled = pointer, not behind
        return known

    @staticmethod
    def _latest(name: str, pointer: bytes | None, known: _Known) -> LatestResult | None:
        if pointer is None:
            return None
        try:
            return parsed(keys.latest(name), pointer, LatestResult.model_validate_json)
        except DamagedObjectError as error:
            known.damaged.append(_in_words(error))
            return None

    def _read_past(self, name: str, known: _Known) -> None:
        data = self._store.get(keys.recent(name))
        recent = RecentTicks.brief_from_json(data, name, KEPT) if data else None
        if data is not None and recent is None:
            error = DamagedObjectError(keys.recent(name), "it is not what a tick leaves")
            known.damaged.append(_in_words(error))
        elif data is not None and recent is not None:
            known.past = Past.of(recent, data)

    def _read_detail(self, name: str, known: _Known) -> None:
        tick = known.past.last if known.past else None
        if tick is None:
            known.detail = known.detail_of = None
            return
        date, key = tick.logical_date, keys.result(name, tick.logical_date)
        data = self._store.get(key)
        try:
            result = parsed(key, data, partial(result_of, name, date)) if data else None
        except DamagedObjectError as error:
            known.damaged.append(_in_words(error))
            result = None
        known.detail, known.detail_of = Detail.of(result) if result else None, date

    def _read_mutes(self, now: datetime) -> dict[str, list[Mute]]:
        """Return the mutes of each monitor that a strip may show, the newest last."""
        found: dict[str, list[Mute]] = {}
        listed = {entry.key for entry in self._store.list(keys.mutes())}
        for key in self._mutes.keys() - listed:
            del self._mutes[key]
        for key in sorted(listed):
            # They are never changed, so each is read once.
            if key not in self._mutes:
                self._mutes[key] = None
                with suppress(DamagedObjectError):
                    self._mutes[key] = read_document(self._store, key, Mute)
            mute = self._mutes[key]
            if mute is not None and mute.until > now - MUTES_SHOWN:
                found.setdefault(mute.monitor, []).append(mute)
        return found


def _in_words(error: DamagedObjectError) -> str:
    return f"{error.key} is damaged: {error.reason}"
