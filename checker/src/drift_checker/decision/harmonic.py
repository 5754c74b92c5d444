"""Many columns: which drifted, where their p-values depend on each other in ways unknown.

The harmonic mean p-value (Wilson 2019, "The harmonic mean p-value for combining dependent tests")
of any set of columns is small where one of its p-values is tiny, or where many are small
together. Dependence hardly changes its distribution: columns that hang together spend what
Bonferroni's correction would leave unspent.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import pairwise

import numpy as np

from drift_checker.decision.special import landau_upper_tail

_STEPS = 60
# Below, a p-value says no more; its inverse has to stay finite.
_LEAST_P_VALUE = 1e-300
# Of a combined p-value, for each power of e of the number of columns.
_MARGIN = 0.02


@cache
def critical_sum(level: float, columns: int) -> float:
    """Return the sum of inverse p-values that so many columns reach with a chance of `level`.

    The inverse of a uniform p-value has so heavy a tail that the mean of many follows a stable
    law, Landau's, about log(columns) + 1 - gamma. Of ten columns at 5e-4 the sum is 0.5 % above
    Bonferroni's columns / level, of a hundred at 5 % it is 37 % above. Of few columns it is
    slightly too large, which errs on the safe side: of two at 5 %, 0.92 of the level is spent.
    """
    if not level:
        return math.inf
    if columns == 1:
        return 1 / level
    low, high = -2.0, 10 / level
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if landau_upper_tail(middle) > level else (low, middle)
    return columns * max(1.0, _middle(columns) + high)


def combined_p_value(p_values: Sequence[float | None], level: float) -> float:
    """Return the p-value of all columns together, for what is said of it.

    A column whose effect is below its floor has None, and counts as if its p-value were infinite.
    At `level`, that of the columns, `critical_sum` decides, and both agree: what is at most `level`
    is drift. Elsewhere it is a little larger than that of Landau's law, by which up to 1.3 times
    as many batches of 60 columns that are correlated by a half look like 1 in 100 (1.5 times of
    1,000 columns); with the margin it is at most 1.25 times up to 300 columns, by simulation.
    """
    columns = len(p_values)
    if not columns:
        return 1.0
    total = sum(1 / max(p, _LEAST_P_VALUE) for p in p_values if p is not None)
    exact = 1 / max(1.0, total)
    if columns > 1:
        exact = landau_upper_tail(max(-2.0, total / columns - _middle(columns)))
    careful = min(1.0, exact * (1 + _MARGIN * math.log(columns)))
    return min(careful, level) if total >= critical_sum(level, columns) else max(careful, level)


def _middle(columns: int) -> float:
    """Return where Landau's law of the mean of so many inverse p-values lies."""
    return math.log(columns) + 1 - float(np.euler_gamma)


def thresholds(p_values: Sequence[float | None], critical: float) -> list[float]:
    """Return the p-value up to which each column drifts, given those of all others.

    A column whose effect is below its floor has None, and counts for no other one. In order of
    their p-values, the first columns whose inverse p-values sum up to `critical` drift: often a
    single one. So do the next ones that reach it without them, and so on. Any such set is
    significant by itself: the chance that one is found among columns that did not drift is at
    most the level, whatever the others do (Wilson 2019).
    """
    relevant = [math.inf if p is None else max(p, _LEAST_P_VALUE) for p in p_values]
    limits = [0.0] * len(relevant)
    groups = _groups(relevant, critical)
    for column, threshold in _within(groups[-1], relevant, critical):
        limits[column] = threshold
    for group, after in pairwise(groups):
        # With a larger p-value than the next column's, that one may be named instead.
        most = max(relevant[after[0]], 1 / critical) if after else 1.0
        for column, threshold in _within(group, relevant, critical):
            # But for rounding, the p-value is within the threshold already.
            limits[column] = max(relevant[column], min(most, threshold))
    return limits


def _within(
    group: list[int], p_values: list[float], critical: float
) -> Iterator[tuple[int, float]]:
    """Yield each column with the p-value that it needs for its group to reach `critical`."""
    total = sum(1 / p_values[column] for column in group)
    for column in group:
        yield column, 1 / max(1.0, critical - (total - 1 / p_values[column]))


def _groups(p_values: list[float], critical: float) -> list[list[int]]:
    """Return the columns in order of their p-values, cut where the inverses sum up to `critical`.

    The last group is the rest, which may be nothing.
    """
    groups: list[list[int]] = [[]]
    total = 0.0
    for column in sorted(range(len(p_values)), key=p_values.__getitem__):
        groups[-1].append(column)
        total += 1 / p_values[column]
        if total >= critical:
            groups.append([])
            total = 0.0
    return groups
