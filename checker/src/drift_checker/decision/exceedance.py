"""Current rows beyond the reference's extreme order statistics: tails and range."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache, partial
from statistics import NormalDist

import numpy as np

from drift_checker.decision.arrays import Floats
from drift_checker.decision.hypergeometric import upper_tail

TAIL_SHARE = 0.001
"""Share of the reference's rows that is beyond either end of its bulk."""


@dataclass(frozen=True)
class Exceedance:
    """How many of `rows` current rows lie beyond the reference, and how many were expected.

    Beyond is below `low` and above `high`.
    """

    count: int
    rows: int
    low: float
    high: float
    gaps: int
    """Gaps between reference rows that are beyond, of `reference_rows` + 1."""
    reference_rows: int

    @property
    def expected_share(self) -> float:
        """The share of current rows beyond that chance alone makes."""
        return self.gaps / (self.reference_rows + 1)

    @property
    def p_value(self) -> float:
        """The chance of as many rows or more."""
        return self._upper_tail(self.count)

    def attained(self, level: float) -> float:
        """Return the chance that `p_value` is at most `level`: the largest one that is."""
        return _attained(level, self.rows, self.gaps, self.reference_rows)

    def _upper_tail(self, count: int) -> float:
        return _upper_tail(count, self.rows, self.gaps, self.reference_rows)

    @property
    def excess(self) -> float:
        """The share of rows above expectation."""
        return self.count / self.rows - self.expected_share

    def interval(self, *, confidence: float = 0.95) -> tuple[float, float]:
        """Return Wilson's interval (1927) of the excess, given the reference."""
        z = NormalDist().inv_cdf((1 + confidence) / 2)
        share, weight = self.count / self.rows, z * z / self.rows
        middle = (share + weight / 2) / (1 + weight)
        margin = (weight * (share * (1 - share) + weight / 4)) ** 0.5 / (1 + weight)
        return middle - margin - self.expected_share, middle + margin - self.expected_share


@lru_cache(maxsize=64)  # columns without nulls have as many rows each
def _attained(level: float, rows: int, gaps: int, reference_rows: int) -> float:
    tail = partial(_upper_tail, rows=rows, gaps=gaps, reference_rows=reference_rows)
    least = bisect_left(range(rows + 1), -level, key=lambda count: -tail(count))
    return tail(least) if least <= rows else 0.0


def _upper_tail(count: int, rows: int, gaps: int, reference_rows: int) -> float:
    if not count:
        return 1.0
    total = rows + reference_rows
    return upper_tail(count, total, rows, min(count + gaps - 1, total))


def count_exceedances(
    current: Floats, reference: Floats, *, share: float = TAIL_SHARE
) -> Exceedance:
    """Count the current rows strictly beyond the reference's k-th extremes on either side.

    `current` and `reference` are sorted, without nulls and not empty; k is `share` of the
    reference, at least 1, so `share=0` counts the rows outside the reference's range.

    Of continuous data, the reference cuts the line into m + 1 gaps whose current counts are
    exchangeable, so that the count in the 2k outer gaps has the distribution of the count below
    the 2k-th smallest reference row: P(T >= t) is the chance that among the t + 2k - 1 smallest
    pooled rows at least t are current (the exceedance test of Gumbel and von Schelling 1950).
    Ties can only lower the count: the p-value stays valid and becomes conservative.
    """
    n, m = len(current), len(reference)
    k = tail_rank(m, share)
    low, high = float(reference[k - 1]), float(reference[m - k])
    count = int(np.searchsorted(current, low, side="left"))
    count += n - int(np.searchsorted(current, high, side="right"))
    return Exceedance(count, n, low, high, 2 * k, m)


def tail_rank(rows: int, share: float = TAIL_SHARE) -> int:
    """Return which extreme of so many rows the tail begins with: `share` of them, at least 1."""
    return max(1, min(round(share * rows), rows // 2))
