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
LEAST_TICKS = 4
"""Ticks that make the reference where rows are independent, and as many times a batch's rows.

The middle of M ticks lies (M + 1) / 2 ticks back, and a trend has gone on since. Four ticks of
1,000 rows are 0.35 standard errors behind one of 0.005 sigma a tick, which changes no alarm rate
that shows; twenty are 1.6. What twenty would find more is a shift smaller by 8 %."""
TREND_COLUMNS, TREND_TICKS = 5, 100
"""Columns farthest from the fixed reference whose distance is told, over at most so many ticks."""
TOO_LARGE = "batches of this size are compared with the fixed reference alone"


@dataclass(frozen=True)
class Recent:
    """The results of the latest ticks whose batches can be the reference, the latest first.

    `ok` are those without drift, `valid` those with it, too; both no more than are needed. `trend`
    is that of the tick before.
    """

    ok: Sequence[Result]
    valid: Sequence[Result]
    trend: Sequence[ColumnTrend]


def rolling_references(
    store: Store,
    monitors: Monitors,
    monitor: Monitor,
    logical_date: datetime,
    reference: StoredReference,
    *,
    batch_rows: int,
) -> Iterator[tuple[Rolling, Batch | None]]:
    """Make the references of the latest ticks before one, judged against the version in force.

    A batch drifts where it does against all of them: first against the latest ticks that were `ok`
    and then, where others were among the latest, against these. Else a trend would leave behind for
    good what stopped at the first alarm, and what lasts would never be normal.

    They have the columns of the fixed reference, in its types. What the result says of one comes
    with it; where there are too few ticks, or too large ones, it is alone, without a batch.
    `batch_rows` are those of the batch that is compared with them.
    """
    ticks = monitor.baseline.ticks
    look_back = LOOK_BACK_FACTOR * ticks
    schedule = monitors.schedule_of(monitor)
    # Windows are ranked: each tick is one of them, and their number is what counts.
    least = ticks if monitor.windowed else min(ticks, LEAST_TICKS)
    before = results_before(store, monitor.name, schedule, logical_date, look_back)
    of_version = (one for one in before if one.reference.version == reference.version.version)
    recent = recent_ticks(of_version, ticks=ticks, least=least, rows=LEAST_TICKS * batch_rows)
    chosen = [each for each in (recent.ok, recent.valid) if len(each) >= least]
    if not chosen:
        yield _too_few(recent, least, look_back), None
    for number, each in enumerate(chosen):
        dates = [one.logical_date for one in reversed(each) if one.logical_date]
        if number and each == recent.ok:
            return
        accepted = each != recent.ok
        rows = sum(one.current.rows for one in each)
        if reference.settings.is_large(rows * len(reference.version.columns)):
            yield _summary(recent, dates, rows=0, reason=TOO_LARGE), None
            return
        stored = [(date, load_batch(store, monitor.name, date)) for date in dates]
        # Retention may have removed some.
        batches = {date: loaded.batch for date, loaded in stored if loaded}
        if len(batches) < least:
            if not number:
                yield _too_few(recent, least, look_back, there=list(batches)), None
            return
        tables = [
            cast_to_reference(reference.rows, reference.settings.columns, batch, date)
            for date, batch in batches.items()
        ]
        table = pa.concat_tables(tables, promote_options="permissive")
        digest = sha256("".join(batch.digest for batch in batches.values()).encode()).hexdigest()
        summary = _summary(recent, list(batches), rows=table.num_rows, accepted=accepted)
        yield summary, Batch(table, digest)


def recent_ticks(results: Iterator[Result], *, ticks: int, least: int, rows: int) -> Recent:
    """Choose the ticks that are the reference, of results of one version, the latest first.

    They are the latest: at least `least`, and at most `ticks`, until they have `rows`. A batch that
    was served several times counts once.
    """
    ok, valid, digests = list[Result](), list[Result](), set[str]()
    trend: Sequence[ColumnTrend] | None = None

    def enough(chosen: list[Result]) -> bool:
        many = sum(one.current.rows for one in chosen) >= rows
        return len(chosen) >= ticks or (len(chosen) >= least and many)

    for result in results:
        if result.verdict is Verdict.INVALID or result.logical_date is None:
            continue
        if trend is None:
            trend = result.rolling.trend if result.rolling else ()
        if result.current.digest in digests:
            continue
        digests.add(result.current.digest)
        if not enough(valid):
            valid.append(result)
        if result.verdict is Verdict.OK:
            ok.append(result)
            if enough(ok):
                break
    return Recent(ok, valid, trend or ())


def _too_few(
    recent: Recent, least: int, look_back: int, there: Sequence[datetime] | None = None
) -> Rolling:
    if there is None:
        there = [one.logical_date for one in reversed(recent.valid) if one.logical_date]
    reason = (
        f"the rolling baseline needs {least} ticks among the last {look_back}, each of another "
        f"batch, and has {len(there)}: batches are compared with the fixed reference alone"
    )
    return _summary(recent, there, rows=0, reason=reason)


def _summary(
    recent: Recent,
    dates: Sequence[datetime],
    *,
    rows: int,
    reason: str | None = None,
    accepted: bool = False,
) -> Rolling:
    first, last = (dates[0], dates[-1]) if dates else (None, None)
    return Rolling(
        ticks=len(dates),
        rows=rows,
        first=first,
        last=last,
        reason=reason,
        accepted=accepted,
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
