"""The second step: every test of a comparison, at its part of the alarm budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from drift_checker.comparison import faults, joint
from drift_checker.comparison.columns import judge_columns
from drift_checker.comparison.in_memory_pairs import InMemoryPair
from drift_checker.comparison.prepare import Prepared
from drift_checker.comparison.verdict import Judged, batch_result
from drift_checker.profiles import TickCounts
from drift_checker.result import (
    AlarmBudget,
    Calibration,
    ColumnResult,
    Fault,
    JointResult,
    Result,
    Segment,
    SequentialResult,
    Severity,
    Verdict,
)
from drift_checker.wording import changed_below_floor

if TYPE_CHECKING:
    from datetime import timedelta

    from drift_checker.comparison.windows import Windows

# Windows, segments and past ticks are what most comparisons do without: each is imported where it
# is asked for.


@dataclass(frozen=True, kw_only=True)
class FeedFacts:
    """What a comparison has to know of the feed that its batch comes from.

    `judged` says that the feed itself is, and keeps its part of the level. A batch that is not
    `whole` has rows that were there before: pooled are only `new_counts`, those of the others, of
    which there may be none. Of one that `repeats` another, and of one that is not whole, what
    cannot be pooled leaves no part of the level to the columns: served again, a batch that was `ok`
    is.
    """

    judged: bool = False
    repeats: bool = False
    whole: bool = True
    new_counts: TickCounts | None = None


def judge(
    prepared: Prepared,
    *,
    past: Sequence[TickCounts] | None = None,
    feed: FeedFacts | None = None,
) -> Judged:
    """Test a batch by windows of the reference where they tell what is normal, else by its rows.

    `past` is of a scheduled tick the counts of those ticks before it that its sequential statistic
    pools, the newest first, and `feed` what is known of its feed.

    Raises:
        BadReferenceError: Windows are asked for, and the timestamp column holds no times.
    """
    feed = feed or FeedFacts()
    if prepared.settings.window is None:
        return Judged(prepared, _judge_rows(prepared, past, feed, Calibration()))
    from drift_checker.comparison import windows  # noqa: PLC0415

    cut, reason = _windows(prepared, prepared.settings.window)
    if cut is None:
        return Judged(prepared, _judge_rows(prepared, past, feed, Calibration(reason=reason)))
    level = prepared.settings.alarm_budget().level
    calibration = windows.calibration(cut, prepared.settings, level, reason=reason)
    if calibration.method == "exact":
        return Judged(prepared, _judge_rows(prepared, past, feed, calibration))
    return Judged(prepared, _judge_windows(prepared, cut, feed, reason))


def _windows(prepared: Prepared, span: timedelta) -> tuple[Windows | None, str | None]:
    """Cut the reference into windows where they are to tell what is normal.

    Where it is not, or they are other ones than were asked for, it is said why.
    """
    from drift_checker.comparison import windows  # noqa: PLC0415

    settings = prepared.settings
    pair = prepared.pairs.get(settings.columns.timestamp or "")
    if pair is None or not prepared.samples:
        return None, None
    if pair.arrays is None:
        return None, windows.TOO_LARGE
    current, reference = pair.arrays
    return windows.windows_for(reference, current, settings, span)


def _judge_rows(
    prepared: Prepared,
    past: Sequence[TickCounts] | None,
    feed: FeedFacts,
    calibration: Calibration,
) -> Result:
    """Take rows as independent.

    What has nothing to test leaves its part of the budget to the columns.
    """
    settings = prepared.settings
    budget = settings.alarm_budget()
    budget = budget if feed.judged else budget.without("feed")
    joint_result, joint_reason, budget = _judge_joint(prepared, budget)
    sequence, budget = _judge_sequence(prepared, past, feed, budget)
    fault_level = budget.parts.get("faults", 0.0)
    count_faults = faults.judge_counts(prepared.count_tests, fault_level)
    counted = faults.combined_p_value(prepared.count_tests)
    segment_results, notes, budget, in_segments = _judge_segments(prepared, budget)
    samples = [(prepared.columns[name], sample) for name, sample in prepared.samples.items()]
    tested = judge_columns(samples, settings, budget.parts.get("columns", 0.0))
    together = joint.relevant_p_value(joint_result, settings.floors)
    small = faults.changed_below_floor(prepared.count_tests, fault_level)
    return batch_result(
        prepared,
        {column.name: _with_reason(column, small.get(column.name)) for column in tested.results},
        [*count_faults, *notes],
        budget=budget,
        p_values={
            "columns": tested.p_value,
            "segments": in_segments,
            "joint": together,
            "faults": counted,
            "sequential": sequence.p_value if sequence else None,
        },
        calibration=calibration,
        joint=joint_result,
        joint_reason=joint_reason,
        sequential=sequence,
        segments=segment_results,
    )


def _with_reason(column: ColumnResult, reason: str | None) -> ColumnResult:
    """Return a column that did not drift, with a reason where it has none."""
    if reason is None or column.reason or column.verdict is not Verdict.OK:
        return column
    return column.model_copy(update={"reason": reason})


def _judge_joint(
    prepared: Prepared, budget: AlarmBudget
) -> tuple[JointResult | None, str | None, AlarmBudget]:
    """Test how the numeric columns hang together, or say why not."""
    readings = prepared.tables.readings
    rows = {
        name: prepared.samples[name].row_sample
        for name in prepared.target_first
        if not readings[name].feature
    }
    numeric = {name: both for name, both in rows.items() if both}
    result = joint.judge(
        numeric,
        most=prepared.settings.joint_columns,
        level=budget.parts.get("joint", 0.0),
        floor=prepared.settings.floors.correlation,
    )
    if result is None:
        return None, joint.TOO_FEW_COLUMNS, budget.without("joint")
    floor, reason = prepared.settings.floors.correlation, None
    if result.verdict is Verdict.OK and result.p_value <= result.threshold:
        reason = changed_below_floor(result.p_value, floor)
    return result, reason, budget


def _judge_sequence(
    prepared: Prepared,
    past: Sequence[TickCounts] | None,
    feed: FeedFacts,
    budget: AlarmBudget,
) -> tuple[SequentialResult | None, AlarmBudget]:
    """Test the last scheduled ticks as one batch."""
    current, rows = prepared.tables.current, prepared.tables.reference.rows
    if past is None or current.unreadable:
        return None, budget.without("sequential")
    from drift_checker.comparison import sequential  # noqa: PLC0415

    counts = prepared.tick_counts if feed.whole else feed.new_counts
    pools = sequential.pool_counts([counts, *past], rows) if counts else {}
    # Only of a batch with rows that are not new can there be fewer.
    least = prepared.settings.min_rows
    pools = {ticks: pool for ticks, pool in pools.items() if pool.rows >= least}
    if not pools and feed.whole and not feed.repeats:
        budget = budget.without("sequential")
    result = sequential.judge(
        [sample.pooled_column(name) for name, sample in prepared.samples.items()],
        prepared.count_tests,
        pools,
        threshold=budget.parts.get("sequential", 0.0),
        floors_of=prepared.settings.floors_of,
        reason=sequential.limit_reason(counts.rows, rows, ticks=len(past) + 1)
        if counts
        else sequential.NOTHING_NEW,
    )
    return result, budget


def _judge_segments(
    prepared: Prepared, budget: AlarmBudget
) -> tuple[list[Segment], list[Fault], AlarmBudget, float | None]:
    """Test the samples of all segments, at half of the columns' part of the level.

    The last of what is returned is their p-value, None where no segment is tested.
    """
    settings = prepared.settings
    if not settings.segments:
        return [], [], budget, None
    if not isinstance(prepared.tables, InMemoryPair):
        detail = "the tables are so large that they are compared by profiles, without segments"
        return [], [_segments_left_out(detail)], budget, None
    from drift_checker.comparison import segments  # noqa: PLC0415

    sampled = segments.sampled_segments(prepared.tables, settings.segments, list(prepared.samples))
    if not any(samples for _, samples in sampled):
        return [], [], budget, None
    halved = budget.halved()
    level = halved.parts["segments"]
    judged, p_value = segments.judge(sampled, prepared.columns, settings, level)
    return judged, [], halved, p_value


def _segments_left_out(detail: str) -> Fault:
    return Fault(fault="segments_left_out", severity=Severity.NOTE, column=None, detail=detail)


def _judge_windows(prepared: Prepared, cut: Windows, feed: FeedFacts, reason: str | None) -> Result:
    """Rank the batch among the windows of the reference, by all aspects at once."""
    from drift_checker.comparison import aspects, windows  # noqa: PLC0415

    settings, budget = prepared.settings, prepared.settings.alarm_budget()
    of_feed = {"feed": budget.parts.get("feed", 0.0)} if feed.judged else {}
    level, notes = budget.level - sum(of_feed.values()), list[Fault]()
    if settings.segments:
        detail = "segments take rows as independent, and are not judged where windows are"
        notes.append(_segments_left_out(detail))
    measured = aspects.measure(
        cut,
        {name: arrays for name, pair in prepared.pairs.items() if (arrays := pair.arrays)},
        kinds={name: column.kind for name, column in prepared.columns.items()},
        tested=prepared.target_first,
        joint_columns=settings.joint_columns,
        floors_of=settings.floors_of,
        floors=settings.floors,
    )
    ranking = aspects.rank_aspects(list(measured), level, cut.days)
    ranked, units = ranking.ranked, ranking.units
    calibration = windows.calibration(
        cut, settings, level, units=units, alike=ranking.alike, reason=reason
    )
    attained = 1 / (units + 1) if calibration.method == "extrapolated" else None
    return batch_result(
        prepared,
        aspects.column_results(ranked, prepared.columns, prepared.samples, level),
        [*notes, *aspects.null_faults(ranked, level)],
        budget=budget.model_copy(
            update={"parts": {"windows": level} | of_feed, "level_attained": attained}
        ),
        p_values={"windows": aspects.combined_p_value(ranked)},
        calibration=calibration,
        joint=aspects.joint_result(ranked, level),
    )
