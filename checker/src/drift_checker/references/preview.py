"""What an acceptance would change, before it is made."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from drift_checker.comparison import CompareSettings, InMemoryPair, judge, prepare, result_of
from drift_checker.config import Monitor
from drift_checker.references import versions
from drift_checker.references.acceptance import gather_ticks
from drift_checker.references.versions import ReferenceSummary
from drift_checker.result import Result, Verdict
from drift_checker.state import Document, Store, read_result
from drift_checker.tables import Batch


class PreviewedVersion(Document):
    """A version of the reference, as it is named to people."""

    version: str
    rows: int
    source: str


class PreviewedTick(Document):
    """A tick whose batch would be part of the reference."""

    logical_date: datetime
    rows: int
    verdict: Verdict
    drifted_columns: list[str]


class ColumnShift(Document):
    """What a column would be instead of what it is.

    `change` says it in words, before -> after, by what its `effect` measures; `missing` are the
    shares of rows without a value, before and after. Of columns that are not compared there is a
    `reason` instead.
    """

    name: str
    kind: str
    change: str | None = None
    effect: str | None = None
    effect_size: float | None = None
    missing: tuple[float, float] | None = None
    reason: str | None = None


class AcceptancePreview(Document):
    """What would become the reference of a monitor, and instead of what; nothing is `changed` yet.

    `ticks` are those whose batches would be the reference, the oldest first; none where an older
    version comes back. Where nothing would change there are no `columns`.
    """

    monitor: str
    changed: bool
    """Whether another version would come into force."""
    before: PreviewedVersion
    after: PreviewedVersion
    ticks: list[PreviewedTick]
    columns: list[ColumnShift]

    @property
    def drifted(self) -> list[PreviewedTick]:
        """The ticks that drifted from the reference of then."""
        return [tick for tick in self.ticks if tick.verdict is Verdict.DRIFT]


Version = tuple[ReferenceSummary, Batch]
"""A version of a reference with its rows."""


def preview_acceptance(
    monitor: Monitor, before: Version, after: Version, results: Sequence[Result] = ()
) -> AcceptancePreview:
    """Compare a version that may come into force with the one that is; `results` are its ticks'."""
    changed = before[0].version != after[0].version
    return AcceptancePreview(
        monitor=monitor.name,
        changed=changed,
        before=_described(before[0]),
        after=_described(after[0]),
        ticks=[
            PreviewedTick(
                logical_date=result.logical_date,
                rows=result.current.rows,
                verdict=result.verdict,
                drifted_columns=result.drifted_columns,
            )
            for result in results
            if result.logical_date
        ],
        columns=_shifts(monitor, before[1], after[1]) if changed else [],
    )


def preview_ticks(store: Store, monitor: Monitor, ticks: Sequence[datetime]) -> AcceptancePreview:
    """Return what `accept_ticks` would change; stores nothing.

    Raises:
        BadReferenceError: a batch is missing, invalid or does not fit, or they are too few rows.
    """
    before, ticks = _version_in_force(store, monitor), sorted(set(ticks))
    if not ticks:
        return preview_acceptance(monitor, before, before)
    after = gather_ticks(store, monitor, ticks, before[1])
    read = (read_result(store, monitor.name, tick) for tick in ticks)
    return preview_acceptance(monitor, before, after, [result for result in read if result])


def preview_version(store: Store, monitor: Monitor, version: str) -> AcceptancePreview:
    """Return what `use_version` would change; stores nothing.

    Raises:
        BadReferenceError: there is no such version.
    """
    summary = versions.read_summary(store, monitor.name, version)
    after = summary, versions.load_reference(store, monitor.name, summary)
    return preview_acceptance(monitor, _version_in_force(store, monitor), after)


def _version_in_force(store: Store, monitor: Monitor) -> Version:
    summary = versions.summary_in_force(store, monitor.name)
    return summary, versions.load_reference(store, monitor.name, summary)


def _described(summary: ReferenceSummary) -> PreviewedVersion:
    return PreviewedVersion(version=summary.version, rows=summary.rows, source=summary.source)


def _shifts(monitor: Monitor, before: Batch, after: Batch) -> list[ColumnShift]:
    """Return what becomes of each column, in the order of the reference in force."""
    roles = monitor.columns.roles
    settings = CompareSettings(columns=roles)
    prepared = prepare(InMemoryPair(before, after, roles.reading), settings)
    judged = {column.name: column for column in result_of(judge(prepared)).columns}
    shifts = []
    for name, column in prepared.columns.items():
        shift = ColumnShift(name=name, kind=column.kind, reason=column.reason)
        if name in prepared.samples:
            effect = judged[name].effect
            (missing_after, rows_after), (missing, rows) = prepared.pairs[name].nulls
            shift = ColumnShift(
                name=name,
                kind=column.kind,
                change=prepared.samples[name].change(effect or ""),
                effect=effect,
                effect_size=judged[name].effect_size,
                missing=(missing / rows, missing_after / rows_after),
            )
        shifts.append(shift)
    return shifts
