"""One tick of one monitor: fetch, baseline, compare, publish. Every step can be repeated."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import structlog

from drift_checker.comparison import (
    ANCHOR_SHARE,
    CompareSettings,
    InMemoryPair,
    TablePair,
    batch_verdict,
    compare_tables,
    judge,
    prepare,
    result_of,
)
from drift_checker.config import Monitor, Monitors, Settings, settings_of
from drift_checker.outputs import (
    MAX_OLDER,
    Event,
    MlflowClient,
    PendingMarker,
    Publication,
    deliver_events,
    mark_pending,
    notification_addresses,
    publish_pending,
    publish_result,
    result_events,
)
from drift_checker.references import ReferenceSummary, StoredReference, rolling
from drift_checker.result import Alarm, ReferenceInfo, Result, Verdict
from drift_checker.sources import fetch_batch
from drift_checker.state import (
    LOOK_BACK,
    History,
    LatestResult,
    Store,
    keys,
    past_tick_counts,
    read_latest_result,
    results_before,
    ticks_before,
    write_latest_result,
)
from drift_checker.tables import Batch
from drift_checker.ticks.alarms import alarm_of
from drift_checker.wording import summarize, with_explanation

Trigger = Literal["scheduled", "manual"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Tick:
    """One check of one monitor; `logical_date` is in whole seconds, UTC."""

    monitor: Monitor
    logical_date: datetime
    trigger: Trigger = "manual"
    dag_run_id: str | None = None

    @property
    def pending(self) -> PendingMarker:
        """The marker of the tick's result until it is published."""
        return PendingMarker(
            monitor=self.monitor.name, logical_date=self.logical_date, dag_run_id=self.dag_run_id
        )

    def key(self, name: str = "result.json") -> str:
        """Key of a file of the tick's result."""
        return keys.result(self.monitor.name, self.logical_date, name)


def run(
    settings: Settings,
    monitors: Monitors,
    tick: Tick,
    *,
    force: bool = False,
    report: bool = False,
    compare_settings: CompareSettings | None = None,
) -> tuple[Result, Publication]:
    """Take a tick through its four steps; what was done before is not done again.

    `force` makes a new result from the stored batch and keeps the old one beside it; `report`
    asks for a report whatever the settings say. A batch is compared by `compare_settings`, which
    are those of the monitor if none are given.

    Raises:
        BadReferenceError: the monitor has no reference, or one that does not fit.
        NoBatchError: the source answered with what is no batch at all.
        ServiceAwayError: a service stayed away; a result that was reached is kept.
    """
    store = Store(settings)
    stored = store.get(tick.key())
    if stored is None or force:
        compared_by = compare_settings or settings_of(monitors, tick.monitor)
        result = _Check(settings, store, monitors, tick).result(compared_by, asked=report)
        stored = _keep(store, tick, result, replaced=stored)
    result = Result.model_validate_json(stored)
    log.info(summarize(result), monitor=tick.monitor.name, verdict=result.verdict)
    try:
        published = _publish(settings, store, tick)
    finally:
        # People are told of an alarm also while MLflow is away.
        if addresses := notification_addresses(settings):
            events = _events(store, monitors, tick, result)
            deliver_events(store, events, addresses, datetime.now(UTC), tick.monitor.name)
    return result, published


def _publish(settings: Settings, store: Store, tick: Tick) -> Publication:
    start = time.perf_counter()
    with MlflowClient(settings) as tracking:
        publish_pending(store, tracking, tick.monitor.name, besides=tick.pending, limit=MAX_OLDER)
        published = publish_result(store, tracking, tick.pending)
    log.info(
        "published",
        monitor=tick.monitor.name,
        url=published.url,
        seconds=round(time.perf_counter() - start, 4),
        # Of the whole process, its imports included.
        cpu_seconds=round(time.process_time(), 2),
    )
    return published


def _events(store: Store, monitors: Monitors, tick: Tick, result: Result) -> Iterator[Event]:
    """What the tick has to tell; read from the store only as far as that needs it."""
    schedule = monitors.schedule_of(tick.monitor)
    before = results_before(store, tick.monitor.name, schedule, tick.logical_date, LOOK_BACK)
    yield from result_events(result, before)


def _keep(store: Store, tick: Tick, result: Result, replaced: bytes | None) -> bytes:
    """Store a result, unless another run of the tick was first; returns the one that is stored."""
    data = result.model_dump_json(indent=2).encode()
    mark_pending(store, tick.pending)
    if replaced is not None:
        next(n for n in count(1) if store.put_if_absent(tick.key(f"result.{n}.json"), replaced))
        store.put(tick.key(), data)
    elif not store.put_if_absent(tick.key(), data):
        data = store.get(tick.key()) or data
    stored = Result.model_validate_json(data)
    write_latest_result(
        store,
        tick.monitor.name,
        LatestResult(
            logical_date=tick.logical_date,
            verdict=stored.verdict,
            drifted_columns=stored.drifted_columns,
            faults=stored.faults,
            alarm=stored.alarm,
            reported=tick.logical_date if stored.report else None,
        ),
    )
    return data


@dataclass(frozen=True)
class _Rows:
    """What a report is made of."""

    reference: StoredReference
    current: Batch


