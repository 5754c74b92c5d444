"""The reference of a monitor: read, checked and stored once, by version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from drift_checker.config.monitors import Monitor
from drift_checker.config.settings import Settings
from drift_checker.errors import BadReferenceError
from drift_checker.sources.http import ask_for_reference, files_of_reference
from drift_checker.state import keys
from drift_checker.state.documents import Document, read_document
from drift_checker.state.store import Store
from drift_checker.tables import Batch, as_reference, raise_for_faults

VERSION_LENGTH = 12
"""Hexadecimal digits of the digest that name a version."""


class ReferenceSummary(Document):
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


class InForce(Document):
    """An entry of the history of versions in force; batches are compared with the last one's.

    The history is a list that is only added to, and of several who add at once one is first.
    """

    number: int
    version: str
    configured: str
    """The version of the configured reference then: `fit` acts only where it has become another."""
    since: datetime


class Fitted(Document):
    """What fitting a monitor's baseline came to; `version` is the one in force."""

    monitor: str
    version: str
    rows: int
    columns: int
    changed: bool


def fit(store: Store, monitor: Monitor, settings: Settings) -> Fitted:
    """Read the monitor's reference, check it, and put it in force if it is a new one.

    A version that was accepted since stays in force until another reference is configured.

    Raises:
        BadReferenceError: it is missing, unreadable, too small or lacks a declared column.
        ServiceAwayError: its source or the store stayed away.
    """
    read = _described if monitor.in_place else _read
    profile, table = read(monitor, settings)
    before = in_force(store, monitor.name)
    changed = before is None or before.configured != profile.version
    if not changed:
        profile = show(store, monitor.name)
    else:
        keep(store, monitor.name, table, profile)
        if not put_in_force(store, monitor.name, profile.version, before, profile.version):
            return fit(store, monitor, settings)
    return Fitted(
        monitor=monitor.name,
        version=profile.version,
        rows=profile.rows,
        columns=len(profile.columns),
        changed=changed,
    )


def _read(monitor: Monitor, settings: Settings) -> tuple[ReferenceSummary, pa.Table]:
    answer = ask_for_reference(monitor.reference, settings)
    try:
        reference = as_reference(answer.batch)
        check_soundness(reference.rows, reference.names, monitor)
    except BadReferenceError as error:
        raise BadReferenceError(f"{monitor.name}: {answer.origin}: {error}") from error
    return profile_of(reference, answer.origin), reference.table


def _described(monitor: Monitor, settings: Settings) -> tuple[ReferenceSummary, None]:
    """Describe files that are read where they lie; their digest names the version."""
    from drift_checker.sources.spark import Spark  # noqa: PLC0415  # of few monitors

    files = files_of_reference(monitor.reference, settings, Spark(settings.spark_master))
    try:
        raise_for_faults(files.faults)
        check_soundness(files.rows, list(files.types), monitor)
    except BadReferenceError as error:
        raise BadReferenceError(f"{monitor.name}: {files.origin}: {error}") from error
    profile = ReferenceSummary(
        version=files.digest[:VERSION_LENGTH],
        digest=files.digest,
        source=files.origin,
        rows=files.rows,
        untyped=files.untyped,
        columns={name: str(type_) for name, type_ in files.types.items()},
    )
    return profile, None


def profile_of(reference: Batch, source: str) -> ReferenceSummary:
    """Describe a reference; its digest names the version."""
    return ReferenceSummary(
        version=reference.digest[:VERSION_LENGTH],
        digest=reference.digest,
        source=source,
        rows=reference.rows,
        untyped=reference.untyped,
        columns={field.name: str(field.type) for field in reference.table.schema},
    )


def check_soundness(rows: int, names: Sequence[str], monitor: Monitor) -> None:
    """Check that a table of so many rows and of these columns can be the monitor's reference.

    Raises:
        BadReferenceError: it is too small or lacks a declared column.
    """
    if rows < monitor.min_rows:
        raise BadReferenceError(f"it has {rows} rows, and at least {monitor.min_rows} are needed")
    if missing := sorted(monitor.columns.named() - set(names)):
        raise BadReferenceError(f"it has no column {', '.join(missing)}; it has {', '.join(names)}")


def keep(store: Store, monitor: str, table: pa.Table | None, profile: ReferenceSummary) -> None:
    """Store a version beside the others; the same again changes nothing.

    Of one that is read where it lies there is no table.
    """
    if table is not None:
        data = as_parquet(table)
        store.put(keys.reference(monitor, profile.version, "data.parquet"), data)
    text = profile.model_dump_json().encode()
    store.put(keys.reference(monitor, profile.version, "profile.json"), text)


def as_parquet(table: pa.Table) -> bytes:
    """The bytes of `data.parquet`."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def put_in_force(
    store: Store, monitor: str, version: str, before: InForce | None, configured: str
) -> bool:
    """Add a stored version to the history after `before`; False if another was added meanwhile."""
    number = before.number + 1 if before else 1
    entry = InForce(number=number, version=version, configured=configured, since=datetime.now(UTC))
    return store.put_if_absent(keys.in_force(monitor, number), entry.model_dump_json().encode())


def versions_in_force(store: Store, monitor: str) -> list[InForce]:
    """The versions that were in force, the present one last."""
    entries = store.list(keys.in_force(monitor))
    return [_entry(store, entry.key) for entry in entries]


def in_force(store: Store, monitor: str) -> InForce | None:
    """The version of the reference in force, if there is one."""
    entries = store.list(keys.in_force(monitor))
    return _entry(store, entries[-1].key) if entries else None


def _entry(store: Store, key: str) -> InForce:
    return InForce.model_validate_json(store.get(key) or b"")


def show(store: Store, monitor: str) -> ReferenceSummary:
    """The profile of the reference in force.

    Raises:
        BadReferenceError: there is none.
    """
    entry = in_force(store, monitor)
    if entry is None:
        raise no_reference(monitor)
    return read_profile(store, monitor, entry.version)


def no_reference(monitor: str) -> BadReferenceError:
    """The error that says how a monitor gets its first reference."""
    return BadReferenceError(
        f"{monitor} has no reference yet: drift-checker baseline fit --monitor {monitor}"
    )


def read_profile(store: Store, monitor: str, version: str) -> ReferenceSummary:
    """The profile of a version.

    Raises:
        BadReferenceError: there is no such version.
    """
    key = keys.reference(monitor, version, "profile.json")
    summary = read_document(store, key, ReferenceSummary)
    if summary is None:
        raise BadReferenceError(f"{monitor} has no version {version} of its reference")
    return summary


def read(store: Store, monitor: str, version: ReferenceSummary) -> Batch:
    """The rows of a version.

    Raises:
        BadReferenceError: they are not there.
    """
    data = store.get(keys.reference(monitor, version.version, "data.parquet"))
    if data is None:
        raise BadReferenceError(
            f"{monitor}: version {version.version} has no data.parquet; "
            "what `engine: spark` reads is not copied to the store"
        )
    table = pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
    return Batch(table, version.digest, untyped=version.untyped)
