"""Requests that a monitor's next tick accepts another reference, and what became of them.

Whoever asks computes nothing and writes no reference: `ticks/acceptances.py` carries a request out.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from drift_checker.state import keys
from drift_checker.state.by_people import ByPeople, add, id_at, left, read_added
from drift_checker.state.documents import Document
from drift_checker.state.store import Store

MOST_TICKS = 500
"""Ticks that one request may name."""
_OUTCOME = ".outcome.json"

Version = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{1,64}$")]


class AcceptanceRequest(ByPeople):
    """Make the batches of `ticks` the reference, or put a stored `version` in force again.

    It is refused where another version than `instead_of`, the one that the person saw, is in force
    by then.
    """

    ticks: list[AwareDatetime] | None = Field(default=None, min_length=1, max_length=MOST_TICKS)
    version: Version | None = None
    instead_of: Version

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.ticks is None) == (self.version is None):
            raise ValueError("allowed: either ticks or a version")
        return self


class AcceptanceOutcome(Document):
    """What became of a request: the `version` in force since, or the `reason` of a refusal."""

    schema_version: Literal[1] = 1
    at: AwareDatetime
    state: Literal["done", "refused"]
    version: str | None = None
    reason: str | None = None


class AskedAcceptance(NamedTuple):
    """A request by its id, with its outcome once there is one."""

    id: str
    request: AcceptanceRequest
    outcome: AcceptanceOutcome | None


def request_acceptance(
    store: Store,
    monitor: str,
    *,
    instead_of: str,
    by: str,
    at: datetime,
    ticks: list[datetime] | None = None,
    version: str | None = None,
) -> str:
    """Ask the next tick for another reference; returns the request's id.

    Raises:
        UsageError: Neither or both of ticks and version are named, or what is named is none.
        ServiceAwayError: The store stayed away.
    """
    asked = left(
        AcceptanceRequest,
        monitor=monitor,
        ticks=ticks,
        version=version,
        instead_of=instead_of,
        by=by,
        at=at,
    )
    id_ = id_at(at)
    add(store, keys.acceptances(monitor, f"{id_}.json"), asked)
    return id_


def read_acceptance_requests(
    store: Store, monitor: str, *, open_only: bool = False
) -> list[AskedAcceptance]:
    """Return the requests of a monitor, the oldest first; without those that are damaged.

    With `open_only` only those without an outcome are read, which costs a list where all have one.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    names = {each.key for each in store.list(keys.acceptances(monitor))}
    found = []
    for key in sorted(names):
        if key.endswith(_OUTCOME):
            continue
        outcome_key = key.removesuffix(".json") + _OUTCOME
        if open_only and outcome_key in names:
            continue
        request = read_added(store, key, AcceptanceRequest)
        if request is None:
            continue
        outcome = None
        if outcome_key in names:
            outcome = read_added(store, outcome_key, AcceptanceOutcome)
        id_ = key.rpartition("/")[2].removesuffix(".json")
        found.append(AskedAcceptance(id_, request, outcome))
    return found


def settle_acceptance(store: Store, monitor: str, id_: str, outcome: AcceptanceOutcome) -> None:
    """Store what became of a request; the first to say it counts.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    store.put_if_absent(
        keys.acceptances(monitor, id_ + _OUTCOME), outcome.model_dump_json().encode()
    )
