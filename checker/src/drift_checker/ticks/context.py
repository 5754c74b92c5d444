"""A tick, and what its steps work with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from drift_checker.comparison import CompareSettings, TablePair
from drift_checker.config import Monitor, Monitors, Settings
from drift_checker.outputs import PendingMarker
from drift_checker.references import StoredReference
from drift_checker.result import Truth
from drift_checker.state import History, Store, keys, ticks_before
from drift_checker.tables import Batch

if TYPE_CHECKING:
    from drift_checker.ticks.feed import TickFeed

Trigger = Literal["scheduled", "manual"]


@dataclass(frozen=True)
class Tick:
    """One check of one monitor; `logical_date` is in whole seconds, UTC."""

    monitor: Monitor
    logical_date: datetime
    trigger: Trigger = "manual"
    dag_run_id: str | None = None
    task_page: str | None = None
    """The page of its task in Airflow, as a path."""

    @property
    def pending(self) -> PendingMarker:
        """The marker of the tick's result until it is published."""
        return PendingMarker(
            monitor=self.monitor.name,
            logical_date=self.logical_date,
            dag_run_id=self.dag_run_id,
            task_page=self.task_page,
        )

    def key(self, name: str = "result.json") -> str:
        """Key of a file of the tick's result."""
        return keys.result(self.monitor.name, self.logical_date, name)


@dataclass(frozen=True)
class TickContext:
    """What the steps of a tick work with; `timings` are the seconds that each took."""

    tick: Tick
    store: Store
    settings: Settings
    monitors: Monitors
    compare_settings: CompareSettings
    timings: dict[str, float] = field(default_factory=dict)

    @cached_property
    def history(self) -> History | None:
        """The scheduled ticks before this one; None for a tick by hand, which belongs to none."""
        if self.tick.trigger == "manual":
            return None
        schedule = self.monitors.schedule_of(self.tick.monitor)
        return ticks_before(self.store, self.tick.monitor.name, schedule, self.tick.logical_date)

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Note how long a step takes that does not fail."""
        start = time.perf_counter()
        yield
        self.timings[step] = round(time.perf_counter() - start, 4)


@dataclass(frozen=True)
class Inputs:
    """What a tick compares: the reference in force and its batch, as both are read.

    Of data that stay where they lie, `batch_url` says where, and nobody here has the rows: there is
    no `batch`. `feed` is of a scheduled tick.
    """

    tables: TablePair
    reference: StoredReference
    batch: Batch | None = None
    truth: Truth | None = None
    batch_url: str | None = None
    feed: TickFeed | None = None
