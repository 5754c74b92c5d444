"""Times and numbers as pages write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_UNITS = ((86_400, "days"), (3_600, "h"), (60, "min"), (1, "s"))


def age(since: datetime, now: datetime) -> str:
    """Return how long ago something was, in its largest unit."""
    return f"{span(now - since)} ago" if now > since else "now"


def span(length: timedelta) -> str:
    """Return a length of time in its largest unit: from 1.5 of one on, in that one."""
    seconds = max(length.total_seconds(), 0)
    for size, name in _UNITS:
        if seconds >= size * (1.5 if size > 1 else 1) or size == 1:
            return f"{round(seconds / size)} {name}"
    raise AssertionError("the smallest unit takes all")


def utc(date: datetime) -> str:
    """Return a moment as pages write it."""
    return f"{date.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def number(value: float | None) -> str:
    """Return a figure in three digits, a count in thousands."""
    if value is None:
        return "-"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.3g}"
