"""Two samples of rows: do the columns hang together in the same way?

Every statistic here is one of ranks, so that heavy tails and monotone transformations change
nothing, and every p-value is conditional on the pooled rows, so that it holds whatever the
dependence of the columns is.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

from drift_checker.decision import saddlepoint
from drift_checker.decision.arrays import Floats, Indices
from drift_checker.decision.special import log_binomial

# P-values are computed for the pairs that changed most; leaving out one is conservative.
_CANDIDATES = 5
_ALMOST_ONE = 0.999_999


@dataclass(frozen=True)
class PairChange:
    """The change of the rank correlation of two columns, given by their indices.

    `reference` and `current` are the correlation of either side, `standardised` its change in
    standard deviations of the null; `p_value` is not corrected for the number of pairs.
    """

    columns: tuple[int, int]
    reference: float
    current: float
    standardised: float
    p_value: float

    @property
    def effect(self) -> float:
        """The absolute change."""
        return abs(self.current - self.reference)


def dense_ranks(columns: Floats) -> Indices:
    """Return the rank of each value among the distinct ones of its column, from 0.

    `columns` and the ranks are (columns, rows); that of NaN, a missing value, is -1. All else here
    is a function of ranks, so that nothing is sorted twice.
    """
    ranks = np.full(columns.shape, -1, dtype=np.intp)
    for values, column_ranks in zip(columns, ranks, strict=True):
        order = np.argsort(values)[: len(values) - np.isnan(values).sum()]
        ordered = values[order]
        column_ranks[order] = np.cumsum(np.append(False, ordered[1:] != ordered[:-1]))
    return ranks


def largest_changes(
    current: Indices, reference: Indices, *, effect_floor: float
) -> list[PairChange]:
    """Return the pairs whose rank correlation changed most, by p-value.

    `current` (columns, n) and `reference` (columns, m) are dense ranks among the values of both; a
    pair is judged on the rows that have both. Pairs that changed by less than the effect floor are
    left out, except for the one that changed most, by Fisher's transformation (1915).
    """
    before, after = rank_correlations(reference), rank_correlations(current)
    change = np.abs(_fisher(after) - _fisher(before))
    pairs = sorted(
        combinations(range(len(current)), 2), key=lambda pair: change[pair], reverse=True
    )
    changes = [
        _change(current, reference, pair, float(after[pair]), float(before[pair]))
        for order, pair in enumerate(pairs[:_CANDIDATES])
        if order == 0 or abs(after[pair] - before[pair]) >= effect_floor
    ]
    return sorted(changes, key=lambda change: change.p_value)


def rank_correlations(ranks: Indices) -> Floats:
    """Return Spearman's rank correlation (1904) of each pair of columns, 0 of a constant one.

    `ranks` (columns, rows) are dense ones, the correlations (columns, columns).
    """
    present = ranks >= 0
    grades = np.zeros(ranks.shape)
    for column, has_value, column_grades in zip(ranks, present, grades, strict=True):
        column_grades[has_value] = _Graded.of(column[has_value]).grades
    squares = _products(grades**2, present.astype(float))
    scale = squares * squares.T
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations = _products(grades, grades) / np.sqrt(scale)
    return np.asarray(np.where(scale > 0, np.clip(correlations, -1, 1), 0.0))


def _products(left: Floats, right: Floats) -> Floats:
    # Not `@`: at these sizes the threads of a linear algebra library cost more than they save.
    return np.asarray(np.einsum("ik,jk->ij", left, right))


def _fisher(correlation: Floats) -> Floats:
    return np.asarray(np.arctanh(np.clip(correlation, -_ALMOST_ONE, _ALMOST_ONE)))


@dataclass(frozen=True)
class _Graded:
    """A column as the dense rank of each value, and its grade.

    The grade is the empirical distribution function, midway through ties, less 1/2.
    """

    ranks: Indices
    grades: Floats

    @classmethod
    def of(cls, ranks: Indices) -> _Graded:
        counts = np.bincount(ranks)
        middles = (np.cumsum(counts) - counts / 2) / max(1, len(ranks)) - 0.5
        return cls(ranks, middles[ranks])

    def above(self, weights: Floats) -> Floats:
        """Return, for each row, the mean over all rows of their weight where they are above it."""
        sums = np.bincount(self.ranks, weights)
        above = np.cumsum(sums[::-1])[::-1] - sums / 2
        return np.asarray(above[self.ranks] / len(weights))


def _graded(pair: Indices) -> tuple[_Graded, _Graded]:
    """Grade two columns, of the rows that have both."""
    x, y = pair[:, (pair >= 0).all(axis=0)]
    return _Graded.of(x), _Graded.of(y)


def _influence(x: _Graded, y: _Graded) -> Floats:
    """Return what each row contributes to the covariance of the grades, to first order.

    The influence function of Spearman's correlation (Croux and Dehon 2010): besides the product
    of its grades, a row shifts the grades of all others.
    """
    return x.grades * y.grades + x.above(y.grades) + y.above(x.grades)


def _change(
    current: Indices, reference: Indices, pair: tuple[int, int], after: float, before: float
) -> PairChange:
    sides = (current[list(pair)], reference[list(pair)])
    scores = _influence(*_graded(np.concatenate(sides, axis=1)))
    n = int((sides[0] >= 0).all(axis=0).sum())
    standardised, p_value = permutation_p_value(scores, n, float(scores[:n].sum()))
    return PairChange(pair, before, after, standardised, p_value)


def interval(
    current: Indices, reference: Indices, change: PairChange, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return an interval for the change of a pair's rank correlation.

    That of a normal distribution with the variance of the influence functions of both sides;
    `current` (columns, n) and `reference` (columns, m) are dense ranks.
    """
    pair = list(change.columns)
    variance = _variance(current[pair]) + _variance(reference[pair])
    margin = NormalDist().inv_cdf((1 + confidence) / 2) * variance**0.5
    difference = change.current - change.reference
    return max(-2.0, difference - margin), min(2.0, difference + margin)


