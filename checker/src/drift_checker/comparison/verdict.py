"""The last step: from what the tests came to, to the verdict and the result."""

from __future__ import annotations

from drift_checker.comparison.columns import drifted
from drift_checker.comparison.judge import Judged
from drift_checker.result import CurrentInfo, ReferenceInfo, Result, Severity, Verdict


def batch_verdict(judged: Judged) -> Verdict:
    """Return the verdict on a batch alone, whatever the ticks before it add up to."""
    if any(fault.severity is Severity.STRUCTURAL for fault in judged.faults):
        return Verdict.INVALID
    verdicts = [column.verdict for column in judged.columns.values()]
    if judged.joint:
        verdicts.append(judged.joint.verdict)
    return Verdict.DRIFT if Verdict.DRIFT in verdicts else Verdict.OK


def result_of(judged: Judged) -> Result:
    """Reach the verdict: that on the batch, or drift that lasts over ticks where it is `ok`."""
    verdict, sequential = batch_verdict(judged), judged.sequential
    lasting = set()
    if sequential and sequential.verdict is Verdict.DRIFT:
        lasting = {column.name for column in sequential.columns}
    columns = [
        drifted(column) if name in lasting else column for name, column in judged.columns.items()
    ]
    reference, current = judged.prepared.tables.reference, judged.prepared.tables.current
    return Result(
        monitor=None,
        logical_date=None,
        verdict=Verdict.DRIFT if lasting and verdict is Verdict.OK else verdict,
        reference=ReferenceInfo(version=reference.digest, rows=reference.rows),
        current=CurrentInfo(rows=current.rows, digest=current.digest),
        columns=columns,
        joint=judged.joint,
        joint_reason=judged.joint_reason,
        sequential=sequential,
        segments=list(judged.segments),
        faults=list(judged.faults),
        drifted_columns=[one.name for one in columns if one.verdict is Verdict.DRIFT],
        alarm_budget=judged.budget,
        calibration=judged.calibration,
    )
