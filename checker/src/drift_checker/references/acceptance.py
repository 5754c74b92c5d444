"""Acceptance: stored batches become the reference, as a new version beside the older ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

import pyarrow as pa

from drift_checker.comparison import ColumnRoles
from drift_checker.config import Monitor, date_key
from drift_checker.errors import BadReferenceError, UsageError
from drift_checker.references import versions
from drift_checker.references.dependence import row_dependence
from drift_checker.references.versions import InForce, ReferenceSummary
from drift_checker.result import Result, Verdict
from drift_checker.sources import load_batch
from drift_checker.state import (
    Document,
    Store,
    as_parquet,
    read_latest_result,
    read_result,
    results_before,
)
from drift_checker.tables import (
    Batch,
    ColumnReading,
    MismatchError,
    ReadColumns,
    infer_readings,
)

ENOUGH_ROWS = 5000
"""Rows beyond which no further tick is taken by itself; more make a reference little better."""
CANDIDATE_TICKS = 100
"""Ticks of the schedule that may be accepted, back from the latest result."""


class Acceptance(Document):
    """What an acceptance came to; `ticks` are those whose batches are the reference now."""

    monitor: str
    before: str
    version: str
    rows: int
    source: str
    ticks: list[datetime]
    changed: bool


def latest_normal_ticks(store: Store, monitor: Monitor, schedule: str) -> list[datetime]:
    """The latest scheduled ticks that tell what is normal now, up to `ENOUGH_ROWS` rows.

    Within an episode they are its own ticks; otherwise those that were `ok`. Only ticks that were
    judged against the reference in force count, so that there are none right after an acceptance.
    """
    entry = versions.require_in_force(store, monitor.name)
    normal: list[datetime] = []
    rows, episode = 0, None
    for number, result in enumerate(_results(store, monitor.name, schedule)):
        if result.reference.version != entry.version or rows >= ENOUGH_ROWS:
            break
        alarm = result.alarm
        if number == 0 and alarm.is_open:
            episode = alarm.id
        if episode and alarm.id != episode:
            break
        normal_verdicts = {Verdict.OK, Verdict.DRIFT} if episode else {Verdict.OK}
        if result.verdict in normal_verdicts and result.logical_date:
            normal.append(result.logical_date)
            rows += result.current.rows
    return normal


def last_valid_ticks(store: Store, monitor: Monitor, schedule: str, count: int) -> list[datetime]:
    """The latest `count` scheduled ticks whose batches were valid.

    Raises:
        UsageError: there are not so many.
    """
    valid = (
        result.logical_date
        for result in _results(store, monitor.name, schedule)
        if result.verdict is not Verdict.INVALID and result.logical_date
    )
    ticks = list(islice(valid, count))
    if len(ticks) < count:
        raise UsageError(
            f"--last {count}: {monitor.name} has {len(ticks)} valid scheduled ticks "
            f"among its last {CANDIDATE_TICKS}"
        )
    return ticks


def accept_ticks(
    store: Store, monitor: Monitor, ticks: Sequence[datetime], instead_of: str | None = None
) -> Acceptance:
    """Put the batches of ticks in force as the monitor's reference; without a tick, change nothing.

    The reference keeps its columns and their types. The same ticks again are the same version,
    which changes nothing where it is in force. With `instead_of`, that version has to be in force.

    Raises:
        BadReferenceError: a batch is missing, invalid or does not fit, or they are too few rows.
        UsageError: another version came into force meanwhile.
    """
    before, ticks = _in_force(store, monitor.name, instead_of), sorted(set(ticks))
    version = _store_ticks(store, monitor, ticks).version if ticks else before.version
    return _put_in_force(store, monitor.name, version, before, ticks)


def use_version(
    store: Store, monitor: str, version: str, instead_of: str | None = None
) -> Acceptance:
    """Put a version that is stored already in force again, `instead_of` one if it is named.

    Raises:
        BadReferenceError: there is no such version.
        UsageError: another version came into force meanwhile.
    """
    before = _in_force(store, monitor, instead_of)
    return _put_in_force(store, monitor, version, before, [])


def _in_force(store: Store, monitor: str, expected: str | None) -> InForce:
    entry = versions.require_in_force(store, monitor)
    if expected is not None and entry.version != expected:
        raise _overtaken(monitor)
    return entry


def _overtaken(monitor: str) -> UsageError:
    return UsageError(
        f"{monitor}: another version came into force meanwhile; look at "
        f"`drift-checker baseline show --monitor {monitor}`, then ask again"
    )


def _put_in_force(
    store: Store, monitor: str, version: str, before: InForce, ticks: list[datetime]
) -> Acceptance:
    summary = versions.read_summary(store, monitor, version)
    changed = version != before.version
    # What is configured stays what it was, so that `fit` does not undo this.
    if changed and not versions.put_in_force(store, monitor, version, before, before.configured):
        raise _overtaken(monitor)
    return Acceptance(
        monitor=monitor,
        before=before.version,
        version=version,
        rows=summary.rows,
        source=summary.source,
        ticks=ticks,
        changed=changed,
    )


def _store_ticks(store: Store, monitor: Monitor, ticks: list[datetime]) -> ReferenceSummary:
    """Store the batches of ticks as one version."""
    name = monitor.name
    reference = versions.load_reference(store, name, versions.summary_in_force(store, name))
    summary, accepted = gather_ticks(store, monitor, ticks, reference)
    roles = monitor.columns.roles
    tested = row_dependence(accepted, infer_readings(accepted, roles.reading), roles)
    summary = summary.model_copy(update={"dependence": tested})
    versions.store_version(store, name, accepted.table, summary)
    return summary


def gather_ticks(
    store: Store, monitor: Monitor, ticks: Sequence[datetime], reference: Batch
) -> tuple[ReferenceSummary, Batch]:
    """Return the batches of ticks, the oldest first, as one version that is not stored yet.

    It has the columns of the reference in force, and their types.

    Raises:
        BadReferenceError: a batch is missing, invalid or does not fit, or they are too few rows.
    """
    name, roles = monitor.name, monitor.columns.roles
    tables = [
        cast_to_reference(reference, roles, _valid_batch(store, name, tick), tick) for tick in ticks
    ]
    source = f"the batch of {date_key(ticks[0])}"
    if len(ticks) > 1:
        source = f"{len(ticks)} batches, {date_key(ticks[0])} to {date_key(ticks[-1])}"
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
        versions.check_soundness(table.num_rows, table.column_names, monitor)
    except (BadReferenceError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise BadReferenceError(f"{name}: {source}: {error}") from error
    accepted = Batch(table, sha256(as_parquet(table)).hexdigest())
    return versions.summary_of(accepted, source), accepted


def _valid_batch(store: Store, monitor: str, tick: datetime) -> Batch:
    result = read_result(store, monitor, tick)
    batch = load_batch(store, monitor, tick)
    if result is None or batch is None:
        raise BadReferenceError(f"{monitor} has no result and batch of {date_key(tick)}")
    if result.verdict is Verdict.INVALID:
        raise BadReferenceError(f"{monitor}: the batch of {date_key(tick)} is invalid")
    return batch.batch


def cast_to_reference(
    reference: Batch, roles: ColumnRoles, batch: Batch, tick: datetime
) -> pa.Table:
    """Return the batch with the columns of the reference, in its types as far as values allow.

    Raises:
        BadReferenceError: it lacks a column, or has one of another kind.
    """
    names = reference.table.column_names
    readings = infer_readings(reference, roles.reading)
    read = ReadColumns.of(batch)
    try:
        columns = [_cast_column(read, readings[name]) for name in names]
    except (KeyError, MismatchError) as error:
        raise BadReferenceError(
            f"The batch of {date_key(tick)} does not fit the reference: {error}"
        ) from error
    return pa.Table.from_arrays(columns, names=names)


def _cast_column(read: ReadColumns, reading: ColumnReading) -> pa.Array[Any]:
    column = read.read(reading)
    if reading.form is not None or reading.kind not in {"numeric", "timestamp"}:
        return column
    try:
        return column.cast(reading.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column  # whole numbers that have become fractions


def _results(store: Store, monitor: str, schedule: str) -> Iterator[Result]:
    """Results of scheduled ticks, the latest first."""
    latest = read_latest_result(store, monitor)
    if latest is None:
        return
    after = latest.logical_date + timedelta(seconds=1)
    yield from results_before(store, monitor, schedule, after, CANDIDATE_TICKS)
