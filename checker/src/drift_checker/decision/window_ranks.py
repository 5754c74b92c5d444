"""Windows of one tick's worth each: how far is one of them from the others, and how rare is that?

All windows are treated alike, so that without drift their scores are exchangeable, whatever the
rows of a window have to do with each other: the present one's rank among them is uniform. Where
windows of one day are alike, days are exchangeable, and ranks are among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drift_checker.decision.arrays import Floats, Ints
from drift_checker.decision.limits import LEAST_WINDOWS
from drift_checker.decision.special import student_upper_tail

_NO_SPREAD = np.array(1e-9)
_FEW = 20
_ALIKE = 1.2816
"""Standard normal quantile of 0.9. Days that are alike by mistake cost resolution alone."""


@dataclass(frozen=True)
class WindowStatistic:
    """One thing that is measured of every window: the distance of each from the mean of the others.

    `distances` (windows,) has the present one last; NaN where a window has nothing to measure.
    `effect_floor` is the smallest distance that is worth an alarm. A spread below `least_spread` is
    taken as that, so that the least change of what never changes is not the greatest of all.
    """

    distances: Floats
    effect_floor: float
    least_spread: float

    @property
    def testable(self) -> bool:
        """Whether the present window and enough others have something to measure."""
        measured = ~np.isnan(self.distances)
        return bool(measured[-1]) and int(measured.sum()) > LEAST_WINDOWS


@dataclass(frozen=True)
class WindowEvidence:
    """How unusual the present window's distance is in one statistic.

    `standardised` is in spreads of the others, `effect` the distance itself.
    """

    standardised: float
    effect: float
    p_value: float


@dataclass(frozen=True)
class RankTest:
    """What ranks say of each statistic.

    `units` are what the present window was ranked among: the windows, or the days that they are of
    where `alike` says that windows of one day are.
    """

    evidence: Sequence[WindowEvidence]
    units: int
    alike: bool


def distances_from_others(vectors: Floats, *, largest: bool, groups: Ints | None = None) -> Floats:
    """Return the distance (windows,) of each vector (windows, length) from the mean of the others.

    `largest` takes the largest difference, else their mean. Of the values of a distribution
    function the largest is the Kolmogorov-Smirnov distance; of quantiles the mean is
    Wasserstein's, the mean of quantile functions being the distribution between all (Agueh and
    Carlier 2011). NaN stays NaN and counts for no other. With `groups` (windows,) the others are
    those of the same group; where there are none, there is nothing to measure.
    """
    measured = np.asarray(~np.isnan(vectors).any(axis=1, keepdims=True))
    filled = np.where(measured, vectors, 0.0)
    if groups is None:
        sums, others = filled.sum(axis=0), measured.sum() - 1
        known = measured[:, 0]
    else:
        _, places = np.unique(groups, return_inverse=True)
        of_group = np.eye(places.max() + 1)[places]
        sums = of_group @ (of_group.T @ filled)
        others = of_group @ (of_group.T @ measured) - 1
        known = measured[:, 0] & (others[:, 0] > 0)
    apart = np.abs(filled - (sums - filled) / np.maximum(1, others))
    distances = apart.max(axis=1) if largest else apart.mean(axis=1)
    return np.where(known, distances, np.nan)


def rank_test(
    statistics: Sequence[WindowStatistic], level: float, days: Ints | None = None
) -> RankTest:
    """Test the present window in each statistic, with p-values corrected for all of them.

    All statistics are `testable`. `days` (windows - 1,) say which windows of the reference are of
    one day.

    A window's score is the largest of its distances that are not below their floors, each
    standardised by the spread of that statistic over the other windows: one that changes from
    day to day does not hide a calm one. The p-value is the share of windows that score as much.

    Where windows of one day score alike, each day counts once, by the share of its windows that
    score as much. That p-value is right if days are exchangeable and the present window is any of
    its day: with the present day's own share, at most 1, the sum over D + 1 days is that many times
    the probability to score as much in a mixture of all, from which the present score is drawn.

    Below 1/K of K windows or days, the present one included, ranks say nothing. Where `level` is,
    the p-value of what exceeds all windows is that of a model: the logarithms of a statistic's
    distances are normal, so that the present one's, standardised by the others, has Student's
    distribution; Bonferroni over the statistics, and never above 1/K. The tails of distances by
    chance and of normal effects on windows fall faster than that; storms may not.
    """
    distances = np.array([statistic.distances for statistic in statistics]).T
    effect_floors = np.array([statistic.effect_floor for statistic in statistics])
    least_spreads = np.array([statistic.least_spread for statistic in statistics])
    standardised = _standardised(distances, least_spreads)
    with np.errstate(invalid="ignore"):
        scores = np.where(distances >= effect_floors, standardised, -np.inf)
    others = scores[:-1].max(axis=1)
    alike = days is not None and len(np.unique(days)) < len(days) and _alike(others, days)
    weights = _weights(days) if days is not None and alike else np.ones(len(others))
    units = round(weights.sum())
    p_values = (1 + weights @ (others[:, None] >= scores[-1])) / (units + 1)
    if level < 1 / (units + 1):
        logs = _standardised(np.log(np.maximum(distances, least_spreads)), _NO_SPREAD)[-1]
        # Of what is measured in too few windows, days are no more than these.
        degrees = np.minimum((~np.isnan(distances)).sum(axis=0) - 2, units - 1)
        for i in np.flatnonzero((others.max() < scores[-1]) & (degrees > 0)):
            tail = student_upper_tail(float(logs[i]), int(degrees[i]))
            p_values[i] = min(p_values[i], len(statistics) * tail)
    evidence = [
        WindowEvidence(float(score), float(distance), float(p_value))
        for score, distance, p_value in zip(standardised[-1], distances[-1], p_values, strict=True)
    ]
    return RankTest(evidence, units, alike)


def _weights(days: Ints) -> Floats:
    """Return of each window the share that it is of its day."""
    _, places, counts = np.unique(days, return_inverse=True, return_counts=True)
    return np.asarray(1 / counts[places])


def _alike(scores: Floats, days: Ints) -> bool:
    """Return whether scores of one day are more alike than those of several, as far as it shows.

    Kruskal and Wallis's statistic at a level of 0.1, so that little is missed, by Wilson and
    Hilferty's normal approximation of chi-square. Of fewer than `_FEW` windows it misses much: they
    are taken to be alike.
    """
    if len(scores) < _FEW:
        return True
    _, places, counts = np.unique(days, return_inverse=True, return_counts=True)
    degrees, number = len(counts) - 1, len(scores)
    _, tied, ties = np.unique(scores, return_inverse=True, return_counts=True)
    untied = 1 - float((ties**3 - ties).sum()) / (number**3 - number) if number > 1 else 0.0
    if not degrees or counts.max() == 1 or untied <= 0:
        return False
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[tied]
    means = np.bincount(places, weights=ranks) / counts
    apart = float((counts * (means - (number + 1) / 2) ** 2).sum())
    statistic = 12 * apart / (number * (number + 1)) / untied
    ninth = 2 / (9 * degrees)
    return bool((statistic / degrees) ** (1 / 3) > 1 - ninth + _ALIKE * ninth**0.5)


def _standardised(values: Floats, least_spread: Floats) -> Floats:
    """Standardise each row (windows, statistics) by the mean and the spread of the others.

    As a future observation: with a further 1/K for the mean's own error.
    """
    measured = ~np.isnan(values)
    filled = np.where(measured, values, 0.0)
    others = np.maximum(2, measured.sum(axis=0) - measured)
    mean = (filled.sum(axis=0) - filled) / others
    squares = ((filled**2).sum(axis=0) - filled**2) / others - mean**2
    spread = np.sqrt(np.maximum(squares, 0.0) * others / (others - 1))
    scale = np.maximum(spread, least_spread) * np.sqrt(1 + 1 / others)
    return np.where(measured, (filled - mean) / scale, np.nan)
