# mypy: disable-error-code="import-untyped"
"""Rates with their intervals."""

from __future__ import annotations

from scipy.stats import beta

from drift_checker.decision import Ints

_QUANTILES = (0.05, 0.5, 0.95)


def interval(hits: float, trials: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Clopper and Pearson's interval (1934)."""
    tail = (1 - confidence) / 2
    low = beta.ppf(tail, hits, trials - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, hits + 1, trials - hits) if hits < trials else 1.0
    return float(low), float(high)


def clustered_interval(hits: Ints, trials: int) -> tuple[float, float]:
    """Return the interval of a rate over clusters, `trials` in each.

    That of as many independent trials as say the same: their number is divided by the design
    effect.
    """
    effect = max(1.0, design_effect(hits, trials))
    return interval(hits.sum() / effect, len(hits) * trials / effect)


def design_effect(hits: Ints, trials: int) -> float:
    """Return the variance over clusters, over that of independent trials (Kish 1965)."""
    rate = float(hits.mean()) / trials
    if not 0 < rate < 1:
        return 1.0
    return float(hits.var(ddof=1)) / (trials * rate * (1 - rate))


def spread(hits: Ints, trials: int) -> tuple[float, float, float]:
    """Return the 5, 50 and 95 % quantiles of the rate given one cluster.

    Of few trials in each, shares of hits would say nothing of it: the quantiles are those of the
    beta distribution with the mean of the rates, and with the variance that the clusters have
    beyond that of the trials.
    """
    rate = float(hits.mean()) / trials
    within = (design_effect(hits, trials) - 1) / max(1, trials - 1)
    if within <= 0 or not 0 < rate < 1:
        return rate, rate, rate
    low, middle, high = beta.ppf(_QUANTILES, rate * (1 / within - 1), (1 - rate) * (1 / within - 1))
    return float(low), float(middle), float(high)
