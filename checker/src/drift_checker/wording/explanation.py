"""The explanation of a result: which columns, how they changed, since when, how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from drift_checker.result import (
    ColumnResult,
    Explanation,
    Fault,
    Result,
    RowDependence,
    Severity,
    Verdict,
)
from drift_checker.wording.phrases import (
    column_label,
    correlation_change,
    dependence_phrase,
    lasting_change,
    natural_frequency,
    p_value_phrase,
    rounded_frequency,
    shortened,
    trend_phrase,
)
from drift_checker.wording.summary import by_role_and_p_value, summarize

MAX_CHANGES = 20
"""Changes that have a line; the others are counted."""
_USUAL = 0.5
"""Above it, more batches than not look like this."""
_SAME = 1.1
"""A rate of false alarms that is at most so many times the level is taken to be the level."""


def with_explanation(result: Result) -> Result:
    """Return the result with its explanation, which says what all its other fields do."""
    changes = list(_changes(result))
    if (more := len(changes) - MAX_CHANGES) > 0:
        changes[MAX_CHANGES:] = [f"and {more} more"]
    explanation = Explanation(
        summary=summarize(result),
        changes=changes,
        since=_since(result),
        certainty=_certainty(result),
    )
    return result.model_copy(update={"explanation": explanation})


def _changes(result: Result) -> Iterator[str]:
    """A line for each thing that changed: what cannot be trusted, columns, segments, pairs."""
    for fault in result.faults:
        of_batch = fault.severity is Severity.STATISTICAL and fault.column is None
        if fault.severity is Severity.STRUCTURAL or of_batch:
            where = "" if fault.column is None else f" in {shortened(fault.column)!r}"
            yield f"{fault.fault}{where}: {fault.detail}"
    for column in by_role_and_p_value(result.columns):
        yield from _column_change(column)
        yield from _statistical_faults(column, result.faults)
    for segment in result.segments:
        for column in by_role_and_p_value(segment.columns):
            yield from (f"in segment {segment.name}: {line}" for line in _column_change(column))
    if result.joint and result.joint.verdict is Verdict.DRIFT:
        for pair in result.joint.pairs:
            yield f"{correlation_change(pair)} ({p_value_phrase(pair.p_value)})"
    if result.sequential and result.sequential.verdict is Verdict.DRIFT:
        yield from map(lasting_change, result.sequential.columns)
    if result.anchor and result.anchor.verdict is Verdict.DRIFT:
        yield from _anchor_changes(result, result.anchor)


def _anchor_changes(result: Result, anchor: Result) -> Iterator[str]:
    """Say how far the fixed reference is: what changed if that is drift, else the trend alone."""
    if result.deciding_anchor:
        yield from (f"against the fixed reference: {line}" for line in _changes(anchor))
    elif result.rolling:
        trends = "; ".join(map(trend_phrase, result.rolling.trend))
        yield f"no alarm, far from the fixed reference: {trends or anchor.verdict}"


def _column_change(column: ColumnResult) -> Iterator[str]:
    if column.change is not None and column.p_value is not None:
        yield f"{column_label(column)}: {column.change} ({p_value_phrase(column.p_value)})"


def _statistical_faults(column: ColumnResult, faults: list[Fault]) -> Iterator[str]:
    for fault in faults:
        if fault.severity is Severity.STATISTICAL and fault.column == column.name:
            yield f"{column_label(column)}: {fault.fault}, {fault.detail}"


def _since(result: Result) -> str | None:
    alarm = result.alarm
    if alarm.since is None:
        return None
    return f"{alarm.since:%Y-%m-%d %H:%M:%SZ} (alarm {alarm.id}, {alarm.state})"


def _matters(dependence: RowDependence | None, level: float) -> TypeGuard[RowDependence]:
    return dependence is not None and dependence.false_alarms > _SAME * level


def _certainty(result: Result) -> str:
    """What the level and the p-value of the whole tick mean."""
    budget, calibration = result.alarm_budget, result.calibration
    meaning = f"a false alarm in at most {natural_frequency(budget.level)} checks"
    if budget.per_week is not None:
        meaning += f" ({budget.per_week:g} a week over all monitors)"
    if calibration.reason is not None:
        meaning += f" ({calibration.reason})"
    elif calibration.method == "exact":
        meaning += ", if rows are independent of each other"
    if _matters(calibration.dependence, budget.level):
        meaning += f" ({dependence_phrase(calibration.dependence, budget.level)})"
    if result.rolling and result.rolling.reason is not None:
        meaning += f" ({result.rolling.reason})"
    if result.p_value is None:
        return f"without drift there is {meaning}"
    frequency = rounded_frequency(result.p_value)
    if result.p_value <= budget.level:
        return (
            f"without drift a change as clear as this comes in {frequency} batches, and {meaning}"
        )
    if result.p_value > _USUAL:
        return f"nothing here is unusual, and without drift there is {meaning}"
    return f"without drift {frequency} batches looks as unusual as this, and there is {meaning}"
