"""Two samples of categories: are the shares the same?

Given the pooled counts, the current counts are multivariate hypergeometric whatever the shares
are. Both statistics here use that conditional null, so few categories, rare categories and
hundreds of thousands of them need no special care.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from drift_checker.decision.hypergeometric import log_pmf, two_sided
from drift_checker.decision.special import log_binomial, normal_upper_tail, x_log_ratio

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# The largest tilt: the deviance's generating function ends at 1/2.
_MAX_TILT = 0.48
# Grid of a cell's counts: as far as that tilt, which makes deviations five times as large, can
# carry mass; and no finer than a tenth of a standard deviation, where the trapezoidal rule is
# exact to all digits.
_REACH = 45.0
_FINENESS = 10.0
_ITERATIONS = 50
_APPROACH, _NEARLY, _CLOSE = 0.9, 0.99, 1e-6
_DEGENERATE = 1e-9
# Closer to the mean than this many standard deviations the approximation divides 0 by 0.
_NEAR_MEAN = 0.05
_CANDIDATES = 5


def deviance(current: Ints, reference: Ints) -> float:
    """Return the likelihood-ratio statistic G of a 2 x C table without empty columns."""
    pooled = current + reference
    share = current.sum() / pooled.sum()
    return max(0.0, float(_cell_deviance(current, pooled, share).sum()))


def _cell_deviance(current: Ints | Floats, pooled: Ints | Floats, share: float) -> Floats:
    rest = x_log_ratio(pooled - current, pooled * (1 - share))
    return 2 * (x_log_ratio(current, pooled * share) + rest)


def deviance_p_value(current: Ints, reference: Ints) -> float:
    """Return P(G >= observed) given both margins, by a double saddlepoint approximation.

    G is a sum over cells of functions of independent binomial counts, given their total:
    Skovgaard (1987), "Saddlepoint expansions for conditional distributions", in the form of
    Barndorff-Nielsen. Unlike the chi-square distribution it holds with small counts far into
    the tail; the deviance is taken instead of Pearson's statistic because its tail is
    exponential at any count. Beyond a tilt of 0.48 (p-values of no practical difference) the
    value is Chernoff's bound.
    """
    return _Cells(current, reference).upper_tail(deviance(current, reference))


class _Cells:
    """The joint cumulant generating function of (G, current rows), cells grouped by size."""

    def __init__(self, current: Ints, reference: Ints) -> None:
        sizes, self.cells = np.unique(current + reference, return_counts=True)
        self.drawn, self.total = int(current.sum()), int(current.sum() + reference.sum())
        share = self.drawn / self.total
        grids = [_grid(int(size), share) for size in sizes]
        lengths = [len(grid) for grid in grids]
        self.starts = np.cumsum([0, *lengths[:-1]])
        self.group = np.repeat(np.arange(len(sizes)), lengths)
        x, size = np.concatenate(grids), np.repeat(sizes.astype(float), lengths)
        step = np.repeat([grid[1] - grid[0] if len(grid) > 1 else 1.0 for grid in grids], lengths)
        self.log_weight = log_binomial(x, size, share) + np.log(step)
        self.deviance = _cell_deviance(x, size, share)
        self.centred = x - size * share

    def cumulants(self, t: float, u: float) -> tuple[float, Floats, Floats]:
        """Return K, its gradient and its Hessian at the tilt (t, u)."""
        exponent = self.log_weight + t * self.deviance + u * self.centred
        top = np.maximum.reduceat(exponent, self.starts)
        weight = np.exp(exponent - top[self.group])
        mass = np.add.reduceat(weight, self.starts)
        weight /= mass[self.group]

        def mean(values: Floats) -> Floats:
            return np.asarray(np.add.reduceat(weight * values, self.starts))

        g, x = mean(self.deviance), mean(self.centred)
        dg, dx = self.deviance - g[self.group], self.centred - x[self.group]
        covariance = float(self.cells @ mean(dg * dx))
        hessian = np.array(
            [
                [float(self.cells @ mean(dg * dg)), covariance],
                [covariance, float(self.cells @ mean(dx * dx))],
            ]
        )
        gradient = np.array([float(self.cells @ g), float(self.cells @ x)])
        return float(self.cells @ (np.log(mass) + top)), gradient, hessian

    def upper_tail(self, observed: float) -> float:
        """Return P(G >= observed); 1 where G is below its mean and says nothing."""
        _, mean, spread = self.cumulants(0.0, 0.0)
        if observed <= mean[0]:
            return 1.0
        tilt, target = np.zeros(2), np.array([observed, 0.0])
        value, gradient, hessian = 0.0, mean, spread
        for _ in range(_ITERATIONS):
            if np.linalg.det(hessian) <= _DEGENERATE * hessian[0, 0] * hessian[1, 1]:
                return 1.0  # however the rows are dealt, G is the same
            step = np.linalg.solve(hessian, target - gradient)
            if tilt[0] + step[0] > _MAX_TILT:
                step *= _APPROACH * (_MAX_TILT - tilt[0]) / step[0]
            tilt = tilt + step
            value, gradient, hessian = self.cumulants(tilt[0], tilt[1])
            if step @ hessian @ step < _CLOSE or tilt[0] > _NEARLY * _MAX_TILT:
                break
        exponent = tilt[0] * observed - value
        if tilt[0] > _NEARLY * _MAX_TILT:
            given = float(log_binomial(self.drawn, self.total, self.drawn / self.total))
            return math.exp(min(0.0, -exponent - given))
        w = math.sqrt(2 * max(0.0, exponent))
        v = float(tilt[0] * math.sqrt(np.linalg.det(hessian) / spread[1, 1]))
        if w < _NEAR_MEAN:
            return 0.5
        return normal_upper_tail(w + math.log(v / w) / w)


def _grid(size: int, share: float) -> Floats:
    spread = (size * share * (1 - share)) ** 0.5
    step = max(1, int(spread / _FINENESS))
    reach = _REACH * spread + _REACH
    low, high = max(0, int(size * share - reach)), min(size, int(size * share + reach) + 1)
    return np.arange(low, high + 1, step, dtype=float)


def largest_cell_p_value(current: Ints, reference: Ints) -> float:
    """Return the p-value of the category whose share changed most.

    Each category is tested by Fisher's exact test against all others; the smallest p-value is
    multiplied by the number of categories that could have reached it (Tarone 1990), so that
    rare categories cost nothing. With two categories both tests are one.
    """
    pooled = current + reference
    n, total = int(current.sum()), int(pooled.sum())
    share = n / total
    standardised = np.abs(current - pooled * share) / np.sqrt(pooled)
    # Only a few cells can hold the smallest p-value; leaving one out would be conservative.
    likely = np.argsort(standardised)[-_CANDIDATES:]
    smallest = min(two_sided(int(current[j]), total, int(pooled[j]), n) for j in likely)
    if len(pooled) <= 2:  # noqa: PLR2004  both cells are one test
        return smallest
    sizes, cells = np.unique(pooled, return_counts=True)
    most, least = np.minimum(sizes, n), np.maximum(0, sizes - (total - n))
    attainable = 2 * np.exp(
        np.minimum(log_pmf(most, total, sizes, n), log_pmf(least, total, sizes, n))
    )
    return float(min(1.0, smallest * cells[attainable <= smallest * (1 + 1e-9)].sum()))


def total_variation(current: Ints, reference: Ints) -> float:
    """Return the total variation distance, less what chance alone makes of it, at least 0.

    Even without drift the plain distance of finite samples is positive: about
    sqrt(C (1/n + 1/m) / (2 pi)) for C equal categories. The mean of its normal approximation,
    sum over cells of sqrt(s (1 - s) (1/n + 1/m) / (2 pi)), is taken in quadrature.
    """
    n, m = current.sum(), reference.sum()
    plain = 0.5 * float(np.abs(current / n - reference / m).sum())
    share = (current + reference) / (n + m)
    chance = float(np.sqrt(share * (1 - share) * (1 / n + 1 / m) / (2 * np.pi)).sum())
    return float(max(0.0, plain**2 - chance**2) ** 0.5)


def total_variation_interval(
    current: Ints, reference: Ints, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return an interval around `total_variation`, at least at `confidence`.

    McDiarmid's inequality (1989): one row moves the plain distance by at most 1/n or 1/m.
    """
    n, m = current.sum(), reference.sum()
    margin = float(np.sqrt(np.log(2 / (1 - confidence)) / 2 * (1 / n + 1 / m)))
    distance = total_variation(current, reference)
    return max(0.0, distance - margin), min(1.0, distance + margin)
