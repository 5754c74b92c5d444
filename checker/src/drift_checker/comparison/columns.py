"""The columns one by one: their p-values at a level for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.samples import ColumnSample
from drift_checker.decision import Decision, harmonic
from drift_checker.result import ColumnResult, Verdict
from drift_checker.wording import changed_below_floor


@dataclass(frozen=True)
class JudgedColumns:
    """The result of each column, and the p-value of all of them together.

    Effects below their floors count for nothing in it; it is at most the level where one drifts.
    """

    results: list[ColumnResult]
    p_value: float | None


def judge_columns(
    samples: Sequence[tuple[ColumnResult, ColumnSample]], settings: CompareSettings, level: float
) -> JudgedColumns:
    """Test samples at a level for all of them, by the harmonic mean of their p-values.

    Each comes with the column's result so far, of which name, kind and role stay.
    """
    if not samples:
        return JudgedColumns([], None)
    least = harmonic.critical_sum(level, len(samples))
    decisions = [
        sample.decide(settings.floors_of(column.name), 1 / least) for column, sample in samples
    ]
    relevant = [each.relevant_p_value for each in decisions]
    thresholds = harmonic.thresholds(relevant, least)
    results = [
        _judged(column, sample, decision, threshold)
        for (column, sample), decision, threshold in zip(
            samples, decisions, thresholds, strict=True
        )
    ]
    return JudgedColumns(results, harmonic.combined_p_value(relevant, level))


def _judged(
    column: ColumnResult, sample: ColumnSample, decision: Decision, threshold: float
) -> ColumnResult:
    """Return the result of a column whose sample was tested."""
    alarming = decision.alarming(threshold)
    decisive = alarming or decision.most_significant
    evidence = decisive.evidence
    below_floor = not (alarming or evidence.is_relevant) and decisive.p_value <= threshold
    return replace(
        column,
        verdict=Verdict.DRIFT if alarming else Verdict.OK,
        test=evidence.test,
        statistic=evidence.statistic,
        p_value=decisive.p_value,
        threshold=threshold,
        effect=evidence.effect,
        effect_size=evidence.effect_size,
        floor=evidence.effect_floor,
        interval=evidence.interval,
        reason=changed_below_floor(decisive.p_value, evidence.effect_floor)
        if below_floor
        else column.reason,
        change=sample.change(evidence.effect) if alarming else None,
    )
