# ruff: noqa: T201  a command, which prints
"""`python -m benchmarks.trust.combinations`: three ways to combine the p-values of many columns.

False alarms over the level of Bonferroni's correction, the harmonic mean (Wilson 2019) and the
Cauchy combination (Liu and Xie 2020), by Kolmogorov-Smirnov distances with exact p-values: what
decision 7 rests on. Some minutes for each case.
"""

from __future__ import annotations

from math import gcd, pi

import numpy as np

from benchmarks.trust.draws import DEGREES_OF_FREEDOM, Generator
from benchmarks.trust.tables import Row
from drift_checker.decision import Floats, harmonic, kolmogorov

LEVELS = (0.05, 0.005)
CASES = (
    (50, 500, 100, "independent", 20_000),
    (50, 500, 10, "gaussian", 40_000),
    (50, 500, 10, "t", 40_000),
    (200, 500, 10, "gaussian", 40_000),
    (200, 500, 10, "t", 40_000),
    (200, 5000, 10, "gaussian", 20_000),
    (200, 5000, 10, "t", 20_000),
    (50, 500, 100, "gaussian", 20_000),
    (50, 500, 100, "t", 20_000),
    (200, 500, 100, "gaussian", 20_000),
    (200, 500, 100, "t", 10_000),
    (200, 5000, 100, "gaussian", 8000),
    (200, 5000, 100, "t", 8000),
)
"""Current and reference rows, columns, dependence, and ticks."""
SEED = 1
# Ways to deal the labels to the same pooled rows.
_DEALS = 5
_POINTS = 90


def main() -> None:
    """Print a line for each case and level."""
    for case in CASES:
        for row in rates(*case):
            print(" ".join(f"{name}={value}" for name, value in row.items()), flush=True)


def rates(n: int, m: int, columns: int, dependence: str, ticks: int) -> list[Row]:
    """Return the rate of each combination over the level, at each level."""
    p_values = _p_values(n, m, columns, dependence, ticks)
    capped = np.minimum(1.0, p_values)
    # Of a p-value of 1 Cauchy's score would be minus infinity.
    scores = np.tan((0.5 - np.clip(p_values, 1e-15, 1 - 1e-3)) * pi).mean(axis=1)
    return [
        {
            "current": n,
            "reference": m,
            "columns": columns,
            "dependence": dependence,
            "level": level,
            "bonferroni": _over(p_values.min(axis=1) <= level / columns, level),
            "harmonic": _over(
                (1 / capped).sum(axis=1) >= harmonic.critical_sum(level, columns), level
            ),
            "cauchy": _over(scores >= np.tan((0.5 - level) * pi), level),
            "standard_error": round(float((level * ticks) ** -0.5), 2),
        }
        for level in LEVELS
    ]


def _over(alarms: np.ndarray, level: float) -> float:
    return round(float(alarms.mean()) / level, 2)


def _p_values(n: int, m: int, columns: int, dependence: str, ticks: int) -> Floats:
    """Return the p-values of drift-free columns (ticks, columns)."""
    rng, total = np.random.default_rng(SEED), n + m
    z, p_values = _exact(n, m)
    expected = np.arange(1, total + 1)[:, None] / total
    found = []
    for _ in range(ticks // _DEALS):
        order = np.argsort(_draw(rng, total, columns, dependence), axis=0)
        for _ in range(_DEALS):
            current = np.zeros(total)
            current[rng.choice(total, n, replace=False)] = 1
            share = np.cumsum(current[order], axis=0, dtype=np.float32) / n
            found.append(np.abs(share - expected).max(axis=0) * total / m)
    distances = np.array(found) * (n * m / total) ** 0.5
    return np.asarray(np.exp(np.interp(distances, z, np.log(p_values))))


def _exact(n: int, m: int) -> tuple[Floats, Floats]:
    """Return the exact p-values at some standardised distances, between which they are smooth."""
    root, step = (n * m / (n + m)) ** 0.5, gcd(n, m)
    steps = [round(z / root * n * m / step) * step for z in np.linspace(0.4, 3.2, _POINTS)]
    pooled = np.arange(1, n + m + 1)
    exact = [
        kolmogorov.exact_p_value(kolmogorov.Distance(at / (n * m), at, pooled, n, m))
        for at in steps
    ]
    return np.array(steps) / (n * m) * root, np.array(exact)


def _draw(rng: Generator, rows: int, columns: int, dependence: str) -> Floats:
    values = rng.normal(size=(rows, columns))
    if dependence == "independent":
        return values
    values = 0.5**0.5 * rng.normal(size=(rows, 1)) + 0.5**0.5 * values
    if dependence == "t":
        degrees = DEGREES_OF_FREEDOM
        values /= np.sqrt(rng.chisquare(degrees, (rows, 1)) / degrees)
    return np.asarray(values)


if __name__ == "__main__":
    main()
