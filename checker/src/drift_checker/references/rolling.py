"""The rolling reference: the batches of the last ticks that were `ok`, and the fixed one beside it.

Which ticks they are follows from the stored results alone, in order of logical date: a repeated
tick has the same ones before it, and a late one changes nothing that was judged already.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import islice

import pyarrow as pa

from drift_checker.config.monitors import Monitor, Monitors
from drift_checker.references.acceptance import alike
from drift_checker.references.in_force import StoredReference
from drift_checker.result import Result, Rolling, Verdict
from drift_checker.sources.fetch import load
from drift_checker.state.history import results_before
from drift_checker.state.store import Store
from drift_checker.tables import Batch

SLOTS_A_TICK = 2
"""Slots of the schedule that are looked at for each tick that is needed: what was `ok` long ago is
no recent normal."""
TOO_LARGE = "batches of this size are compared with the fixed reference alone"


@dataclass(frozen=True)
class Recent:
    """The reference that rolls along, with what the result says of it; no batch: too few ticks."""

    told: Rolling
    batch: Batch | None = None


def recent(
    store: Store,
    monitors: Monitors,
    monitor: Monitor,
    logical_date: datetime,
    reference: StoredReference,
) -> Recent:
    """Make the reference of the last `ok` ticks before one, judged against the version in force.

    It has the columns of the fixed reference, in its types.
    """
    needed = monitor.baseline.ticks
    slots = SLOTS_A_TICK * needed
    before = results_before(store, monitor.name, monitors.schedule_of(monitor), logical_date, slots)
    chosen = [*islice(_judged_ok(before, reference.version.version), needed)][::-1]
    dates, rows = [date for date, _ in chosen], sum(rows for _, rows in chosen)
    if reference.settings.is_large(rows * len(reference.version.columns)):
        return Recent(_told(dates, rows=0, reason=TOO_LARGE))
    stored = [(date, load(store, monitor.name, date)) for date in dates]
    # Retention may have removed some.
    found = [(date, one.batch) for date, one in stored if one]
    if len(found) < needed:
        reason = (
            f"the rolling baseline needs {needed} ok ticks among the last {slots}, and has "
            f"{len(found)}: batches are compared with the fixed reference alone"
        )
        return Recent(_told([date for date, _ in found], rows=0, reason=reason))
    tables = [alike(reference.rows, batch, monitor.name, date) for date, batch in found]
    table = pa.concat_tables(tables, promote_options="permissive")
    digest = sha256("".join(batch.digest for _, batch in found).encode()).hexdigest()
    return Recent(_told(dates, rows=table.num_rows, reason=None), Batch(table, digest))


def _judged_ok(results: Iterator[Result], version: str) -> Iterator[tuple[datetime, int]]:
    """Yield date and rows of the ticks that were `ok` against a version."""
    for result in results:
        ok = result.verdict is Verdict.OK and result.reference.version == version
        if ok and result.logical_date:
            yield result.logical_date, result.current.rows


def _told(dates: list[datetime], *, rows: int, reason: str | None) -> Rolling:
    first, last = (dates[0], dates[-1]) if dates else (None, None)
    return Rolling(ticks=len(dates), rows=rows, first=first, last=last, reason=reason)


def beside(rolled: Result, anchor: Result, told: Rolling) -> Result:
    """Return the result against the rolling reference with that against the fixed one beside it.

    Each spent its own share of the level, so that both together spend no more than all of it.
    """
    budget, spent = rolled.alarm_budget, anchor.alarm_budget.level
    drifted = {*rolled.drifted_columns, *anchor.drifted_columns}
    return rolled.model_copy(
        update={
            "verdict": max(rolled.verdict, anchor.verdict, key=list(Verdict).index),
            "drifted_columns": [one.name for one in rolled.columns if one.name in drifted],
            "alarm_budget": budget.model_copy(
                update={"level": budget.level + spent, "parts": budget.parts | {"anchor": spent}}
            ),
            "rolling": told,
            "anchor": anchor,
        }
    )
