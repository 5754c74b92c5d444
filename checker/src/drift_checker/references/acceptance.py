"""The new normal: stored batches become the reference, as a new version beside the older ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

import pyarrow as pa

from drift_checker.config.monitors import Monitor
from drift_checker.config.schedule import date_key
from drift_checker.errors import BadReferenceError, UsageError
from drift_checker.references import versions
from drift_checker.references.versions import InForce, ReferenceSummary
from drift_checker.result import Result, Verdict
from drift_checker.sources.fetch import load
from drift_checker.state import keys
from drift_checker.state.documents import Document, read_document
from drift_checker.state.history import results_before
from drift_checker.state.latest import read_latest_result
from drift_checker.state.store import Store
from drift_checker.tables import Batch, MismatchError, batch_column, reference_column

ENOUGH_ROWS = 5000
"""Rows beyond which no further tick is taken by itself; more make a reference little better."""
LOOK_BACK = 100
"""Slots of the schedule that are looked at, back from the latest result."""


class Accepted(Document):
    """What an acceptance came to; `ticks` are those whose batches are the reference now."""

    monitor: str
    before: str
    version: str
    rows: int
    source: str
    ticks: list[datetime]
    changed: bool


def new_normal(store: Store, monitor: Monitor, schedule: str) -> list[datetime]:
    """The latest scheduled ticks that tell what is normal now, up to `ENOUGH_ROWS` rows.

    Within an episode they are its own ticks; otherwise those that were `ok`. Only ticks that were
    judged against the reference in force count, so that there are none right after an acceptance.
    """
    entry = _in_force(store, monitor.name)
    chosen: list[datetime] = []
    rows, episode = 0, None
    for number, result in enumerate(_scheduled(store, monitor.name, schedule)):
        if result.reference.version != entry.version or rows >= ENOUGH_ROWS:
            break
        alarm = result.alarm
        if number == 0 and alarm.is_open:
            episode = alarm.id
        if episode and alarm.id != episode:
            break
        wanted = result.verdict is not Verdict.INVALID if episode else result.verdict is Verdict.OK
        if wanted and result.logical_date:
            chosen.append(result.logical_date)
            rows += result.current.rows
    return chosen


def last_ticks(store: Store, monitor: Monitor, schedule: str, count: int) -> list[datetime]:
    """The latest `count` scheduled ticks whose batches were valid.

    Raises:
        UsageError: there are not so many.
    """
    valid = (
        result.logical_date
        for result in _scheduled(store, monitor.name, schedule)
        if result.verdict is not Verdict.INVALID and result.logical_date
    )
    chosen = list(islice(valid, count))
    if len(chosen) < count:
        raise UsageError(
            f"--last {count}: {monitor.name} has {len(chosen)} valid scheduled ticks "
            f"among its last {LOOK_BACK}"
        )
    return chosen


def accept(store: Store, monitor: Monitor, ticks: Sequence[datetime]) -> Accepted:
    """Put the batches of ticks in force as the monitor's reference; without a tick, change nothing.

    The reference keeps its columns and their types. The same ticks again are the same version,
    which changes nothing where it is in force.

    Raises:
        BadReferenceError: a batch is missing, invalid or does not fit, or they are too few rows.
        UsageError: another version came into force meanwhile.
    """
    before, ticks = _in_force(store, monitor.name), sorted(set(ticks))
    version = _keep(store, monitor, ticks).version if ticks else before.version
    return _put_in_force(store, monitor.name, version, before, ticks)


def use(store: Store, monitor: str, version: str) -> Accepted:
    """Put a version that is stored already in force again.

    Raises:
        BadReferenceError: there is no such version.
        UsageError: another version came into force meanwhile.
    """
    return _put_in_force(store, monitor, version, _in_force(store, monitor), [])


def _in_force(store: Store, monitor: str) -> InForce:
    entry = versions.in_force(store, monitor)
    if entry is None:
        raise versions.no_reference(monitor)
    return entry


def _put_in_force(
    store: Store, monitor: str, version: str, before: InForce, ticks: list[datetime]
) -> Accepted:
    profile = versions.read_profile(store, monitor, version)
    changed = version != before.version
    # What is configured stays what it was, so that `fit` does not undo this.
    if changed and not versions.put_in_force(store, monitor, version, before, before.configured):
        raise UsageError(
            f"{monitor}: another version came into force meanwhile; look at "
            f"`drift-checker baseline show --monitor {monitor}`, then ask again"
        )
    return Accepted(
        monitor=monitor,
        before=before.version,
        version=version,
        rows=profile.rows,
        source=profile.source,
        ticks=ticks,
        changed=changed,
    )


def _keep(store: Store, monitor: Monitor, ticks: list[datetime]) -> ReferenceSummary:
    """Store the batches of ticks as one version."""
    name = monitor.name
    reference = versions.read(store, name, versions.show(store, name))
    tables = [alike(reference, _valid_batch(store, name, tick), name, tick) for tick in ticks]
    source = f"the batch of {date_key(ticks[0])}"
    if len(ticks) > 1:
        source = f"{len(ticks)} batches, {date_key(ticks[0])} to {date_key(ticks[-1])}"
    try:
        table = pa.concat_tables(tables, promote_options="permissive")
        versions.check_soundness(table.num_rows, table.column_names, monitor)
    except (BadReferenceError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise BadReferenceError(f"{name}: {source}: {error}") from error
    digest = sha256(versions.as_parquet(table)).hexdigest()
    profile = versions.profile_of(Batch(table, digest), source)
    versions.keep(store, name, table, profile)
    return profile


def _valid_batch(store: Store, monitor: str, tick: datetime) -> Batch:
    result = read_document(store, keys.result(monitor, tick), Result)
    batch = load(store, monitor, tick)
    if result is None or batch is None:
        raise BadReferenceError(f"{monitor} has no result and batch of {date_key(tick)}")
    if result.verdict is Verdict.INVALID:
        raise BadReferenceError(f"{monitor}: the batch of {date_key(tick)} is invalid")
    return batch.batch


def alike(reference: Batch, batch: Batch, monitor: str, tick: datetime) -> pa.Table:
    """Return the batch with the columns of the reference, in its types as far as values allow.

    Raises:
        BadReferenceError: it lacks a column, or has one of another kind.
    """
    names = reference.table.column_names
    try:
        columns = [_column(reference, batch, name) for name in names]
    except (KeyError, MismatchError) as error:
        raise BadReferenceError(
            f"{monitor}: the batch of {date_key(tick)} does not fit the reference: {error}"
        ) from error
    return pa.Table.from_arrays(columns, names=names)


def _column(reference: Batch, batch: Batch, name: str) -> pa.Array[Any]:
    before = reference_column(reference, name)
    column = batch_column(batch, name, before.type)
    try:
        return column.cast(before.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return column  # whole numbers that have become fractions


def _scheduled(store: Store, monitor: str, schedule: str) -> Iterator[Result]:
    """Results of scheduled ticks, the latest first."""
    latest = read_latest_result(store, monitor)
    if latest is None:
        return
    after = latest.logical_date + timedelta(seconds=1)
    yield from results_before(store, monitor, schedule, after, LOOK_BACK)
