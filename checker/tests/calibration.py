"""What a rate of false alarms may be: within the 99.9 % quantiles of its binomial count."""

from __future__ import annotations

from statistics import NormalDist

LEVELS = (0.05, 0.01)


def bound(runs: int, level: float, quantile: float) -> float:
    spread = (runs * level * (1 - level)) ** 0.5
    return runs * level + NormalDist().inv_cdf(quantile) * spread


def assert_calibrated(p_values: list[float], *, spent: bool = False) -> None:
    for level in LEVELS:
        alarms, runs = sum(p <= level for p in p_values), len(p_values)
        assert alarms <= bound(runs, 1.1 * level, 0.999)
        assert not spent or alarms >= bound(runs, 0.8 * level, 0.001)
