"""Logical dates as a command takes them."""

from __future__ import annotations

from datetime import UTC, datetime

import click


def moment(value: str) -> datetime:
    """Read ISO 8601, in UTC without an offset, to the whole second; a type of a click option.

    Raises:
        click.BadParameter: it is none.
    """
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        allowed = "allowed: ISO 8601 such as 2026-11-23T08:50:00Z"
        raise click.BadParameter(f"{value!r}: {allowed}") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return found.astimezone(UTC).replace(microsecond=0)
