"""Batches that a pipeline pushes: which tick each belongs to, and its body until it is judged.

The body comes first, below its own SHA-256, and then what claims the tick for it. So a push that
was killed is done anew by the same push, and of two for one tick exactly one gets it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, StringConstraints

from drift_checker.config import logical_dates_before, next_logical_date
from drift_checker.errors import UsageError
from drift_checker.state import keys
from drift_checker.state.by_people import ByPeople, left, read_added
from drift_checker.state.store import Store

Trigger = Literal["scheduled", "manual"]

_SECOND = timedelta(seconds=1)
MOST_PER_SLOT = 60
"""Pushes beyond which a slot of the schedule takes no other."""


class PushedBatch(ByPeople):
    """What is known of a pushed body besides its bytes; beside the body as `push.json`.

    `sha256` is that of the body as it came, `bytes` its length; `slot` is the date of the schedule
    that its logical date belongs to.
    """

    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    bytes: int = Field(ge=0)
    media_type: Annotated[str, StringConstraints(max_length=200)]
    slot: datetime
    trigger: Trigger


class Pushed(NamedTuple):
    """A push that is kept: the tick that judges it, and whether it was there before.

    `logical_date` and `trigger` are what a check of it has to be started with, also of one that
    was known: its first check may never have begun.
    """

    key: str
    known: bool
    slot: datetime
    trigger: Trigger
    logical_date: datetime


def push_batch(
    store: Store,
    monitor: str,
    logical_date: datetime,
    body: bytes,
    *,
    media_type: str,
    by: str,
    schedule: str,
    at: datetime,
) -> Pushed:
    """Keep a pushed body for the tick that it belongs to; the same push again changes nothing.

    The first for a slot of the schedule is that slot's scheduled tick. Further ones are ticks by
    hand with a logical date of their own: the one they were pushed with, or, where another batch
    has that, the next second that is free.

    Raises:
        UsageError: The slot has no more room, or a text is too long.
        ServiceAwayError: The store stayed away.
    """
    date = logical_date.astimezone(UTC).replace(microsecond=0)
    slot, end = slot_of(schedule, date)
    digest = sha256(body).hexdigest()
    candidates = [slot, *(date + number * _SECOND for number in range(MOST_PER_SLOT))]
    for tick in dict.fromkeys(each for each in candidates if each < end):
        trigger: Trigger = "scheduled" if tick == slot else "manual"
        body_key, claim_key = keys.pushed(monitor, tick, digest), keys.pushed(monitor, tick)
        claim = read_added(store, claim_key, PushedBatch)
        if claim is None and store.exists(keys.result(monitor, tick)):
            continue  # of a check by hand, or of a push that is older than what is kept
        if claim is None:
            own = left(
                PushedBatch,
                monitor=monitor,
                at=at,
                by=by,
                sha256=digest,
                bytes=len(body),
                media_type=media_type,
                slot=slot,
                trigger=trigger,
            )
            store.put(body_key, body)
            if store.put_if_absent(claim_key, own.model_dump_json().encode()):
                return Pushed(body_key, known=False, slot=slot, trigger=trigger, logical_date=tick)
            claim = read_added(store, claim_key, PushedBatch)
        if claim is not None and claim.sha256 == digest:
            if not store.exists(body_key):
                store.put(body_key, body)  # the one that was lost
            return Pushed(body_key, known=True, slot=slot, trigger=trigger, logical_date=tick)
    raise UsageError(
        f"{monitor}: too many batches were pushed for {slot:%Y-%m-%dT%H:%M:%SZ}; "
        "push with the logical date that each of them has"
    )


def slot_of(schedule: str, date: datetime) -> tuple[datetime, datetime]:
    """Return the last date of a schedule that is not after a date, and the next one."""
    slot = logical_dates_before(schedule, date + _SECOND, 1)[0]
    return slot, next_logical_date(schedule, date)


def read_push(
    store: Store, monitor: str, logical_date: datetime
) -> tuple[PushedBatch, bytes] | None:
    """Return what was pushed for a tick, with its body; None where nothing was, or it is lost.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    claim = read_added(store, keys.pushed(monitor, logical_date), PushedBatch)
    if claim is None:
        return None
    body = store.get(keys.pushed(monitor, logical_date, claim.sha256))
    if body is None or sha256(body).hexdigest() != claim.sha256:
        return None
    return claim, body
