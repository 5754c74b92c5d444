"""A result in one sentence, for logs, status and MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drift_checker.result import ColumnResult, Fault, Result, Severity, Verdict
from drift_checker.wording.phrases import column_label, correlation_change, shortened

MAX_NAMED = 5
"""Columns and faults that are named; of columns, the others are counted."""
_ROLES_FIRST = {"target": 0, "prediction": 1}


def summarize(result: Result) -> str:
    """Return a sentence that says what the verdict is and what it rests on."""
    reasons = list(_reasons(result)) or ["no drift and no fault"]
    reasons += _not_compared(result)
    sizes = f"{result.current.rows} rows against {result.rows_compared_with}"
    return f"{result.verdict}: {'; '.join(reasons)} ({sizes})"


def _not_compared(result: Result) -> Iterator[str]:
    """Say of target and prediction that they were not compared, where the batch was."""
    if not (result.compared and result.compared.columns):
        return
    derived = {column.name.rsplit(": ", 1)[0] for column in result.columns if column.test}
    for column in result.columns:
        silent = column.verdict is Verdict.OK and column.test is None and column.name not in derived
        if silent and column.role in _ROLES_FIRST:
            yield f"{column.role} {shortened(column.name)!r} was not compared: {column.reason}"


def by_role_and_p_value(columns: Sequence[ColumnResult]) -> list[ColumnResult]:
    """Return the columns in the order in which people read them.

    The target comes first, then the prediction, then all others by their p-value.
    """

    def rank(column: ColumnResult) -> tuple[int, float]:
        p_value = 1.0 if column.p_value is None else column.p_value
        return _ROLES_FIRST.get(column.role, len(_ROLES_FIRST)), p_value

    return sorted(columns, key=rank)


def strongest_first(result: Result) -> list[ColumnResult]:
    """Return the columns that drifted before all others, each of them as people read them."""
    columns = by_role_and_p_value(result.columns)
    return sorted(columns, key=lambda column: column.verdict is not Verdict.DRIFT)


def _reasons(result: Result) -> Iterator[str]:
    faults = [fault for fault in result.faults if fault.severity is not Severity.NOTE]
    yield from (f"{_fault_label(fault)}: {fault.detail}" for fault in faults[:MAX_NAMED])
    if drifted := [column for column in result.columns if column.verdict is Verdict.DRIFT]:
        yield f"drift in {_enumerated([column_label(c) for c in by_role_and_p_value(drifted)])}"
    if result.joint and result.joint.verdict is Verdict.DRIFT:
        yield correlation_change(result.joint.pairs[0])
    if result.sequential and result.sequential.verdict is Verdict.DRIFT:
        lasting = result.sequential.columns
        names = _enumerated([shortened(column.name) for column in lasting])
        yield f"over {lasting[0].ticks} ticks in {names}"
    anchor = result.deciding_anchor
    if anchor and anchor.verdict is Verdict.DRIFT:
        yield f"against the fixed reference {', '.join(_reasons(anchor))}"


def _fault_label(fault: Fault) -> str:
    return fault.fault if fault.column is None else f"{fault.fault} in {shortened(fault.column)}"


def _enumerated(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
