"""What the API answers and takes; the client reads and writes the same."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from drift_board import drawing
from drift_board.view import MonitorView, State, StrongColumn
from drift_checker.config import date_key
from drift_checker.result import Fault, Verdict
from drift_checker.state import AskedAcceptance, ShortTick

MOST_PER_PAGE = 500

T = TypeVar("T")


def _iso(date: object) -> object:
    """Refuse the numbers that pydantic takes for seconds since 1970."""
    if isinstance(date, datetime) or (isinstance(date, str) and re.match(r"\d{4}-\d\d-", date)):
        return date
    raise ValueError("allowed: ISO 8601 with an offset")


def _whole_second(date: datetime) -> datetime:
    try:
        return date.astimezone(UTC).replace(microsecond=0)
    except OverflowError:
        raise ValueError("allowed: a time that UTC has too") from None


Moment = Annotated[AwareDatetime, BeforeValidator(_iso), AfterValidator(_whole_second)]
Version = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
By = Annotated[str, Field(min_length=1, max_length=80, pattern=r"\S")]
"""Who asks, for the record."""


class Model(BaseModel):
    """What is answered, of anything that has such attributes; further fields may come."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Asked(BaseModel):
    """What is sent: nothing but what is known."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Page(Model, Generic[T]):
    """Some of a list; `next` is the cursor of what follows, null at the end."""

    items: list[T]
    next: str | None = None


class Mute(Model):
    """Until when nobody is told of a monitor's drift."""

    at: datetime
    until: datetime
    by: str
    reason: str


class Monitor(Model):
    """A monitor as it stands now.

    `verdict`, `logical_date`, `rows` and `newest_row` are those of its last scheduled tick,
    `columns` that tick's strongest. `damaged` names what of it could not be read.
    """

    name: str
    state: State
    owner: str
    tags: list[str]
    severity: str
    schedule: str
    takes_pushes: bool
    verdict: Verdict | None
    logical_date: datetime | None
    alarm_since: datetime | None
    episode: str | None
    silent: bool
    mute: Mute | None
    summary: str | None
    changes: list[str]
    drifted: list[str]
    rows: int | None
    newest_row: datetime | None
    reference: str | None
    ticks: dict[Verdict, int]
    alarms_this_week: int
    damaged: list[str]

    @classmethod
    def of(cls, view: MonitorView) -> Monitor:
        """Return a monitor of a snapshot."""
        tick, detail = view.tick, view.detail
        return cls(
            name=view.name,
            state=view.state,
            owner=view.owner,
            tags=list(view.tags),
            severity=view.severity,
            schedule=view.schedule,
            takes_pushes=view.monitor.current.push,
            verdict=tick.verdict if tick else None,
            logical_date=tick.logical_date if tick else None,
            alarm_since=view.alarm_since,
            episode=tick.alarm.id if tick and view.alarm_since else None,
            silent=view.silent,
            mute=Mute.model_validate(view.mute) if view.mute else None,
            summary=detail.summary if detail else None,
            changes=list(detail.changes) if detail else [],
            drifted=[
                each.name for each in (detail.columns if detail else ()) if each.verdict == "drift"
            ],
            rows=tick.rows if tick else None,
            newest_row=tick.newest_row if tick else None,
            reference=tick.reference if tick else None,
            ticks=view.past.totals if view.past else {},
            alarms_this_week=view.alarms_this_week,
            damaged=list(view.damaged),
        )


class MonitorDetail(Monitor):
    """A monitor with its last tick's faults and strongest columns."""

    faults: list[Fault]
    columns: list[StrongColumn]

    @classmethod
    def of(cls, view: MonitorView) -> MonitorDetail:
        """Return a monitor of a snapshot."""
        detail = view.detail
        return cls(
            **Monitor.of(view).model_dump(),
            faults=list(detail.faults) if detail else [],
            columns=list(detail.columns) if detail else [],
        )


class Overview(Model):
    """All in one sentence, and since when it is known; `away` says why not later."""

    headline: str
    state: State
    at: datetime
    away: str | None
    alarms_per_week: float
    alarms_this_week: int


class Tick(Model):
    """A tick in short form; `key` is what its page and its result are found by.

    `score` is its largest effect in units of its floor.
    """

    key: str
    logical_date: datetime
    trigger: Literal["scheduled", "manual"]
    verdict: Verdict
    alarm: Literal["none", "opened", "ongoing", "closed"]
    episode: str | None
    rows: int
    new_rows: int | None
    newest_row: datetime | None
    reference: str
    seconds: float
    score: float | None

    @classmethod
    def of(cls, tick: ShortTick) -> Tick:
        """Return a tick of the recent past."""
        return cls(
            key=date_key(tick.logical_date),
            logical_date=tick.logical_date,
            trigger=tick.trigger,
            verdict=tick.verdict,
            alarm=tick.alarm.state,
            episode=tick.alarm.id,
            rows=tick.rows,
            new_rows=tick.new_rows,
            newest_row=tick.newest_row,
            reference=tick.reference,
            seconds=tick.seconds,
            score=drawing.score(tick),
        )


class Note(Model):
    """What somebody noted of an episode."""

    at: datetime
    by: str
    text: str


class Point(Model):
    """A column in one tick."""

    logical_date: datetime
    p_value: float | None
    effect_size: float | None
    floor: float | None


class Column(Model):
    """A column over the ticks in which it was among the strongest, the oldest first."""

    name: str
    points: list[Point]


class Acceptance(Model):
    """What was asked to become the reference, and what became of that."""

    id: str
    at: datetime
    by: str
    ticks: list[datetime] | None
    version: str | None
    instead_of: str
    state: Literal["asked", "done", "refused"]
    reason: str | None

    @classmethod
    def of(cls, asked: AskedAcceptance) -> Acceptance:
        """Return what the store has."""
        request, outcome = asked.request, asked.outcome
        return cls(
            id=asked.id,
            at=request.at,
            by=request.by,
            ticks=request.ticks,
            version=request.version,
            instead_of=request.instead_of,
            state=outcome.state if outcome else "asked",
            reason=outcome.reason if outcome else None,
        )


class AskTicks(Asked):
    """Make ticks' batches the reference, instead of the version that was seen."""

    by: By
    instead_of: Version
    ticks: Annotated[list[Moment], Field(min_length=1, max_length=500)]


class AskVersion(Asked):
    """Put an older version in force again, instead of the one that was seen."""

    by: By
    instead_of: Version
    version: Version


class AskMute(Asked):
    """Tell nobody of drift until then; a time that is over ends a mute."""

    by: By
    until: Moment
    reason: Annotated[str, Field(max_length=500)] = ""


class AskNote(Asked):
    """Leave a note beside an episode."""

    by: By
    text: Annotated[str, Field(min_length=1, max_length=2000, pattern=r"\S")]


class AskCheck(Asked):
    """Check now, or a date that was not checked."""

    by: By
    logical_date: Moment | None = None


class Started(Model):
    """A run of Airflow that was started."""

    run: str


class AskedFor(Model):
    """What was asked is kept, and carried out by the next tick."""

    id: str


class PushedBatch(Model):
    """A batch that is kept, and the tick that judges it; `known` if it was pushed before."""

    key: str
    known: bool
    slot: datetime
    logical_date: datetime
    trigger: Literal["scheduled", "manual"]
    run: str
