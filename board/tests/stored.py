"""A store as checks leave it, made without them: monitors in every state, as many as are wanted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import yaml

from drift_checker.comparison import CompareSettings, compare_with_explanation, read_tables
from drift_checker.comparison.pictures import draw
from drift_checker.config import date_key
from drift_checker.result import (
    Alarm,
    AlarmBudget,
    ColumnResult,
    CurrentInfo,
    Fault,
    Feed,
    ReferenceInfo,
    Result,
    Severity,
    Verdict,
)
from drift_checker.state import LatestResult, RecentTicks, Store, keys, short_tick
from drift_checker.wording import with_explanation

NOW = datetime(2026, 11, 30, 18, 2, tzinfo=UTC)
EVERY = timedelta(minutes=5)
SCHEDULE = "*/5 * * * *"
COLUMNS = ("temp", "humid", "wind_speed", "pressure", "visib", "dep_delay", "arr_delay", "distance")
VERSION = "3f2a9c4d5e6f7081"


def result(
    monitor: str,
    date: datetime,
    *,
    drifted: Sequence[str] = (),
    since: datetime | None = None,
    state: str = "none",
    invalid: bool = False,
    columns: Sequence[str] = COLUMNS,
    rows: int = 1000,
    trigger: str = "scheduled",
    version: str = VERSION,
    note: str = "",
    seed: int = 0,
) -> Result:
    """A result with some columns that drifted, explained as a check explains it."""
    random = Random(f"{monitor}{date}{seed}")  # noqa: S311  drawn, not secret
    found = []
    for name in columns:
        drifts = name in drifted
        effect = random.uniform(0.06, 0.3) if drifts else random.uniform(0.002, 0.024)
        before, after = 12.1, 12.1 + 20 * effect
        found.append(
            ColumnResult(
                name=name,
                kind="numeric",
                role="feature",
                verdict=Verdict.DRIFT if drifts else Verdict.OK,
                test="Kolmogorov-Smirnov",
                statistic=effect,
                p_value=1e-9 if drifts else random.uniform(0.02, 1),
                threshold=2e-5,
                effect="distance",
                effect_size=effect,
                floor=0.03,
                interval=(effect * 0.8, effect * 1.2),
                change=f"median {before:.1f} -> {after:.1f}" if drifts else None,
            )
        )
    faults = []
    if invalid:
        faults.append(
            Fault(
                fault="missing_column",
                severity=Severity.STRUCTURAL,
                column=columns[0],
                detail="the reference has it, the batch does not",
            )
        )
    if note:
        faults.append(Fault(fault="repeated", severity=Severity.NOTE, column=None, detail=note))
    verdict = Verdict.INVALID if invalid else Verdict.DRIFT if drifted else Verdict.OK
    return with_explanation(
        Result(
            monitor=monitor,
            logical_date=date,
            trigger=trigger,  # type: ignore[arg-type]
            verdict=verdict,
            reference=ReferenceInfo(version=version, rows=5000),
            current=CurrentInfo(rows=rows, digest=f"{random.getrandbits(256):064x}"),
            columns=found,
            faults=faults,
            drifted_columns=list(drifted),
            alarm=Alarm(
                state=state,  # type: ignore[arg-type]
                id=f"{monitor}-{date_key(since)}" if since else None,
                since=since,
            ),
            alarm_budget=AlarmBudget(
                per_week=1, ticks_per_week=2016, level=5e-4, parts={"columns": 4e-4, "joint": 1e-4}
            ),
            p_value=1e-9 if drifted else 0.4,
            feed=Feed(newest_row=date - timedelta(minutes=3), age_seconds=180, new_rows=rows),
            timings={"fetch": 0.1, "compare": 0.3 + random.random() / 4},
        )
    )


@dataclass
class MonitorFeed:
    """How a monitor's ticks went: the last `drift` drifted, the last `invalid` were invalid."""

    name: str
    ticks: int = 60
    drift: int = 0
    invalid: int = 0
    ended: int = 0
    """Ticks since the last one: those of a monitor that is silent."""
    missing: Sequence[int] = ()
    drifted: Sequence[str] = ("temp", "humid")
    columns: Sequence[str] = COLUMNS
    settings: dict[str, Any] = field(default_factory=dict)
    accepted_at: int | None = None
    by_hand: bool = False

    def results(self, now: datetime = NOW) -> list[Result]:
        """All of its ticks, the oldest first."""
        last = (
            now.replace(second=0, microsecond=0)
            - timedelta(minutes=now.minute % 5)
            - self.ended * EVERY
        )
        dates = [last - back * EVERY for back in range(self.ticks - 1, -1, -1)]
        since = dates[-self.drift] if self.drift else None
        found = []
        for place, date in enumerate(dates):
            back = len(dates) - place
            if back in self.missing:
                continue
            drifts, open_ = back <= self.drift, back < self.drift
            found.append(
                result(
                    self.name,
                    date,
                    drifted=list(self.drifted) if drifts else (),
                    since=since if drifts else None,
                    state="ongoing" if open_ else "opened" if drifts else "none",
                    invalid=back <= self.invalid,
                    columns=self.columns,
                    version="9b81c07d22ee41aa"
                    if self.accepted_at and back > self.accepted_at
                    else VERSION,
                )
            )
        if self.by_hand:
            found.append(
                result(
                    self.name, last + timedelta(minutes=1), columns=self.columns, trigger="manual"
                )
            )
        return found


