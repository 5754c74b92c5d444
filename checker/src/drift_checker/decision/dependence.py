"""Do rows hang together? Neighbours in their order, and rows of one group, such as a day.

What is tested are scores (rows, length), which have the mean zero: the rank of a number, or for a
category the vector that has one at its place. Under the null hypothesis every order of the rows is
as likely. Only rows that are alike more than by chance make false alarms, so that all tests are
one-sided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drift_checker.decision.arrays import Floats, Ints
from drift_checker.decision.special import kolmogorov_upper_tail, normal_upper_tail

# Neighbours of one rare value are few: with fewer expected, one pair would be a discovery.
_LEAST_NEIGHBOURS = 10
_STEPS = 60


@dataclass(frozen=True)
class Alike:
    """How much rows are alike that belong together, from 0 to 1, and how likely by chance."""

    correlation: float
    p_value: float


def numeric_scores(values: Floats) -> Floats | None:
    """Return the ranks (rows, 1) of numbers, ties in the middle; None where nearly all are one."""
    distinct, codes, rows = np.unique(values, return_inverse=True, return_counts=True)
    if len(distinct) <= 1 or not _varies(int(rows.max()), len(values)):
        return None
    middles = np.cumsum(rows) - rows / 2
    return _centred(np.asarray(middles[codes])[:, None])


def quartile_scores(values: Floats) -> Floats:
    """Return of numbers whether each is above the quartiles (rows, 3).

    Of these is how much the largest distance of a batch varies; ranks say too much of it.
    """
    cuts = np.sort(values)[np.array([1, 2, 3]) * len(values) // 4]
    return _centred((values[:, None] > cuts).astype(float))


def categorical_scores(codes: Ints) -> Floats | None:
    """Return one column of scores (rows, categories) for each category that is not rare.

    Rare ones are pooled; None where only one is left.
    """
    rows = np.bincount(codes)
    frequent = np.flatnonzero(rows**2 >= _LEAST_NEIGHBOURS * len(codes))
    if not len(frequent) or not _varies(int(rows.max()), len(codes)):
        return None
    return _centred((codes[:, None] == frequent).astype(float))


def _varies(most: int, rows: int) -> bool:
    return (rows - most) ** 2 >= _LEAST_NEIGHBOURS * rows


def _centred(scores: Floats) -> Floats:
    return np.asarray(scores - scores.mean(axis=0))


def neighbours(scores: Floats, stretches: Ints) -> Alike:
    """Compare each row with the next one of its stretch: `stretches` (rows,) are numbers of them.

    The serial correlation of Wald and Wolfowitz (1943), for vectors: the sum of products of
    neighbours has under all orders the mean -t / (n - 1) for each pair, t being the trace of the
    scores' covariance, and about the variance of the trace of its square.
    """
    together = stretches[1:] == stretches[:-1]
    pairs = int(together.sum())
    covariance = scores.T @ scores / len(scores)
    trace, squares = float(np.trace(covariance)), float((covariance**2).sum())
    if not pairs or not squares:
        return Alike(0.0, 1.0)
    products = (scores[1:] * scores[:-1]).sum(axis=1)[together]
    mean = float(products.mean())
    z = (mean + trace / (len(scores) - 1)) * (pairs / squares) ** 0.5
    return Alike(mean / trace, normal_upper_tail(z))


def groups(scores: Floats, numbers: Ints) -> Alike:
    """Compare rows of one group with those of others: `numbers` (rows,) are their groups.

    The analysis of variance of Kruskal and Wallis (1952), for vectors; the null is a gamma
    distribution with the first two moments, by the cube root of Wilson and Hilferty (1931). The
    correlation is the intraclass correlation of one-way analysis of variance: that of two rows of
    one group.
    """
    _, members = np.unique(numbers, return_inverse=True)
    sizes = np.bincount(members)
    n, many = len(scores), len(sizes)
    if many <= 1 or many == n:
        return Alike(0.0, 1.0)
    sums = np.array([np.bincount(members, column) for column in scores.T])
    between = float((sums**2 / sizes).sum())
    covariance = scores.T @ scores / (n - 1)
    trace, squares = float(np.trace(covariance)), float((covariance**2).sum())
    if not squares:
        return Alike(0.0, 1.0)
    degrees = (many - 1) * trace**2 / squares
    ratio, spread = between / ((many - 1) * trace), 2 / (9 * degrees)
    p_value = normal_upper_tail((ratio ** (1 / 3) - 1 + spread) / spread**0.5)
    mean_between = between / (many - 1)
    mean_within = (float((scores**2).sum()) - between) / (n - many)
    typical = (n - float((sizes**2).sum()) / n) / (many - 1)
    total = mean_between + (typical - 1) * mean_within
    return Alike(max(0.0, (mean_between - mean_within) / total) if total else 0.0, p_value)


def design_effect(rows: float, correlation: float) -> float:
    """Return how many times the variance of a mean of rows is that of independent ones.

    Any two of them have this correlation (Kish 1965).
    """
    return 1 + max(0.0, rows - 1) * correlation


def false_alarms(design_effects: Sequence[float], level: float) -> float:
    """Estimate the chance that some column alarms whose distances vary so much more.

    Each is tested by its largest distance, at an equal part of the level, and columns are taken
    as independent. The distance of rows with a design effect is the root of it as large, and has
    otherwise Kolmogorov's distribution.
    """
    if not design_effects:
        return level
    part, low, high = level / len(design_effects), 0.2, 40.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if kolmogorov_upper_tail(middle) > part else (low, middle)
    kept = [1 - kolmogorov_upper_tail(high / effect**0.5) for effect in design_effects]
    return max(level, 1 - math.prod(kept))
