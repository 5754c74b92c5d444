"""Episodes: which alarm a scheduled tick opens, continues or closes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from drift_checker.config import date_key
from drift_checker.result import Alarm, Result, Verdict
from drift_checker.state import History

CLOSING = 3
"""Ticks in a row that have to be `ok` to end an episode: drift that is found in most ticks, but
not in all, is one episode."""


@dataclass(frozen=True)
class _State:
    """Where the fold stands: the last tick's alarm, its reference, and the `ok` ticks in a row."""

    alarm: Alarm = field(default_factory=Alarm)
    reference: str | None = None
    quiet: int = 0


def alarm_of(result: Result, before: History) -> Alarm:
    """Return the alarm of a scheduled tick: a fold over the ticks before it and itself.

    In order of logical date, whenever each of them was made; what they say of their own alarms is
    looked at only for an episode that began before them all.
    """
    state = _State()
    last = before.alarm
    if last and last.since and last.since < before.since and last.state != "closed":
        state = _State(alarm=last)
    for past in before.results:
        state = _next(state, past)
    return _next(state, result).alarm


def _next(state: _State, result: Result) -> _State:
    """Take one tick.

    `drift` opens an episode; `CLOSING` ticks without end it, or another version of the reference,
    the new normal. What is `invalid` says nothing about drift and leaves it as it is.
    """
    version = result.reference.version
    accepted = state.alarm.is_open and state.reference not in {None, version}
    match result.verdict:
        case Verdict.OK:
            quiet = state.quiet + 1
        case Verdict.DRIFT:
            quiet = 0
        case Verdict.INVALID:
            quiet = state.quiet
    if result.verdict is Verdict.DRIFT and (accepted or not state.alarm.is_open):
        return _State(_opened(result.monitor, result.logical_date), version)
    if not state.alarm.is_open:
        return _State(Alarm(), version, quiet)
    over = accepted or quiet >= CLOSING
    alarm = state.alarm.model_copy(update={"state": "closed" if over else "ongoing"})
    return _State(alarm, version, quiet)


def _opened(monitor: str | None, logical_date: datetime | None) -> Alarm:
    if monitor is None or logical_date is None:
        raise ValueError("a scheduled tick has a monitor and a logical date")
    return Alarm(state="opened", id=f"{monitor}-{date_key(logical_date)}", since=logical_date)
