"""Tests of location and of dispersion by sums over ranks, given the ties.

Of the ranks themselves (Wilcoxon 1945, Mann and Whitney 1947), and of the squares of their
distances from the middle (Mood 1954). Where values moved by little, all in one direction, or spread
or closed up, many fewer rows are enough than for the Kolmogorov-Smirnov test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift_checker.decision.arrays import Floats, Ints
from drift_checker.decision.saddlepoint import upper_tail
from drift_checker.decision.special import log_binomial, normal_upper_tail

# Blocks that stand for many distinct values: they leave out 1 / _BLOCKS^2 of the variance, for
# which the statistic is scaled.
_BLOCKS = 256
# Of at most so many rows in all, the ways to deal the labels are counted: it takes milliseconds.
_FEW_ROWS = 48
# Two values as frequent are as far from the middle: but for rounding, nothing spreads.
_LEAST_SPREAD = 1e-9
# Nearer to the mean the normal approximation does: such a p-value is no one's threshold.
_NEAR_MEAN = 2.0


@dataclass(frozen=True)
class RankSum:
    """The sum of the current rows' mid-ranks, twice and centred: an integer.

    `pooled` (values,) are the pooled rows up to and including each distinct value, `squares` is the
    sum of the squares of what `centred` is the sum of.
    """

    centred: int
    pooled: Ints
    current: int
    reference: int
    squares: float = 0.0

    @property
    def dispersion(self) -> float:
        """The mean square of the current rows' distances from the middle rank, over that of all.

        1 where both samples are as wide.
        """
        n, total = self.current, self.current + self.reference
        usual = _third_of_cubes(np.diff(self.pooled, prepend=0), total) / total
        return self.squares / n / usual if usual else 1.0

    @property
    def superiority(self) -> float:
        """The chance that a current row exceeds one of the reference, ties counted half."""
        return 0.5 + self.centred / (2 * self.current * self.reference)


def rank_sum(current: Ints, pooled: Ints) -> RankSum:
    """Return the statistic by the rows up to and including each distinct value, both (values,)."""
    n, total = int(current[-1]), int(pooled[-1])
    # Not as a product of vectors, for which threads would be started.
    rows, scores = np.diff(current, prepend=0), _scores(pooled)
    weighted = rows * scores
    squares = float((weighted.astype(float) * scores).sum())
    return RankSum(int(weighted.sum()), pooled, n, total - n, squares)


def p_value(observed: RankSum, *, reference_chose: bool = False) -> float:
    """Return the two-sided p-value: twice the smaller tail, given the pooled ties.

    Of few rows in all it is counted. Of more the tail is a double saddlepoint approximation, as of
    a sum of the scores of rows that are drawn or not, given how many are: from ten rows on either
    side it is off by less than a hundredth of itself, down to 1e-9. Ranks come in steps: half of
    the widest is taken off, which of rows without ties is the usual correction and of ties is on
    the safe side.

    Where the reference chose the bins that stand for the values, its row at the upper edge of each
    is above all current rows of the bin: counted as a tie, it adds half a row to each of them,
    which is taken off.
    """
    n, m = observed.current, observed.reference
    if n + m <= _FEW_ROWS:
        return _counted_p_value(observed, _scores(observed.pooled), observed.centred)
    ties = np.diff(observed.pooled, prepend=0)
    spread = _spread(ties, n, m)
    if not spread:
        return 1.0
    lag = _widest_step(ties) / 2
    up, down = observed.centred - lag - n * reference_chose, -observed.centred - lag
    sizes, scores = _blocks(observed.pooled)
    return _two_sided(up / spread, down / spread, sizes, scores, (n, m))


def dispersion_p_value(observed: RankSum) -> float:
    """Return Mood's two-sided p-value, likewise.

    Its statistic is the sum of squared distances from the middle rank. The steps between squares
    are widest at the ends, where half of one is next to nothing of many rows.
    """
    n, m = observed.current, observed.reference
    squares = _scores(observed.pooled).astype(float) ** 2
    if n + m <= _FEW_ROWS:
        return _counted_p_value(observed, squares.astype(np.int64), round(observed.squares))
    ties = np.diff(observed.pooled, prepend=0).astype(float)
    usual = _third_of_cubes(ties, n + m) / (n + m)
    spread = _spread_of(ties, squares - usual, n, m)
    if spread <= _LEAST_SPREAD * usual:
        return 1.0
    lag = float(np.abs(np.diff(squares)).max(initial=0)) / 2
    found = observed.squares - n * usual
    sizes, scores = _blocks(observed.pooled)
    centred = scores * scores
    centred -= float((sizes * centred).sum()) / (n + m)
    return _two_sided((found - lag) / spread, (-found - lag) / spread, sizes, centred, (n, m))


def _two_sided(
    up: float, down: float, sizes: Floats, scores: Floats, rows: tuple[int, int]
) -> float:
    """Return twice the tail of a sum of centred scores, standardised, up or down.

    `sizes` and `scores` are of groups of pooled rows, `rows` those of (current, reference).
    """
    n, m = rows
    most = max(up, down)
    if most <= 0:
        return 1.0
    if most < _NEAR_MEAN:
        return min(1.0, 2 * normal_upper_tail(most))
    scaled = scores / _spread_of(sizes, scores, n, m)
    draws = _Draws(sizes, scaled if up >= down else -scaled, n / (n + m), n)
    log_given = float(log_binomial(n, n + m, n / (n + m)))
    return min(1.0, 2 * upper_tail(draws.cumulants, most, log_given=log_given))


def _counted_p_value(observed: RankSum, scores: Ints, found: int) -> float:
    """Return the exact p-value by counting the ways to draw each sum of scores (values,)."""
    ties, n = np.diff(observed.pooled, prepend=0), observed.current
    lowest = int(scores.min())
    steps = np.repeat(scores - lowest, ties)
    fewer, place = n, found - n * lowest
    if observed.reference < n:
        # The rows of the other sample have the rest of the sum.
        fewer, place = observed.reference, int(steps.sum()) - place
    ways = np.zeros((fewer + 1, int(np.sort(steps)[len(steps) - fewer :].sum()) + 1))
    ways[0, 0] = 1
    for step in steps.tolist():
        ways[1:, step:] += ways[:-1, : max(0, ways.shape[1] - step)].copy()
    chances = ways[-1] / ways[-1].sum()
    return float(min(1.0, 2 * min(chances[place:].sum(), chances[: place + 1].sum())))


def _scores(pooled: Ints) -> Ints:
    """Return twice the mid-rank of each distinct value, less its mean (values,)."""
    return np.asarray(pooled + np.append(0, pooled[:-1]) - pooled[-1])


def _blocks(pooled: Ints) -> tuple[Floats, Floats]:
    """Return the sizes and mean scores of groups of values, at most about `_BLOCKS`."""
    if len(pooled) > 2 * _BLOCKS:
        ends = np.arange(1, _BLOCKS + 1) * int(pooled[-1]) // _BLOCKS
        places = np.searchsorted(pooled, ends)
        pooled = pooled[places[np.append(places[1:] != places[:-1], True)]]
    return np.diff(pooled, prepend=0).astype(float), _scores(pooled).astype(float)


def _spread(ties: Ints | Floats, n: int, m: int) -> float:
    """Return the standard deviation of the statistic, by the pooled rows of each value (values,).

    Of draws without replacement; the squares of all scores sum up to a third of the cube of the
    rows, less those of the ties.
    """
    total = n + m
    squares = max(0.0, _third_of_cubes(ties, total))
    return float((n * m / (total * max(1, total - 1)) * squares) ** 0.5)


def _spread_of(sizes: Floats, scores: Floats, n: int, m: int) -> float:
    """Return the same of a sum of centred scores of groups, both (groups,)."""
    squares = float((sizes * scores * scores).sum())
    return float((n * m / ((n + m) * max(1, n + m - 1)) * squares) ** 0.5)


def _third_of_cubes(ties: Ints | Floats, total: int) -> float:
    """Return the sum over all pooled rows of the squares of twice their centred mid-ranks."""
    sizes = ties.astype(float)
    return (float(total) ** 3 - float((sizes * sizes * sizes).sum())) / 3


def _widest_step(ties: Ints) -> float:
    """Return by how much the statistic changes at most if one row becomes the next larger value."""
    return float((ties[1:] + ties[:-1]).max(initial=0))


@dataclass(frozen=True)
class _Draws:
    """The joint cumulant generating function of (statistic, current rows), by groups."""

    sizes: Floats
    scores: Floats
    share: float
    drawn: int

    def cumulants(self, t: float, u: float) -> tuple[float, Floats, Floats]:
        """Return K, its gradient and its Hessian at the tilt (t, u)."""
        exponent = t * self.scores + u
        log_mass = np.logaddexp(np.log1p(-self.share), np.log(self.share) + exponent)
        drawn = np.exp(np.log(self.share) + exponent - log_mass)
        mean, variance = self.sizes * drawn, self.sizes * drawn * (1 - drawn)
        covariance = float(variance @ self.scores)
        hessian = np.array(
            [
                [float(variance @ (self.scores * self.scores)), covariance],
                [covariance, float(variance.sum())],
            ]
        )
        gradient = np.array([float(mean @ self.scores), float(mean.sum()) - self.drawn])
        return float(self.sizes @ log_mass) - u * self.drawn, gradient, hessian
