"""The sequential statistic: drift that lasts over ticks and is too small to be seen in one.

The last scheduled ticks against one version of the reference are pooled and tested as one batch.
Ticks share the reference, whose own variance does not shrink: pooling more rows than it has would
find the reference's peculiarities instead of drift, and is not done.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from typing import TypeAlias

import numpy as np

from drift_checker.comparison.faults import CountTest, attained
from drift_checker.comparison.options import Floors
from drift_checker.decision import CombinedEvidence, Decision, Floats, Ints, column_tests, pooled
from drift_checker.decision.counts import share_interval
from drift_checker.profiles import TickCounts, merge_counts
from drift_checker.result import LastingDrift, SequentialResult, Verdict
from drift_checker.wording import (
    categorical_change,
    changed_below_floor,
    numeric_change,
    shortened,
)

MAX_TICKS = 12
"""Ticks that are pooled, the present one included."""
NOTHING_NEW = "no row of the batch is new: there is nothing to pool"
FEW_TICKS = 3
"""The shorter of the two pools: drift that began lately is not thinned by what was before it."""


class PooledNumeric:
    """A numeric column by its bins."""

    def __init__(self, name: str, edges: Floats, reference: Ints) -> None:
        """Take the upper edges of the bins, and the reference's values in each, not all empty."""
        self.name, self.reference = name, reference
        # As good as the values themselves, to within a bin.
        self._values = np.append(edges, edges[-1])

    def decide(self, counts: TickCounts, floors: Floors, threshold: float) -> Decision | None:
        """Return the decision by the distance on the bins."""
        current = np.array(counts.numbers.get(self.name, ()))
        if not current.any():
            return None
        return pooled.numeric(
            current,
            self.reference,
            threshold=threshold,
            distance_floor=floors.of(floors.distance),
        )

    def change(self, counts: TickCounts) -> str:
        """Say what changed, to within a bin."""
        current = np.repeat(self._values, counts.numbers[self.name])
        return numeric_change(current, np.repeat(self._values, self.reference), "distance")


class PooledCategorical:
    """A categorical column by its categories."""

    def __init__(self, name: str, reference: Mapping[str, int]) -> None:
        """Take the reference's rows by category."""
        self.name, self.reference = name, reference

    def decide(self, counts: TickCounts, floors: Floors, threshold: float) -> Decision | None:
        """Return the decision by the counts, as for one batch: names do not depend on either."""
        if not counts.categories.get(self.name):
            return None
        _, current, reference = self._by_category(counts)
        return column_tests.categorical(
            current, reference, threshold=threshold, share_floor=floors.of(floors.category)
        )

    def change(self, counts: TickCounts) -> str:
        """Say which category changed most."""
        return categorical_change(*self._by_category(counts))

    def _by_category(self, counts: TickCounts) -> tuple[list[str], Ints, Ints]:
        """Return the names of all categories, and the rows of each in (ticks, reference)."""
        rows = counts.categories[self.name]
        names = sorted(rows.keys() | self.reference.keys())
        current, reference = (
            np.array([each.get(name, 0) for name in names]) for each in (rows, self.reference)
        )
        return names, current, reference


PooledColumn: TypeAlias = PooledNumeric | PooledCategorical
"""A column of the reference, ready to be compared with the counts of several ticks."""


def pool_counts(counts: Sequence[TickCounts], reference_rows: int) -> dict[int, TickCounts]:
    """Return the pools that can be tested, by how many ticks they are of, the fewest first.

    Of the counts from the present tick's backwards: at most `MAX_TICKS` ticks, and no more rows
    than the reference has.
    """
    rows = accumulate(each.rows for each in counts[:MAX_TICKS])
    most = sum(total <= reference_rows for total in rows)
    lengths = sorted({min(FEW_TICKS, most), most})
    return {ticks: merge_counts(counts[:ticks]) for ticks in lengths if ticks > 1}


def limit_reason(rows: int, reference_rows: int, *, ticks: int) -> str | None:
    """Say why no more ticks are pooled than are, of `ticks` that could be; None at `MAX_TICKS`."""
    needed = MAX_TICKS * rows
    if needed > reference_rows:
        return (
            f"{MAX_TICKS} ticks of {rows} rows need as many rows of reference, {needed}; "
            f"it has {reference_rows}"
        )
    if ticks < MAX_TICKS:
        return f"{ticks - 1} earlier scheduled ticks count against this version of the reference"
    return None


