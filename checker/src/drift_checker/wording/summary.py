"""A result in one sentence, for logs, status and MLflow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from drift_checker.result import ColumnResult, Fault, Result, Severity, Verdict
from drift_checker.wording.phrases import correlation_change, short

MAX_NAMED = 5
_FIRST = {"target": 0, "prediction": 1}


def sentence(result: Result) -> str:
    """Say what the verdict is and what it rests on."""
    reasons = list(_reasons(result)) or ["no drift and no fault"]
    sizes = f"{result.current.rows} rows against {result.rows_compared_with}"
    return f"{result.verdict}: {'; '.join(reasons)} ({sizes})"


def _reasons(result: Result) -> Iterator[str]:
    faults = [fault for fault in result.faults if fault.severity is not Severity.NOTE]
    yield from (f"{_name(fault)}: {fault.detail}" for fault in faults[:MAX_NAMED])
    if drifted := [column for column in result.columns if column.verdict is Verdict.DRIFT]:
        yield f"drift in {_list([named(column) for column in target_first(drifted)])}"
    if result.joint and result.joint.verdict is Verdict.DRIFT:
        yield correlation_change(result.joint.pairs[0])
    if result.sequential and result.sequential.verdict is Verdict.DRIFT:
        lasting = result.sequential.columns
        names = _list([short(column.name) for column in lasting])
        yield f"over {lasting[0].ticks} ticks in {names}"
    if result.anchor and result.anchor.verdict is Verdict.DRIFT:
        yield f"against the fixed reference {', '.join(_reasons(result.anchor))}"


def named(column: ColumnResult) -> str:
    """The column's name, and what it is where it is more than a feature."""
    name = short(column.name)
    return name if column.role == "feature" else f"{column.role} {name}"


def target_first(columns: Sequence[ColumnResult]) -> list[ColumnResult]:
    """Columns in the order in which they are told: target, prediction, then by their p-value."""

    def place(column: ColumnResult) -> tuple[int, float]:
        return _FIRST.get(
            column.role, len(_FIRST)
        ), 1.0 if column.p_value is None else column.p_value

    return sorted(columns, key=place)


def _name(fault: Fault) -> str:
    return fault.fault if fault.column is None else f"{fault.fault} in {short(fault.column)}"


def _list(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
