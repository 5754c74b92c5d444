"""Series of scheduled ticks in memory: a feed is a list of tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from drift_checker.config import Monitors, Settings
from drift_checker.references import versions
from drift_checker.result import AlarmBudget, CurrentInfo, ReferenceInfo, Result, Verdict
from drift_checker.state import Entry, Store
from drift_checker.ticks import Tick, Trigger, judge_tick

START = datetime(2026, 11, 2, tzinfo=UTC)
"""A Monday."""
HOUR = timedelta(hours=1)


class Memory(Store):
    """A store in memory that counts what it is asked."""

    def __init__(self) -> None:
        self.url = "memory:"
        self.objects: dict[str, bytes] = {}
        self.requests = 0

    def get(self, key: str, **_: Any) -> bytes | None:
        self.requests += 1
        return self.objects.get(key)

    def exists(self, key: str) -> bool:
        return self.get(key) is not None

    def put(self, key: str, data: bytes | Path) -> None:
        self.requests += 1
        assert isinstance(data, bytes)
        self.objects[key] = data

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self.requests += 1
        return self.objects.setdefault(key, data) is data

    def delete(self, key: str) -> None:
        self.requests += 1
        self.objects.pop(key, None)

    def list(self, prefix: str) -> list[Entry]:
        self.requests += 1
        assert not prefix.startswith("results"), "a tick lists no history"
        now = datetime.now(UTC)
        found = sorted(key for key in self.objects if key.startswith(f"{prefix}/"))
        return [Entry(key, len(self.objects[key]), now) for key in found]


class Series:
    """A monitor of a file every hour, in a folder, and its store."""

    def __init__(self, folder: Path, reference: pa.Table, **monitor: Any) -> None:
        self.folder, self.store = folder, Memory()
        (folder / "data").mkdir()
        pq.write_table(reference, folder / "reference.parquet")
        self.settings = Settings(
            store_url="file:///none",
            mlflow_url="http://127.0.0.1:9",
            monitors_file=folder / "m.yml",
        ).model_copy(update={"report": "never"})
        self.use(**monitor)
        versions.fit_reference(self.store, self.monitor, self.settings)

    def use(self, **monitor: Any) -> None:
        """Take other settings of the monitor."""
        content = {
            "name": "m",
            "current": {"path": "current.parquet"},
            "reference": {"path": "reference.parquet"},
            "sampling": "iid",
        } | monitor
        self.monitors = Monitors.model_validate(
            {"check_schedule": "0 * * * *", "monitors": [content]},
            context={"folder": self.folder},
        )
        self.monitor = self.monitors.get("m")

    def tick(
        self,
        number: int,
        batch: pa.Table | None = None,
        trigger: Trigger = "scheduled",
        **options: Any,
    ) -> Result:
        """Take a tick so many hours after the start; without a batch the file stays as it is."""
        if batch is not None:
            pq.write_table(batch, self.folder / "current.parquet")
        tick = Tick(self.monitor, START + number * HOUR, trigger)
        return judge_tick(self.store, self.settings, self.monitors, tick, **options)

    def ticks(self, batches: Sequence[pa.Table]) -> list[Result]:
        return [self.tick(number, batch) for number, batch in enumerate(batches)]


def stored_result(number: int, verdict: Verdict = Verdict.OK) -> Result:
    """A result of an hour, which says nothing but its verdict."""
    return Result(
        monitor="m",
        logical_date=START + number * HOUR,
        trigger="scheduled",
        verdict=verdict,
        reference=ReferenceInfo(version="1", rows=100),
        current=CurrentInfo(rows=100, digest=f"{number:064}"[::-1]),
        columns=[],
        faults=[],
        drifted_columns=[],
        alarm_budget=AlarmBudget(per_week=1, ticks_per_week=168, level=1 / 168, parts={}),
    )


OF_FEED = {"repeated", "overlapping", "late", "stale", "row_count", "empty"}


def faults(result: Result) -> set[str]:
    """The faults of the feed; those of values come by chance too."""
    return {fault.fault for fault in result.faults} & OF_FEED


def rows(count: int, seed: int, *, shift: float = 0, at: datetime | None = None) -> pa.Table:
    """Two normal columns; with a time, a row every minute before it."""
    rng = np.random.default_rng(seed)
    columns: dict[str, Any] = {
        "x": pa.array(rng.normal(shift, 1, count)),
        "y": pa.array(rng.normal(0, 1, count)),
    }
    if at is not None:
        times = [at - (count - place) * timedelta(minutes=1) for place in range(count)]
        columns["at"] = pa.array(times, pa.timestamp("us", "UTC"))
    return pa.table(columns)


def windows(every: pa.Table, size: int, step: int) -> list[pa.Table]:
    """The last rows of a stream, so many, every so many rows."""
    return [every.slice(first, size) for first in range(0, every.num_rows - size + 1, step)]
