"""One tick of one monitor, in four steps: fetch, reference, compare, publish.

Every step can be repeated, and what was done before is not done again. This is what a tick writes
to the store, in this order (`state/keys.py` has the keys):

0. Acceptances that people asked for: another version of the reference in force, and `outcome.json`
   of each request.
1. fetch: `meta.json` and `current.parquet` of the batch; of what is no table, `evidence` instead.
2. reference: `columns-<settings>.npz` of its version, once and only where a table is large.
3. compare: `profile.json`, the tick counts that later ticks pool, `pictures.json`, and
   `report.html` where one is due; the marker that the result is pending; `result.json`; the pointer
   `latest.json`, and the last ticks in `recent.json`. What its rows are known by goes to
   `rows.bin`.
4. publish: `published.json`, and the marker goes. Then, where people are notified, the events in
   the outbox and the attempts to deliver them.

Where Spark reads data where they lie, the first two steps are one, and no rows are stored: see
`ticks/spark.py`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import NamedTuple

import structlog

from drift_checker.comparison import (
    ANCHOR_SHARE,
    CompareSettings,
    InMemoryPair,
    TablePair,
    compare_tables,
    judge,
    prepare,
    result_of,
)
from drift_checker.comparison.feed import with_feed
from drift_checker.config import Monitors, Settings, settings_of
from drift_checker.errors import BadReferenceError, LostReferenceError, ServiceAwayError
from drift_checker.outputs import (
    MAX_OLDER,
    Address,
    Event,
    MlflowClient,
    Publication,
    deliver_events,
    leave_events,
    mark_pending,
    notification_addresses,
    publish_pending,
    publish_result,
    send_heartbeat,
    tick_events,
)
from drift_checker.references import (
    StoredReference,
    fit_reference,
    rolling_references,
    with_alarm_of_anchor,
    with_anchor,
)
from drift_checker.references.dependence import row_times
from drift_checker.result import (
    Calibration,
    Fault,
    ReferenceInfo,
    Result,
    Rolling,
    Severity,
    Verdict,
)
from drift_checker.sources import StoredBatch, fetch_batch
from drift_checker.state import (
    LOOK_BACK,
    LatestResult,
    Store,
    parsed,
    past_tick_counts,
    read_result,
    results_before,
    write_latest_result,
    write_recent,
)
from drift_checker.tables import Batch, ReadColumns
from drift_checker.ticks.acceptances import carry_out_acceptances
from drift_checker.ticks.alarms import alarm_of
from drift_checker.ticks.context import Inputs, Tick, TickContext
from drift_checker.ticks.feed import read_feed, store_rows
from drift_checker.ticks.report import store_pictures, store_report
from drift_checker.wording import summarize, with_explanation

log = structlog.get_logger()


def run_tick(
    settings: Settings,
    monitors: Monitors,
    tick: Tick,
    *,
    force: bool = False,
    report: bool = False,
    tell_later: bool = False,
    compare_settings: CompareSettings | None = None,
) -> tuple[Result, Publication]:
    """Take a tick through its four steps.

    `force` makes a new result from the stored batch and keeps the old one beside it; `report`
    asks for a report whatever the settings say. A batch is compared by `compare_settings`, which
    are those of the monitor if none are given. With `tell_later` its events wait in the outbox for
    whoever tells them together with others'; those of ticks before are not left to that.

    Raises:
        BadReferenceError: the monitor has no reference, or one that does not fit.
        NoBatchError: the source answered with what is no batch at all.
        ServiceAwayError: a service stayed away; a result that was reached is kept.
    """
    store = Store(settings)
    result = judge_tick(
        store,
        settings,
        monitors,
        tick,
        force=force,
        report=report,
        compare_settings=compare_settings,
    )
    log.info(summarize(result), monitor=tick.monitor.name, verdict=result.verdict)
    try:
        published = _publish(settings, store, tick)
    finally:
        # People are notified of an alarm also while MLflow is away.
        if addresses := notification_addresses(settings):
            _tell(
                settings,
                store,
                addresses,
                _events(settings, store, monitors, tick, result),
                tick.monitor.name,
                later=tell_later,
            )
    if tick.trigger == "scheduled":
        send_heartbeat(settings)
    return result, published


def _tell(
    settings: Settings,
    store: Store,
    addresses: Sequence[Address],
    events: Iterator[Event],
    monitor: str,
    *,
    later: bool,
) -> None:
    """Tell people of the events of a tick and of older ones, or leave the new ones for later."""
    now, board = datetime.now(UTC), settings.board_url
    deliver_events(store, () if later else events, addresses, now, monitor=monitor, board=board)
    if later:
        leave_events(store, events, addresses)


def judge_tick(
    store: Store,
    settings: Settings,
    monitors: Monitors,
    tick: Tick,
    *,
    force: bool = False,
    report: bool = False,
    compare_settings: CompareSettings | None = None,
) -> Result:
    """Take a tick through its first three steps, and return the result that is stored.

    Raises:
        As `run_tick`.
    """
    stored = read_result(store, tick.monitor.name, tick.logical_date)
    if stored is None or force:
        compare_settings = compare_settings or settings_of(monitors, tick.monitor)
        context = TickContext(tick, store, settings, monitors, compare_settings)
        carry_out_acceptances(store, tick.monitor)
        replaced = None if stored is None else store.get(tick.key())
        return _store_result(context, _check(context, report=report), replaced=replaced)
    # Whoever stored it may have been killed before it wrote what is made of it.
    write_latest_result(store, tick.monitor.name, LatestResult.of(stored))
    write_recent(store, monitors.schedule_of(tick.monitor), stored)
    return stored


def _check(context: TickContext, *, report: bool) -> Result:
    """Take the first three steps, and report what they came to where that is due."""
    tick = context.tick
    if tick.monitor.in_place:
        from drift_checker.ticks.spark import read_in_place  # noqa: PLC0415  # of few monitors

        with context.timed("fetch"):
            inputs = read_in_place(context)
    else:
        with context.timed("fetch"):
            batch = fetch_batch(context.store, tick.monitor, tick.logical_date, context.settings)
        with context.timed("baseline"):
            inputs = _reference(context, batch)
    with context.timed("feed"):
        inputs = _with_feed(context, inputs)
    with context.timed("compare"):
        compared, tables = _compare(context, inputs)
    result = _describe(context, inputs, compared)
    if inputs.feed is not None:
        store_rows(context, inputs.feed, result.verdict)
    with context.timed("report"):
        pictures = store_pictures(context, tables, result)
        reported = store_report(context, inputs, result, pictures, requested=report)
    return result.model_copy(update={**reported, "timings": context.timings})


def _reference(context: TickContext, stored: StoredBatch) -> Inputs:
    """Look up the version in force; of a large one its profile, and not its rows.

    What another build read as text by other rules is read anew, if its source still has it, and so
    is what is damaged or lost.
    """
    monitor = context.tick.monitor
    try:
        reference = StoredReference(context.store, monitor.name, context.compare_settings)
        if not reference.version.outdated:
            return _inputs(reference, stored)
    except LostReferenceError as error:
        log.warning("reference to be fitted anew", monitor=monitor.name, reason=str(error))
    try:
        fit_reference(context.store, monitor, context.settings)
    except (BadReferenceError, ServiceAwayError) as error:
        log.warning("reference not fitted anew", monitor=monitor.name, reason=str(error))
    reference = StoredReference(context.store, monitor.name, context.compare_settings)
    return _inputs(reference, stored)


def _inputs(reference: StoredReference, stored: StoredBatch) -> Inputs:
    return Inputs(reference.pair_with(stored.batch), reference, stored.batch, stored.truth)


def _with_feed(context: TickContext, inputs: Inputs) -> Inputs:
    """Look at the feed of a scheduled tick, before its values are."""
    if context.history is None:
        return inputs
    return replace(inputs, feed=read_feed(context, context.history, inputs.tables, inputs.batch))


def _compare(context: TickContext, inputs: Inputs) -> tuple[Result, TablePair]:
    """Compare with the version in force, and with the last ticks where the baseline is rolling.

    The tables are those that the columns of the result were compared in.
    """
    tick, settings = context.tick, context.compare_settings
    if tick.monitor.baseline.kind != "rolling" or inputs.batch is None:
        return _compare_with_fixed(context, inputs, settings), inputs.tables
    references = rolling_references(
        context.store,
        context.monitors,
        tick.monitor,
        tick.logical_date,
        inputs.reference,
        batch_rows=inputs.batch.rows,
    )
    if tick.monitor.baseline.anchor != "alarm":
        rolled, rolling, tables = _compare_with_rolling(context, inputs, settings, references)
        if rolled is None:
            fixed = _compare_with_fixed(context, inputs, settings)
            return fixed.model_copy(update={"rolling": rolling}), inputs.tables
        told = tick.monitor.baseline.anchor == "tell"
        anchor = compare_tables(inputs.tables, settings) if told else None
        return with_anchor(rolled, anchor, rolling), tables
    budget = settings.alarm_budget()
    shared = replace(settings, budget=budget.share(1 - ANCHOR_SHARE))
    rolled, rolling, tables = _compare_with_rolling(context, inputs, shared, references)
    if rolled is None:
        fixed = _compare_with_fixed(context, inputs, settings)
        return fixed.model_copy(update={"rolling": rolling}), inputs.tables
    anchor_settings = replace(settings, budget=budget.share(ANCHOR_SHARE))
    anchor = _compare_with_fixed(context, inputs, anchor_settings)
    if rolled.verdict is not Verdict.OK:
        context.store.delete(tick.key("profile.json"))
    return with_alarm_of_anchor(rolled, anchor, rolling), tables


class _Rolled(NamedTuple):
    """A comparison with a rolling reference; without one there is no result."""

    result: Result | None
    rolling: Rolling
    tables: TablePair


def _compare_with_rolling(
    context: TickContext,
    inputs: Inputs,
    settings: CompareSettings,
    references: Iterator[tuple[Rolling, Batch | None]],
) -> _Rolled:
    """Compare with rolling references one after the other, until one says that nothing drifted.

    Where all find drift, it is what the first has found.
    """
    facts = inputs.feed.facts_for(context) if inputs.feed else None
    compared = list[_Rolled]()
    for rolling, reference in references:
        if reference is None or inputs.batch is None:
            compared.append(_Rolled(None, rolling, inputs.tables))
            break
        tables = InMemoryPair(reference, inputs.batch, settings.columns.reading)
        rolled = result_of(judge(prepare(tables, settings), feed=facts))
        compared.append(_Rolled(rolled, rolling, tables))
        if rolled.verdict is not Verdict.DRIFT:
            return compared[-1]
    return compared[0]


def _compare_with_fixed(context: TickContext, inputs: Inputs, settings: CompareSettings) -> Result:
    """Compare with the version in force; of a scheduled batch that is `ok` tick counts are left.

    Of a batch that was there before there are none: what is pooled are rows, each of them once.
    """
    tick, store, tables, feed = context.tick, context.store, inputs.tables, inputs.feed
    if feed is None:
        return compare_tables(tables, settings)
    past = past_tick_counts(store, tick.monitor.name, tables.bins_id, feed.pooled)
    facts = feed.facts_for(context)
    judged = judge(prepare(tables, settings), past=past, feed=facts)
    counts = judged.prepared.tick_counts if facts.whole else facts.new_counts
    if judged.batch_result.verdict is Verdict.OK and counts and not feed.repeats:
        store.put(tick.key("profile.json"), counts.model_dump_json().encode())
    else:
        store.delete(tick.key("profile.json"))
    return result_of(judged)


def _describe(context: TickContext, inputs: Inputs, compared: Result) -> Result:
    """Say of a result what was compared, which episode it belongs to, and what it means."""
    tick, version = context.tick, inputs.reference.version
    url = version.source if inputs.batch_url else None
    result = compared.model_copy(
        update={
            "monitor": tick.monitor.name,
            "logical_date": tick.logical_date,
            "trigger": tick.trigger,
            "reference": ReferenceInfo(version=version.version, rows=version.rows, url=url),
            "current": compared.current.model_copy(update={"url": inputs.batch_url}),
            "calibration": _calibration(compared, inputs),
            "truth": inputs.truth,
        }
    )
    if context.history is None:
        return with_explanation(result)
    if inputs.feed is not None:
        result = with_feed(result, inputs.feed.judged)
    last = _result_before(context)
    faults = [*result.faults, *_changed_kinds(last, result)]
    result = result.model_copy(update={"faults": faults})
    alarm = alarm_of(result, context.history, last)
    return with_explanation(result.model_copy(update={"alarm": alarm}))


def _calibration(compared: Result, inputs: Inputs) -> Calibration:
    """Say of rows that are taken as independent whether those of the reference look so."""
    calibration, known = compared.calibration, inputs.reference.version.dependence
    if calibration.method != "exact" or known is None or not known.columns or inputs.batch is None:
        return calibration
    times = None
    if known.order == "time":
        reading = inputs.tables.readings.get(inputs.reference.settings.columns.timestamp or "")
        times = row_times(ReadColumns.of(inputs.batch), reading)
        if times is None:
            return calibration
    tested = sum(column.test is not None for column in compared.columns)
    level = compared.alarm_budget.level
    expected = known.expected(compared.current.rows, tested, level, times)
    return calibration.model_copy(update={"dependence": expected})


def _result_before(context: TickContext) -> Result | None:
    """The result of the scheduled tick before."""
    ticks = context.history.ticks if context.history else ()
    if not ticks:
        return None
    return read_result(context.store, context.tick.monitor.name, ticks[-1].logical_date)


def _changed_kinds(last: Result | None, result: Result) -> Iterator[Fault]:
    """Say of which columns the kind is another than in the tick before, of the same reference.

    It is after an upgrade or a change of settings; the next tick says nothing of it.
    """
    if last is None or last.reference.version != result.reference.version:
        return
    kinds = {column.name: column.kind for column in last.columns}
    for column in result.columns:
        was = kinds.get(column.name, column.kind)
        if was != column.kind:
            detail = f"it was {was} in the tick before, and is {column.kind}: {column.why}"
            yield Fault(
                fault="changed_kind", severity=Severity.NOTE, column=column.name, detail=detail
            )


def _store_result(context: TickContext, result: Result, replaced: bytes | None) -> Result:
    """Store a result, unless another run of the tick was first; returns the one that is stored."""
    store, tick = context.store, context.tick
    data = result.model_dump_json(indent=2).encode()
    mark_pending(store, tick.pending)
    if replaced is not None:
        next(n for n in count(1) if store.put_if_absent(tick.key(f"result.{n}.json"), replaced))
        store.put(tick.key(), data)
    elif not store.put_if_absent(tick.key(), data):
        data = store.get(tick.key()) or data
    stored = parsed(tick.key(), data, Result.model_validate_json)
    write_latest_result(store, tick.monitor.name, LatestResult.of(stored))
    schedule = context.monitors.schedule_of(tick.monitor)
    known = context.history.everything if context.history else None
    write_recent(store, schedule, stored, known)
    return stored


def _publish(settings: Settings, store: Store, tick: Tick) -> Publication:
    """Publish the result as a run of MLflow, after older ones that were left unpublished."""
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


def _events(
    settings: Settings, store: Store, monitors: Monitors, tick: Tick, result: Result
) -> Iterator[Event]:
    """What people are notified of; read from the store only as far as that needs it."""
    schedule = monitors.schedule_of(tick.monitor)
    before = results_before(store, tick.monitor.name, schedule, tick.logical_date, LOOK_BACK)
    yield from tick_events(store, settings, tick.monitor, result, before)
