"""What the rows of a monitor's last batches are known by, in one object.

A cache of what the batches say: one line of JSON, which says whose keys follow, and the keys.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from drift_checker.comparison.row_keys import SeenRows
from drift_checker.state import keys
from drift_checker.state.store import Store

MOST_BATCHES = 12
"""As many as ticks are pooled."""
MOST_KEYS = 1 << 17
"""Of all batches together, a megabyte; of larger ones fewer are kept, and at least the last."""


def read_seen_rows(store: Store, monitor: str) -> list[SeenRows] | None:
    """Return the keys of the last batches, the oldest first; None where none are there."""
    data = store.get(keys.seen_rows(monitor))
    if data is None:
        return None
    try:
        head, _, body = data.partition(b"\n")
        every = np.frombuffer(body, np.uint64)
        batches, first = [], 0
        for date, kind, count in json.loads(head):
            batches.append(
                SeenRows(datetime.fromisoformat(date), kind, every[first : first + count])
            )
            first += count
    except (ValueError, TypeError):
        return None
    return batches if first == len(every) else None


def write_seen_rows(store: Store, monitor: str, batches: Sequence[SeenRows]) -> None:
    """Store the keys of the last batches; of one date, the last that is given."""
    by_date = {batch.logical_date: batch for batch in batches}
    kept: list[SeenRows] = []
    for _, batch in sorted(by_date.items(), reverse=True)[:MOST_BATCHES]:
        if kept and sum(len(each.keys) for each in [*kept, batch]) > MOST_KEYS:
            break
        kept.insert(0, batch)
    head = json.dumps(
        [
            (each.logical_date.astimezone(UTC).isoformat(), each.kind, len(each.keys))
            for each in kept
        ],
        separators=(",", ":"),
    )
    body = np.concatenate([each.keys for each in kept]) if kept else np.zeros(0, np.uint64)
    store.put(keys.seen_rows(monitor), head.encode() + b"\n" + body.tobytes())
