"""A result as a person reads it in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, timedelta

from drift_checker.escape import one_line
from drift_checker.result import (
    ColumnResult,
    Result,
    Rolling,
    Segment,
    SequentialResult,
    Severity,
    Verdict,
)
from drift_checker.wording.phrases import (
    column_label,
    correlation_change,
    lasting_change,
    p_value_cell,
    p_value_phrase,
    plain_number,
    shortened,
    span_phrase,
    trend_phrase,
)
from drift_checker.wording.rendering import explanation_text
from drift_checker.wording.summary import by_role_and_p_value

_COLUMNS = ("column", "verdict", "test", "p-value", "threshold", "effect", "reason")
_READINGS = ("column", "kind", "role", "read as", "why")
_FAULTS = ("fault", "severity", "column", "detail")
_VERDICTS = [Verdict.INVALID, Verdict.DRIFT, Verdict.OK, None]


def result_text(result: Result, *, readings: bool = False) -> str:
    """Return the verdict, a line for each column and one for each fault; aligned, no colour.

    With `readings` it is also said how each column was read, and why.
    """
    tested = sum(column.test is not None for column in result.columns)
    drifted = len(result.drifted_columns)
    head = (
        f"verdict: {result.verdict}\n"
        f"{result.current.rows} rows against {result.rows_compared_with} of the reference; "
        f"{drifted} of {len(result.columns)} columns drifted, {tested} tested"
    )
    columns = sorted(
        by_role_and_p_value(result.columns), key=lambda column: _VERDICTS.index(column.verdict)
    )
    faults = sorted(result.faults, key=lambda fault: list(Severity).index(fault.severity))
    explanation = [explanation_text(result.explanation)] if result.explanation else []
    rows_of_feed = (
        (name, _verdict_of(fault, result), "-", "-", "-", "-", reason)
        for name, fault, reason in feed_rows(result)
    )
    table = [_COLUMNS, *map(_column_row, columns), *rows_of_feed]
    blocks = [head, *explanation, aligned(table)]
    if result.joint:
        change = correlation_change(result.joint.pairs[0])
        p_value = p_value_phrase(result.joint.p_value)
        blocks.append(
            f"joint: {result.joint.verdict}; at most {change} "
            f"({p_value}, threshold {plain_number(result.joint.threshold)})"
        )
    if result.segments:
        blocks.append(_segments(result.segments))
    if result.sequential and result.sequential.verdict:
        blocks.append(_sequential(result.sequential))
    if result.rolling and result.anchor:
        blocks.append(_anchor(result.rolling, result.anchor))
    if readings:
        blocks.append(aligned([_READINGS, *map(_reading_row, result.columns)]))
    if faults:
        rows = [
            (fault.fault, fault.severity, shortened(fault.column or "-"), fault.detail)
            for fault in faults
        ]
        blocks.append(aligned([_FAULTS, *rows]))
    return "\n\n".join(blocks)


def feed_rows(result: Result) -> list[tuple[str, str, str]]:
    """Return what is said of the number of rows and of the newest one, with the fault of each."""
    feed = result.feed
    if feed is None:
        return []
    rows = f"{result.current.rows}"
    if feed.new_rows is not None and feed.new_rows != result.current.rows:
        rows += f", {feed.new_rows} of them new"
    if feed.expected_rows is not None:
        rows += f"; {feed.expected_rows:.0f} expected"
    lines = [("(rows)", "row_count", rows)]
    if feed.newest_row is not None and feed.age_seconds is not None:
        age = span_phrase(timedelta(seconds=abs(feed.age_seconds)))
        when = f"{age} {'before' if feed.age_seconds >= 0 else 'after'} the tick"
        newest = f"{feed.newest_row.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}, {when}"
        lines.append(("(newest row)", "stale", newest))
    return lines


def _verdict_of(name: str, result: Result) -> Verdict:
    severities = {fault.severity for fault in result.faults if fault.fault == name}
    if Severity.STRUCTURAL in severities:
        return Verdict.INVALID
    return Verdict.DRIFT if Severity.STATISTICAL in severities else Verdict.OK


def _segments(segments: list[Segment]) -> str:
    drifted = [segment.name for segment in segments if segment.verdict is Verdict.DRIFT]
    names = f": {', '.join(map(shortened, drifted))}" if drifted else ""
    return one_line(f"segments: {len(drifted)} of {len(segments)} drifted{names}")


def _anchor(rolling: Rolling, anchor: Result) -> str:
    names = ", ".join(map(shortened, anchor.drifted_columns))
    trends = "".join(f"\n  {one_line(trend_phrase(trend))}" for trend in rolling.trend)
    accepted = ", of which some drifted: it is normal now" if rolling.accepted else ""
    return (
        f"rolling reference: {rolling.ticks} ticks, {rolling.first:%Y-%m-%d %H:%M:%SZ} to "
        f"{rolling.last:%Y-%m-%d %H:%M:%SZ}{accepted}; "
        f"against the fixed one: {anchor.verdict}{': ' if names else ''}{one_line(names)}{trends}"
    )


def _sequential(sequential: SequentialResult) -> str:
    changes = "; ".join(map(lasting_change, sequential.columns))
    threshold = plain_number(sequential.threshold or 0.0)
    return one_line(f"sequential: {sequential.verdict}; {changes} (threshold {threshold})")


def _column_row(column: ColumnResult) -> tuple[str, ...]:
    def number(value: float | None) -> str:
        return "-" if value is None else f"{value:.2g}"

    effect = "-" if column.effect is None else f"{column.effect} {number(column.effect_size)}"
    if column.floor is not None:
        effect += f" (floor {column.floor:g})"
    return (
        column_label(column),
        column.verdict or "-",
        column.test or "-",
        "-" if column.p_value is None else p_value_cell(column.p_value),
        number(column.threshold),
        effect,
        column.reason or "",
    )


def _reading_row(column: ColumnResult) -> tuple[str, ...]:
    return (
        shortened(column.name),
        column.kind,
        column.role,
        column.parse or "-",
        column.why or "",
    )


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows of as many cells each as lines, the cells of a column below each other."""
    shown = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        for row in shown
    )
    return "\n".join(line.rstrip() for line in lines)
