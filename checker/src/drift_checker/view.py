"""A result as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from drift_checker.result import ColumnResult, Fault, Result, Severity, Verdict
from drift_checker.words import correlation_change, percent

_COLUMNS = ("column", "verdict", "test", "p-value", "threshold", "effect", "what changed")
_FAULTS = ("fault", "severity", "column", "detail")
_VERDICTS = [Verdict.INVALID, Verdict.DRIFT, Verdict.OK, None]
_SEVERITIES = list(Severity)


def as_table(result: Result) -> str:
    """Return the verdict, a line for each column and one for each fault; aligned, no colour."""
    tested = sum(column.test is not None for column in result.columns)
    drifted = len(result.drifted_columns)
    head = (
        f"verdict: {result.verdict}\n"
        f"{result.current.rows} rows against {result.reference.rows} of the reference; "
        f"{drifted} of {len(result.columns)} columns drifted, {tested} tested; "
        f"chance of a false alarm at most {percent(result.alarm_budget.level)}"
    )
    columns = sorted(result.columns, key=lambda column: _VERDICTS.index(column.verdict))
    faults = sorted(result.faults, key=lambda fault: _SEVERITIES.index(fault.severity))
    blocks = [head, _aligned([_COLUMNS, *map(_column, columns)])]
    if result.joint:
        changes = "; ".join(map(correlation_change, result.joint.pairs))
        p_value = f"p = {result.joint.p_value:.2g}, threshold {result.joint.threshold:.2g}"
        blocks.append(f"joint: {result.joint.verdict}; {changes} ({p_value})")
    if faults:
        blocks.append(_aligned([_FAULTS, *map(_fault, faults)]))
    return "\n\n".join(blocks)


def _column(column: ColumnResult) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.2g}"

    effect = "-" if column.effect is None else f"{column.effect} {number(column.effect_size)}"
    return (
        column.name,
        column.verdict or "-",
        column.test or "-",
        number(column.p_value),
        number(column.threshold),
        effect,
        column.change or column.reason or "",
    )


def _fault(fault: Fault) -> tuple[str, ...]:
    return fault.fault, fault.severity, fault.column or "-", fault.detail


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
