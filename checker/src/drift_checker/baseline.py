"""The reference of a monitor: read, checked and stored once, by version."""

from __future__ import annotations

from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict

from drift_checker import keys
from drift_checker.errors import BadReferenceError
from drift_checker.monitors import Monitor
from drift_checker.settings import Settings
from drift_checker.sources import ask_for_reference
from drift_checker.store import Store
from drift_checker.tables import Batch, read_reference

VERSION_LENGTH = 12
"""Hexadecimal digits of the digest that name a version."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Profile(_Model):
    """What is known of a reference besides its rows: `profile.json`."""

    schema_version: Literal[1] = 1
    version: str
    digest: str
    """SHA-256 of the bytes that the version was made of."""
    source: str
    rows: int
    untyped: bool
    columns: dict[str, str]
    """Type of each column, as Arrow names it."""


class InForce(_Model):
    """The pointer to the version that batches are compared with."""

    version: str


class Fitted(_Model):
    """What fitting a monitor's baseline came to."""

    monitor: str
    version: str
    rows: int
    columns: int
    changed: bool


def fit(store: Store, monitor: Monitor, settings: Settings) -> Fitted:
    """Read the monitor's reference, check it, store it and put it in force. Idempotent.

    Raises:
        BadReferenceError: it is missing, unreadable, too small or lacks a declared column.
        ServiceAwayError: its source or the store stayed away.
    """
    body = ask_for_reference(monitor.reference, settings)
    try:
        reference = read_reference(body.data, body.content_type)
        table = _sound(reference, monitor)
    except BadReferenceError as error:
        raise BadReferenceError(f"{monitor.name}: {body.origin}: {error}") from error
    profile = Profile(
        version=reference.digest[:VERSION_LENGTH],
        digest=reference.digest,
        source=body.origin,
        rows=table.num_rows,
        untyped=reference.untyped,
        columns={field.name: str(field.type) for field in table.schema},
    )
    before = in_force(store, monitor.name)
    changed = before != profile.version
    if changed:
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        name = (monitor.name, profile.version)
        store.put(keys.reference(*name, "data.parquet"), sink.getvalue().to_pybytes())
        store.put(keys.reference(*name, "profile.json"), profile.model_dump_json().encode())
        pointer = InForce(version=profile.version)
        store.put(keys.reference_in_force(monitor.name), pointer.model_dump_json().encode())
    return Fitted(
        monitor=monitor.name,
        version=profile.version,
        rows=profile.rows,
        columns=len(profile.columns),
        changed=changed,
    )


def in_force(store: Store, monitor: str) -> str | None:
    """The version of the reference in force, if there is one."""
    pointer = store.get(keys.reference_in_force(monitor))
    return InForce.model_validate_json(pointer).version if pointer else None


def show(store: Store, monitor: str) -> Profile:
    """The profile of the reference in force.

    Raises:
        BadReferenceError: there is none.
    """
    version = in_force(store, monitor)
    profile = version and store.get(keys.reference(monitor, version, "profile.json"))
    if not profile:
        raise BadReferenceError(
            f"{monitor} has no reference yet: drift-checker baseline fit --monitor {monitor}"
        )
    return Profile.model_validate_json(profile)


def load(store: Store, monitor: Monitor) -> tuple[Batch, Profile]:
    """The reference in force and its profile.

    Raises:
        BadReferenceError: there is none.
    """
    profile = show(store, monitor.name)
    data = store.get(keys.reference(monitor.name, profile.version, "data.parquet"))
    if data is None:
        raise BadReferenceError(f"{monitor.name}: version {profile.version} has no data.parquet")
    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    return Batch(table, profile.digest, untyped=profile.untyped), profile


def _sound(reference: Batch, monitor: Monitor) -> pa.Table:
    table = reference.table
    if table.num_rows < monitor.min_rows:
        raise BadReferenceError(
            f"it has {table.num_rows} rows, and at least {monitor.min_rows} are needed"
        )
    if missing := sorted(monitor.columns.roles.named() - set(table.column_names)):
        raise BadReferenceError(
            f"it has no column {', '.join(missing)}; it has {', '.join(table.column_names)}"
        )
    return table
