"""What a scheduled tick learns of its feed, from the ticks before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

import pyarrow as pa

from drift_checker.comparison import FeedFacts, InMemoryPair, TablePair, prepare
from drift_checker.comparison.feed import (
    LEAST_TICKS,
    FeedVerdict,
    PresentBatch,
    distinct_batches,
    judge_feed,
    moves_on,
    newest_time,
    older_rows,
    repeated_since,
)
from drift_checker.comparison.row_keys import (
    Overlap,
    RowKeys,
    SeenRows,
    overlap_of,
    row_keys,
    same_rows,
)
from drift_checker.comparison.sequential import MAX_TICKS
from drift_checker.result import Verdict
from drift_checker.sources import load_batch
from drift_checker.state import History, ShortTick, read_seen_rows, write_seen_rows
from drift_checker.tables import Batch, MismatchError
from drift_checker.ticks.context import TickContext


@dataclass(frozen=True)
class TickFeed:
    """The feed of a tick; `judged` is what is to be said of it.

    `pooled` are the logical dates of the ticks that its sequential statistic may pool, the newest
    first.
    """

    tables: TablePair
    present: PresentBatch
    judged: FeedVerdict
    pooled: Sequence[datetime]
    keys: RowKeys | None
    seen: Sequence[SeenRows]

    @cached_property
    def facts(self) -> FeedFacts:
        """What the comparison has to know."""
        return FeedFacts(
            judged=self.judged.count_p_value is not None or self.repeats,
            repeats=self.repeats,
            whole=self.present.overlap is None,
        )

    @property
    def repeats(self) -> bool:
        """Whether the batch was there before."""
        return self.present.repeated_since is not None

    def facts_for(self, context: TickContext) -> FeedFacts:
        """Return the facts, of a batch with rows that are not new with the counts of the others."""
        overlap, tables = self.present.overlap, self.tables
        if overlap is None or not overlap.rows or not isinstance(tables, InMemoryPair):
            return self.facts
        new = prepare(tables.with_rows(overlap.new), context.compare_settings)
        return replace(self.facts, new_counts=new.tick_counts)


def read_feed(
    context: TickContext, history: History, tables: TablePair, batch: Batch | None
) -> TickFeed:
    """Say what is known of the feed of a batch; `batch` is None where its rows are elsewhere."""
    date, past = context.tick.logical_date, history.recent
    roles = context.compare_settings.columns
    readable = batch is not None and not batch.unreadable and isinstance(tables, InMemoryPair)
    seen = _seen_rows(context, past) if readable else []
    before = seen[-1].kind if seen else None
    keys = row_keys(batch, roles, before) if readable and batch is not None else None
    since = repeated_since(tables.current.digest, past)
    if since is None and keys is not None:
        since = same_rows(keys, seen)
    earlier = [tick for tick in past if since is None or tick.logical_date < since]
    distinct = distinct_batches(earlier)
    pooled = [tick.logical_date for tick in distinct[:-MAX_TICKS:-1]]
    rows_before = [each for each in seen if since is None or each.logical_date < since]
    overlap = overlap_of(keys, rows_before, tables.current.rows) if keys else None
    times = _times(context, tables)
    present = PresentBatch(
        logical_date=date,
        rows=tables.current.rows,
        digest=tables.current.digest,
        newest_row=newest_time(times) if times is not None else None,
        overlap=overlap,
        late_rows=0 if since else _late_rows(times, past, overlap),
        repeated_since=since,
    )
    judged = judge_feed(present, past, context.compare_settings.feed)
    return TickFeed(tables, present, judged, pooled, keys, seen)


def store_rows(context: TickContext, feed: TickFeed, verdict: Verdict) -> None:
    """Keep what the rows of a batch are known by, unless they were there before."""
    if feed.keys is None or feed.repeats or verdict is Verdict.INVALID:
        return
    date = context.tick.logical_date
    own = SeenRows(date, feed.keys.kind, feed.keys.ordered)
    stored = read_seen_rows(context.store, context.tick.monitor.name)
    write_seen_rows(
        context.store, context.tick.monitor.name, [*(feed.seen if stored is None else stored), own]
    )


def _seen_rows(context: TickContext, past: Sequence[ShortTick]) -> list[SeenRows]:
    """Return what the rows of the last batches are known by, made anew where it is lost."""
    name, date = context.tick.monitor.name, context.tick.logical_date
    seen = read_seen_rows(context.store, name)
    if seen is not None or not past:
        return [each for each in seen or () if each.logical_date < date]
    made, kind = list[SeenRows](), None
    for tick in distinct_batches(past)[1 - MAX_TICKS :]:
        stored = load_batch(context.store, name, tick.logical_date)
        if stored is None or tick.verdict is Verdict.INVALID:
            continue
        keys = row_keys(stored.batch, context.compare_settings.columns, kind)
        if keys is not None:
            kind = keys.kind
            made.append(SeenRows(tick.logical_date, kind, keys.ordered))
    return made


def _times(context: TickContext, tables: TablePair) -> pa.Array[Any] | None:
    """Return the times of the rows, where a column has them."""
    source = context.tick.monitor.current.time
    name = context.compare_settings.columns.timestamp or source
    if name is None or name not in tables.readings or name not in tables.current.names:
        return None
    try:
        arrays = tables.column_pair(name).arrays
    except MismatchError:
        return None
    return arrays[0] if arrays else None


def _late_rows(
    times: pa.Array[Any] | None, past: Sequence[ShortTick], overlap: Overlap | None
) -> int:
    """Count the new rows that are older than the newest of the tick before.

    Where most of them are, it is for few ticks that the newest row has moved on by chance.
    """
    if times is None or not past or past[-1].newest_row is None or not moves_on(past):
        return 0
    late = older_rows(times, past[-1].newest_row, overlap.new if overlap else None)
    rows = overlap.rows if overlap else len(times)
    return late if late <= rows / 2 or len(past) >= LEAST_TICKS else 0
