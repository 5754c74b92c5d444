"""Mutes: until when nobody is told of a monitor's drift. The newest one counts.

An alarm that is open stays visible wherever it is shown. A mute is ended by another one that is
over at once.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, StringConstraints

from drift_checker.errors import UsageError
from drift_checker.state import keys
from drift_checker.state.by_people import ByPeople, add, id_at, left, read_added
from drift_checker.state.store import Store

MOST_REASON = 500
"""Characters of the reason of a mute."""


class Mute(ByPeople):
    """Nobody is told of drift before `until`; one that is over at its own time ends the last."""

    until: AwareDatetime
    reason: Annotated[str, StringConstraints(strip_whitespace=True, max_length=MOST_REASON)] = ""

    def holds(self, now: datetime) -> bool:
        """Whether it is in force."""
        return self.at <= now < self.until


def mute(
    store: Store, monitor: str, *, until: datetime, reason: str, by: str, at: datetime
) -> Mute:
    """Tell nobody of a monitor's drift until a time; at the time `at` itself, end a mute.

    Raises:
        UsageError: `until` is before `at` or has no zone, or a text is too long.
        ServiceAwayError: The store stayed away.
    """
    asked = left(Mute, monitor=monitor, until=until, reason=reason, by=by, at=at)
    if asked.until < asked.at:
        raise UsageError(f"until {until.isoformat()}: it is over already; name a time to come")
    add(store, keys.mutes(monitor, id_at(at)), asked)
    return asked


def newest_mute(store: Store, monitor: str) -> Mute | None:
    """Return the mute that counts, in force or over; None where there is none.

    Lists a prefix that grows by what people ask for alone. Whoever cannot read the newest one
    takes it for none: people are rather told once too often.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    listed = store.list(keys.mutes(monitor))
    if not listed:
        return None
    return read_added(store, listed[-1].key, Mute)


def mute_in_force(store: Store, monitor: str, now: datetime) -> Mute | None:
    """Return the mute of a monitor that is in force; None where people are told.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    newest = newest_mute(store, monitor)
    return newest if newest and newest.holds(now) else None
