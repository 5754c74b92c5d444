"""What is known of a monitor, as pages, API and metrics show it; pure functions of documents."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import pairwise

from drift_checker.config import Monitor, interval, logical_dates_before, ticks_per_week
from drift_checker.outputs import silent_before
from drift_checker.result import ColumnResult, Fault, Result, Verdict
from drift_checker.state import Mute, RecentTicks, ShortTick

STRIP = 48
"""Moments of the schedule that a strip shows, the latest ones."""
STRONGEST = 50
"""Columns of a monitor that are kept, those first that changed most."""
WEEK = timedelta(days=7)


class State(StrEnum):
    """How a monitor stands now, the worst first."""

    INVALID = "invalid"
    DRIFT = "drift"
    SILENT = "silent"
    WAITING = "waiting"
    OK = "ok"


RANK = {state: place for place, state in enumerate(State)}
_URGENCY = {"critical": 0, "warning": 1, "info": 2}


class Mark(StrEnum):
    """What stands for a moment of the schedule; `silent` is the last of several missing ones."""

    OK = "ok"
    DRIFT = "drift"
    INVALID = "invalid"
    MISSING = "missing"
    SILENT = "silent"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One moment of a strip."""

    date: datetime
    mark: Mark
    muted: bool = False


@dataclass(frozen=True, kw_only=True)
class StrongColumn:
    """A column as its last result has it, of those that changed most."""

    name: str
    verdict: Verdict | None
    effect: str | None
    effect_size: float | None
    floor: float | None
    p_value: float | None
    threshold: float | None
    change: str | None

    @classmethod
    def of(cls, column: ColumnResult) -> StrongColumn:
        """Return what is kept of a column's result."""
        return cls(**{name: getattr(column, name) for name in cls.__dataclass_fields__})

    @property
    def ratio(self) -> float | None:
        """The effect in units of its floor: from 1 on it matters."""
        return over_floor(self.effect_size, self.floor)


def over_floor(effect: float | None, floor: float | None) -> float | None:
    """Return an effect in units of its floor, or None where one of them is not known."""
    return abs(effect) / floor if effect is not None and floor else None


@dataclass(frozen=True, kw_only=True)
class Detail:
    """What is kept of the result that a monitor is shown by."""

    summary: str
    changes: Sequence[str]
    certainty: str
    faults: Sequence[Fault]
    columns: Sequence[StrongColumn]

    @property
    def reason(self) -> str:
        """The summary without the verdict before it, which a badge says."""
        verdict, colon, reason = self.summary.partition(": ")
        return reason if colon and verdict in set(Verdict) else self.summary

    @classmethod
    def of(cls, result: Result) -> Detail:
        """Return what is kept of a result."""
        tested = [column for column in result.columns if column.p_value is not None]
        tested.sort(key=lambda column: (column.p_value, -abs(column.effect_size or 0.0)))
        words = result.explanation
        return cls(
            summary=words.summary if words else str(result.verdict),
            changes=words.changes if words else (),
            certainty=words.certainty if words else "",
            faults=result.faults,
            columns=[StrongColumn.of(column) for column in tested[:STRONGEST]],
        )


@dataclass(frozen=True, kw_only=True)
class Past:
    """The recent past of a monitor, packed: 500 ticks of 100 monitors are 100 MB of objects.

    `ticks` are the last scheduled ones, as many as a strip may need; `first` and `newest` are the
    dates of all that are kept.
    """

    packed: bytes
    ticks: Sequence[ShortTick]
    last: ShortTick | None
    by_hand: ShortTick | None
    opened: Sequence[datetime]
    first: datetime | None
    newest: datetime | None
    totals: dict[Verdict, int]

    @classmethod
    def of(cls, recent: RecentTicks, data: bytes) -> Past:
        """Return it as the bytes of a monitor's `recent.json` say it, of which some is read."""
        scheduled = [tick for tick in recent.ticks if tick.trigger == "scheduled"]
        last = scheduled[-1] if scheduled else None
        latest = recent.ticks[-1] if recent.ticks else None
        return cls(
            packed=zlib.compress(data, 1),
            ticks=scheduled[-STRIP:],
            last=last or latest,
            by_hand=latest if last and latest is not last else None,
            opened=[tick.logical_date for tick in scheduled if tick.alarm.state == "opened"],
            first=recent.ticks[0].logical_date if recent.ticks else None,
            newest=latest.logical_date if latest else None,
            totals={verdict: recent.totals.get(verdict, 0) for verdict in Verdict},
        )

    def unpacked(self, monitor: str) -> RecentTicks:
        """Return all ticks that are kept, the oldest first."""
        return RecentTicks.from_json(zlib.decompress(self.packed), monitor) or RecentTicks(
            monitor=monitor
        )


