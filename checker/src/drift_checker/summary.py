"""A result in one sentence, for logs, status and MLflow."""

from __future__ import annotations

from drift_checker.result import Fault, Result, Severity, Verdict
from drift_checker.words import correlation_change

MAX_NAMED = 5


def sentence(result: Result) -> str:
    """Say what the verdict is and what it rests on."""
    faults = [fault for fault in result.faults if fault.severity is not Severity.NOTE]
    reasons = [f"{_name(fault)}: {fault.detail}" for fault in faults[:MAX_NAMED]]
    if result.drifted_columns:
        reasons.append(f"drift in {_list(result.drifted_columns)}")
    if result.joint and result.joint.verdict is Verdict.DRIFT:
        reasons.append(correlation_change(result.joint.pairs[0]))
    if not reasons:
        reasons.append("no drift and no fault")
    sizes = f"{result.current.rows} rows against {result.reference.rows}"
    return f"{result.verdict}: {'; '.join(reasons)} ({sizes})"


def _name(fault: Fault) -> str:
    return fault.fault if fault.column is None else f"{fault.fault} in {fault.column}"


def _list(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")