@dataclass(frozen=True)
class _Test:
    """A column in a pool, with its most significant evidence, or that which alarms."""

    column: PooledColumn
    ticks: int
    counts: TickCounts
    combined: CombinedEvidence

    @property
    def name(self) -> str:
        """The column."""
        return self.column.name

    @property
    def p_value(self) -> float:
        """The p-value of the test by itself."""
        return self.combined.p_value

    @property
    def is_relevant(self) -> bool:
        """Whether the effect reaches its floor."""
        return self.combined.evidence.is_relevant

    @property
    def below_floor(self) -> str:
        """That it changed by less than its floor."""
        words = changed_below_floor(self.p_value, self.combined.evidence.effect_floor)
        return f"{shortened(self.name)} over {self.ticks} ticks: {words}"

    def result(self, p_value: float) -> LastingDrift:
        """Return the result, with the p-value that is corrected for all tests."""
        evidence = self.combined.evidence
        return LastingDrift(
            name=self.column.name,
            ticks=self.ticks,
            rows=self.counts.rows,
            test=evidence.test,
            statistic=evidence.statistic,
            p_value=p_value,
            effect=evidence.effect,
            effect_size=evidence.effect_size,
            interval=evidence.interval,
            change=self.column.change(self.counts),
        )


@dataclass(frozen=True)
class _PooledCount:
    """A test of counts in a pool."""

    test: CountTest
    ticks: int
    rows: int

    @property
    def name(self) -> str:
        """The column."""
        return self.test.column

    @property
    def p_value(self) -> float:
        """The p-value of the test by itself, by its weight."""
        return self.test.weighted

    @property
    def is_relevant(self) -> bool:
        """Whether the effect reaches its floor."""
        return self.test.is_relevant

    @property
    def below_floor(self) -> str:
        """That it changed by less than its floor."""
        words = f"{self.test.detail}, less than the floor of {self.test.floor_words}"
        return f"{shortened(self.name)} over {self.ticks} ticks: {words}"

    def result(self, p_value: float) -> LastingDrift:
        """Return the result, with the p-value that is corrected for all tests."""
        test = self.test
        return LastingDrift(
            name=test.column,
            ticks=self.ticks,
            rows=self.rows,
            test=test.fault,
            statistic=test.after,
            p_value=p_value,
            effect="share_change",
            effect_size=test.effect,
            interval=share_interval(test.before, test.after, self.rows),
            change=test.detail,
        )


def judge(
    columns: Sequence[PooledColumn],
    count_tests: Sequence[CountTest],
    pools: Mapping[int, TickCounts],
    *,
    threshold: float,
    floors_of: Callable[[str], Floors],
    reason: str | None,
) -> SequentialResult:
    """Test every column and every count in every pool, at a level for all of them.

    `pools` are by how many ticks they are of, the fewest first. `reason` says why there are none,
    or none that are longer. Tests share the level by Bonferroni's inequality; counts take of it
    what they can attain (Tarone 1990), which of those of faults that no table has is nothing.
    """
    counted = [
        _PooledCount(test, ticks, counts.rows)
        for (ticks, counts), each in product(pools.items(), count_tests)
        if each.of_ticks and (test := each.of_ticks(counts))
    ]
    of_columns = len(columns) * len(pools)

    pooled_counts = [each.test for each in counted]
    weights = of_columns + sum(test.weight for test in pooled_counts)

    def corrected(p_value: float) -> float:
        if max(1, of_columns) * p_value >= 1:
            return 1.0
        return min(1.0, max(p_value, of_columns * p_value + attained(p_value, pooled_counts)))

    def is_within(p_value: float) -> bool:
        # What counts attain, at most what they are given, is looked at only where that matters.
        if p_value > threshold:
            return False
        return max(1, weights) * p_value <= threshold or corrected(p_value) <= threshold

    decided: list[_Test | _PooledCount] = list(counted)
    for (ticks, counts), column in product(pools.items(), columns):
        # Near this level, p-values are exact.
        decision = column.decide(counts, floors_of(column.name), threshold / max(1, of_columns))
        if decision is None:
            continue
        decided.append(_Test(column, ticks, counts, decision.most_significant))
        if decision.relevant and decision.relevant is not decision.most_significant:
            decided.append(_Test(column, ticks, counts, decision.relevant))
    decided.sort(key=lambda test: test.p_value)
    certain = [test for test in decided if is_within(test.p_value)]
    # Of each column that drifted the most significant pool, else the most significant of all.
    drifted = [test for test in certain if test.is_relevant]
    by_column = {test.name: test for test in reversed(drifted)}
    shown = [test for test in drifted if by_column[test.name] is test] or decided[:1]
    relevant = [test.p_value for test in decided if test.is_relevant]
    longest = max(pools, default=1)
    small = next((test.below_floor for test in certain if test.name not in by_column), None)
    return SequentialResult(
        verdict=None if not pools else Verdict.DRIFT if drifted else Verdict.OK,
        ticks=longest,
        rows=pools[longest].rows if pools else 0,
        threshold=threshold if pools else None,
        p_value=corrected(min(relevant, default=1.0)) if pools else None,
        columns=[test.result(corrected(test.p_value)) for test in shown],
        reason="; ".join(filter(None, (reason, small))) or None,
    )
