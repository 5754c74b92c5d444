"""The last step: from what the tests came to, to the verdict and the result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drift_checker.comparison.prepare import Prepared
from drift_checker.result import (
    AlarmBudget,
    Calibration,
    ColumnResult,
    CurrentInfo,
    Fault,
    JointResult,
    ReferenceInfo,
    Result,
    Segment,
    SequentialResult,
    Severity,
    Verdict,
)


@dataclass(frozen=True)
class Judged:
    """A batch that was tested.

    `batch_result` has the verdict on this batch alone, and on its columns: what the ticks before it
    add up to stands in it as `sequential`, and changes neither.
    """

    prepared: Prepared
    batch_result: Result


def result_of(judged: Judged) -> Result:
    """Reach the verdict: that on the batch, or drift that lasts over ticks where it is `ok`."""
    result, sequential = judged.batch_result, judged.batch_result.sequential
    if sequential is None or sequential.verdict is not Verdict.DRIFT:
        return result
    columns = _marked(result.columns, {column.name for column in sequential.columns})
    return result.model_copy(
        update={
            "verdict": Verdict.DRIFT if result.verdict is Verdict.OK else result.verdict,
            "columns": columns,
            "drifted_columns": _drifted(columns),
        }
    )


def batch_result(
    prepared: Prepared,
    tested: Mapping[str, ColumnResult],
    faults: Sequence[Fault],
    *,
    budget: AlarmBudget,
    p_values: Mapping[str, float | None],
    calibration: Calibration,
    joint: JointResult | None,
    joint_reason: str | None = None,
    sequential: SequentialResult | None = None,
    segments: Sequence[Segment] = (),
) -> Result:
    """Reach the verdict on a batch alone.

    `faults` are those that tests found; `tested` has the columns of which the values were tested. A
    column drifted where its own test, that of a fault or that of a segment says so. `p_values` has
    the p-value of each part of the budget, of effects above their floors.
    """
    reference, current = prepared.tables.reference, prepared.tables.current
    elsewhere = {fault.column for fault in faults if fault.severity is Severity.STATISTICAL}
    elsewhere |= {name for segment in segments for name in _drifted(segment.columns)}
    columns = _marked(
        [tested.get(name, each) for name, each in prepared.columns.items()], elsewhere
    )
    every_fault, verdict = [*prepared.faults, *faults], Verdict.OK
    if any(fault.severity is Severity.STRUCTURAL for fault in every_fault):
        verdict = Verdict.INVALID
    elif _drifted(columns) or (joint and joint.verdict is Verdict.DRIFT):
        verdict = Verdict.DRIFT
    return Result(
        monitor=None,
        logical_date=None,
        verdict=verdict,
        reference=ReferenceInfo(version=reference.digest, rows=reference.rows),
        current=CurrentInfo(rows=current.rows, digest=current.digest),
        columns=columns,
        compared=prepared.compared,
        joint=joint,
        joint_reason=joint_reason,
        sequential=sequential,
        segments=list(segments),
        faults=every_fault,
        drifted_columns=_drifted(columns),
        alarm_budget=budget,
        p_value=combine_parts(p_values, budget.parts),
        calibration=calibration,
    )


def combine_parts(
    p_values: Mapping[str, float | None], levels: Mapping[str, float]
) -> float | None:
    """Return the p-value of parts that are each tested at a level of their own.

    It is at most the sum of all levels where that of some part is at most its own: Bonferroni's
    inequality with weights (Holm 1979). A part that was not tested, or has no level, has none;
    None where no part has one.
    """
    weighted = [
        p_value / levels[part]
        for part, p_value in p_values.items()
        if p_value is not None and levels.get(part)
    ]
    return min(1.0, min(weighted) * sum(levels.values())) if weighted else None


def _marked(columns: Sequence[ColumnResult], drifted: set[str | None]) -> list[ColumnResult]:
    """Return the columns, those of these names with the verdict that they drifted."""
    drift = {"verdict": Verdict.DRIFT}
    return [each.model_copy(update=drift) if each.name in drifted else each for each in columns]


def _drifted(columns: Sequence[ColumnResult]) -> list[str]:
    return [column.name for column in columns if column.verdict is Verdict.DRIFT]
