"""JSON documents of the store: their base class, and how they are read."""

from __future__ import annotations

from typing import Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict

from drift_checker.state.store import Store


class Document(BaseModel):
    """What is stored, or printed, as JSON: it has exactly its fields, and does not change."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Json(Protocol):
    """Documents of pydantic, and those of `result`, which do without it."""

    @classmethod
    def model_validate_json(cls, data: bytes, /) -> Self: ...


D = TypeVar("D", bound=_Json)


def read_document(store: Store, key: str, kind: type[D]) -> D | None:
    """The document below a key, or None where there is none.

    Raises:
        pydantic.ValidationError: It is of another kind.
        ServiceAwayError: The store stayed away.
    """
    data = store.get(key)
    return kind.model_validate_json(data) if data else None