def _variance(pair: Indices) -> float:
    """Return the variance of the rank correlation of a sample, by its influence function."""
    x, y = _graded(pair)
    if not len(x.grades):
        return np.inf
    scale = float(x.grades.std() * y.grades.std())
    return float(_influence(x, y).var() / (len(x.grades) * scale**2)) if scale else 0.0


def permutation_p_value(scores: Floats, n: int, drawn: float) -> tuple[float, float]:
    """Return the sum of n drawn of all `scores` (rows,) standardised, and its two-sided p-value.

    Under the null hypothesis the current rows are a simple random sample of the pooled ones,
    whatever the distribution, so that the sum has a known distribution given the scores. Its tail
    is a saddlepoint approximation (Robinson 1982, "Saddlepoint approximations for permutation
    tests and confidence intervals"): labels dealt independently, given how many they are.
    """
    total = len(scores)
    spread = float(scores.std()) if 0 < n < total else 0.0
    if spread <= np.finfo(float).eps:
        return 0.0, 1.0
    share = n / total
    centred = scores - scores.mean()
    centred = centred / spread
    observed = float(drawn - n * scores.mean()) / spread
    if observed < 0:
        centred = -centred

    squares = centred**2

    def cumulants(t: float, u: float) -> tuple[float, Floats, Floats]:
        tilts = t * centred + u
        weights = share * np.exp(tilts)
        value = np.log1p(weights - share).sum() - share * tilts.sum()
        chance = weights / (1 - share + weights)
        excess, variance = chance - share, chance * (1 - chance)
        # Not `@`, as in `_products`.
        gradient = np.array([(excess * centred).sum(), excess.sum()])
        mixed = (variance * centred).sum()
        hessian = np.array([[(variance * squares).sum(), mixed], [mixed, variance.sum()]])
        return float(value), gradient, hessian

    log_given = float(log_binomial(n, total, share))
    tail = saddlepoint.upper_tail(cumulants, abs(observed), log_given=log_given)
    standardised = observed / (n * (1 - share) * total / (total - 1)) ** 0.5
    return standardised, min(1.0, 2 * tail)
