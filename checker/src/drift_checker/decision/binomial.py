"""Rates: how much a number of hits among trials says of the chance of one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from drift_checker.decision.special import log_binomial

STEPS = 50
"""Halvings by which a limit is found; the last one is far below any figure that is shown."""


def interval(hits: int, trials: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a rate (Clopper and Pearson 1934).

    Its limits are the rates at which so many hits, or so few, would have half of the chance that
    the confidence leaves.
    """
    tail = (1 - confidence) / 2
    low = _least_rate(lambda rate: _chance(hits, trials, trials, rate) >= tail) if hits else 0.0
    high = (
        _least_rate(lambda rate: _chance(0, hits, trials, rate) <= tail) if hits < trials else 1.0
    )
    return low, high


def _chance(first: int, last: int, trials: int, rate: float) -> float:
    """Return the chance of `first` to `last` hits."""
    return float(np.exp(log_binomial(np.arange(first, last + 1), trials, rate)).sum())


def _least_rate(holds: Callable[[float], bool]) -> float:
    """Return the least rate from which on a condition holds."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
