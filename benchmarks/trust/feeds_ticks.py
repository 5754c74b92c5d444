"""Scheduled ticks one after the other, by the checker's own steps, in a store that is memory.

What a tick reads, compares, stores and reads again is what `drift-checker run` does; only the
object store lies in memory, and nothing is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from obstore.store import MemoryStore

from drift_checker.config import Monitors, Settings
from drift_checker.config.schedule import interval, ticks_per_week
from drift_checker.references import fit_reference
from drift_checker.result import Result
from drift_checker.state import Store
from drift_checker.ticks import Tick, judge_tick

START = datetime(2026, 6, 1, tzinfo=UTC)
"""The logical date of the first tick: a Monday."""
NAME = "m"


class StoreInMemory(Store):
    """The object store of a process, which ends with it."""

    def __init__(self) -> None:
        self.url, self._directory = "memory:", None
        self._store = self._tidy = MemoryStore()  # type: ignore[assignment]  # same functions


class Watched:
    """A monitor of one file, and the ticks of its schedule."""

    def __init__(
        self,
        folder: Path,
        reference: pa.Table,
        *,
        schedule: str,
        level: float,
        monitor: Mapping[str, object],
    ) -> None:
        """Fit the reference; `monitor` are its settings besides the paths."""
        self.file = folder / "current.parquet"
        pq.write_table(reference, folder / "reference.parquet")
        content = {
            "check_schedule": schedule,
            "alarms_per_week": level * ticks_per_week(schedule),
            "monitors": [
                {
                    "name": NAME,
                    "current": {"path": str(self.file)},
                    "reference": {"path": str(folder / "reference.parquet")},
                    **monitor,
                }
            ],
        }
        self.monitors = Monitors.model_validate(content)
        self.monitor, self.interval = self.monitors.get(NAME), interval(schedule)
        self.settings = Settings(
            store_url="file:///memory",
            mlflow_url="http://127.0.0.1:9",
            monitors_file=folder / "monitors.yml",
            report="never",
        )
        self.store = StoreInMemory()
        fit_reference(self.store, self.monitor, self.settings)

    def serve(self, batch: pa.Table) -> None:
        """Put another batch where the monitor looks."""
        pq.write_table(batch, self.file)

    def tick(self, number: int) -> Result:
        """Take what is served now through a scheduled tick."""
        tick = Tick(self.monitor, date_of(number, self.interval), "scheduled")
        return judge_tick(self.store, self.settings, self.monitors, tick)


def date_of(number: int, step: timedelta) -> datetime:
    """Return the logical date of a tick."""
    return START + number * step
