"""The two-sample Kolmogorov-Smirnov test, exact at the actual sizes and conditional on ties."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np

from drift_checker.decision.arrays import Floats, Ints
from drift_checker.decision.ordered import rows_up_to
from drift_checker.decision.special import kolmogorov_upper_tail, log_binomial

# The exact null is computed only where it can change the decision. From 50 rows on and down to
# 1e-6 the approximation is at most NEAR_UNTIED times as large without ties, and NEAR_TIED times
# as large with two values only, and hardly smaller.
_FEW_ROWS = 50
_TOO_SMALL, _NEAR_UNTIED, _NEAR_TIED = 0.95, 2.0, 30.0
# Twenty million cells take about a tenth of a second, and so do ten thousand steps.
_MAX_STEPS = 200_000
_MAX_CELLS = 200_000_000
# Further out than this many standard deviations a binomial weight is below 1e-30.
_REACH = 12.0
# Of so many times fewer rows it is quicker to go from one to the next than from row to row.
_TIMES_FEWER = 4
# The logarithm of what numbers may grow by, before doubles end.
_MOST_GROWTH = 600.0


@dataclass(frozen=True)
class Distance:
    """The largest difference of two empirical distribution functions, and where to test it."""

    value: float
    scaled: int
    """`value` times both sample sizes: an integer, so that comparisons are exact."""
    pooled: Ints | range
    """Pooled rows up to and including each distinct value."""
    current: int
    reference: int
    shares: tuple[float, float] = (0.0, 0.0)
    """The shares of (current, reference) rows up to the value where they differ most."""

    @property
    def untied(self) -> bool:
        """Whether no two rows have the same value."""
        return len(self.pooled) == self.current + self.reference

    @cached_property
    def exact_p_value(self) -> float:
        """The exact p-value by dealing labels, computed once."""
        return exact_p_value(self)


def distance(current: Floats, reference: Floats) -> Distance:
    """Return the distance of two sorted, non-empty samples (n,) and (m,) without nulls."""
    return distance_up_to(*rows_up_to(current, reference))


def distance_up_to(current: Ints, pooled: Ints) -> Distance:
    """Return the distance by the rows up to and including each distinct value, both (values,)."""
    n, m = int(current[-1]), int(pooled[-1] - current[-1])
    gaps = np.abs(current * m - (pooled - current) * n)
    place = int(np.argmax(gaps))
    scaled, up_to = int(gaps[place]), int(current[place])
    shares = up_to / n, (int(pooled[place]) - up_to) / m
    return Distance(scaled / (n * m), scaled, pooled, n, m, shares)


def p_value(observed: Distance, *, level: float) -> float:
    """Return P(D >= observed) for two samples of one distribution, given the pooled ties.

    Where the approximate p-value lies near `level`, the one at which the decision changes, and of
    less than 50 rows, it is replaced by the exact one: the share of all ways to deal the labels
    to the pooled rows whose path leaves the band at the end of some tie group (Hodges 1958, "The
    significance probability of the Smirnov two-sample test"; Schroer and Trenkler 1995 for ties).
    Elsewhere, and for sizes whose path would take seconds, the approximate value is kept.
    """
    n, m = observed.current, observed.reference
    approximate = approximate_p_value(observed)
    near = _NEAR_UNTIED if observed.untied else _NEAR_TIED
    if min(n, m) >= _FEW_ROWS and not _TOO_SMALL * level < approximate <= near * level:
        return approximate
    if len(observed.pooled) > _MAX_STEPS:
        return approximate
    width = 2 * observed.scaled / (n + m)
    sizes = np.diff(observed.pooled, prepend=0)
    spread = np.minimum(sizes, 2 * _REACH * np.sqrt(sizes * (n * m)) / (n + m))
    if width * spread.sum() > _MAX_CELLS:
        return approximate
    return observed.exact_p_value


def approximate_p_value(observed: Distance) -> float:
    """Return Kolmogorov's asymptotic p-value, corrected for the sizes where there are no ties.

    The correction of Hodges (1958, equation 5.3), at the middle between the distance and the next
    smaller one that there can be. Ties only lower the distance: without the correction the value
    is on the safe side.
    """
    n, m = observed.current, observed.reference
    root = (n * m / (n + m)) ** 0.5
    z = observed.value * root
    if observed.untied:
        step = math.gcd(n, m) / (n * m)
        z += (n + m + min(n, m)) / (6 * (n + m) * root) - step / 2 * root
    return kolmogorov_upper_tail(z)


def interval(observed: Distance, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval for the distance of the two distributions, at least at `confidence`.

    The Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant (1990), for both samples.
    """
    reach = float(np.sqrt(np.log(4 / (1 - confidence)) / 2))
    margin = reach * (observed.current**-0.5 + observed.reference**-0.5)
    return max(0.0, observed.value - margin), min(1.0, observed.value + margin)


def exact_p_value(observed: Distance) -> float:
    """Return the exact p-value by dealing labels along the pooled order.

    Labels are dealt independently with the pooled share, and the total is conditioned on at the
    end: this keeps the conditional distribution as it is and all numbers near 1. The mass of paths
    that exit the band is added up instead of what stays, so that small p-values keep their digits.
    """
    few, many = sorted((observed.current, observed.reference))
    growth = -math.log1p(-few / (few + many)) * 2 * (observed.scaled / few + 1)
    by_fewer = observed.untied and few * _TIMES_FEWER <= many and growth < _MOST_GROWTH
    exits = _exits_by_row(observed) if by_fewer else _exits_by_tie(observed)
    if not exits:
        return 0.0
    total, share = few + many, few / (few + many)
    lengths = [len(mass) for mass, _, _ in exits]
    within = np.arange(sum(lengths)) - np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)
    mass = np.concatenate([mass for mass, _, _ in exits])
    smaller, larger = (
        np.repeat([first[side] for _, first, _ in exits], lengths)
        + within * np.repeat([step[side] for _, _, step in exits], lengths)
        for side in (0, 1)
    )
    possible = (smaller <= few) & (larger <= many)
    mass, smaller, rest = mass[possible], smaller[possible], (total - smaller - larger)[possible]
    log_end = log_binomial(few - smaller, rest, share) - log_binomial(few, total, share)
    return float(min(1.0, (mass * np.exp(log_end)).sum()))


