"""The rolling reference: the batches of the latest `ok` ticks, and the fixed one beside it.

Which ticks they are follows from the stored results alone, in order of logical date: a repeated
tick has the same ones before it, and a late one changes nothing that was judged already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import pyarrow as pa

from drift_checker.comparison import combine_parts
from drift_checker.config import Monitor, Monitors
from drift_checker.references.acceptance import cast_to_reference
from drift_checker.references.in_force import StoredReference
from drift_checker.result import ColumnTrend, Result, Rolling, Verdict
from drift_checker.sources import load_batch
from drift_checker.state import Store, results_before
from drift_checker.tables import Batch

LOOK_BACK_FACTOR = 2
"""Ticks of the schedule that are looked at for each one that is needed: what was `ok` long ago is
no recent normal."""
LEAST_TICKS = 5
"""Ticks that make the reference where rows are independent, and as many times a batch's rows.

The middle of M ticks lies (M + 1) / 2 ticks back, and a trend has gone on since. Five ticks of
1,000 rows are 0.43 standard errors behind one of 0.005 sigma a tick, which changes no alarm rate
that shows; twenty are 1.6. What twenty would find more is a shift smaller by 6 %."""
TREND_COLUMNS, TREND_TICKS = 5, 100
"""Columns farthest from the fixed reference whose distance is told, over at most so many ticks."""
TOO_LARGE = "batches of this size are compared with the fixed reference alone"


@dataclass(frozen=True)
class Recent:
    """The ticks whose batches are the reference, the oldest first, and what those before it told.

    `accepted`: some of them drifted, since no others were there for so long that what they have is
    the new normal. `trend` is that of the tick before.
    """

    dates: Sequence[datetime]
    rows: int
    accepted: bool
    enough: bool
    trend: Sequence[ColumnTrend]


def rolling_reference(
    store: Store,
    monitors: Monitors,
    monitor: Monitor,
    logical_date: datetime,
    reference: StoredReference,
    *,
    batch_rows: int,
) -> tuple[Rolling, Batch | None]:
    """Make the reference of the latest `ok` ticks before one, judged against the version in force.

    It has the columns of the fixed reference, in its types. What the result says of it comes with
    it; where there are too few ticks, or too large ones, there is no batch. `batch_rows` are those
    of the batch that is compared with it.
    """
    ticks = monitor.baseline.ticks
    look_back = LOOK_BACK_FACTOR * ticks
    schedule = monitors.schedule_of(monitor)
    # Windows are ranked: each tick is one of them, and their number is what counts.
    least = ticks if monitor.windowed else min(ticks, LEAST_TICKS)
    before = results_before(store, monitor.name, schedule, logical_date, look_back)
    of_version = (one for one in before if one.reference.version == reference.version.version)
    recent = recent_ticks(of_version, ticks=ticks, least=least, rows=LEAST_TICKS * batch_rows)
    if reference.settings.is_large(recent.rows * len(reference.version.columns)):
        return _summary(recent, recent.dates, rows=0, reason=TOO_LARGE), None
    stored = [(date, load_batch(store, monitor.name, date)) for date in recent.dates]
    # Retention may have removed some.
    batches = {date: loaded.batch for date, loaded in stored if loaded}
    if not recent.enough or len(batches) < least:
        reason = (
            f"the rolling baseline needs {least} ok ticks among the last {look_back}, each of "
            f"another batch, and has {len(batches)}: batches are compared with the fixed reference "
            "alone"
        )
        return _summary(recent, list(batches), rows=0, reason=reason), None
    tables = [
        cast_to_reference(reference.rows, reference.settings.columns, batch, date)
        for date, batch in batches.items()
    ]
    table = pa.concat_tables(tables, promote_options="permissive")
    digest = sha256("".join(batch.digest for batch in batches.values()).encode()).hexdigest()
    return _summary(recent, list(batches), rows=table.num_rows, reason=None), Batch(table, digest)


def recent_ticks(results: Iterator[Result], *, ticks: int, least: int, rows: int) -> Recent:
    """Choose the ticks that are the reference, of results of one version, the latest first.

    They are the latest that were `ok`: at least `least`, and at most `ticks`, until they have
    `rows`. After `ticks` that drifted one after the other, those are the recent past, and what was
    `ok` before them is not: the latest of them fill up what is missing, and so they do where there
    are too few `ok` ticks for as long. What lasts is found once, and becomes normal. A batch that
    was served several times counts once.
    """
    ok, drifted, run, sum_of_rows = list[Result](), list[Result](), 0, 0
    digests = set[str]()
    trend: Sequence[ColumnTrend] | None = None
    for result in results:
        if result.verdict is Verdict.INVALID or result.logical_date is None:
            continue
        if trend is None:
            trend = result.rolling.trend if result.rolling else ()
        if result.current.digest in digests:
            continue
        digests.add(result.current.digest)
        if result.verdict is Verdict.OK:
            run, sum_of_rows = 0, sum_of_rows + result.current.rows
            ok.append(result)
            if len(ok) >= ticks or (len(ok) >= least and sum_of_rows >= rows):
                break
        else:
            run += 1
            drifted.append(result)
            if run == ticks:
                break
    filled = list[Result]()
    if len(ok) < least and len(ok) + len(drifted) >= ticks:
        filled = drifted[: least - len(ok)]
    chosen = {one.logical_date: one.current.rows for one in [*ok, *filled] if one.logical_date}
    return Recent(
        dates=sorted(chosen),
        rows=sum(chosen.values()),
        accepted=bool(filled),
        enough=len(chosen) >= least,
        trend=trend or (),
    )


def _summary(
    recent: Recent, dates: Sequence[datetime], *, rows: int, reason: str | None
) -> Rolling:
    first, last = (dates[0], dates[-1]) if dates else (None, None)
    return Rolling(
        ticks=len(dates),
        rows=rows,
        first=first,
        last=last,
        reason=reason,
        accepted=recent.accepted and reason is None,
        trend=list(recent.trend),
    )


def with_anchor(rolled: Result, anchor: Result | None, summary: Rolling) -> Result:
    """Return the result against the rolling reference with that against the fixed one beside it.

    The fixed one is told: it changes no verdict, and spends nothing.
    """
    trend = [] if anchor is None else _continued(summary.trend, anchor)
    rolling = summary.model_copy(update={"trend": trend})
    return rolled.model_copy(update={"rolling": rolling, "anchor": anchor})


def with_alarm_of_anchor(rolled: Result, anchor: Result, summary: Rolling) -> Result:
    """Return the same where either reference makes the verdict.

    Each spent its own share of the level, so that both together spend no more than all of it.
    """
    budget, spent = rolled.alarm_budget, anchor.alarm_budget.level
    drifted = {*rolled.drifted_columns, *anchor.drifted_columns}
    p_values = {"rolling": rolled.p_value, "anchor": anchor.p_value}
    return with_anchor(rolled, anchor, summary).model_copy(
        update={
            "p_value": combine_parts(p_values, {"rolling": budget.level, "anchor": spent}),
            "verdict": max(rolled.verdict, anchor.verdict, key=list(Verdict).index),
            "drifted_columns": [column.name for column in rolled.columns if column.name in drifted],
            "alarm_budget": budget.model_copy(
                update={"level": budget.level + spent, "parts": budget.parts | {"anchor": spent}}
            ),
        }
    )


def _continued(before: Sequence[ColumnTrend], anchor: Result) -> list[ColumnTrend]:
    """Return the distances of the columns that are farthest from the fixed reference.

    What the tick before told of the same column and effect goes on.
    """
    past = {(trend.name, trend.effect): trend.distances for trend in before}
    measured = [
        (abs(column.effect_size), column.name, column.effect)
        for column in anchor.columns
        if column.effect is not None and column.effect_size is not None
    ]
    return [
        ColumnTrend(
            name=name,
            effect=effect,
            distances=[*past.get((name, effect), []), size][-TREND_TICKS:],
        )
        for size, name, effect in sorted(measured, reverse=True)[:TREND_COLUMNS]
    ]
