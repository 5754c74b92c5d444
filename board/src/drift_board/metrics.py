"""What `/metrics` tells, by Prometheus' conventions.

The number of time series is bounded: some of each monitor, some of its strongest columns. Ages are
told as times, so that the text stays as it is until the store has something new.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from fastapi import Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from drift_board.board import Board
from drift_board.errors import Problem
from drift_board.view import Detail, MonitorView, Past, Snapshot, StrongColumn
from drift_checker.errors import DriftCheckerError
from drift_checker.result import Verdict

BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 300, 1800)
"""Seconds that ticks take."""


class Metrics:
    """Writes the metrics of a snapshot once, and those of the process whenever they are asked."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._lock = threading.Lock()
        self._process = CollectorRegistry()
        ProcessCollector(registry=self._process)
        PlatformCollector(registry=self._process)
        GCCollector(registry=self._process)
        self._durations = Histogram(
            "drift_tick_duration_seconds",
            "Time that the steps of a tick took, of ticks that this process has seen.",
            ["monitor"],
            buckets=BUCKETS,
            registry=self._process,
        )
        self._seen: dict[str, datetime] = {}
        self._written: tuple[Snapshot, bytes] | None = None
        self._known: tuple[list[_Known], bytes] | None = None

    def page(self) -> Response:
        """Return all of them; without a snapshot `drift_board_store_up` alone says why."""
        try:
            snapshot = self._board.snapshot()
        except DriftCheckerError as error:
            raise Problem(503, str(error)) from None
        with self._lock:
            if self._written is None or self._written[0] is not snapshot:
                self._observe(snapshot)
                own = _text(_of_board(snapshot))
                self._written = snapshot, own + self._of_monitors(snapshot)
            text = self._written[1]
        return Response(text + generate_latest(self._process), media_type=CONTENT_TYPE_LATEST)

    def _of_monitors(self, snapshot: Snapshot) -> bytes:
        """Write what is known of monitors, where that is not what it was: most looks are alike."""
        known = [_known(snapshot, view) for view in snapshot.monitors]
        if self._known is None or self._known[0] != known:
            self._known = known, _text([*_of_monitors(snapshot), *_of_columns(snapshot)])
        return self._known[1]

    def _observe(self, snapshot: Snapshot) -> None:
        """Count the ticks that are new; those that were there at the start are not."""
        for view in snapshot.monitors:
            if view.past is None:
                continue
            ticks = view.past.ticks
            seen = self._seen.get(view.name)
            for tick in ticks if seen else ():
                if seen and tick.logical_date > seen:
                    self._durations.labels(view.name).observe(tick.seconds)
            self._seen[view.name] = max(
                (tick.logical_date for tick in ticks), default=datetime.min.replace(tzinfo=UTC)
            )
        names = {view.name for view in snapshot.monitors}
        for name in self._seen.keys() - names:
            del self._seen[name]
            self._durations.remove(name)


class _Families:
    """Families as prometheus-client collects them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def describe(self) -> list[Metric]:
        """Name nothing before it is collected."""
        return []

    def collect(self) -> Iterable[Metric]:
        """Return each family with all its series."""
        return self._families


def _text(families: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Families(families))
    return generate_latest(registry)


_Known = tuple[str, Past | None, Detail | None, bool, bool, int, int, int, float]
"""All that a monitor's metrics are made of."""


def _known(snapshot: Snapshot, view: MonitorView) -> _Known:
    return (
        view.name,
        view.past,
        view.detail,
        view.silent,
        view.mute is not None,
        len(view.damaged),
        view.alarms_this_week,
        view.untold,
        snapshot.budget_of(view),
    )


def _of_board(snapshot: Snapshot) -> Iterator[Metric]:
    yield _gauge("drift_board_store_up", "Whether the store answered.", snapshot.away is None)
    yield _gauge(
        "drift_board_snapshot_timestamp_seconds",
        "When the store was last read.",
        snapshot.at.timestamp(),
    )
    yield _gauge("drift_monitors", "Monitors that are watched.", len(snapshot.monitors))
    yield _gauge(
        "drift_alarm_budget_per_week",
        "False alarms a week that all monitors may have.",
        snapshot.alarms_per_week,
    )


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value))


