"""The rank-sum test of location of Wilcoxon (1945), Mann and Whitney (1947), given the ties.

Where values moved by little, all in one direction, it finds a third fewer rows enough than the
Kolmogorov-Smirnov test does.
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
# Nearer to the mean the normal approximation does: such a p-value is no one's threshold.
_NEAR_MEAN = 2.0


@dataclass(frozen=True)
class RankSum:
    """The sum of the current rows' mid-ranks, twice and centred: an integer.

    `pooled` (values,) are the pooled rows up to and including each distinct value.
    """

    centred: int
    pooled: Ints
    current: int
    reference: int

    @property
    def superiority(self) -> float:
        """The chance that a current row exceeds one of the reference, ties counted half."""
        return 0.5 + self.centred / (2 * self.current * self.reference)


def rank_sum(current: Ints, pooled: Ints) -> RankSum:
    """Return the statistic by the rows up to and including each distinct value, both (values,)."""
    n, total = int(current[-1]), int(pooled[-1])
    # Not as a product of vectors, for which threads would be started.
    centred = int((np.diff(current, prepend=0) * _scores(pooled)).sum())
    return RankSum(centred, pooled, n, total - n)


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
        return _counted_p_value(observed)
    ties = np.diff(observed.pooled, prepend=0)
    spread = _spread(ties, n, m)
    if not spread:
        return 1.0
    lag = _widest_step(ties) / 2
    up, down = observed.centred - lag - n * reference_chose, -observed.centred - lag
    most = max(up, down) / spread
    if most <= 0:
        return 1.0
    if most < _NEAR_MEAN:
        return min(1.0, 2 * normal_upper_tail(most))
    sizes, scores = _blocks(observed.pooled)
    scaled = scores / _spread(sizes, n, m)
    draws = _Draws(sizes, scaled if up >= down else -scaled, n / (n + m), n)
    log_given = float(log_binomial(n, n + m, n / (n + m)))
    return min(1.0, 2 * upper_tail(draws.cumulants, most, log_given=log_given))


def _counted_p_value(observed: RankSum) -> float:
    """Return the exact p-value by counting the ways to draw each sum of twice the mid-ranks."""
    fewer, sign = observed.current, 1
    if observed.reference < fewer:
        fewer, sign = observed.reference, -1
    total = observed.current + observed.reference
    ranks = np.repeat(_scores(observed.pooled) + total + 1, np.diff(observed.pooled, prepend=0))
    ways = np.zeros((fewer + 1, int(np.sort(ranks)[total - fewer :].sum()) + 1))
    ways[0, 0] = 1
    for rank in ranks.tolist():
        ways[1:, rank:] += ways[:-1, : max(0, ways.shape[1] - rank)].copy()
    place, chances = sign * observed.centred + fewer * (total + 1), ways[-1] / ways[-1].sum()
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
    total, sizes = n + m, ties.astype(float)
    squares = (float(total) ** 3 - float((sizes * sizes * sizes).sum())) / 3
    return float((n * m / (total * max(1, total - 1)) * max(0.0, squares)) ** 0.5)


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
