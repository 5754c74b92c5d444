"""What is damaged, missing, behind or orphaned in a store, and its repair.

Every object is read. A repair does what a tick would do where it met the same: caches and markers
are made anew, a truth that is damaged is set aside. Ticks may run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import partial
from itertools import groupby
from typing import TypeVar

import structlog

from drift_checker.config import date_of_key
from drift_checker.drill import DrillReport
from drift_checker.errors import BadReferenceError, DamagedObjectError
from drift_checker.outputs.events import Event, event_anew
from drift_checker.outputs.notify import Attempt
from drift_checker.outputs.publish import (
    ABANDONED_MARKER,
    PendingMarker,
    Publication,
    mark_pending,
    marker_of_key,
    read_publication,
)
from drift_checker.profiles import TickCounts, stored
from drift_checker.references import read_summary, versions_in_force
from drift_checker.references.versions import InForce, ReferenceSummary
from drift_checker.result import Result, Verdict
from drift_checker.sources import BatchMeta, load_batch
from drift_checker.state import (
    MOST_TICKS,
    AcceptanceOutcome,
    AcceptanceRequest,
    ByPeople,
    Entry,
    LatestResult,
    Mute,
    Note,
    PushedBatch,
    RecentTicks,
    Store,
    described_table,
    keys,
    parsed,
    read_seen_rows,
    rebuild_latest_result,
    rebuild_recent,
    result_of,
    set_aside,
)

PROGRESS = 1000
"""Objects after which it is logged how far the check has come."""
ABANDONED_UPLOAD = timedelta(days=1)
"""Age from which an upload is taken for one that nobody will finish."""

_LEFT_BY_PEOPLE: Mapping[str, type[ByPeople]] = {
    "mutes": Mute,
    "notes": Note,
    "acceptances": AcceptanceRequest,
    "pushed": PushedBatch,
}

T = TypeVar("T")
Names = dict[str, Entry]
"""The objects of one folder by what their keys end with."""

log = structlog.get_logger()


class Problem(StrEnum):
    """What may be wrong with an object."""

    DAMAGED = "damaged"
    MISSING = "missing"
    BEHIND = "behind"
    ORPHANED = "orphaned"


@dataclass(frozen=True)
class Finding:
    """Something that is wrong; `repair` does what `remedy` says, and is None where nobody can."""

    key: str
    problem: Problem
    detail: str
    remedy: str
    repair: Callable[[], object] | None = None


class StoreCheck:
    """Looks at each object of a store; `objects` are those that it has seen.

    The methods raise `ServiceAwayError` when the store stays away.
    """

    def __init__(self, store: Store, now: datetime) -> None:
        self._store, self._now = store, now
        self.objects = 0

    def findings(self) -> Iterator[Finding]:
        """Yield what is wrong, truths before what is made of them.

        Repaired one by one as they come, they leave a store in which nothing is found any more but
        what is lost.
        """
        for monitor in self._store.folders("reference"):
            yield from self._references(monitor)
        oldest = dict[str, datetime]()
        batches = dict[str, set[str]]()
        for monitor in self._store.folders("batches"):
            folders = self._folders(f"batches/{monitor}")
            batches[monitor] = set(folders)
            oldest[monitor] = min(map(_written, folders.values()), default=self._now)
            for date, names in folders.items():
                yield from self._batch(monitor, date, names)
        for monitor in self._store.folders("results"):
            folders = self._folders(f"results/{monitor}")
            yield from self._results(
                monitor, folders, batches.get(monitor, set()), oldest.get(monitor, self._now)
            )
        yield from self._pending()
        yield from self._notifications()
        yield from self._drills()
        yield from self._left_by_people()
        for entry in self._store.unfinished():
            if self._now - entry.modified > ABANDONED_UPLOAD:
                discard = partial(self._store.discard_unfinished, entry.key)
                yield Finding(
                    entry.key, Problem.ORPHANED, "an upload that was killed", "removed", discard
                )

    def _walk(self, prefix: str) -> Iterator[Entry]:
        for entry in self._store.walk(prefix):
            self.objects += 1
            if self.objects % PROGRESS == 0:
                log.info("checked", objects=self.objects, last=entry.key)
            yield entry

    def _folders(self, prefix: str) -> dict[str, Names]:
        """The objects below a prefix by their folder; those that lie in none have the folder ""."""
        length = len(prefix) + 1
        entries = sorted(self._walk(prefix))
        folders = dict[str, Names]()
        for folder, group in groupby(entries, lambda e: e.key[length:].rpartition("/")[0]):
            folders[folder] = {entry.key.rpartition("/")[2]: entry for entry in group}
        return folders

    def _read(self, key: str, parse: Callable[[bytes], T]) -> T | DamagedObjectError | None:
        """What an object says, what is wrong with it, or None where it is gone since."""
        data = self._store.get(key)
        if data is None:
            return None
        try:
            return parsed(key, data, parse)
        except DamagedObjectError as error:
            return error

    def _damaged_truth(self, error: DamagedObjectError, lost: str) -> Finding:
        remedy = f"set aside as {keys.damaged(error.key)}; {lost}"
        repair = partial(set_aside, self._store, error)
        return Finding(error.key, Problem.DAMAGED, error.reason, remedy, repair)

    def _damaged_cache(self, error: DamagedObjectError, lost: str) -> Finding:
        remedy = f"removed; {lost}"
        repair = partial(self._store.delete, error.key)
        return Finding(error.key, Problem.DAMAGED, error.reason, remedy, repair)

    # --- References -----------------------------------------------------------------------------

    def _references(self, monitor: str) -> Iterator[Finding]:
        folders = self._folders(f"reference/{monitor}")
        history = folders.pop("in-force", {})
        for version, names in folders.items():
            yield from self._version(monitor, version, names)
        entry: InForce | DamagedObjectError | None = None
        for name in history:
            key = history[name].key
            entry = self._read(key, InForce.model_validate_json)
            if isinstance(entry, DamagedObjectError):
                last = name == max(history)
                remedy = (
                    "set aside, and made anew of what results and stored versions say"
                    if last
                    else f"set aside as {keys.damaged(key)}; what was in force then is not known"
                )
                repair = partial(versions_in_force, self._store, monitor)
                yield Finding(key, Problem.DAMAGED, entry.reason, remedy, repair)
        if isinstance(entry, InForce) and entry.version not in folders:
            way = f"drift-checker baseline fit --monitor {monitor}, or baseline use VERSION"
            yield Finding(
                keys.reference_version(monitor, entry.version),
                Problem.MISSING,
                "the version in force is not there",
                f"none: {way}",
            )

    def _version(self, monitor: str, version: str, names: Names) -> Iterator[Finding]:
        key = keys.reference(monitor, version, "profile.json")
        summary = self._read(key, ReferenceSummary.model_validate_json)
        sound = summary if isinstance(summary, ReferenceSummary) else None
        rows: object = None
        if "data.parquet" in names:
            place = names["data.parquet"].key
            rows = self._read(
                place, lambda data: described_table(place, data, ReferenceSummary, sound)[1]
            )
            if isinstance(rows, DamagedObjectError):
                yield self._damaged_truth(
                    rows,
                    f"drift-checker baseline fit --monitor {monitor} stores what is configured",
                )
        elif sound is not None and sound.sha256 is not None:
            yield Finding(
                keys.reference(monitor, version, "data.parquet"),
                Problem.MISSING,
                "the rows of a version",
                f"none: drift-checker baseline fit --monitor {monitor} stores what is configured",
            )
        if isinstance(rows, ReferenceSummary) and rows != sound:
            detail = summary.reason if isinstance(summary, DamagedObjectError) else "of other rows"
            problem = Problem.MISSING if summary is None else Problem.DAMAGED
            repair = partial(self._summary_anew, monitor, version, key)
            yield Finding(key, problem, detail, "made anew of the rows", repair)
        elif sound is None:
            detail = _reason(summary)
            problem = Problem.MISSING if summary is None else Problem.DAMAGED
            way = f"drift-checker baseline fit --monitor {monitor} stores what is configured"
            yield Finding(key, problem, detail, f"none: {way}")
        for name, entry in names.items():
            if name.endswith(".npz"):
                profile = self._read(entry.key, stored.raise_if_damaged)
                if isinstance(profile, DamagedObjectError):
                    yield self._damaged_cache(profile, "fitted again when it is needed")

    def _summary_anew(self, monitor: str, version: str, key: str) -> None:
        self._store.delete(key)
        try:
            read_summary(self._store, monitor, version)
        except BadReferenceError as error:  # the rows are gone since
            log.warning("not made anew", key=key, reason=str(error))

    # --- Batches --------------------------------------------------------------------------------

    def _batch(self, monitor: str, date: str, names: Names) -> Iterator[Finding]:
        logical_date = _date(date)
        if logical_date is None:
            return
        key = keys.batch(monitor, logical_date, "meta.json")
        meta = self._read(key, BatchMeta.model_validate_json)
        profiles = [entry for name, entry in names.items() if name.endswith(".npz")]
        for entry in profiles:
            profile = self._read(entry.key, stored.raise_if_damaged)
            if isinstance(profile, DamagedObjectError):
                yield self._damaged_truth(profile, "a repetition of the tick reads its files again")
        if "current.parquet" in names:
            yield from self._rows(monitor, logical_date, names["current.parquet"].key, meta)
        elif isinstance(meta, DamagedObjectError):
            yield self._damaged_truth(meta, "what is known of a batch whose rows are not stored")
        elif (
            meta is not None
            and not profiles
            and "evidence" not in names
            and self._is_old(names["meta.json"])
        ):
            detail, remove = "its batch is not stored", partial(self._store.delete, key)
            yield Finding(key, Problem.ORPHANED, detail, "removed", remove)

    def _rows(
        self, monitor: str, date: datetime, key: str, meta: BatchMeta | DamagedObjectError | None
    ) -> Iterator[Finding]:
        beside = meta if isinstance(meta, BatchMeta) else None
        own = self._read(key, lambda data: described_table(key, data, BatchMeta, beside)[1])
        if isinstance(own, DamagedObjectError):
            lost = "a repetition of the tick requests a batch of its source"
            yield self._damaged_truth(own, lost)
        elif own is not None and own != beside:
            reason = "of another batch, as two runs of one date could leave it"
            if beside is None:
                reason = "not there" if meta is None else _reason(meta)
            yield Finding(
                keys.batch(monitor, date, "meta.json"),
                Problem.MISSING if meta is None else Problem.DAMAGED,
                reason,
                "made anew of the batch",
                partial(load_batch, self._store, monitor, date),
            )

    def _is_old(self, entry: Entry) -> bool:
        """Whether nobody is at it any more."""
        return self._now - entry.modified > ABANDONED_MARKER

    # --- Results --------------------------------------------------------------------------------

    def _results(
        self, monitor: str, folders: dict[str, Names], batches: set[str], oldest: datetime
    ) -> Iterator[Finding]:
        above = folders.pop("", {})
        sound = dict[datetime, Result]()
        for date, names in folders.items():
            logical_date = _date(date)
            if logical_date is None:
                continue
            result = yield from self._tick(monitor, logical_date, names)
            if result is None:
                continue
            sound[logical_date] = result
            yield from self._publication(monitor, logical_date)
            written = names["result.json"].modified
            if date not in batches and written > oldest and result.verdict is not Verdict.INVALID:
                yield Finding(
                    f"batches/{monitor}/{date}",
                    Problem.MISSING,
                    "the batch of a result",
                    "none: it cannot be accepted, and nothing else needs it",
                )
        yield from self._pointer(monitor, sound)
        yield from self._recent(monitor, sound)
        if "rows.bin" in above and read_seen_rows(self._store, monitor) is None:
            error = DamagedObjectError(keys.seen_rows(monitor), "it does not say whose keys it has")
            yield self._damaged_cache(error, "made anew of the batches by the next tick")

    def _tick(
        self, monitor: str, date: datetime, names: Names
    ) -> Generator[Finding, None, Result | None]:
        """Look at results and tick counts; returns the result that counts."""
        result: Result | None = None
        for name, entry in names.items():
            if not (name.startswith("result") and name.endswith(".json")):
                continue
            read = self._read(entry.key, partial(result_of, monitor, date))
            if isinstance(read, DamagedObjectError):
                again = "a repetition of the tick judges its batch again"
                yield self._damaged_truth(read, again)
            elif name == "result.json":
                result = read
        if "profile.json" in names:
            counts = self._read(names["profile.json"].key, TickCounts.model_validate_json)
            if isinstance(counts, DamagedObjectError):
                yield self._damaged_cache(counts, "later ticks pool one tick less")
        return result

    def _publication(self, monitor: str, date: datetime) -> Iterator[Finding]:
        key = keys.result(monitor, date, "published.json")
        claim = self._read(key, Publication.model_validate_json)
        anew = "the run of the result is found by its tags, and recorded, by the next publication"
        if isinstance(claim, DamagedObjectError):
            repair: Callable[[], object] = partial(read_publication, self._store, monitor, date)
            yield Finding(key, Problem.DAMAGED, claim.reason, f"removed; {anew}", repair)
            return
        marker_key = keys.pending(monitor, date)
        if (claim is not None and claim.complete) or self._store.exists(marker_key):
            return
        again = self._read(key, Publication.model_validate_json)
        if isinstance(again, Publication) and again.complete:
            return  # published between the two requests
        dag_run = claim.dag_run_id if claim else None
        marker = PendingMarker(monitor=monitor, logical_date=date, dag_run_id=dag_run)
        yield Finding(
            marker_key,
            Problem.MISSING,
            "the marker of a result that is not published",
            "made anew: drift-checker publish --pending publishes it",
            partial(mark_pending, self._store, marker),
        )

    def _pointer(self, monitor: str, sound: dict[datetime, Result]) -> Iterator[Finding]:
        key = keys.latest(monitor)
        latest = self._read(key, LatestResult.model_validate_json)
        rebuild = partial(rebuild_latest_result, self._store, monitor)
        newest = max(sound, default=None)
        if isinstance(latest, DamagedObjectError):
            yield Finding(key, Problem.DAMAGED, latest.reason, "made anew of the results", rebuild)
        elif latest is None and newest is not None:
            yield Finding(key, Problem.MISSING, "not there", "made anew of the results", rebuild)
        elif latest is not None:
            said = newest and LatestResult.of(sound[newest])
            kept = {"reported": latest.reported, "scheduled": latest.scheduled}
            same = said and said.model_copy(update=kept) == latest.model_copy(update=kept)
            moved = newest is None or latest.logical_date > newest
            if not same and (not moved or not self._is_there(monitor, latest.logical_date)):
                detail = f"it names {latest.logical_date}, the latest result is of {newest}"
                yield Finding(key, Problem.BEHIND, detail, "made anew of the results", rebuild)

    def _is_there(self, monitor: str, date: datetime) -> bool:
        """Whether a result was stored since the history was listed."""
        return self._store.exists(keys.result(monitor, date))

    def _recent(self, monitor: str, sound: dict[datetime, Result]) -> Iterator[Finding]:
        key, dates = keys.recent(monitor), sorted(sound)[-MOST_TICKS:]
        data = self._store.get(key)
        recent = RecentTicks.from_json(data, monitor) if data else None
        known = {tick.logical_date for tick in recent.ticks} if recent else set()
        full = recent is not None and len(recent.ticks) >= MOST_TICKS
        missing = [date for date in dates if date not in known and not (full and date < min(known))]
        if not missing and (recent is not None or data is None):
            return
        problem = Problem.BEHIND if recent else Problem.MISSING if data is None else Problem.DAMAGED
        yield Finding(
            key,
            problem,
            f"{len(missing)} of the last {len(dates)} ticks are not in it",
            "made anew of the results",
            partial(rebuild_recent, self._store, monitor, dates),
        )

    # --- Markers --------------------------------------------------------------------------------

    def _pending(self) -> Iterator[Finding]:
        for entry in self._walk("pending"):
            marker = marker_of_key(entry.key)
            remove = partial(self._store.delete, entry.key)
            if marker is None:
                yield Finding(
                    entry.key, Problem.ORPHANED, "its key names no tick", "removed", remove
                )
                continue
            told = self._read(entry.key, PendingMarker.model_validate_json)
            if told is None:
                continue  # published since
            if not self._store.exists(keys.result(marker.monitor, marker.logical_date)):
                if self._is_old(entry):
                    detail = "its result was never stored, or is set aside"
                    yield Finding(entry.key, Problem.ORPHANED, detail, "removed", remove)
            elif isinstance(told, DamagedObjectError):
                repair = partial(mark_pending, self._store, marker)
                yield Finding(
                    entry.key, Problem.DAMAGED, told.reason, "made anew of its key", repair
                )

    def _notifications(self) -> Iterator[Finding]:
        for entry in self._walk("outbox"):
            event = self._read(entry.key, Event.model_validate_json)
            if isinstance(event, DamagedObjectError):
                anew = event_anew(self._store, entry.key)
                remedy = "made anew of its key and its result" if anew else "removed"
                repair: Callable[[], object] = partial(self._store.delete, entry.key)
                if anew:
                    text = anew.model_dump_json().encode()
                    repair = partial(self._store.put, entry.key, text)
                yield Finding(entry.key, Problem.DAMAGED, event.reason, remedy, repair)
        for entry in self._walk("notifications"):
            attempt = self._read(entry.key, Attempt.model_validate_json)
            if isinstance(attempt, DamagedObjectError):
                text = Attempt(at=entry.modified).model_dump_json().encode()
                repair = partial(self._store.put, entry.key, text)
                remedy = "made anew as an attempt that may have arrived, and is not repeated"
                yield Finding(entry.key, Problem.DAMAGED, attempt.reason, remedy, repair)

    def _left_by_people(self) -> Iterator[Finding]:
        lost = "what it asked for or said is lost"
        for prefix, kind in _LEFT_BY_PEOPLE.items():
            for entry in self._walk(prefix):
                if not entry.key.endswith(".json"):
                    continue
                outcome = entry.key.endswith(".outcome.json")
                parse = (AcceptanceOutcome if outcome else kind).model_validate_json
                read = self._read(entry.key, parse)
                if isinstance(read, DamagedObjectError):
                    yield self._damaged_truth(read, lost)

    def _drills(self) -> Iterator[Finding]:
        for entry in self._walk("drill"):
            if not entry.key.endswith(".json"):
                continue
            kind = DrillReport if entry.key.endswith("/drill.json") else Result
            read = self._read(entry.key, kind.model_validate_json)
            if isinstance(read, DamagedObjectError):
                yield self._damaged_truth(read, "the drill of that name is lost")


def _written(names: Names) -> datetime:
    return min(entry.modified for entry in names.values())


def _date(name: str) -> datetime | None:
    try:
        return date_of_key(name)
    except ValueError:
        return None


def _reason(read: object) -> str:
    return read.reason if isinstance(read, DamagedObjectError) else "not there"