def _of_monitors(snapshot: Snapshot) -> Iterator[Metric]:
    def family(name: str, text: str) -> GaugeMetricFamily:
        return GaugeMetricFamily(name, text, labels=["monitor"])

    verdict = GaugeMetricFamily(
        "drift_monitor_verdict",
        "Whether this is the verdict of the last scheduled tick.",
        labels=["monitor", "verdict"],
    )
    ticks = CounterMetricFamily(
        "drift_ticks", "Ticks by verdict, as the store counts them.", labels=["monitor", "verdict"]
    )
    alarm = family("drift_monitor_alarm_open", "Whether an alarm is open.")
    since = family("drift_monitor_alarm_since_timestamp_seconds", "When the open alarm opened.")
    opened = family(
        "drift_monitor_alarms_last_week", "Alarms opened in seven days, as far as ticks are kept."
    )
    spent = family(
        "drift_monitor_alarm_budget_spent_ratio",
        "Alarms opened in seven days over the monitor's part of the budget.",
    )
    untold = family(
        "drift_monitor_notifications_failed",
        "Events that somebody is not told of yet, since the last attempt failed.",
    )
    silent = family("drift_monitor_silent", "Whether three intervals passed without a verdict.")
    muted = family("drift_monitor_muted", "Whether nobody is told of its drift.")
    damaged = family("drift_monitor_damaged_objects", "Objects of it that could not be read.")
    last = family("drift_monitor_last_tick_timestamp_seconds", "Logical date of the last tick.")
    newest = family("drift_monitor_newest_row_timestamp_seconds", "Time of the newest row.")
    rows = family("drift_monitor_rows", "Rows of the last batch.")
    for view in snapshot.monitors:
        label = [view.name]
        alarm.add_metric(label, float(view.alarm_since is not None))
        if view.alarm_since:
            since.add_metric(label, view.alarm_since.timestamp())
        opened.add_metric(label, float(view.alarms_this_week))
        spent.add_metric(label, view.alarms_this_week / snapshot.budget_of(view))
        untold.add_metric(label, float(view.untold))
        silent.add_metric(label, float(view.silent))
        muted.add_metric(label, float(view.mute is not None))
        damaged.add_metric(label, float(len(view.damaged)))
        if view.past is not None:
            for each in Verdict:
                ticks.add_metric([view.name, each.value], float(view.past.totals[each]))
        if view.tick is not None:
            for each in Verdict:
                verdict.add_metric([view.name, each.value], float(view.tick.verdict is each))
            last.add_metric(label, view.tick.logical_date.timestamp())
            rows.add_metric(label, float(view.tick.rows))
            if view.tick.newest_row:
                newest.add_metric(label, view.tick.newest_row.timestamp())
    yield from (verdict, ticks, alarm, since, opened, spent, untold, silent, muted, damaged, last)
    yield from (newest, rows)


def _of_columns(snapshot: Snapshot) -> Iterator[Metric]:
    labels = ["monitor", "column"]
    effect = GaugeMetricFamily(
        "drift_column_effect", "Effect of one of the strongest columns.", labels=labels
    )
    floor = GaugeMetricFamily(
        "drift_column_effect_floor", "What that effect has to reach to matter.", labels=labels
    )
    p_value = GaugeMetricFamily(
        "drift_column_p_value", "p-value of one of the strongest columns.", labels=labels
    )
    for view in snapshot.monitors:
        for column in _columns(view):
            name = [view.name, column.name]
            for family, value in (
                (effect, column.effect_size),
                (floor, column.floor),
                (p_value, column.p_value),
            ):
                if value is not None:
                    family.add_metric(name, value)
    yield from (effect, floor, p_value)


def _columns(view: MonitorView) -> Sequence[StrongColumn]:
    return view.detail.columns if view.detail else ()