@dataclass(frozen=True, kw_only=True)
class MonitorView:
    """A monitor at one moment.

    `damaged` names what of it could not be read; the rest is shown all the same. `mute` is the one
    in force, `untold` the number of events that somebody could not be told of yet.
    """

    monitor: Monitor
    schedule: str
    now: datetime
    past: Past | None = None
    detail: Detail | None = None
    damaged: Sequence[str] = ()
    mute: Mute | None = None
    untold: int = 0
    cells: Sequence[Cell] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        """Its name."""
        return self.monitor.name

    @property
    def owner(self) -> str:
        """Who looks after it; empty where nobody is named."""
        return self.monitor.owner

    @property
    def tags(self) -> Sequence[str]:
        """What it is grouped by."""
        return self.monitor.tags

    @property
    def severity(self) -> str:
        """How much an alarm of it matters."""
        return self.monitor.severity

    @property
    def tick(self) -> ShortTick | None:
        """The tick that it is shown by: its last scheduled one, or one by hand before there is."""
        return self.past.last if self.past else None

    @property
    def drifts(self) -> bool:
        """Whether it drifted in its last tick, or has an alarm open."""
        return self.tick is not None and (
            self.tick.verdict is Verdict.DRIFT or self.tick.alarm.is_open
        )

    @property
    def invalid(self) -> bool:
        """Whether its last batch was invalid."""
        return self.tick is not None and self.tick.verdict is Verdict.INVALID

    @property
    def silent(self) -> bool:
        """Whether it has been without a verdict for three intervals."""
        return self.tick is not None and self.tick.logical_date < _silent_before(
            self.schedule, self.now.replace(second=0, microsecond=0)
        )

    @property
    def state(self) -> State:
        """The worst that holds of it."""
        if self.invalid:
            return State.INVALID
        if self.drifts:
            return State.DRIFT
        if self.silent:
            return State.SILENT
        return State.OK if self.tick else State.WAITING

    @property
    def alarm_since(self) -> datetime | None:
        """Since when an alarm is open."""
        return self.tick.alarm.since if self.tick and self.tick.alarm.is_open else None

    @property
    def alarms_this_week(self) -> int:
        """Alarms that opened in the last seven days, as far as ticks are kept."""
        return sum(date > self.now - WEEK for date in self.past.opened) if self.past else 0

    @property
    def rank(self) -> tuple[int, bool, int, str]:
        """Its place in the list: the worst first, of these the unmuted, of these by severity."""
        urgency = _URGENCY.get(self.severity, 1)
        return RANK[self.state], self.mute is not None, urgency, self.name


def strip(
    ticks: Sequence[ShortTick], schedule: str, now: datetime, mutes: Sequence[Mute]
) -> list[Cell]:
    """Return the last moments of a schedule, each with what became of it, the oldest first."""
    cells = [
        Cell(date=tick.logical_date, mark=Mark(tick.verdict), muted=_muted(tick, mutes))
        for tick in ticks
    ]
    if not cells:
        return []
    minute = now.replace(second=0, microsecond=0)
    # The last moment may be under way.
    due = minute - interval(schedule)
    ends = [*pairwise([cell.date for cell in cells]), (cells[-1].date, due)]
    missing = [date for before, after in ends for date in _between(schedule, before, after)]
    silent = _silent_before(schedule, minute)
    last = cells[-1].date
    cells += [
        Cell(date=date, mark=Mark.SILENT if last < silent and date > last else Mark.MISSING)
        for date in missing
    ]
    return sorted(cells, key=lambda cell: cell.date)[-STRIP:]


def _muted(tick: ShortTick, mutes: Sequence[Mute]) -> bool:
    return any(mute.at <= tick.logical_date < mute.until for mute in mutes)


