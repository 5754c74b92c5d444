"""The feed itself: batches that come again, overlap, stand still, or have another size.

Pure functions of facts of past ticks, as `state.recent` keeps them.

- `repeated`: the bytes, or exactly the rows, of an earlier tick.
- `overlapping`: rows that were in earlier batches; what lasts over ticks is judged by the others.
- `late`: rows that are older than the newest of the tick before, and new.
- `stale`: the newest row is older than is allowed, or does not move on as it did.
- `row_count`: more or fewer rows than is allowed, or than there were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from drift_checker.comparison.options import FeedSettings
from drift_checker.comparison.row_keys import Overlap
from drift_checker.comparison.verdict import combine_parts
from drift_checker.decision import row_counts
from drift_checker.result import Fault, Feed, Result, Severity, Verdict
from drift_checker.tables import as_numpy, from_bools
from drift_checker.wording import p_value_phrase, percent, span_phrase

LEAST_TICKS = row_counts.LEAST_COUNTS
"""Ticks before which nothing is learned of a feed."""
MOST_COUNTS = 48
"""Counts of rows that the next one is compared with."""
FEW_TICKS = 3
"""Ticks from which a count of a tenth or of ten times the median is a fault."""
_EXTREME = 10
STANDSTILL = 2
"""A feed is stale once it stands still for more than so many times as long as it ever did."""
_BACK = 0.1
"""Share of ticks whose newest row may be older than that of the tick before, of a feed that moves
on; where more are, such as in samples of the past, the newest row says nothing."""
_MOVES = 6
"""Times that a feed has to have moved on before it is known how it does."""
COUNT_FLOOR = 0.25
"""Part by which the number of rows has to be smaller or larger to be worth an alarm."""


@dataclass(frozen=True, kw_only=True)
class PastBatch:
    """What is known of the batch of an earlier tick; `digest` may be cut off."""

    logical_date: datetime
    rows: int
    digest: str
    new_rows: int | None = None
    newest_row: datetime | None = None

    @property
    def rows_that_count(self) -> int:
        """Those that were new, or all where that is not known."""
        return self.rows if self.new_rows is None else self.new_rows


B = TypeVar("B", bound=PastBatch)


@dataclass(frozen=True, kw_only=True)
class PresentBatch:
    """What is known of the batch of a tick; `late_rows` are those older than the tick before's."""

    logical_date: datetime
    rows: int
    digest: str
    newest_row: datetime | None = None
    overlap: Overlap | None = None
    late_rows: int = 0
    repeated_since: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class FeedVerdict:
    """What the feed of a tick came to.

    `count_fault` is drift where its p-value is at most the part `feed` of the level, and
    `count_p_value` is None where the number of rows was not tested.
    """

    feed: Feed
    faults: Sequence[Fault]
    count_p_value: float | None
    count_fault: Fault | None


def same_digest(one: str, other: str) -> bool:
    """Say whether two digests are the same, as far as both are kept."""
    length = min(len(one), len(other))
    return length > 0 and one[:length] == other[:length]


def repeated_since(digest: str, past: Sequence[PastBatch]) -> datetime | None:
    """Return the first tick before that had the same batch; `past` has the oldest first."""
    for batch in past:
        if same_digest(digest, batch.digest):
            return batch.logical_date
    return None


def distinct_batches(past: Sequence[B]) -> list[B]:
    """Return the ticks whose batch no tick before them had, the oldest first."""
    seen: set[str] = set()
    distinct = []
    for batch in past:
        # One without any new row is a repetition too, whatever its bytes are.
        if batch.digest not in seen and batch.new_rows != 0:
            distinct.append(batch)
        seen.add(batch.digest)
    return distinct


def newest_time(times: pa.Array[Any]) -> datetime | None:
    """Return the newest of `timestamp` or `date` values, in UTC; None where there is none."""
    microseconds = _microseconds(times)
    return _moment(int(microseconds.max())) if len(microseconds) else None


