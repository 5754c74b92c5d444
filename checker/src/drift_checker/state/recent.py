"""The recent past of a monitor: its last ticks in short form, in one small object.

It is a fold over the results, and a cache of what they say: one that is damaged, behind or lost is
made anew from them, from a bounded number. Whoever wants to know of past ticks reads it, so that
nobody lists a history.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal

from drift_checker.comparison.feed import PastBatch
from drift_checker.config import date_key, logical_dates_before
from drift_checker.result import Alarm, ColumnResult, Result, Verdict
from drift_checker.state import keys
from drift_checker.state.latest import read_latest_result
from drift_checker.state.results import read_result
from drift_checker.state.store import Store

MOST_TICKS = 500
"""Ticks that are kept: 42 hours of one every five minutes, more than a year of daily ones."""
MOST_BYTES = 150_000
"""Of the object; beyond it the oldest ticks lose their columns."""
STRONGEST = 5
"""Columns that are kept of a tick."""
DIGEST_LENGTH = 16
"""Digits of a batch's digest that are kept: enough to tell two of 500 apart."""

_FIELDS = (
    "logical_date",
    "trigger",
    "verdict",
    "alarm",
    "since",
    "reference",
    "rows",
    "new_rows",
    "digest",
    "newest_row",
    "seconds",
    "columns",
    "joined",
)
_SINCE_FIRST = len(_FIELDS) - 1
"""Fields that every object has; those after them were added later."""


@dataclass(frozen=True, kw_only=True)
class StrongColumn:
    """A column of a tick among those that changed most."""

    name: str
    p_value: float | None
    effect_size: float | None
    floor: float | None = None


