"""The reference of a monitor: read, checked and stored once, by version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
from pydantic import Field

from drift_checker.config import Monitor, Settings
from drift_checker.errors import BadReferenceError
from drift_checker.references.dependence import Dependence, row_dependence
from drift_checker.sources import request_reference
from drift_checker.state import Document, Store, as_parquet, keys, read_document, read_parquet
from drift_checker.tables import (
    READING_RULES,
    Batch,
    as_reference,
    infer_readings,
    raise_for_faults,
)

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
    rules: int = 1
    """The version of the rules by which its bytes were read."""
    dependence: Dependence | None = None
    """Whether its rows hang together; None where they are not stored, or were not tested yet."""

    @property
    def outdated(self) -> bool:
        """Whether text may be read otherwise by the present rules."""
        return self.untyped and self.rules != READING_RULES


class InForce(Document):
    """An entry of the history of versions in force; batches are compared with the last one's.

    The history is a list that is only added to, and of several who add at once one is first.
    """

    number: int
    version: str
    configured: str
    """The version of the configured reference then: `fit` acts only where it has become another."""
    since: datetime


class FittedReference(Document):
    """What fitting a monitor's baseline came to; `version` is the one in force.

    `untested` are the columns whose values are not tested, and why not, but for times that are
    stored as such; of what is read where it lies it is not known yet.
    """

    monitor: str
    version: str
    rows: int
    columns: int
    changed: bool
    dependence: Dependence | None = None
    untested: dict[str, str] = Field(default_factory=dict)


def fit_reference(store: Store, monitor: Monitor, settings: Settings) -> FittedReference:
    """Read the monitor's reference, check it, and put it in force if it is a new one.

    A version that was accepted since stays in force until another reference is configured. One that
    was read by other rules is stored anew by the present ones, under its name.

    Raises:
        BadReferenceError: it is missing, unreadable, too small or lacks a declared column.
        ServiceAwayError: its source or the store stayed away.
    """
    read = _describe if monitor.in_place else _read
    summary, reference = read(monitor, settings)
    readings = infer_readings(reference, monitor.columns.roles.reading) if reference else {}
    if reference:
        tested = row_dependence(reference, readings, monitor.columns.roles)
        summary = summary.model_copy(update={"dependence": tested})
    table = reference.table if reference else None
    before = version_in_force(store, monitor.name)
    changed = before is None or before.configured != summary.version
    if not changed:
        stored = summary_in_force(store, monitor.name)
        untested = stored.dependence is None and summary.dependence is not None
        if (stored.outdated or untested) and stored.version == summary.version:
            store_version(store, monitor.name, table, summary)
        else:
            summary = stored
    else:
        store_version(store, monitor.name, table, summary)
        if not put_in_force(store, monitor.name, summary.version, before, summary.version):
            return fit_reference(store, monitor, settings)
    return FittedReference(
        monitor=monitor.name,
        version=summary.version,
        rows=summary.rows,
        columns=len(summary.columns),
        changed=changed,
        dependence=summary.dependence,
        untested={
            name: each.untested
            or f"{each.form_words}: a point in time, and is not tested; if it is "
            f"none, have it tested by `columns.kinds: {{{name}: categorical}}`"
            for name, each in readings.items()
            if each.untested or (each.kind == "timestamp" and each.form)
        },
    )


def _read(monitor: Monitor, settings: Settings) -> tuple[ReferenceSummary, Batch]:
    response = request_reference(monitor.reference, settings)
    try:
        reference = as_reference(response.batch)
        check_soundness(reference.rows, reference.names, monitor)
    except BadReferenceError as error:
        raise BadReferenceError(f"{monitor.name}: {response.origin}: {error}") from error
    return summary_of(reference, response.origin), reference


def _describe(monitor: Monitor, settings: Settings) -> tuple[ReferenceSummary, None]:
    """Describe files that are read where they lie; their digest names the version."""
    from drift_checker.sources.listings import list_reference  # noqa: PLC0415  # of few monitors
    from drift_checker.sources.spark import Spark  # noqa: PLC0415

    listing = list_reference(monitor.reference, settings, Spark(settings.spark_master))
    try:
        raise_for_faults(listing.faults)
        check_soundness(listing.rows, list(listing.types), monitor)
    except BadReferenceError as error:
        raise BadReferenceError(f"{monitor.name}: {listing.prefix.origin}: {error}") from error
    summary = ReferenceSummary(
        version=listing.digest[:VERSION_LENGTH],
        digest=listing.digest,
        source=listing.prefix.origin,
        rows=listing.rows,
        untyped=listing.untyped,
        columns={name: str(type_) for name, type_ in listing.types.items()},
        rules=READING_RULES,
    )
    return summary, None


def summary_of(reference: Batch, source: str) -> ReferenceSummary:
    """Describe a reference; its digest names the version."""
    return ReferenceSummary(
        version=reference.digest[:VERSION_LENGTH],
        digest=reference.digest,
        source=source,
        rows=reference.rows,
        untyped=reference.untyped,
        columns={field.name: str(field.type) for field in reference.table.schema},
        rules=READING_RULES,
    )


def check_soundness(rows: int, names: Sequence[str], monitor: Monitor) -> None:
    """Check that a table of so many rows and of these columns can be the monitor's reference.

    Raises:
        BadReferenceError: it is too small or lacks a declared column.
    """
    if rows < monitor.min_rows:
        raise BadReferenceError(f"it has {rows} rows, and at least {monitor.min_rows} are needed")
    if missing := sorted((monitor.columns.named() | monitor.floors.columns.keys()) - set(names)):
        raise BadReferenceError(f"it has no column {', '.join(missing)}; it has {', '.join(names)}")


def store_version(
    store: Store, monitor: str, table: pa.Table | None, summary: ReferenceSummary
) -> None:
    """Store a version beside the others; the same again changes nothing.

    Of one that is read where it lies there is no table.
    """
    if table is not None:
        store.put(keys.reference(monitor, summary.version, "data.parquet"), as_parquet(table))
    text = summary.model_dump_json().encode()
    store.put(keys.reference(monitor, summary.version, "profile.json"), text)


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


def version_in_force(store: Store, monitor: str) -> InForce | None:
    """The version of the reference in force, if there is one."""
    entries = store.list(keys.in_force(monitor))
    return _entry(store, entries[-1].key) if entries else None


def _entry(store: Store, key: str) -> InForce:
    return InForce.model_validate_json(store.get(key) or b"")


def summary_in_force(store: Store, monitor: str) -> ReferenceSummary:
    """The summary of the reference in force.

    Raises:
        BadReferenceError: there is none.
    """
    return read_summary(store, monitor, require_in_force(store, monitor).version)


def require_in_force(store: Store, monitor: str) -> InForce:
    """The version of the reference in force.

    Raises:
        BadReferenceError: there is none.
    """
    entry = version_in_force(store, monitor)
    if entry is None:
        raise BadReferenceError(
            f"{monitor} has no reference yet: drift-checker baseline fit --monitor {monitor}"
        )
    return entry


def read_summary(store: Store, monitor: str, version: str) -> ReferenceSummary:
    """The summary of a version.

    Raises:
        BadReferenceError: there is no such version.
    """
    key = keys.reference(monitor, version, "profile.json")
    summary = read_document(store, key, ReferenceSummary)
    if summary is None:
        raise BadReferenceError(f"{monitor} has no version {version} of its reference")
    return summary


def load_reference(store: Store, monitor: str, version: ReferenceSummary) -> Batch:
    """The rows of a version.

    Raises:
        BadReferenceError: they are not there.
    """
    table = read_parquet(store, keys.reference(monitor, version.version, "data.parquet"))
    if table is None:
        raise BadReferenceError(
            f"{monitor}: version {version.version} has no data.parquet; "
            "what `engine: spark` reads is not copied to the store"
        )
    return Batch(table, version.digest, untyped=version.untyped)