def feeds() -> list[MonitorFeed]:
    """A deployment of fourteen monitors, of which two drift and one is silent."""
    calm = [
        MonitorFeed(name, settings={"owner": owner, "tags": [tag]}, missing=missing)
        for name, owner, tag, missing in (
            ("bookings", "sales", "daily", ()),
            ("clicks", "web", "stream", (17, 18)),
            ("currency", "finance", "prices", ()),
            ("exports", "finance", "daily", ()),
            ("inventory", "ops", "stock", (30,)),
            ("invoices", "finance", "daily", ()),
            ("payments", "finance", "stream", ()),
            ("prices", "sales", "prices", ()),
            ("returns", "ops", "stock", ()),
            ("sessions", "web", "stream", ()),
        )
    ]
    return [
        MonitorFeed(
            "flights",
            drift=9,
            accepted_at=40,
            by_hand=True,
            settings={"owner": "data platform", "tags": ["demo"], "severity": "critical"},
        ),
        MonitorFeed(
            "taxi", drift=3, drifted=("dep_delay",), settings={"owner": "ops", "tags": ["stream"]}
        ),
        MonitorFeed("weather", invalid=2, settings={"owner": "data platform", "tags": ["demo"]}),
        MonitorFeed("sensors", ended=7, settings={"owner": "ops", "tags": ["stream"]}),
        *calm,
    ]


def write(
    store: Store,
    folder: Path,
    made: Sequence[MonitorFeed],
    now: datetime = NOW,
    *,
    all_results: bool = False,
) -> Path:
    """Write the monitors file and what ticks leave; returns the file's path."""
    file = folder / "monitors.yml"
    monitors = [
        {
            "name": each.name,
            "current": {"url": "https://data.example/{logical_date}.csv"},
            "reference": {"path": "reference.parquet"},
            **each.settings,
        }
        for each in made
    ]
    file.write_text(yaml.safe_dump({"check_schedule": SCHEDULE, "monitors": monitors}))
    for each in made:
        write_results(store, each.name, each.results(now), all_results=all_results)
    return file


def write_results(store: Store, name: str, results: Sequence[Result], *, all_results: bool) -> None:
    """Write the results of a monitor, the oldest first, as far as the board reads them."""
    if not results:
        return
    recent = RecentTicks(monitor=name)
    for each in results:
        tick = short_tick(each)
        assert tick is not None
        recent = recent.with_tick(tick)
    last = results[-1]
    scheduled = next((each for each in reversed(results) if each.trigger == "scheduled"), last)
    stored = results if all_results else {id(each): each for each in (last, scheduled)}.values()
    for each in stored:
        assert each.logical_date is not None
        store.put(keys.result(name, each.logical_date), each.model_dump_json().encode())
    assert last.logical_date is not None
    store.put(keys.latest(name), LatestResult.of(last).model_dump_json().encode())
    store.put(keys.recent(name), recent.as_json())


def write_drawn(store: Store, last: Result, rows: int = 2000) -> None:
    """Write what a check of real tables leaves of a tick, with its pictures, in place of a result.

    Two columns drift, and they were correlated with a third one.
    """
    assert last.monitor is not None
    assert last.logical_date is not None
    draws = np.random.default_rng(1)

    def table(moved: float) -> pa.Table:
        temp = draws.normal(12 + moved, 4, rows)
        columns = {
            "temp": temp,
            "humid": draws.normal(60, 12, rows) - (2 - moved) * temp,
            "wind_speed": draws.gamma(3, 3 + moved, rows),
            "carrier": draws.choice(["AA", "B6", "DL", "UA"], rows, p=[0.3, 0.2, 0.2, 0.3]),
        }
        return pa.table(columns)

    settings = CompareSettings()
    tables = read_tables(table(0), table(0.6), settings)
    compared = compare_with_explanation(tables, settings)
    found = replace(
        compared,
        monitor=last.monitor,
        logical_date=last.logical_date,
        trigger="scheduled",
        alarm=last.alarm,
        reference=replace(compared.reference, version=VERSION),
    )
    drawn = draw(tables, found).model_dump_json().encode()
    store.put(keys.result(last.monitor, last.logical_date, "pictures.json"), drawn)
    store.put(keys.result(last.monitor, last.logical_date), found.model_dump_json().encode())


def damage(store: Store, key: str) -> None:
    """Leave half of an object."""
    data = store.get(key)
    assert data is not None
    store.put(key, data[: len(data) // 2])


__all__ = [
    "NOW",
    "MonitorFeed",
    "damage",
    "feeds",
    "json",
    "result",
    "write",
    "write_drawn",
    "write_results",
]
