"""The special functions that the tests need, of integers and of one number.

They are closed forms; a library for them would take longer to import than a check takes to run.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import ArrayLike

from drift_checker.decision.arrays import Floats

_EXACT = 64
_TABLED = 1 << 15
_SERIES_TERMS = 100
_LOG_GRID = np.linspace(-40.0, 5.0, 501)


def log_factorial(n: ArrayLike) -> Floats:
    """Return log n! of non-negative integers, elementwise, to double precision."""
    n = np.asarray(n)
    # Most of a comparison asks for counts of rows, one by one: looking up is ten times faster, and
    # half of that would go to finding the largest.
    try:
        return np.asarray(_table()[n.astype(np.intp, copy=False)])
    except IndexError:
        return _log_factorial(n.astype(float))


@cache
def _table() -> Floats:
    return _log_factorial(np.arange(_TABLED, dtype=float))


def _log_factorial(n: Floats) -> Floats:
    """Sum up below 64; from there take Stirling's series, whose next term is below 1e-16."""
    small = np.cumsum(np.log(np.maximum(1.0, np.arange(_EXACT))))
    x = np.maximum(n, _EXACT - 1)
    inverse = 1 / (x * x)
    series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse / 1680))) / x
    large = (x + 0.5) * np.log(x) - x + 0.5 * math.log(2 * math.pi) + series
    return np.where(n < _EXACT, small[np.minimum(n, _EXACT - 1).astype(np.intp)], large)


def log_choose(n: ArrayLike, k: ArrayLike) -> Floats:
    """Return the logarithm of the binomial coefficient, elementwise; 0 <= k <= n."""
    return log_factorial(n) - log_factorial(k) - log_factorial(np.subtract(n, k))


def log_binomial(x: ArrayLike, size: ArrayLike, share: float) -> Floats:
    """Return the log of the binomial probability of x in size, elementwise; 0 < share < 1."""
    misses = np.subtract(size, x)
    return log_choose(size, x) + np.multiply(x, math.log(share)) + misses * math.log1p(-share)


def x_log_ratio(x: ArrayLike, expected: ArrayLike) -> Floats:
    """Return x log(x / expected), elementwise; 0 where x is 0."""
    x = np.asarray(x, dtype=float)
    return np.where(x > 0, x * np.log(np.where(x > 0, x / expected, 1.0)), 0.0)


def normal_upper_tail(z: float) -> float:
    """Return the chance that a standard normal variable exceeds z."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def kolmogorov_upper_tail(z: float) -> float:
    """Return the chance that Kolmogorov's distribution exceeds z (Kolmogorov 1933)."""
    if z < 0.2:  # noqa: PLR2004  below, it differs from 1 by less than 1e-12
        return 1.0
    terms = np.arange(1, _SERIES_TERMS)
    signs = np.where(terms % 2, 1.0, -1.0)
    return float(min(1.0, 2 * (signs * np.exp(-2 * (terms * z) ** 2)).sum()))


def landau_upper_tail(x: float) -> float:
    """Return the chance that Landau's distribution (1944) exceeds x, for x of at least -2.

    Its integral, over the logarithm of the variable, where the trapezoidal rule is exact to all
    digits that are needed.
    """
    scale = max(1.0, x)
    t = np.exp(_LOG_GRID) / scale
    terms = np.exp(-t * np.log(t) - x * t) * np.sinc(t) * t
    return float(np.clip(terms.sum() * (_LOG_GRID[1] - _LOG_GRID[0]), 0, 1))


def student_upper_tail(t: float, degrees: int) -> float:
    """Return the chance that Student's distribution exceeds t; degrees >= 1.

    Half the regularised incomplete beta function at degrees / (degrees + t^2), by its continued
    fraction in the form of Lentz (1976): to double precision for few degrees, and to ten digits for
    ten thousand.
    """
    if t < 0:
        return 1 - student_upper_tail(-t, degrees)
    a, b = degrees / 2, 0.5
    x = degrees / (degrees + t * t)
    log_front = (
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
        if x < 1
        else -math.inf
    )
    if x > (a + 1) / (a + b + 2):
        return 0.5 * (1 - math.exp(log_front) * _beta_fraction(b, a, 1 - x) / b)
    return 0.5 * math.exp(log_front) * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    fraction = d
    for m in range(1, _SERIES_TERMS * 10):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d, c = 1 / (1 + term * d), 1 + term / c
            fraction *= d * c
        if abs(d * c - 1) < np.finfo(float).eps:
            break
    return fraction
