"""Channels: who is told of what, by the names that monitors have for them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from drift_checker.errors import UsageError

EventKind = Literal[
    "alarm_opened",
    "alarm_closed",
    "batch_invalid",
    "monitor_silent",
    "widened",
    "mute_ended",
    "reminder",
]
EVENT_KINDS: tuple[EventKind, ...] = get_args(EventKind)
DEFAULT_CHANNEL = "default"
"""The one of `DRIFT_NOTIFICATION_URLS`, which a monitor has that names none."""

CHANNEL_NAME = r"[a-z][-a-z0-9_]{0,39}"


@dataclass(frozen=True)
class Channel:
    """Addresses, which are secrets, and the kinds of events that they are told of."""

    urls: tuple[str, ...] = field(repr=False)
    events: frozenset[EventKind] = frozenset(EVENT_KINDS)


def _separate(value: object) -> object:
    return value.split() if isinstance(value, str) else value


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid")

    urls: Annotated[tuple[str, ...], BeforeValidator(_separate)]
    events: tuple[EventKind, ...] | None = None


_WRITTEN: TypeAdapter[Any] = TypeAdapter(
    dict[Annotated[str, StringConstraints(pattern=f"^{CHANNEL_NAME}$")], _Written]
)


def parse_channels(text: str) -> dict[str, Channel]:
    """Return the channels of `DRIFT_CHANNELS`, which is JSON.

    Raises:
        UsageError: It is not, or says what a channel cannot have; shows nothing of an address.
    """
    try:
        written: dict[str, _Written] = _WRITTEN.validate_python(json.loads(text))
    except json.JSONDecodeError:
        raise UsageError(
            'DRIFT_CHANNELS: allowed: JSON such as {"oncall": {"urls": "json://host/path"}}'
        ) from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        where = f"DRIFT_CHANNELS: {place}" if place else "DRIFT_CHANNELS"
        raise UsageError(f"{where}: {message}") from None
    return {
        name: Channel(each.urls, frozenset(EVENT_KINDS if each.events is None else each.events))
        for name, each in written.items()
    }