def older_rows(times: pa.Array[Any], than: datetime, new: Any = None) -> int:
    """Count the rows before a moment; among those of a mask (rows,), where there is one."""
    if new is not None:
        times = times.filter(from_bools(new))
    return int((_microseconds(times) < (than - _EPOCH) // _MICROSECOND).sum())


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def _microseconds(times: pa.Array[Any]) -> Any:
    times = times.drop_null()
    if not pa.types.is_timestamp(times.type) and not pa.types.is_date(times.type):
        return np.zeros(0, np.int64)
    zone = times.type.tz if pa.types.is_timestamp(times.type) else None
    return as_numpy(times.cast(pa.timestamp("us", zone), safe=False).cast(pa.int64()))


def _moment(microseconds: int) -> datetime | None:
    try:
        return _EPOCH + microseconds * _MICROSECOND
    except OverflowError:
        return None


def moves_on(past: Sequence[PastBatch]) -> bool:
    """Say whether the newest row of ticks, the oldest first, moves on with them."""
    newest = [batch.newest_row for batch in past if batch.newest_row]
    back = sum(after < before for before, after in pairwise(newest))
    forth = sum(after > before for before, after in pairwise(newest))
    return forth > 0 and back <= _BACK * (len(newest) - 1)


def judge_feed(
    present: PresentBatch, past: Sequence[PastBatch], settings: FeedSettings
) -> FeedVerdict:
    """Judge the feed of a tick by the scheduled ticks before it, the oldest first."""
    same = present.repeated_since
    distinct = [each for each in distinct_batches(past) if each.rows >= settings.min_rows]
    counts = _comparable_counts(present, distinct)
    new_rows = _new_rows(present)
    expected = float(median(counts)) if counts else None
    p_value, count_fault = None, None
    faults = [*_notes(present), *_stale(present, past, settings)]
    structural = list(_structural_count(present, distinct, settings))
    faults += structural
    tested = same is None and present.rows > 0 and len(counts) >= LEAST_TICKS
    bounded = settings.least_rows is not None or settings.most_rows is not None
    if tested and not structural and not bounded:
        p_value = _count_p_value(new_rows, counts, present, distinct)
        count_fault = _count_fault(new_rows, float(median(counts)), p_value, present)
    age = None
    if present.newest_row is not None:
        age = (present.logical_date - present.newest_row).total_seconds()
    feed = Feed(
        newest_row=present.newest_row,
        age_seconds=age,
        new_rows=new_rows,
        overlap=1.0 if same else present.overlap.share if present.overlap else 0.0,
        repeated_since=same,
        expected_rows=expected,
    )
    return FeedVerdict(feed=feed, faults=faults, count_p_value=p_value, count_fault=count_fault)


def _new_rows(present: PresentBatch) -> int:
    if present.repeated_since is not None:
        return 0
    return present.overlap.rows if present.overlap else present.rows


def _fault(name: str, severity: Severity, detail: str) -> Fault:
    return Fault(fault=name, severity=severity, column=None, detail=detail)


_HOW = {"id": "id", "time": "time", "row": "values", "run": "values and order"}


def _notes(present: PresentBatch) -> Iterator[Fault]:
    """Yield what is worth knowing of a feed and changes no verdict."""
    if present.repeated_since is not None:
        yield _fault(
            "repeated",
            Severity.NOTE,
            f"the batch is that of {_utc(present.repeated_since)}: it is no new evidence, and is "
            "judged as it was then",
        )
    elif present.overlap is not None:
        rows, new = len(present.overlap.new), present.overlap.rows
        yield _fault(
            "overlapping",
            Severity.NOTE,
            f"{rows - new} of {rows} rows ({percent(present.overlap.share)}) were in earlier "
            f"batches, by their {_HOW[present.overlap.kind]}: drift that lasts over ticks is "
            f"looked for in the {new} new ones alone",
        )
    if present.late_rows and present.repeated_since is None:
        yield _fault(
            "late",
            Severity.NOTE,
            f"{present.late_rows} of {present.rows} rows are older than the newest row of the tick "
            "before, and were not in it",
        )


def _stale(
    present: PresentBatch, past: Sequence[PastBatch], settings: FeedSettings
) -> Iterator[Fault]:
    """Yield that a feed stands still."""
    if settings.freshness is not None:
        newest, date = present.newest_row, present.logical_date
        if newest is not None and date - newest > settings.freshness:
            yield _fault(
                "stale",
                Severity.STRUCTURAL,
                f"the newest row is of {_utc(newest)}, {span_phrase(date - newest)} "
                f"before the tick; allowed: {span_phrase(settings.freshness)}",
            )
        return
    detail = _standstill(present, past)
    if detail is not None:
        yield _fault("stale", Severity.STRUCTURAL, detail)


def _standstill(present: PresentBatch, past: Sequence[PastBatch]) -> str | None:
    """Say that a feed stands still for longer than it ever did; None where that is not known.

    It moves on where its newest row is newer than any before; without times, where its batch is
    new.
    """
    if len(past) < LEAST_TICKS:
        return None
    times = [(batch.logical_date, batch.newest_row) for batch in past if batch.newest_row]
    if times:
        if len(times) < LEAST_TICKS or not moves_on(past):
            return None
        moved, last = [], None
        for date, newest in times:
            if last is None or newest > last:
                moved.append(date)
                last = newest
        still = present.newest_row is None or last is None or present.newest_row <= last
        what = f"the newest row is still that of {_utc(last)}" if last else ""
    elif present.newest_row is None:
        moved = [batch.logical_date for batch in distinct_batches(past) if batch.rows]
        still = present.repeated_since is not None or present.rows == 0
        what = "the batch is the same"
    else:
        return None
    longest = max((after - before for before, after in pairwise(moved)), default=None)
    if not still or longest is None or len(moved) <= _MOVES:
        return None
    since = present.logical_date - moved[-1]
    if since <= STANDSTILL * longest:
        return None
    before = f"before, it was never for more than {span_phrase(longest)}"
    return f"{what}, for {span_phrase(since)}; {before}"


def _comparable_counts(present: PresentBatch, distinct: Sequence[PastBatch]) -> list[int]:
    """Return the counts of new rows that the present one is compared with, the oldest first.

    They are of the same hour and weekday where there are enough. Of a feed that overlaps, the first
    batch is no measure: all of it was new.
    """
    whole = present.overlap is None
    counted = distinct if whole else distinct[1:]
    season = [batch for batch in counted if _season(batch) == _season(present)]
    chosen = season if len(season) >= LEAST_TICKS else counted
    return [batch.rows_that_count for batch in chosen[-MOST_COUNTS:]]


def _season(batch: PastBatch | PresentBatch) -> tuple[int, int]:
    date = batch.logical_date.astimezone(UTC)
    return date.weekday(), date.hour


def _structural_count(
    present: PresentBatch, distinct: Sequence[PastBatch], settings: FeedSettings
) -> Iterator[Fault]:
    """Yield that the number of rows is outside the bounds that are set or, without any, extreme."""
    rows, least, most = present.rows, settings.least_rows, settings.most_rows
    if least is not None or most is not None:
        if rows < (least or 0):
            yield _row_count(f"{rows} rows; at least {least} are expected")
        elif most is not None and rows > most:
            yield _row_count(f"{rows} rows; at most {most} are expected")
        return
    counts = [batch.rows for batch in distinct][-MOST_COUNTS:]
    if len(counts) < FEW_TICKS or present.repeated_since is not None:
        return
    usual = float(median(counts))
    if rows == 0:
        yield _row_count(f"no rows; {usual:.0f} were usual")
    elif not usual / _EXTREME < rows < usual * _EXTREME:
        yield _row_count(f"{rows} rows; {usual:.0f} were usual")


def _row_count(detail: str) -> Fault:
    return _fault("row_count", Severity.STRUCTURAL, detail)


def _count_p_value(
    count: int, counts: Sequence[int], present: PresentBatch, distinct: Sequence[PastBatch]
) -> float:
    """Return how unusual the number of new rows is.

    A count that ticks of the same hour and weekday had before, or of the same hour, is not.
    """
    if _usual_then(count, present, distinct):
        return 1.0
    return row_counts.p_value(count, counts)


def _usual_then(count: int, present: PresentBatch, distinct: Sequence[PastBatch]) -> bool:
    date = present.logical_date
    for batch in distinct:
        same_day = date - batch.logical_date < timedelta(hours=12)
        if same_day or _season(batch)[1] != _season(present)[1]:
            continue
        if _is_below_floor(count, batch.rows_that_count):
            return True
    return False


def _is_below_floor(count: int, usual: float) -> bool:
    """Say whether a number of rows differs from a usual one by too little to matter."""
    return (1 - COUNT_FLOOR) * usual <= count <= usual / (1 - COUNT_FLOOR)


def _count_fault(
    count: int, expected: float, p_value: float, present: PresentBatch
) -> Fault | None:
    """Describe a number of rows that is as unusual as this; None where it changed too little."""
    if _is_below_floor(count, expected):
        return None
    new = "new " if present.overlap is not None else ""
    return _fault(
        "row_count",
        Severity.STATISTICAL,
        f"{count} {new}rows, {expected:.0f} expected ({p_value_phrase(p_value)})",
    )


def with_feed(result: Result, verdict: FeedVerdict) -> Result:
    """Return a result with what its feed came to, the number of rows by its part of the level."""
    faults, parts, p_value = list(verdict.faults), result.alarm_budget.parts, result.p_value
    part, of_count = parts.get("feed", 0.0), verdict.count_p_value
    if verdict.count_fault is not None and of_count is not None and part:
        weighted = combine_parts({"feed": of_count}, parts)
        p_value = min((each for each in (p_value, weighted) if each is not None), default=None)
        if of_count <= part:
            faults.append(verdict.count_fault)
    severities = {fault.severity for fault in faults}
    outcome = result.verdict
    if Severity.STRUCTURAL in severities:
        outcome = Verdict.INVALID
    elif Severity.STATISTICAL in severities and outcome is Verdict.OK:
        outcome = Verdict.DRIFT
    return result.model_copy(
        update={
            "verdict": outcome,
            "faults": [*result.faults, *faults],
            "feed": verdict.feed,
            "p_value": p_value,
        }
    )


def _utc(date: datetime) -> str:
    return f"{date.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
