"""The second step: every test of a comparison, at its part of the alarm budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from drift_checker.comparison import aspects, faults, segments, sequential
from drift_checker.comparison.columns import drifted, judge_columns
from drift_checker.comparison.in_memory_pairs import InMemoryPair
from drift_checker.comparison.joint import JointSample
from drift_checker.comparison.prepare import Prepared
from drift_checker.comparison.windows import (
    TOO_LARGE,
    Windows,
    calibration,
    reference_windows,
)
from drift_checker.profiles import TickCounts
from drift_checker.result import (
    AlarmBudget,
    Calibration,
    ColumnResult,
    Fault,
    JointResult,
    Segment,
    SequentialResult,
    Severity,
    Verdict,
)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What the tests of a comparison came to.

    `columns` has a result for each column of the reference, by this batch alone; `budget` is how
    the level was split over the tests that there were.
    """

    prepared: Prepared
    columns: Mapping[str, ColumnResult]
    faults: tuple[Fault, ...]
    budget: AlarmBudget
    calibration: Calibration
    joint: JointResult | None
    joint_reason: str | None = None
    sequential: SequentialResult | None = None
    segments: tuple[Segment, ...] = ()


def judge(prepared: Prepared, *, past: Sequence[TickCounts] | None = None) -> Judged:
    """Test a batch by windows of the reference where they tell what is normal, else by its rows.

    `past` is of a scheduled tick the counts of those ticks before it that its sequential statistic
    pools, the newest first.

    Raises:
        BadReferenceError: Windows are asked for, and the timestamp column holds no times.
    """
    windows, calibrated = _windows(prepared)
    if windows is None:
        return _judge_rows(prepared, past, calibrated)
    return _judge_windows(prepared, windows, calibrated)


def _windows(prepared: Prepared) -> tuple[Windows | None, Calibration]:
    """Cut the reference into windows where they are to tell what is normal, and can."""
    settings = prepared.settings
    span, timestamp = settings.window, settings.columns.timestamp
    if span is None or timestamp not in prepared.pairs or not prepared.samples:
        return None, Calibration()
    times = prepared.pairs[timestamp].arrays
    if times is None:
        return None, Calibration(reason=TOO_LARGE)
    current, reference = times
    windows = reference_windows(reference, settings, span)
    if settings.baseline == "seasonal":
        windows = windows.in_season_of(current)
    calibrated = calibration(windows, settings, settings.alarm_budget().level)
    return (None if calibrated.method == "exact" else windows), calibrated


def _judge_rows(
    prepared: Prepared, past: Sequence[TickCounts] | None, calibrated: Calibration
) -> Judged:
    """Take rows as independent.

    What has nothing to test leaves its part of the budget to the columns. A column drifted where
    its own test, the test of a fault or that of a segment says so.
    """
    settings, results = prepared.settings, _untested(prepared)
    joint, joint_reason, budget = _judge_joint(prepared, settings.alarm_budget())
    sequence, budget = _judge_sequence(prepared, past, budget)
    found = faults.judge_counts(
        prepared.count_tests, budget.parts.get("faults", 0.0), settings.floors.share
    )
    split, notes, budget = _judge_segments(prepared, budget)
    samples = [(results[name], sample) for name, sample in prepared.samples.items()]
    tested = judge_columns(samples, settings, budget.parts.get("columns", 0.0))
    results |= {column.name: column for column in tested}
    elsewhere = {fault.column for fault in found} | {
        column.name
        for segment in split
        for column in segment.columns
        if column.verdict is Verdict.DRIFT
    }
    return Judged(
        prepared=prepared,
        columns={
            name: drifted(column) if name in elsewhere else column
            for name, column in results.items()
        },
        faults=(*prepared.faults, *found, *notes),
        budget=budget,
        calibration=calibrated,
        joint=joint,
        joint_reason=joint_reason,
        sequential=sequence,
        segments=tuple(split),
    )


