"""Episodes: which alarm a scheduled tick opens, continues or closes."""

from __future__ import annotations

from datetime import UTC, datetime

from croniter import croniter

from drift_checker import keys
from drift_checker.monitors import date_key
from drift_checker.result import Alarm, Result, Verdict
from drift_checker.store import Store

LOOK_BACK = 12
"""Scheduled ticks after which an episode without any result is over."""


def next_alarm(
    monitor: str, logical_date: datetime, verdict: Verdict, previous: Alarm | None
) -> Alarm:
    """The alarm of a scheduled tick, given that of the scheduled tick before it.

    The first `drift` opens an episode, the first `ok` closes it; what is `invalid` says nothing
    about drift and leaves it as it is.
    """
    within = previous is not None and previous.state in {"opened", "ongoing"}
    if verdict is Verdict.DRIFT and not within:
        identity = f"{monitor}-{date_key(logical_date)}"
        return Alarm(state="opened", id=identity, since=logical_date)
    if previous is None or not within:
        return Alarm()
    state = "closed" if verdict is Verdict.OK else "ongoing"
    return previous.model_copy(update={"state": state})


def previous_alarm(
    store: Store, monitor: str, schedule: str, logical_date: datetime
) -> Alarm | None:
    """The alarm of the last scheduled tick before this one; asks for at most `LOOK_BACK` keys."""
    slots = croniter(schedule, logical_date.astimezone(UTC), ret_type=datetime)
    for _ in range(LOOK_BACK):
        data = store.get(keys.result(monitor, slots.get_prev(datetime)))
        if data is not None:
            result = Result.model_validate_json(data)
            if result.trigger == "scheduled":
                return result.alarm
    return None
