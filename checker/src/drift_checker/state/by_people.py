"""What people leave in the store, by page, API or command: documents that are only ever added.

Nobody changes or removes one but retention, so that who asked for what, and when, can be read from
the store. Their names begin with the time, and the last of them is the newest.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

import structlog
from pydantic import AwareDatetime, Field, StringConstraints, ValidationError

from drift_checker.errors import DamagedObjectError, UsageError
from drift_checker.state.documents import Document, read_document
from drift_checker.state.store import Store

MOST_NAME = 80
"""Characters of the name of who left it."""

log = structlog.get_logger()

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_NAME)]


class ByPeople(Document):
    """What somebody left about a monitor; `at` is in UTC."""

    schema_version: Literal[1] = 1
    monitor: str
    at: AwareDatetime
    by: Name = Field(description="who")


P = TypeVar("P", bound=ByPeople)
D = TypeVar("D", bound=Document)


def left(kind: type[P], **values: Any) -> P:
    """Return a document of what somebody says.

    Raises:
        UsageError: A value is none that it may have; names it and says what is wrong.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{place}: {message}" if place else message) from None


def id_at(at: datetime) -> str:
    """Return the name of a document that is left now: in order of time, and like no other."""
    return f"{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{secrets.token_hex(4)}"


def add(store: Store, key: str, document: ByPeople) -> None:
    """Store a document below a key that nothing has yet.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    if not store.put_if_absent(key, document.model_dump_json().encode()):
        raise UsageError(f"{key} is there already; try again")


def read_added(store: Store, key: str, kind: type[D]) -> D | None:
    """Return a document that was added; None where there is none, or it is damaged.

    That one stays where it is, for `drift-checker store check`: who reads here may have no right to
    move it.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    try:
        return read_document(store, key, kind)
    except DamagedObjectError as error:
        log.warning("damaged, and passed over", key=key, reason=error.reason)
        return None