def _between(schedule: str, before: datetime, after: datetime) -> Iterator[datetime]:
    """Yield the moments of a schedule between two of its ticks, at most those of a strip."""
    # Almost always the next one: a schedule is asked only where there may be a gap.
    if after - before <= interval(schedule):
        return
    for date in _dates_before(schedule, after.astimezone(UTC)):
        if date <= before:
            return
        yield date


@lru_cache(maxsize=512)
def _dates_before(schedule: str, date: datetime) -> list[datetime]:
    """Monitors share schedules, and a moment of one takes a quarter of a millisecond."""
    return logical_dates_before(schedule, date, STRIP)


@lru_cache(maxsize=256)
def _silent_before(schedule: str, minute: datetime) -> datetime:
    return silent_before(schedule, minute)


@dataclass(frozen=True, kw_only=True)
class Episode:
    """A run of ticks of which the first opened an alarm, as far as its ticks are kept.

    `ended` is None while it is open; `columns` are when each that is known joined.
    """

    id: str
    since: datetime
    ended: datetime | None
    ticks: int
    columns: dict[str, datetime]


def episodes(recent: RecentTicks) -> list[Episode]:
    """Return the episodes of the ticks that are kept, the latest first."""
    found: dict[str, list[ShortTick]] = {}
    for tick in recent.ticks:
        if tick.trigger == "scheduled" and tick.alarm.id and tick.alarm.since:
            found.setdefault(tick.alarm.id, []).append(tick)
    return [_episode(identity, ticks) for identity, ticks in reversed(found.items())]


def _episode(identity: str, ticks: Sequence[ShortTick]) -> Episode:
    last = ticks[-1]
    joined: dict[str, datetime] = {}
    for tick in ticks:
        for name in tick.joined:
            joined.setdefault(name, tick.logical_date)
    return Episode(
        id=identity,
        since=ticks[0].alarm.since or ticks[0].logical_date,
        ended=None if last.alarm.is_open else last.logical_date,
        ticks=sum(tick.alarm.is_open for tick in ticks),
        columns=joined,
    )


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """All monitors at one moment, the worst first.

    `away` says why the store could not be asked since then; `wrong` what is wrong with the
    monitors file, which was right before.
    """

    at: datetime
    monitors: Sequence[MonitorView]
    alarms_per_week: float
    away: str | None = None
    wrong: str | None = None

    def get(self, name: str) -> MonitorView | None:
        """Return the monitor of that name."""
        return next((view for view in self.monitors if view.name == name), None)

    @property
    def alarms_this_week(self) -> int:
        """Alarms of all monitors that opened in the last seven days."""
        return sum(view.alarms_this_week for view in self.monitors)

    @cached_property
    def _ticks_per_week(self) -> float:
        return sum(ticks_per_week(view.schedule) for view in self.monitors)

    def budget_of(self, view: MonitorView) -> float:
        """Return the part of the budget that a monitor's ticks are, in alarms a week."""
        return self.alarms_per_week * ticks_per_week(view.schedule) / self._ticks_per_week

    @property
    def state(self) -> State:
        """The worst of its monitors."""
        return min((view.state for view in self.monitors), key=RANK.__getitem__, default=State.OK)

    @property
    def headline(self) -> str:
        """One sentence that answers whether anything is drifting."""
        total = len(self.monitors)
        parts = []
        if drifting := sum(view.drifts for view in self.monitors):
            verb = "drifts" if drifting == 1 else "drift"
            parts.append(f"{drifting} of {total} {_plural('monitor', total)} {verb}")
        counts = [
            (sum(view.invalid for view in self.monitors), "invalid"),
            (sum(view.silent for view in self.monitors), "silent"),
            (sum(view.state is State.WAITING for view in self.monitors), "waiting"),
        ]
        for number, word in counts:
            if number:
                verb = "is" if number == 1 else "are"
                of = f" of {total} {_plural('monitor', total)}" if not parts else ""
                words = "waiting for a first verdict" if word == "waiting" else word
                parts.append(f"{number}{of} {verb} {words}")
        if not drifting:
            fine = sum(view.state is State.OK for view in self.monitors)
            rest = (
                f"{fine} of {total} {_plural('monitor', total)} {'is' if fine == 1 else 'are'} ok"
            )
            parts = ["Nothing drifts", *(parts or [rest])]
        return "; ".join(parts).replace("Nothing drifts; ", "Nothing drifts: ", 1) + "."


def _plural(word: str, number: int) -> str:
    return word if number == 1 else f"{word}s"