@dataclass(frozen=True, kw_only=True)
class ShortTick(PastBatch):
    """A tick in short form.

    `alarm` is what its result says of its episode, `reference` the version that it was compared
    with, `seconds` how long all of its steps took. `joined` are the columns that began to drift in
    it: all that opened an episode, or joined an open one.
    """

    trigger: Literal["scheduled", "manual"]
    verdict: Verdict
    alarm: Alarm
    reference: str
    seconds: float = 0.0
    columns: Sequence[StrongColumn] = ()
    joined: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class RecentTicks:
    """The last ticks of a monitor, the oldest first, and how many of each verdict there were.

    `totals` are running ones: they count also those ticks that are no longer kept.
    """

    monitor: str
    ticks: Sequence[ShortTick] = ()
    totals: Mapping[Verdict, int] = field(default_factory=dict)

    def with_tick(self, tick: ShortTick) -> RecentTicks:
        """Return them with one more, in its place by logical date, or with one that is another."""
        place = bisect_left(self.ticks, tick.logical_date, key=lambda each: each.logical_date)
        totals = {verdict: self.totals.get(verdict, 0) for verdict in Verdict}
        after = self.ticks[place:]
        if after and after[0].logical_date == tick.logical_date:
            totals[after[0].verdict] -= 1
            after = after[1:]
        elif place == 0 and len(self.ticks) >= MOST_TICKS:
            return self  # older than all that are kept: it may have been counted
        totals[tick.verdict] += 1
        ticks = (*self.ticks[:place], tick, *after)
        return replace(self, ticks=ticks[-MOST_TICKS:], totals=totals)

    def scheduled_before(self, logical_date: datetime) -> list[ShortTick]:
        """Return the scheduled ticks before a date, the oldest first."""
        place = bisect_left(self.ticks, logical_date, key=lambda each: each.logical_date)
        return [tick for tick in self.ticks[:place] if tick.trigger == "scheduled"]

    def as_json(self) -> bytes:
        """Return the object's bytes, at most `MOST_BYTES`."""
        ticks, dropped = list(self.ticks), 0
        while len(data := _as_json(self.monitor, ticks, self.totals)) > MOST_BYTES:
            dropped += max(1, len(ticks) // 10)
            ticks[:dropped] = [replace(tick, columns=(), joined=()) for tick in ticks[:dropped]]
        return data

    @classmethod
    @lru_cache(maxsize=2)
    def from_json(cls, data: bytes, monitor: str) -> RecentTicks | None:
        """Return what the bytes say, or None where they are damaged or of another monitor."""
        return cls._from_json(data, monitor, MOST_TICKS)

    @classmethod
    def brief_from_json(cls, data: bytes, monitor: str, most: int) -> RecentTicks | None:
        """Return the last ticks alone, and of those before only the first and what opened an alarm.

        All of them take six times as long as the JSON itself, which who looks at many monitors
        would pay for each.
        """
        return cls._from_json(data, monitor, most)

    @classmethod
    def _from_json(cls, data: bytes, monitor: str, most: int) -> RecentTicks | None:
        try:
            content = json.loads(data)
            if content["monitor"] != monitor or content["schema_version"] != 1:
                return None
            names = content["columns"]
            written = content["fields"]
            places = [written.index(name) for name in _FIELDS[:_SINCE_FIRST]]
            places += [written.index(name) for name in _FIELDS[_SINCE_FIRST:] if name in written]
            rows, alarm = content["ticks"], written.index("alarm")
            ticks = tuple(
                _from_row(monitor, [row[place] for place in places], names)
                for number, row in enumerate(rows)
                if not number or number >= len(rows) - most or row[alarm] == "opened"
            )
            totals = {Verdict(name): int(count) for name, count in content["totals"].items()}
        except (ValueError, LookupError, TypeError, AttributeError):
            return None
        dates = [tick.logical_date for tick in ticks]
        return cls(monitor=monitor, ticks=ticks, totals=totals) if dates == sorted(dates) else None


def short_tick(result: Result) -> ShortTick | None:
    """Return a result in short form; None where it belongs to no tick."""
    if result.logical_date is None:
        return None
    feed = result.feed
    return ShortTick(
        logical_date=result.logical_date.astimezone(UTC),
        trigger=result.trigger,
        verdict=result.verdict,
        alarm=replace(result.alarm, columns=None, widened=[]),
        reference=result.reference.version,
        rows=result.current.rows,
        new_rows=feed.new_rows if feed else None,
        digest=result.current.digest[:DIGEST_LENGTH],
        newest_row=feed.newest_row if feed else None,
        seconds=round(sum(result.timings.values()), 3),
        columns=_strongest(result.columns),
        joined=_joined(result),
    )


def _joined(result: Result) -> tuple[str, ...]:
    since = result.alarm.columns or {}
    return tuple(name for name, date in since.items() if date == result.logical_date)


def _strongest(columns: Iterable[ColumnResult]) -> tuple[StrongColumn, ...]:
    tested = [column for column in columns if column.p_value is not None]
    tested.sort(key=lambda column: (column.p_value, -abs(column.effect_size or 0.0)))
    return tuple(
        StrongColumn(
            name=column.name,
            p_value=_rounded(column.p_value),
            effect_size=_rounded(column.effect_size),
            floor=_rounded(column.floor),
        )
        for column in tested[:STRONGEST]
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.3g}")


def _as_json(monitor: str, ticks: Sequence[ShortTick], totals: Mapping[Verdict, int]) -> bytes:
    names: dict[str, int] = {}
    rows = [_as_row(tick, names) for tick in ticks]
    content = {
        "schema_version": 1,
        "monitor": monitor,
        "totals": totals,
        "columns": list(names),
        "fields": _FIELDS,
        "ticks": rows,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _as_row(tick: ShortTick, names: dict[str, int]) -> list[Any]:
    """Write a tick as a row, columns by their number among those that are named at all."""
    return [
        _as_text(tick.logical_date),
        tick.trigger,
        tick.verdict,
        tick.alarm.state,
        _as_text(tick.alarm.since),
        tick.reference,
        tick.rows,
        tick.new_rows,
        tick.digest,
        _as_text(tick.newest_row),
        tick.seconds,
        [
            [
                names.setdefault(column.name, len(names)),
                column.p_value,
                column.effect_size,
                column.floor,
            ]
            for column in tick.columns
        ],
        [names.setdefault(name, len(names)) for name in tick.joined],
    ]


def _from_row(monitor: str, row: Sequence[Any], names: Sequence[str]) -> ShortTick:
    date, trigger, verdict, state, since, reference, rows, new, digest, newest, seconds = row[:11]
    columns, *joined = row[11:]
    opened = _as_date(since)
    return ShortTick(
        logical_date=datetime.fromisoformat(date),
        trigger=trigger,
        verdict=Verdict(verdict),
        alarm=Alarm(
            state=state, id=f"{monitor}-{date_key(opened)}" if opened else None, since=opened
        ),
        reference=reference,
        rows=int(rows),
        new_rows=new,
        digest=digest,
        newest_row=_as_date(newest),
        seconds=seconds,
        columns=tuple(
            StrongColumn(
                name=names[number],
                p_value=p_value,
                effect_size=effect,
                floor=floor[0] if floor else None,
            )
            for number, p_value, effect, *floor in columns
        ),
        joined=tuple(names[number] for number in (joined[0] if joined else ())),
    )


def _as_text(date: datetime | None) -> str | None:
    return date.astimezone(UTC).isoformat().replace("+00:00", "Z") if date else None


def _as_date(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def read_recent(store: Store, monitor: str, schedule: str) -> RecentTicks:
    """Return the recent past of a monitor; what is missing of it is read from the results.

    Asks for two keys, where nothing is missing, and for at most `MOST_TICKS` more.
    """
    latest = read_latest_result(store, monitor)
    data = store.get(keys.recent(monitor))
    recent = RecentTicks.from_json(data, monitor) if data else None
    recent = recent or RecentTicks(monitor=monitor)
    if latest is None:
        return recent
    known = {tick.logical_date for tick in recent.ticks}
    last = max(known, default=None)
    if latest.logical_date in known or (last and latest.logical_date < last):
        return recent
    before = logical_dates_before(schedule, latest.logical_date, MOST_TICKS - 1)
    missing = [date for date in before if last is None or date > last]
    return with_results(store, recent, [*reversed(missing), latest.logical_date])


def with_results(store: Store, recent: RecentTicks, dates: Iterable[datetime]) -> RecentTicks:
    """Return the recent past with the results of some dates, as far as there are any."""
    for result in _results(store, recent.monitor, dates):
        tick = short_tick(result)
        recent = recent.with_tick(tick) if tick else recent
    return recent


def _results(store: Store, monitor: str, dates: Iterable[datetime]) -> Iterator[Result]:
    for date in dates:
        result = read_result(store, monitor, date)
        if result is not None:
            yield result


def rebuild_recent(store: Store, monitor: str, dates: Sequence[datetime]) -> None:
    """Fold in the results of all of these dates that are missing of what is stored."""
    data = store.get(keys.recent(monitor))
    stored = RecentTicks.from_json(data, monitor) if data else None
    folded = stored or RecentTicks(monitor=monitor)
    known = {tick.logical_date for tick in folded.ticks}
    folded = with_results(store, folded, [date for date in sorted(dates) if date not in known])
    if folded != stored:
        store.put(keys.recent(monitor), folded.as_json())


def write_recent(
    store: Store, schedule: str, result: Result, known: RecentTicks | None = None
) -> None:
    """Fold a result in, after those that were found missing of `known`, the past as it was read.

    Nothing is written that is there already.
    """
    tick = short_tick(result)
    if tick is None or result.monitor is None:
        return
    data = store.get(keys.recent(result.monitor))
    stored = RecentTicks.from_json(data, result.monitor) if data else None
    folded = stored or known or read_recent(store, result.monitor, schedule)
    if known is not None:
        there = {each.logical_date for each in folded.ticks}
        for each in known.ticks:
            if each.logical_date not in there:
                folded = folded.with_tick(each)
    folded = folded.with_tick(tick)
    if folded != stored:
        store.put(keys.recent(result.monitor), folded.as_json())
