"""Batches that were pushed: the body that waits in the store for its tick.

`state/pushes.py` keeps them, where the board may import it; here one is read like a response.
"""

from __future__ import annotations

from datetime import datetime

from drift_checker.config import Monitor, Settings, date_key
from drift_checker.errors import NoBatchError
from drift_checker.sources.responses import (
    EVIDENCE_BYTES,
    BytesResponse,
    most_bytes,
    table_limits,
    too_large_response,
)
from drift_checker.state import Store, read_push


def pushed_response(
    store: Store, monitor: Monitor, logical_date: datetime, settings: Settings
) -> BytesResponse:
    """Return what was pushed for a tick.

    Raises:
        NoBatchError: Nothing was.
        TooLargeResponseError: It has more bytes than a batch may.
        ServiceAwayError: The store stayed away.
    """
    found = read_push(store, monitor.name, logical_date)
    if found is None:
        raise NoBatchError(
            f"{monitor.name}: no batch was pushed for {date_key(logical_date)}; push one with "
            f"POST /api/v1/monitors/{monitor.name}/batches of the board"
        )
    push, body = found
    origin = f"pushed by {push.by}"
    if push.bytes > most_bytes(settings):
        raise too_large_response(
            f"{origin}: {push.bytes} bytes are more than "
            f"DRIFT_MAX_BODY_MB={settings.max_body_mb:g}; push fewer rows, or allow more",
            origin,
            body[:EVIDENCE_BYTES],
        )
    headers = {"content-type": push.media_type}
    return BytesResponse(body, origin, headers, table_limits(settings))
