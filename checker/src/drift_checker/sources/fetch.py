"""The fetch step: the batch of one tick, stored before anything is computed from it.

`current.parquet` is the batch as a table; what is known of it besides (its source, the digest of
the bytes as they arrived, the truth told by the Drifter) stands in the file itself and in
`meta.json`. The first to store a batch wins: every repetition of the tick sees the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from drift_checker.config.monitors import Monitor
from drift_checker.config.settings import Settings
from drift_checker.errors import NoBatchError
from drift_checker.result import Fault, Truth
from drift_checker.sources.http import ask_for_batch
from drift_checker.sources.responses import RejectedResponseError
from drift_checker.state import keys
from drift_checker.state.documents import Document
from drift_checker.state.store import Store
from drift_checker.tables import Batch

_META = b"drift_checker"


class BatchMeta(Document):
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


def fetch(
    store: Store, monitor: Monitor, logical_date: datetime, settings: Settings
) -> StoredBatch:
    """Return the stored batch of a tick; where there is none, ask the source and store it.

    Raises:
        NoBatchError: the source answered with what is no batch; its answer is kept as evidence.
        ServiceAwayError: the source or the store stayed away.
    """
    stored = load(store, monitor.name, logical_date)
    if stored is not None:
        return stored

    def key(name: str) -> str:
        return keys.batch(monitor.name, logical_date, name)

    try:
        answer = ask_for_batch(monitor, logical_date, settings)
    except RejectedResponseError as error:
        store.put(key("evidence"), error.evidence)
        raise
    try:
        batch = answer.batch()
    except NoBatchError:
        store.put(key("evidence"), answer.evidence)
        raise
    meta = BatchMeta(
        source=answer.origin,
        digest=batch.digest,
        bytes=answer.size,
        content_type=answer.content_type,
        untyped=batch.untyped,
        faults=list(batch.faults),
        truth=truth_of(answer.headers),
    )
    text = meta.model_dump_json().encode()
    store.put(key("meta.json"), text)
    if batch.unreadable:
        store.put(key("evidence"), answer.evidence)
        return StoredBatch(batch, meta.truth)
    table = batch.table.replace_schema_metadata(
        {**(batch.table.schema.metadata or {}), _META: text}
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    if store.put_if_absent(key("current.parquet"), sink.getvalue().to_pybytes()):
        return StoredBatch(batch, meta.truth)
    return load(store, monitor.name, logical_date) or StoredBatch(batch, meta.truth)


def load(store: Store, monitor: str, logical_date: datetime) -> StoredBatch | None:
    """The stored batch of a tick, if there is one."""
    data = store.get(keys.batch(monitor, logical_date, "current.parquet"))
    if data is None:
        return None
    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    meta = BatchMeta.model_validate_json(table.schema.metadata[_META])
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