def _untested(prepared: Prepared) -> dict[str, ColumnResult]:
    return {name: column.untested for name, column in prepared.columns.items()}


def _judge_joint(
    prepared: Prepared, budget: AlarmBudget
) -> tuple[JointResult | None, str | None, AlarmBudget]:
    """Test how the numeric columns hang together, or say why not."""
    rows = {name: prepared.samples[name].row_sample for name in prepared.target_first}
    numeric = {name: both for name, both in rows.items() if both}
    joint = JointSample(numeric, most=prepared.settings.joint_columns)
    if joint.reason is not None:
        return None, joint.reason, budget.without("joint")
    level = budget.parts.get("joint", 0.0)
    return joint.judge(level, prepared.settings.floors.correlation), None, budget


def _judge_sequence(
    prepared: Prepared, past: Sequence[TickCounts] | None, budget: AlarmBudget
) -> tuple[SequentialResult | None, AlarmBudget]:
    """Test the last scheduled ticks as one batch."""
    current, rows = prepared.tables.current, prepared.tables.reference.rows
    if past is None or current.unreadable:
        return None, budget.without("sequential")
    pools = sequential.pools([prepared.tick_counts, *past], rows)
    if not pools:
        budget = budget.without("sequential")
    result = sequential.judge(
        [sample.pooled_column(name) for name, sample in prepared.samples.items()],
        pools,
        threshold=budget.parts.get("sequential", 0.0),
        floors=prepared.settings.floors,
        reason=sequential.limit_reason(current.rows, rows, ticks=len(past) + 1),
    )
    return result, budget


def _judge_segments(
    prepared: Prepared, budget: AlarmBudget
) -> tuple[list[Segment], list[Fault], AlarmBudget]:
    """Test the samples of all segments, at half of the columns' part of the level."""
    settings = prepared.settings
    if not settings.segments:
        return [], [], budget
    if not isinstance(prepared.tables, InMemoryPair):
        detail = "the tables are so large that they are compared by profiles, without segments"
        return [], [_segments_left_out(detail)], budget
    sampled = segments.sampled_segments(prepared.tables, settings.segments, list(prepared.samples))
    if not any(samples for _, samples in sampled):
        return [], [], budget
    halved, untested = budget.halved(), _untested(prepared)
    return segments.judge(sampled, untested, settings, halved.parts["segments"]), [], halved


def _segments_left_out(detail: str) -> Fault:
    return Fault(fault="segments_left_out", severity=Severity.NOTE, column=None, detail=detail)


def _judge_windows(prepared: Prepared, windows: Windows, calibrated: Calibration) -> Judged:
    """Rank the batch among the windows of the reference, by all aspects at once."""
    settings, budget = prepared.settings, prepared.settings.alarm_budget()
    level, notes = budget.level, list[Fault]()
    if settings.segments:
        detail = "segments take rows as independent, and are not judged where windows are"
        notes.append(_segments_left_out(detail))
    measured = aspects.measure(
        windows,
        {name: arrays for name, pair in prepared.pairs.items() if (arrays := pair.arrays)},
        tested=prepared.target_first,
        joint_columns=settings.joint_columns,
        floors=settings.floors,
    )
    ranked = aspects.rank_aspects(list(measured), level)
    null_faults = aspects.null_faults(ranked, level)
    columns = _untested(prepared)
    columns |= aspects.column_results(ranked, columns, prepared.samples, level)
    columns |= {name: drifted(columns[name]) for fault in null_faults if (name := fault.column)}
    extrapolated = calibrated.method == "extrapolated"
    attained = 1 / (len(windows) + 1) if extrapolated else None
    return Judged(
        prepared=prepared,
        columns=columns,
        faults=(*prepared.faults, *notes, *null_faults),
        budget=budget.model_copy(update={"parts": {"windows": level}, "level_attained": attained}),
        calibration=calibrated,
        joint=aspects.joint_result(ranked, level),
    )
