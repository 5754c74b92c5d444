"""Episodes: which alarm a scheduled tick opens, continues or closes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from drift_checker.config import date_key
from drift_checker.result import Alarm, Result, Verdict
from drift_checker.state import History, ShortTick

CLOSING_TICKS = 3
"""Ticks in a row that have to be `ok` to end an episode: drift that is found in most ticks, but
not in all, is one episode."""


@dataclass(frozen=True)
class _Episode:
    """After a tick: its alarm, the reference it was compared with, and the `ok` ticks in a row."""

    alarm: Alarm = field(default_factory=Alarm)
    reference: str | None = None
    ok_ticks: int = 0


def alarm_of(result: Result, before: History, last: Result | None = None) -> Alarm:
    """Return the alarm of a scheduled tick, with the columns of its episode; see `_state_of`.

    `last` is the result of the tick before, which says what has joined until then. Of one that was
    stored before columns were kept, those that drifted in it are taken for all; where none did,
    nobody is told of those that join now.
    """
    alarm = _state_of(result, before)
    if alarm.state == "none" or result.logical_date is None:
        return alarm
    date = result.logical_date
    known: dict[str, datetime] | None = None
    if alarm.state == "opened":
        known = {}
    elif last is not None and last.alarm.id == alarm.id:
        known = last.alarm.columns
        if known is None and last.verdict is Verdict.DRIFT and last.logical_date:
            known = dict.fromkeys(last.drifted_columns, last.logical_date)
    drifted = result.drifted_columns if result.verdict is Verdict.DRIFT else []
    new = [name for name in drifted if name not in (known or {})]
    widened = new if alarm.state == "ongoing" and known is not None else []
    columns = (known or {}) | dict.fromkeys(new, date)
    return alarm.model_copy(update={"columns": columns, "widened": widened})


def _state_of(result: Result, before: History) -> Alarm:
    """Return the alarm of a scheduled tick: a fold over the ticks before it and itself.

    In order of logical date, whenever each of them was made; what they say of their own alarms is
    looked at only for an episode that began before them all.
    """
    episode = _Episode()
    last = before.alarm
    if last and last.is_open and last.since and last.since < before.since:
        episode = _Episode(alarm=last)
    for past in before.ticks:
        episode = _next(episode, past, past.reference, result.monitor)
    return _next(episode, result, result.reference.version, result.monitor).alarm


def _next(
    episode: _Episode, tick: Result | ShortTick, version: str, monitor: str | None
) -> _Episode:
    """Take one tick.

    `drift` opens an episode. `CLOSING_TICKS` ticks without drift end it, or another version of the
    reference, which says what is normal now. A batch that is `invalid` says nothing about drift
    and leaves it as it is.
    """
    replaced = episode.alarm.is_open and episode.reference not in {None, version}
    ok_ticks = {
        Verdict.OK: episode.ok_ticks + 1,
        Verdict.DRIFT: 0,
        Verdict.INVALID: episode.ok_ticks,
    }[tick.verdict]
    if tick.verdict is Verdict.DRIFT and (replaced or not episode.alarm.is_open):
        return _Episode(_opened(monitor, tick.logical_date), version)
    if not episode.alarm.is_open:
        return _Episode(Alarm(), version, ok_ticks)
    over = replaced or ok_ticks >= CLOSING_TICKS
    alarm = episode.alarm.model_copy(update={"state": "closed" if over else "ongoing"})
    return _Episode(alarm, version, ok_ticks)


def _opened(monitor: str | None, logical_date: datetime | None) -> Alarm:
    if monitor is None or logical_date is None:
        raise ValueError("a scheduled tick has a monitor and a logical date")
    return Alarm(state="opened", id=f"{monitor}-{date_key(logical_date)}", since=logical_date)
