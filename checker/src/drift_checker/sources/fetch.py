"""The fetch step: the batch of one tick, stored before anything is computed from it.

`current.parquet` is the batch as a table; what is known of it besides (its source, the digest of
the bytes as they arrived, the truth told by the Drifter) stands in the file itself. So one write
stores both, and the first to store a batch wins: every repetition of the tick sees the same one.
`meta.json` beside it says the same, with the checksum of the file, and is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

import pyarrow as pa

from drift_checker.config import Monitor, Settings
from drift_checker.result import Fault, Truth
from drift_checker.sources.kinds import request_batch
from drift_checker.sources.push import pushed_response
from drift_checker.sources.responses import (
    RejectedResponseError,
    Response,
    TooLargeResponseError,
)
from drift_checker.state import (
    Store,
    TableDocument,
    described_parquet,
    described_table,
    identity,
    keys,
    read_cache,
    read_truth,
)
from drift_checker.tables import Batch, empty_table


class BatchMeta(TableDocument):
    """What is known of a batch besides its table; `digest` is the SHA-256 of what arrived.

    `names` are its columns, where its table is read elsewhere and not stored.
    """

    source: str
    digest: str
    bytes: int
    content_type: str
    untyped: bool
    faults: list[Fault]
    truth: Truth | None
    names: list[str] | None = None


@dataclass(frozen=True)
class StoredBatch:
    """A batch that lies in the store."""

    batch: Batch
    truth: Truth | None


def fetch_batch(
    store: Store, monitor: Monitor, logical_date: datetime, settings: Settings
) -> StoredBatch:
    """Return the stored batch of a tick; where there is none, request and store it.

    One that is too large is stored by what is known of it, and by its head.

    Raises:
        NoBatchError: the source responded with what is no batch; its response is kept as evidence.
        ServiceAwayError: the source or the store stayed away.
    """
    stored = load_batch(store, monitor.name, logical_date)
    if stored is not None:
        return stored
    response: Response
    try:
        response = (
            pushed_response(store, monitor, logical_date, settings)
            if monitor.current.push
            else request_batch(monitor, logical_date, settings)
        )
        batch = response.batch()
    except TooLargeResponseError as error:
        # What was not read to its end is not known to have been there before.
        digest = identity([error.response.digest, logical_date])
        response, batch = error.response, Batch(empty_table(), digest, (error.fault,))
    except RejectedResponseError as error:
        store.put(keys.batch(monitor.name, logical_date, "evidence"), error.evidence)
        raise
    return _store_batch(store, monitor.name, logical_date, batch, response)


def _store_batch(
    store: Store, monitor: str, logical_date: datetime, batch: Batch, response: Response
) -> StoredBatch:
    """Store a batch, of one that is unreadable the evidence; returns the one that was first."""
    meta = BatchMeta(
        source=response.origin,
        digest=batch.digest,
        bytes=response.size,
        content_type=response.content_type,
        untyped=batch.untyped,
        faults=list(batch.faults),
        truth=truth_of(response.headers),
    )
    own = StoredBatch(batch, meta.truth)
    if batch.unreadable:
        store.put(keys.batch(monitor, logical_date, "evidence"), response.evidence)
        _put_meta(store, monitor, logical_date, meta)
        return own
    data, meta = described_parquet(batch.table, meta)
    if store.put_if_absent(keys.batch(monitor, logical_date, "current.parquet"), data):
        _put_meta(store, monitor, logical_date, meta)
        return own
    return load_batch(store, monitor, logical_date) or own


def _put_meta(store: Store, monitor: str, logical_date: datetime, meta: BatchMeta) -> None:
    text = meta.model_dump_json().encode()
    store.put(keys.batch(monitor, logical_date, "meta.json"), text)


def load_batch(store: Store, monitor: str, logical_date: datetime) -> StoredBatch | None:
    """The stored batch of a tick, if there is one.

    One that is damaged is set aside. A `meta.json` that is lost, or another batch's, is made anew.

    Raises:
        ServiceAwayError: the store stayed away.
    """
    beside_key = keys.batch(monitor, logical_date, "meta.json")

    def described(data: bytes) -> tuple[pa.Table, BatchMeta]:
        beside = read_cache(store, beside_key, BatchMeta.model_validate_json)
        table, meta = described_table(key, data, BatchMeta, beside)
        if meta is None:
            raise ValueError("it does not say what batch it is")
        if meta != beside:
            _put_meta(store, monitor, logical_date, meta)
        return table, meta

    key = keys.batch(monitor, logical_date, "current.parquet")
    stored = read_truth(store, key, described)
    if stored is None:
        return None
    table, meta = stored
    batch = Batch(table, meta.digest, tuple(meta.faults), untyped=meta.untyped)
    return StoredBatch(batch, meta.truth)


def truth_of(headers: Mapping[str, str]) -> Truth | None:
    """What a source says it did to a batch; None where it says nothing."""
    injected = headers.get("x-drift-injected")
    if injected is None:
        return None
    columns = headers.get("x-drift-columns", "")
    return Truth(
        injected=injected.strip().lower() == "true",
        scenario=headers.get("x-drift-scenario") or None,
        columns=[unquote(name.strip()) for name in columns.split(",") if name.strip()],
    )
