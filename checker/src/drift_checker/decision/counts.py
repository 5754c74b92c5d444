"""Faults that are counts: how likely is this many by chance, given the reference?

All p-values condition on the pooled rows and hold at any size.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np

from drift_checker.decision.arrays import Ints
from drift_checker.decision.hypergeometric import two_sided_p_value
from drift_checker.decision.special import log_choose

_TILTS = np.geomspace(1e-4, 30, 300)


def share_p_value(current: int, n: int, reference: int, m: int) -> float:
    """Return Fisher's exact two-sided p-value (1934) for two shares of rows.

    They are `current` of n rows, and `reference` of m.
    """
    return two_sided_p_value(current, n + m, current + reference, n)


def least_share_p_value(n: int, pooled: int, m: int) -> float:
    """Return the smallest p-value that `share_p_value` has, of so many faulty rows in n and m."""
    ends = {max(0, pooled - m), min(pooled, n)}
    return min(two_sided_p_value(end, n + m, pooled, n) for end in ends)


def share_interval(
    before: float, after: float, rows: int, *, confidence: float = 0.95
) -> tuple[float, float]:
    """Return an interval for the change of a share given the one before, whichever way.

    Wilson's (1927) of the share of `rows`.
    """
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    weight = z * z / rows
    middle = (after + weight / 2) / (1 + weight)
    margin = (weight * (after * (1 - after) + weight / 4)) ** 0.5 / (1 + weight)
    ends = middle - margin - before, middle + margin - before
    low, high = sorted(map(abs, ends))
    return (0.0, high) if ends[0] < 0 < ends[1] else (low, high)


def unseen_chance(current: Ints, reference: Ints) -> float:
    """Return a bound on the chance that any category of the pooled rows falls to the batch alone.

    Both are counts (categories,).
    """
    n, total = int(current.sum()), int(current.sum() + reference.sum())
    sizes = current + reference
    sizes = sizes[(sizes > 0) & (sizes <= n)]
    log_absent = log_choose(total - sizes, n - sizes) - log_choose(total, n)
    return float(min(1.0, np.exp(log_absent).sum()))


def unseen_p_value(current: Ints, reference: Ints) -> float:
    """Return a bound on the chance that as many current rows have categories not in the reference.

    Both are counts (categories,). A category of c pooled rows is absent from the reference if all c
    fall to the current batch. These events are negatively associated (Joag-Dev and Proschan 1983),
    so Chernoff's bound for independent events holds for the number of rows in them; any tilt gives
    a valid bound.
    """
    n, total = int(current.sum()), int(current.sum() + reference.sum())
    rows = int(current[reference == 0].sum())
    if not rows:
        return 1.0
    sizes, cells = np.unique((current + reference)[current + reference <= n], return_counts=True)
    log_absent = log_choose(total - sizes, n - sizes) - log_choose(total, n)
    with np.errstate(divide="ignore"):
        log_present = np.log(-np.expm1(log_absent))
    log_moments = np.logaddexp(log_present, log_absent + _TILTS[:, None] * sizes)
    return float(np.exp(min(0.0, float((log_moments @ cells - _TILTS * rows).min()))))


def constant_p_value(pooled: Ints, n: int) -> float:
    """Return the chance that all n current rows share one value, given the pooled counts.

    `pooled` (values,) has the rows of both sides that have each value.
    """
    enough = pooled[pooled >= n]
    if not len(enough):
        return 0.0
    return float(min(1.0, np.exp(log_choose(enough, n) - log_choose(int(pooled.sum()), n)).sum()))