class _Check:
    """The first three steps of a tick."""

    def __init__(self, settings: Settings, store: Store, monitors: Monitors, tick: Tick) -> None:
        self.settings = settings
        self.store = store
        self.monitors = monitors
        self.tick = tick
        self.timings: dict[str, float] = {}

    @cached_property
    def before(self) -> History | None:
        """The scheduled ticks before this one; None for a tick by hand, which belongs to none."""
        if self.tick.trigger == "manual":
            return None
        schedule = self.monitors.schedule_of(self.tick.monitor)
        return ticks_before(self.store, self.tick.monitor.name, schedule, self.tick.logical_date)

    def result(self, settings: CompareSettings, *, asked: bool) -> Result:
        find = self._in_place if self.tick.monitor.in_place else self._stored
        judged, rows = find(settings)
        result = with_explanation(judged.model_copy(update={"alarm": self._alarm(judged)}))
        with self._timed("report"):
            reported = self._report(rows, result, asked=asked) if rows else {}
        return result.model_copy(update={**reported, "timings": self.timings})

    def _stored(self, settings: CompareSettings) -> tuple[Result, _Rows]:
        """Judge a batch that is stored."""
        tick, monitor = self.tick, self.tick.monitor
        with self._timed("fetch"):
            current = fetch_batch(self.store, monitor, tick.logical_date, self.settings)
        with self._timed("baseline"):
            reference = StoredReference(self.store, monitor.name, settings)
            sides = reference.against(current.batch)
        with self._timed("compare"):
            result = self._compare(sides, current.batch, reference, settings)
        told = self._told(result, reference.version, {"truth": current.truth})
        return told, _Rows(reference, current.batch)

    def _in_place(self, settings: CompareSettings) -> tuple[Result, None]:
        """Judge a batch that stays where it is, of which nobody here has the rows."""
        from drift_checker.ticks.spark import InPlace  # noqa: PLC0415  # of few monitors

        tick = self.tick
        with self._timed("fetch"):
            reader = InPlace(self.store, tick.monitor, self.settings, settings)
            sides, batch = reader.sides(tick.logical_date)
        with self._timed("compare"):
            result = self._fixed(sides, settings)
        url = {"current": result.current.model_copy(update={"url": batch.source})}
        return self._told(result, reader.version, url, url=reader.version.source), None

    def _told(
        self,
        result: Result,
        version: ReferenceSummary,
        told: Mapping[str, object],
        url: str | None = None,
    ) -> Result:
        """Say of a result what it is about."""
        tick = self.tick
        about = {
            "monitor": tick.monitor.name,
            "logical_date": tick.logical_date,
            "trigger": tick.trigger,
            "reference": ReferenceInfo(version=version.version, rows=version.rows, url=url),
        }
        return result.model_copy(update={**about, **told})

    def _compare(
        self,
        sides: TablePair,
        current: Batch,
        reference: StoredReference,
        settings: CompareSettings,
    ) -> Result:
        """Compare with the fixed reference, and with that of the last ticks where there is one."""
        tick = self.tick
        if tick.monitor.baseline.kind != "rolling":
            return self._fixed(sides, settings)
        recent = rolling.rolling_reference(
            self.store, self.monitors, tick.monitor, tick.logical_date, reference
        )
        if recent.batch is None:
            return self._fixed(sides, settings).model_copy(update={"rolling": recent.summary})
        budget = settings.alarm_budget()
        anchor = self._fixed(sides, replace(settings, budget=budget.share(ANCHOR_SHARE)))
        share = replace(settings, budget=budget.share(1 - ANCHOR_SHARE))
        rolled = compare_tables(InMemoryPair(recent.batch, current), share)
        if rolled.verdict is not Verdict.OK:
            self.store.delete(tick.key("profile.json"))
        return rolling.with_anchor(rolled, anchor, recent.summary)

    def _fixed(self, sides: TablePair, settings: CompareSettings) -> Result:
        """Compare with the version in force.

        What a scheduled batch leaves for the sequential statistic is stored.
        """
        if self.before is None:
            return compare_tables(sides, settings)
        past = past_tick_counts(self.store, self.tick.monitor.name, sides.bins_id, self.before)
        judged = judge(prepare(sides, settings), past=past)
        if batch_verdict(judged) is Verdict.OK:
            counts = judged.prepared.tick_counts.model_dump_json().encode()
            self.store.put(self.tick.key("profile.json"), counts)
        else:
            self.store.delete(self.tick.key("profile.json"))
        return result_of(judged)

    def _alarm(self, result: Result) -> Alarm:
        return Alarm() if self.before is None else alarm_of(result, self.before)

    def _report(self, rows: _Rows, result: Result, *, asked: bool) -> dict[str, object]:
        """Make the report where one is due; without one, the verdict is as good."""
        if not (asked or self._report_is_due(result)) or rows.current.unreadable:
            return {}
        try:
            from drift_checker.wording.page import write_report  # noqa: PLC0415  # seconds of imports

            with TemporaryDirectory() as folder:
                page = Path(folder, "report.html")
                evidently = write_report(
                    rows.reference.rows, rows.current, page, result.explanation
                )
                self.store.put(self.tick.key("report.html"), page)
        except Exception:  # whatever fails in a report fails nothing else
            log.exception("no report", monitor=self.tick.monitor.name)
            return {}
        return {"report": self.tick.key("report.html"), "evidently": evidently}

    def _report_is_due(self, result: Result) -> bool:
        match self.settings.report:
            case "never":
                return False
            case "always":
                return True
        latest = read_latest_result(self.store, self.tick.monitor.name)
        if latest is None:
            return True
        if result.verdict is not Verdict.DRIFT:
            return False
        today = self.tick.logical_date.date()
        reported_today = latest.reported is not None and latest.reported.date() >= today
        return result.alarm.state == "opened" or not reported_today

    @contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.timings[step] = round(time.perf_counter() - start, 4)
