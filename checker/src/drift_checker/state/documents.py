"""Objects of the store as what they say: each is read here, and one that is damaged is named.

What is lost with an object says what happens to a damaged one. A cache is made anew from what it
was made of (`read_cache`). A truth is moved out of the way, so that who looks for it finds nothing
in place of something wrong, and whoever can still make use of its bytes finds these below
`damaged/` (`read_truth`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, count
from typing import Protocol, Self, TypeVar

import pyarrow as pa
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from drift_checker.errors import DamagedObjectError
from drift_checker.state import keys
from drift_checker.state.store import Store

MOST_REASON = 200
"""Characters that are quoted of what a library says is wrong."""

log = structlog.get_logger()


class Document(BaseModel):
    """What is stored, or printed, as JSON: it has exactly its fields, and does not change."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Json(Protocol):
    """Documents of pydantic, and those of `result`, which do without it."""

    @classmethod
    def model_validate_json(cls, data: bytes, /) -> Self: ...


T = TypeVar("T")
D = TypeVar("D", bound=_Json)
Parse = Callable[[bytes], T]
"""Makes of an object's bytes what they say; raises one of `_WRONG` where they say nothing."""

_WRONG = (ValueError, OSError, pa.ArrowException)


def parsed(key: str, data: bytes, parse: Parse[T]) -> T:
    """Return what the bytes below a key say.

    Raises:
        DamagedObjectError: They say nothing.
    """
    if not data:
        raise DamagedObjectError(key, "it is empty")
    try:
        return parse(data)
    except _WRONG as error:
        raise DamagedObjectError(key, _reason(error)) from error


def _reason(error: Exception) -> str:
    """What is wrong, without the values that are."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}" if place else first["msg"]
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:MOST_REASON]


def read_object(store: Store, key: str, parse: Parse[T]) -> T | None:
    """What the object below a key says, or None where there is none.

    Raises:
        DamagedObjectError: It says nothing.
        ServiceAwayError: The store stayed away.
    """
    data = store.get(key)
    return None if data is None else parsed(key, data, parse)


def read_cache(store: Store, key: str, parse: Parse[T]) -> T | None:
    """The same of what can be made anew: of one that is damaged None.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    try:
        return read_object(store, key, parse)
    except DamagedObjectError as error:
        log.warning("damaged, and made anew", key=key, reason=error.reason)
        return None


def read_truth(store: Store, key: str, parse: Parse[T]) -> T | None:
    """The same of what nothing else says: one that is damaged is set aside, and then there is none.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    try:
        return read_object(store, key, parse)
    except DamagedObjectError as error:
        set_aside(store, error)
        return None


def read_document(store: Store, key: str, kind: type[D]) -> D | None:
    """The document below a key, or None where there is none.

    Raises:
        DamagedObjectError: It is of another kind.
        ServiceAwayError: The store stayed away.
    """
    return read_object(store, key, kind.model_validate_json)


def set_aside(store: Store, damaged: DamagedObjectError) -> str | None:
    """Move a damaged object below `damaged/`; returns its key there, or None where it is gone.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    data = store.get(damaged.key)
    if data is None:
        return None
    aside = keys.damaged(damaged.key)
    places = chain([aside], (f"{aside}.{number}" for number in count(1)))
    place = next(each for each in places if store.put_if_absent(each, data))
    store.delete(damaged.key)
    log.error("damaged, and set aside", key=damaged.key, reason=damaged.reason, aside=place)
    return place