_Rows: TypeAlias = tuple[int, int]
"""Rows of the smaller sample, and of the larger."""
_Exits: TypeAlias = list[tuple[Floats, _Rows, _Rows]]
"""Where paths exit the band: their mass, the rows dealt at the first, and those from each to the
next."""


def _exits_by_tie(observed: Distance) -> _Exits:
    """Deal the labels of one tie group after the other."""
    n, total = min(observed.current, observed.reference), observed.current + observed.reference
    rows = np.asarray(observed.pooled)
    sizes = np.diff(rows, prepend=0)
    # Inside: |count * total - rows * n| < scaled.
    lows = (rows * n - observed.scaled) // total + 1
    highs = -((-rows * n - observed.scaled) // total) - 1
    inside, first = np.ones(1), 0
    exits: _Exits = []
    kernels = _kernels(sizes, n / total)
    for size, low, high, pooled in zip(
        sizes.tolist(), lows.tolist(), highs.tolist(), rows.tolist(), strict=True
    ):
        shift, weights = kernels[size]
        dealt = np.convolve(inside, weights)
        first += shift
        below, above = max(0, low - first), max(0, high + 1 - first)
        if below:
            exits.append((dealt[:below], (first, pooled - first), (1, -1)))
        if above < len(dealt):
            exits.append((dealt[above:], (first + above, pooled - first - above), (1, -1)))
        inside, first = dealt[below:above], first + below
        if not len(inside):
            break
    return exits


def _exits_by_row(observed: Distance) -> _Exits:
    """Deal the labels up to the next row of the smaller sample, without ties: fewer steps."""
    few, many = sorted((observed.current, observed.reference))
    share = few / (few + many)
    # Inside, of so many rows of the smaller sample: |dealt * many - others * few| < scaled.
    dealt = np.arange(few + 1)
    lows = np.maximum((dealt * many - observed.scaled) // few + 1, 0)
    highs = np.minimum(-((-dealt * many - observed.scaled) // few) - 1, many)
    # The chance of a run of the other sample falls by the same factor with each of its rows.
    run = (1 - share) ** np.arange(int((highs - lows).max()) + 2)
    inside, first = np.ones(1), 0
    exits: _Exits = []
    for count, (high, low) in enumerate(zip(highs[:-1].tolist(), lows[1:].tolist(), strict=True)):
        visited = np.zeros(high - first + 1)
        visited[: len(inside)] = inside / run[: len(inside)]
        np.cumsum(visited, out=visited)
        visited *= run[: len(visited)]
        if high < many:
            exits.append((visited[-1:] * (1 - share), (count, high + 1), (0, 1)))
        visited *= share
        below = low - first
        if below > 0:
            exits.append((visited[:below], (count + 1, first), (0, 1)))
        inside, first = visited[max(0, below) :], max(first, low)
        if not len(inside):
            break
    return exits


def _kernels(sizes: Ints, share: float) -> dict[int, tuple[int, Floats]]:
    """Return the chances of the counts that are dealt to a tie group, by its size.

    They begin with the first count that is likely at all.
    """
    sizes = np.flatnonzero(np.bincount(sizes))
    reach = _REACH * np.sqrt(sizes * share * (1 - share)) + _REACH
    lows = np.maximum(0, (sizes * share - reach).astype(np.int64))
    highs = np.minimum(sizes, (sizes * share + reach).astype(np.int64) + 1)
    lengths = highs - lows + 1
    ends = np.cumsum(lengths)
    counts = np.arange(ends[-1]) + np.repeat(highs + 1 - ends, lengths)
    weights = np.exp(log_binomial(counts, np.repeat(sizes, lengths), share))
    parts = np.split(weights, ends[:-1])
    return dict(zip(sizes.tolist(), zip(lows.tolist(), parts, strict=True), strict=True))
