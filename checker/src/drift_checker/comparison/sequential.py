"""The sequential statistic: drift that lasts over ticks and is too small to be seen in one.

The last scheduled ticks against one version of the reference are pooled and tested as one batch.
Ticks share the reference, whose own variance does not shrink: pooling more rows than it has would
find the reference's peculiarities instead of drift, and is not done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from typing import TypeAlias

import numpy as np

from drift_checker.comparison.options import Floors
from drift_checker.decision import CombinedEvidence, Decision, Floats, Ints, column_tests, pooled
from drift_checker.profiles import TickCounts, merge_counts
from drift_checker.result import LastingDrift, SequentialResult, Verdict
from drift_checker.wording import categorical_change, numeric_change

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
            current, self.reference, threshold=threshold, distance_floor=floors.distance
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
            current, reference, threshold=threshold, distance_floor=floors.distance
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

    def result(self, tests: int) -> LastingDrift:
        """Return the result, corrected for so many tests."""
        evidence = self.combined.evidence
        return LastingDrift(
            name=self.column.name,
            ticks=self.ticks,
            rows=self.counts.rows,
            test=evidence.test,
            statistic=evidence.statistic,
            p_value=min(1.0, tests * self.combined.p_value),
            effect=evidence.effect,
            effect_size=evidence.effect_size,
            interval=evidence.interval,
            change=self.column.change(self.counts),
        )


def judge(
    columns: Sequence[PooledColumn],
    pools: Mapping[int, TickCounts],
    *,
    threshold: float,
    floors: Floors,
    reason: str | None,
) -> SequentialResult:
    """Test every column in every pool, at a level for all of them.

    `pools` are by how many ticks they are of, the fewest first. `reason` says why there are none,
    or none that are longer.
    """
    tests = max(1, len(columns) * len(pools))
    level = threshold / tests
    decided, drifted, relevant = [], [], [1.0]
    for (ticks, counts), column in product(pools.items(), columns):
        decision = column.decide(counts, floors, level)
        if decision is None:
            continue
        relevant.append(tests * (decision.relevant_p_value or 1.0))
        decided.append(_Test(column, ticks, counts, decision.most_significant))
        if alarming := decision.alarming(level):
            drifted.append(_Test(column, ticks, counts, alarming))
    # Of each column that drifted the most significant pool, else the most significant of all.
    drifted.sort(key=lambda test: test.combined.p_value)
    decided.sort(key=lambda test: test.combined.p_value)
    by_column = {test.column.name: test for test in reversed(drifted)}
    shown = [test for test in drifted if by_column[test.column.name] is test] or decided[:1]
    longest = max(pools, default=1)
    return SequentialResult(
        verdict=None if not pools else Verdict.DRIFT if drifted else Verdict.OK,
        ticks=longest,
        rows=pools[longest].rows if pools else 0,
        threshold=threshold if pools else None,
        p_value=min(relevant) if pools else None,
        columns=[test.result(tests) for test in shown],
        reason=reason,
    )
