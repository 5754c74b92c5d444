"""The sequential statistic: drift that lasts over ticks and is too small to be seen in one.

The last scheduled ticks against one version of the reference are pooled and tested as one batch.
Ticks share the reference, whose own variance does not shrink: pooling more rows than it has would
find the reference's peculiarities instead of drift, and is not done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import numpy as np

from drift_checker.comparison.options import Floors
from drift_checker.decision import CombinedEvidence, Decision, Floats, Ints, column_tests, pooled
from drift_checker.profiles import TickCounts, merge_counts
from drift_checker.result import LastingDrift, SequentialResult, Verdict
from drift_checker.wording import categorical_change, numeric_change

MAX_TICKS = 12
"""Ticks that are pooled, the present one included."""
FEW_TICKS = 3
"""The shorter of the two pools: drift that began lately is not thinned by what was before it."""


class Pooled(Protocol):
    """The reference's side of a column, ready to be compared with profiles."""

    name: str

    def decide(self, profile: TickCounts, floors: Floors, threshold: float) -> Decision | None:
        """Return the decision on the profile's rows; None where it has none of the column."""

    def change(self, profile: TickCounts) -> str:
        """Say what changed."""


class PooledNumbers:
    """A numeric column by its cells."""

    def __init__(self, name: str, ends: Floats, reference: Ints) -> None:
        """Take the upper ends of the cells, and the reference's values in each, not all empty."""
        self.name, self.reference = name, reference
        # As good as the values themselves, to within a cell.
        self._values = np.append(ends, ends[-1])

    def decide(self, profile: TickCounts, floors: Floors, threshold: float) -> Decision | None:
        """Return the decision by the distance on the cells."""
        current = np.array(profile.numbers.get(self.name, ()))
        if not current.any():
            return None
        return pooled.numeric(
            current, self.reference, threshold=threshold, distance_floor=floors.distance
        )

    def change(self, profile: TickCounts) -> str:
        """Say what changed, to within a cell."""
        current = np.repeat(self._values, profile.numbers[self.name])
        return numeric_change(current, np.repeat(self._values, self.reference), "distance")


class PooledCategories:
    """A categorical column by its categories."""

    def __init__(self, name: str, reference: Mapping[str, int]) -> None:
        """Take the reference's rows by category."""
        self.name, self.reference = name, reference

    def decide(self, profile: TickCounts, floors: Floors, threshold: float) -> Decision | None:
        """Return the decision by the counts, as for one batch: names do not depend on either."""
        if not profile.categories.get(self.name):
            return None
        _, current, reference = self._counts(profile)
        return column_tests.categorical(
            current, reference, threshold=threshold, distance_floor=floors.distance
        )

    def change(self, profile: TickCounts) -> str:
        """Say which category changed most."""
        return categorical_change(*self._counts(profile))

    def _counts(self, profile: TickCounts) -> tuple[list[str], Ints, Ints]:
        current = profile.categories[self.name]
        names = sorted(current.keys() | self.reference.keys())
        counts = ([side.get(name, 0) for name in names] for side in (current, self.reference))
        after, before = map(np.array, counts)
        return names, after, before


@dataclass(frozen=True)
class Pool:
    """The rows of some ticks in a row, the present one the last."""

    ticks: int
    profile: TickCounts


def pools(profiles: Sequence[TickCounts], reference_rows: int) -> list[Pool]:
    """Return the pools that can be tested, of profiles from the present tick's backwards.

    At most `MAX_TICKS` ticks, and no more rows than the reference has.
    """
    rows = accumulate(profile.rows for profile in profiles[:MAX_TICKS])
    most = sum(total <= reference_rows for total in rows)
    lengths = sorted({min(FEW_TICKS, most), most})
    return [Pool(ticks, merge_counts(profiles[:ticks])) for ticks in lengths if ticks > 1]


def limit(rows: int, reference_rows: int, *, ticks: int) -> str | None:
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


def judge(
    columns: Sequence[Pooled],
    tested: Sequence[Pool],
    *,
    threshold: float,
    floors: Floors,
    reason: str | None,
) -> SequentialResult:
    """Test every column in every pool, at a level for all of them.

    `reason` says why there are no pools, or none that are longer.
    """
    tests = max(1, len(columns) * len(tested))
    level = threshold / tests
    found, drifted = [], []
    for pool in tested:
        for column in columns:
            decided = column.decide(pool.profile, floors, level)
            if decided is None:
                continue
            found.append((decided.most_significant, column, pool))
            if alarming := decided.alarming(level):
                drifted.append((alarming, column, pool))
    for some in (found, drifted):
        some.sort(key=lambda one: one[0].p_value)
    first = {column.name: pool for _, column, pool in reversed(drifted)}
    shown = [one for one in drifted if first[one[1].name] is one[2]] or found[:1]
    longest = tested[-1] if tested else None
    return SequentialResult(
        verdict=None if longest is None else Verdict.DRIFT if drifted else Verdict.OK,
        ticks=longest.ticks if longest else 1,
        rows=longest.profile.rows if longest else 0,
        threshold=threshold if longest else None,
        columns=[_lasting(*one, tests=tests) for one in shown],
        reason=reason,
    )


def _lasting(found: CombinedEvidence, column: Pooled, pool: Pool, *, tests: int) -> LastingDrift:
    evidence = found.evidence
    return LastingDrift(
        name=column.name,
        ticks=pool.ticks,
        rows=pool.profile.rows,
        test=evidence.test,
        statistic=evidence.statistic,
        p_value=min(1.0, tests * found.p_value),
        effect=evidence.effect,
        effect_size=evidence.effect_size,
        interval=evidence.interval,
        change=column.change(pool.profile),
    )
