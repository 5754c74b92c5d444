# mypy: disable-error-code="import-untyped"
"""Rates with their intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Counts = NDArray[np.int64]


def interval(hits: float, trials: float, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return Clopper and Pearson's interval (1934)."""
    tail = (1 - confidence) / 2
    low = beta.ppf(tail, hits, trials - hits + 1) if hits else 0.0
    high = beta.ppf(1 - tail, hits + 1, trials - hits) if hits < trials else 1.0
    return float(low), float(high)


def clustered_interval(hits: Counts, trials: int) -> tuple[float, float]:
    """Return the interval of a rate over clusters, `trials` in each.

    That of as many independent trials as say the same: their number is divided by the design
    effect (Kish 1965), the variance over clusters over that of independent trials.
    """
    rate = float(hits.mean()) / trials
    effect = 1.0
    if trials > 1 and 0 < rate < 1:
        effect = max(1.0, float(hits.var(ddof=1)) / (trials * rate * (1 - rate)))
    return interval(hits.sum() / effect, len(hits) * trials / effect)
