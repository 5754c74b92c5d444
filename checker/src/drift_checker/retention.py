"""Retention: what is older than the settings promise, and its removal.

An object's age counts from when it was written, so that old ticks which were checked today are kept
like today's. Some things stay however old they are: the latest result of a monitor and the tick
that opened an episode which is still open (each with its batch and its run), the reference in
force, and every version of a reference that a kept result was compared with.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import islice

import structlog

from drift_checker.config import Monitors, date_key
from drift_checker.errors import DamagedObjectError
from drift_checker.outputs import MlflowClient, Run
from drift_checker.references import VERSION_LENGTH, versions_in_force
from drift_checker.result import Alarm, Result
from drift_checker.state import (
    PAGE,
    Entry,
    Store,
    keys,
    newest_mute,
    read_document,
    read_latest_result,
    ticks_before,
)

ABANDONED_UPLOAD = timedelta(days=1)
"""Age from which an upload is taken for one that nobody will finish."""
EXPERIMENT_PREFIXES = ("drift/", "drill/")
"""What the names of the experiments begin with whose runs are ours to remove."""

_VERSION = re.compile(rf"[0-9a-f]{{{VERSION_LENGTH}}}")
_RESULT = re.compile(r".*/result(\.\d+)?\.json")

log = structlog.get_logger()


class ItemKind(StrEnum):
    """What is kept for a time."""

    BATCHES = "batches"
    RESULTS = "results"
    PENDING = "pending markers"
    NOTIFICATIONS = "notification markers"
    OUTBOX = "events not told"
    DRILLS = "drills"
    PUSHED = "pushed batches"
    MUTES = "mutes"
    NOTES = "notes"
    ACCEPTANCES = "requests to accept"
    REFERENCES = "references"
    DAMAGED = "damaged objects"
    UPLOADS = "unfinished uploads"
    RUNS = "runs"


_PREFIXES = {
    ItemKind.BATCHES: "batches",
    ItemKind.RESULTS: "results",
    ItemKind.PENDING: "pending",
    ItemKind.NOTIFICATIONS: "notifications",
    ItemKind.OUTBOX: "outbox",
    ItemKind.DRILLS: "drill",
    ItemKind.PUSHED: "pushed",
    ItemKind.MUTES: "mutes",
    ItemKind.NOTES: "notes",
    ItemKind.ACCEPTANCES: "acceptances",
}


@dataclass(frozen=True)
class ExpiredItem:
    """An object of the store, by its key, or a run of MLflow, by its id; `size` in bytes."""

    kind: ItemKind
    name: str
    size: int


class Retention:
    """Finds and removes what was written before the `cutoff`.

    The methods raise `ServiceAwayError` when the store or MLflow stays away; what is removed by
    then stays removed, and another call goes on with the rest.
    """

    def __init__(
        self,
        store: Store,
        mlflow: MlflowClient,
        monitors: Monitors,
        *,
        now: datetime,
        keep: timedelta,
    ) -> None:
        self._store = store
        self._mlflow = mlflow
        self._monitors = monitors
        self._now = now
        self.cutoff = now - keep
        self._retained_tick_keys = cache(self._find_retained_tick_keys)
        self._muted = cache(self._is_muted)

    def expired_items(self) -> Iterator[ExpiredItem]:
        """Yield everything that is older than it has to be kept."""
        for kind, prefix in _PREFIXES.items():
            yield from (_expired_object(kind, entry) for entry in self._expired_entries(prefix))
        for entry in self._store.walk(keys.damaged()):
            if entry.modified < self.cutoff:
                yield _expired_object(ItemKind.DAMAGED, entry)
        for monitor in self._store.folders("reference"):
            yield from self._expired_references(monitor)
        for entry in self._store.unfinished():
            if self._now - entry.modified > ABANDONED_UPLOAD:
                yield _expired_object(ItemKind.UPLOADS, entry)
        for prefix in EXPERIMENT_PREFIXES:
            for experiment, name in self._mlflow.experiments(prefix):
                yield from self._expired_runs(experiment, name.removeprefix(prefix))

    def remove(
        self, items: Iterable[ExpiredItem], *, page_size: int = PAGE
    ) -> Iterator[ExpiredItem]:
        """Remove `expired_items`, so many at once; yields each item after its removal."""
        remaining = iter(items)
        removed = 0
        while page := list(islice(remaining, page_size)):
            self._remove(page)
            removed += len(page)
            log.info("removed", items=removed, last=page[-1].name)
            yield from page

    def _remove(self, page: list[ExpiredItem]) -> None:
        objects = []
        for item in page:
            match item.kind:
                case ItemKind.RUNS:
                    self._mlflow.delete_run(item.name)
                case ItemKind.UPLOADS:
                    self._store.discard_unfinished(item.name)
                case _:
                    objects.append(item.name)
        if objects:
            self._store.delete_all(objects)

    def _expired_entries(self, prefix: str) -> Iterator[Entry]:
        """The objects below a prefix, whose next part is the monitor, that are too old."""
        for entry in self._store.walk(prefix):
            monitor = entry.key.split("/")[1]
            if entry.modified < self.cutoff and not self._is_retained(entry.key, monitor):
                yield entry

    def _is_retained(self, key: str, monitor: str) -> bool:
        """Whether an object of a monitor is kept whatever its age."""
        tick_keys = self._retained_tick_keys(monitor)
        kept = {keys.latest(monitor), keys.recent(monitor), keys.series(monitor)}
        if key.startswith("mutes/") and self._muted(monitor):
            return True
        return key in kept or any(tick_key in key for tick_key in tick_keys)

    def _is_muted(self, monitor: str) -> bool:
        mute = newest_mute(self._store, monitor)
        return mute is not None and mute.until > self._now

    def _find_retained_tick_keys(self, monitor: str) -> frozenset[str]:
        """The ticks of a monitor that are kept whatever their age, as they stand in keys."""
        return frozenset(map(date_key, self._retained_ticks(monitor)))

    def _retained_ticks(self, monitor: str) -> Iterator[datetime]:
        result = read_latest_result(self._store, monitor)
        if result is not None:
            yield result.logical_date
        # A tick by hand may be the latest, and knows of no episode.
        for alarm in (result.alarm if result else None, self._last_alarm(monitor)):
            if alarm is not None and alarm.is_open and alarm.since:
                yield alarm.since

    def _last_alarm(self, name: str) -> Alarm | None:
        for monitor in self._monitors.monitors:
            if monitor.name == name:
                schedule = self._monitors.schedule_of(monitor)
                return ticks_before(self._store, name, schedule, self._now).alarm
        return None

    def _expired_references(self, monitor: str) -> Iterator[ExpiredItem]:
        """The versions that no kept result was compared with, and that they were in force."""
        prefixes = {
            version: keys.reference_version(monitor, version)
            for version in self._store.folders(f"reference/{monitor}")
            if _VERSION.fullmatch(version)
        }
        files = {version: self._store.list(prefix) for version, prefix in prefixes.items()}
        unused = {
            version
            for version, entries in files.items()
            if max(entry.modified for entry in entries) < self.cutoff
        }
        history = versions_in_force(self._store, monitor)
        unused -= {entry.version for entry in history[-1:]}
        unused -= self._versions_in_use(monitor, unused)
        for entry in history:
            if entry.version in unused:
                yield ExpiredItem(ItemKind.REFERENCES, keys.in_force(monitor, entry.number), 0)
        for version in sorted(unused):
            yield from (_expired_object(ItemKind.REFERENCES, entry) for entry in files[version])

    def _versions_in_use(self, monitor: str, candidates: set[str]) -> set[str]:
        """Those of the versions that kept results were compared with.

        The results are read from the oldest on, since it is there that a version which was replaced
        is named: many are read only for a version that goes, which happens once.
        """
        in_use: set[str] = set()
        if not candidates:
            return in_use
        kept = (
            entry.key
            for entry in self._store.walk(f"results/{monitor}")
            if _RESULT.fullmatch(entry.key)
            and (entry.modified >= self.cutoff or self._is_retained(entry.key, monitor))
        )
        for key in sorted(kept):
            try:
                result = read_document(self._store, key, Result)
            except DamagedObjectError as error:
                log.warning("passed over", key=key, reason=error.reason)
                continue
            if result is not None:
                in_use.add(result.reference.version)
            if candidates <= in_use:
                break
        return in_use

    def _expired_runs(self, experiment: str, monitor: str) -> Iterator[ExpiredItem]:
        # All are listed before the first is removed, which would shift the pages of the search.
        for run in list(self._mlflow.runs_before(experiment, self.cutoff)):
            if _tick_key(run) not in self._retained_tick_keys(monitor):
                yield ExpiredItem(ItemKind.RUNS, run.run_id, self._mlflow.artifact_bytes(run))


def _expired_object(kind: ItemKind, entry: Entry) -> ExpiredItem:
    return ExpiredItem(kind, entry.key, entry.size)


def _tick_key(run: Run) -> str:
    """The logical date of a run as it stands in keys."""
    date = run.tags.get("logical_date")
    return date_key(datetime.fromisoformat(date)) if date else ""
