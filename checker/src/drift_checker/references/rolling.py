"""The rolling reference: the batches of the last ticks that were `ok`, and the fixed one beside it.

Which ticks they are follows from the stored results alone, in order of logical date: a repeated
tick has the same ones before it, and a late one changes nothing that was judged already.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from itertools import islice

import pyarrow as pa

from drift_checker.config import Monitor, Monitors
from drift_checker.references.acceptance import cast_to_reference
from drift_checker.references.in_force import StoredReference
from drift_checker.result import Result, Rolling, Verdict
from drift_checker.sources import load_batch
from drift_checker.state import Store, results_before
from drift_checker.tables import Batch

LOOK_BACK_FACTOR = 2
"""Ticks of the schedule that are looked at for each one that is needed: what was `ok` long ago is
no recent normal."""
TOO_LARGE = "batches of this size are compared with the fixed reference alone"


def rolling_reference(
    store: Store,
    monitors: Monitors,
    monitor: Monitor,
    logical_date: datetime,
    reference: StoredReference,
) -> tuple[Rolling, Batch | None]:
    """Make the reference of the last `ok` ticks before one, judged against the version in force.

    It has the columns of the fixed reference, in its types. What the result says of it comes with
    it; where there are too few ticks, or too large ones, there is no batch.
    """
    needed = monitor.baseline.ticks
    look_back = LOOK_BACK_FACTOR * needed
    schedule = monitors.schedule_of(monitor)
    before = results_before(store, monitor.name, schedule, logical_date, look_back)
    ok_ticks = [*islice(_judged_ok(before, reference.version.version), needed)][::-1]
    dates, rows = [date for date, _ in ok_ticks], sum(rows for _, rows in ok_ticks)
    if reference.settings.is_large(rows * len(reference.version.columns)):
        return _summary(dates, rows=0, reason=TOO_LARGE), None
    stored = [(date, load_batch(store, monitor.name, date)) for date in dates]
    # Retention may have removed some.
    batches = {date: loaded.batch for date, loaded in stored if loaded}
    if len(batches) < needed:
        reason = (
            f"the rolling baseline needs {needed} ok ticks among the last {look_back}, and has "
            f"{len(batches)}: batches are compared with the fixed reference alone"
        )
        return _summary(list(batches), rows=0, reason=reason), None
    tables = [
        cast_to_reference(reference.rows, reference.settings.columns, batch, date)
        for date, batch in batches.items()
    ]
    table = pa.concat_tables(tables, promote_options="permissive")
    digest = sha256("".join(batch.digest for batch in batches.values()).encode()).hexdigest()
    return _summary(dates, rows=table.num_rows, reason=None), Batch(table, digest)


def _judged_ok(results: Iterator[Result], version: str) -> Iterator[tuple[datetime, int]]:
    """Yield date and rows of the ticks that were `ok` against a version."""
    for result in results:
        ok = result.verdict is Verdict.OK and result.reference.version == version
        if ok and result.logical_date:
            yield result.logical_date, result.current.rows


def _summary(dates: list[datetime], *, rows: int, reason: str | None) -> Rolling:
    first, last = (dates[0], dates[-1]) if dates else (None, None)
    return Rolling(ticks=len(dates), rows=rows, first=first, last=last, reason=reason)


def with_anchor(rolled: Result, anchor: Result, summary: Rolling) -> Result:
    """Return the result against the rolling reference with that against the fixed one beside it.

    Each spent its own share of the level, so that both together spend no more than all of it.
    """
    budget, spent = rolled.alarm_budget, anchor.alarm_budget.level
    drifted = {*rolled.drifted_columns, *anchor.drifted_columns}
    return rolled.model_copy(
        update={
            "verdict": max(rolled.verdict, anchor.verdict, key=list(Verdict).index),
            "drifted_columns": [column.name for column in rolled.columns if column.name in drifted],
            "alarm_budget": budget.model_copy(
                update={"level": budget.level + spent, "parts": budget.parts | {"anchor": spent}}
            ),
            "rolling": summary,
            "anchor": anchor,
        }
    )
