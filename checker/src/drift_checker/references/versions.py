"""The reference of a monitor: read, checked and stored once, by version.

The rows of a version are a truth. Its summary stands within them too, and is made anew of them;
what is in force is made anew of what results and stored versions say.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

import pyarrow as pa
import structlog
from pydantic import Field

from drift_checker.config import Monitor, Settings
from drift_checker.errors import BadReferenceError, DamagedObjectError, LostReferenceError
from drift_checker.references.dependence import Dependence, row_dependence
from drift_checker.sources import request_reference
from drift_checker.state import (
    Document,
    Entry,
    Store,
    TableDocument,
    described_parquet,
    described_table,
    keys,
    read_document,
    read_latest_result,
    read_result,
    read_truth,
    set_aside,
)
from drift_checker.tables import (
    READING_RULES,
    Batch,
    as_reference,
    infer_readings,
    raise_for_faults,
)

VERSION_LENGTH = 12
"""Hexadecimal digits of the digest that name a version."""

_VERSION = re.compile(rf"[0-9a-f]{{{VERSION_LENGTH}}}")

log = structlog.get_logger()


class ReferenceSummary(TableDocument):
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
    was read by other rules is stored anew by the present ones, under its name, and so is one that
    was damaged or lost in the store.

    Raises:
        BadReferenceError: it is missing, unreadable, too small or lacks a declared column.
        LostReferenceError: one that was accepted is in force, and damaged.
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
        try:
            stored = summary_in_force(store, monitor.name)
            if table is not None:
                load_reference(store, monitor.name, stored)
            untested = stored.dependence is None and summary.dependence is not None
            anew = stored.outdated or untested
        except LostReferenceError:
            if before is None or before.version != summary.version:
                raise
            stored, anew = summary, True
        if anew and stored.version == summary.version:
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
        data, summary = described_parquet(table, summary)
        store.put(_rows_key(monitor, summary.version), data)
    _put_summary(store, monitor, summary)


def _put_summary(store: Store, monitor: str, summary: ReferenceSummary) -> None:
    text = summary.model_dump_json().encode()
    store.put(_summary_key(monitor, summary.version), text)


def _rows_key(monitor: str, version: str) -> str:
    return keys.reference(monitor, version, "data.parquet")


def _summary_key(monitor: str, version: str) -> str:
    return keys.reference(monitor, version, "profile.json")


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
    return [*reversed(list(_sound_entries(store, monitor, entries)))]


def version_in_force(store: Store, monitor: str) -> InForce | None:
    """The version of the reference in force, if there is one.

    Where the entry that says so is damaged, it is set aside, and made anew of what else says it.
    """
    return next(_sound_entries(store, monitor, store.list(keys.in_force(monitor))), None)


def _sound_entries(store: Store, monitor: str, entries: list[Entry]) -> Iterator[InForce]:
    """Yield entries of the history from the last on; the last one is made anew where it has to."""
    for place in range(len(entries) - 1, -1, -1):
        entry = entries[place]
        try:
            stored = read_document(store, entry.key, InForce)
        except DamagedObjectError as error:
            stored = None
            if place == len(entries) - 1:
                stored = _entry_anew(store, monitor, entry, entries[:place])
            set_aside(store, error)
            if stored is not None:
                store.put(entry.key, stored.model_dump_json().encode())
                log.warning(
                    "in force again, as far as results and versions tell",
                    monitor=monitor,
                    version=stored.version,
                )
        if stored is not None:
            yield stored


def _entry_anew(store: Store, monitor: str, damaged: Entry, earlier: list[Entry]) -> InForce | None:
    """Return what an entry must have said.

    A result that was stored after it names the version; else it is the version that no other entry
    names, which was stored for it; else that of the latest result, or of the entry before.
    """
    before = list(_sound_entries(store, monitor, earlier))
    named = {entry.version for entry in before}
    latest = read_latest_result(store, monitor)
    result = read_result(store, monitor, latest.logical_date) if latest else None
    judged_by = [result.reference.version] if result else []
    since = latest and _stored_since(store, keys.result(monitor, latest.logical_date))
    candidates = judged_by if since and since >= damaged.modified else []
    candidates += [version for version in _stored_versions(store, monitor) if version not in named]
    candidates += [*judged_by, *(entry.version for entry in before[:1])]
    for version in candidates:
        try:
            read_summary(store, monitor, version)
        except BadReferenceError:
            continue
        return InForce(
            number=int(damaged.key.rpartition("/")[2].removesuffix(".json")),
            version=version,
            configured=before[0].configured if before else version,
            since=damaged.modified,
        )
    return None


def _stored_since(store: Store, key: str) -> datetime | None:
    folder = store.list(key.rpartition("/")[0])
    return next((entry.modified for entry in folder if entry.key == key), None)


def _stored_versions(store: Store, monitor: str) -> list[str]:
    """The versions that are stored, the last first."""
    names = filter(_VERSION.fullmatch, store.folders(f"reference/{monitor}"))
    stored = {name: _stored_since(store, _summary_key(monitor, name)) for name in names}
    dated = {name: date for name, date in stored.items() if date is not None}
    return sorted(dated, key=lambda name: dated[name], reverse=True)


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
    """The summary of a version; one that is damaged or lost is made anew of the rows.

    Raises:
        BadReferenceError: there is no such version.
        LostReferenceError: its summary is damaged, and its rows do not tell it.
    """
    key = _summary_key(monitor, version)
    try:
        summary = read_document(store, key, ReferenceSummary)
        reason = None
    except DamagedObjectError as error:
        log.warning("damaged, and made anew", key=key, reason=error.reason)
        summary, reason = None, f"{key} is damaged: {error.reason}"
    if summary is not None:
        return summary
    rows = _read_rows(store, monitor, version, None)
    if rows is None and reason is None:
        raise BadReferenceError(f"{monitor} has no version {version} of its reference")
    if rows is None or rows[1] is None:
        raise _lost(monitor, version, reason or f"{key} is not there")
    return rows[1]


def _read_rows(
    store: Store, monitor: str, version: str, beside: ReferenceSummary | None
) -> tuple[pa.Table, ReferenceSummary | None] | None:
    """The rows of a version and the summary that has to stand beside them, which it is made to.

    Rows that are damaged are set aside; then there are none.
    """
    key = _rows_key(monitor, version)

    def described(data: bytes) -> tuple[pa.Table, ReferenceSummary | None]:
        table, summary = described_table(key, data, ReferenceSummary, beside)
        if summary is not None and summary != beside:
            _put_summary(store, monitor, summary)
        return table, summary

    return read_truth(store, key, described)


def load_reference(store: Store, monitor: str, version: ReferenceSummary) -> Batch:
    """The rows of a version.

    Raises:
        LostReferenceError: they are not there; what was damaged is set aside.
    """
    rows = _read_rows(store, monitor, version.version, version)
    if rows is None:
        key = _rows_key(monitor, version.version)
        raise _lost(
            monitor,
            version.version,
            f"{key} is not there, or was damaged and set aside below `damaged/` "
            "(what `engine: spark` reads is not copied to the store)",
        )
    return Batch(rows[0], version.digest, untyped=version.untyped)


def _lost(monitor: str, version: str, reason: str) -> LostReferenceError:
    return LostReferenceError(
        f"{monitor}: version {version} of its reference cannot be used: {reason}; "
        f"`drift-checker baseline fit --monitor {monitor}` stores it anew if it is the configured "
        f"one, `drift-checker baseline use VERSION --monitor {monitor}` goes back to another"
    )
