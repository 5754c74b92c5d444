"""Two samples of categories: are the shares the same?

All counts are (categories,). Given the pooled counts, the current counts are multivariate
hypergeometric whatever the shares are. Both statistics here use that conditional null, so few
categories, rare categories and hundreds of thousands of them need no special care.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from drift_checker.decision.arrays import Floats, Ints
from drift_checker.decision.hypergeometric import log_pmf, two_sided_p_value
from drift_checker.decision.saddlepoint import upper_tail
from drift_checker.decision.special import log_binomial, x_log_ratio

# The largest tilt: the deviance's generating function ends at 1/2. Beyond, p-values are so small
# that a bound does.
_MAX_TILT = 0.48
# Grid of a cell's counts: as far as that tilt, which makes deviations five times as large, can
# carry mass; and no finer than a tenth of a standard deviation, where the trapezoidal rule is
# exact to all digits.
_REACH = 45.0
_FINENESS = 10.0
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

    G is a sum over cells of functions of independent binomial counts, given their total: unlike the
    chi-square distribution, the approximation holds with small counts far into the tail. The
    deviance is taken instead of Pearson's statistic because its tail is exponential at any count.
    """
    cells = _Cells(current, reference)
    log_given = float(log_binomial(cells.drawn, cells.total, cells.drawn / cells.total))
    return upper_tail(
        cells.cumulants, deviance(current, reference), log_given=log_given, max_tilt=_MAX_TILT
    )


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


def _grid(size: int, share: float) -> Floats:
    spread = (size * share * (1 - share)) ** 0.5
    step = max(1, int(spread / _FINENESS))
    reach = _REACH * spread + _REACH
    low, high = max(0, int(size * share - reach)), min(size, int(size * share + reach) + 1)
    return np.arange(low, high + 1, step, dtype=float)


def largest_cell(current: Ints, reference: Ints) -> tuple[int, float]:
    """Return the category whose share changed most surely, and the p-value of that.

    Each category is tested by Fisher's exact test against all others; the smallest p-value is
    multiplied by the number of categories that could have reached it (Tarone 1990), so that
    rare categories cost nothing. With two categories both tests are one.
    """
    pooled = current + reference
    n, total = int(current.sum()), int(pooled.sum())
    share = n / total
    standardised = np.abs(current - pooled * share) / np.sqrt(pooled)
    # Only a few cells can hold the smallest p-value; leaving one out would be conservative.
    likely = np.argsort(-standardised)[:_CANDIDATES]
    p_values = [two_sided_p_value(int(current[j]), total, int(pooled[j]), n) for j in likely]
    smallest = min(p_values)
    if len(pooled) <= 2:  # noqa: PLR2004  both cells are one test
        # The share of the rarer one may be many times what it was.
        return int(np.argmin(pooled)), smallest
    place = int(likely[p_values.index(smallest)])
    sizes, cells = np.unique(pooled, return_counts=True)
    most, least = np.minimum(sizes, n), np.maximum(0, sizes - (total - n))
    attainable = 2 * np.exp(
        np.minimum(log_pmf(most, total, sizes, n), log_pmf(least, total, sizes, n))
    )
    return place, float(min(1.0, smallest * cells[attainable <= smallest * (1 + 1e-9)].sum()))


def share_change_interval(
    current: Ints, reference: Ints, place: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return an interval for how far the share of one category moved, whichever way.

    Of the difference of two shares, by the normal approximation with one row of each kind added to
    either (Agresti and Caffo 2000).
    """
    z, shares, variance = NormalDist().inv_cdf((1 + confidence) / 2), [], 0.0
    for rows in (current, reference):
        total = int(rows.sum()) + 2
        share = (int(rows[place]) + 1) / total
        shares.append(share)
        variance += share * (1 - share) / total
    middle, margin = abs(shares[0] - shares[1]), z * variance**0.5
    return max(0.0, middle - margin), min(1.0, middle + margin)


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
