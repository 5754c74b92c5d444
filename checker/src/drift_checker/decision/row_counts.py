"""How many rows a batch has, by those of the batches before it.

Counts of rows vary by more than chance alone makes counts vary, and by how much is only known from
few of them: a prediction interval by Student's distribution says what the next one may be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median

import numpy as np

from drift_checker.decision.arrays import Floats
from drift_checker.decision.special import student_upper_tail

LEAST_COUNTS = 12
"""Counts below which nothing is said of the next one."""
_ROUNDING = 0.02
"""Smallest relative standard deviation: counts that were always the same may yet differ."""
_CORRELATED = 0.3
"""Correlation of successive counts from which they are taken to hang together."""


def p_value(count: int, past: Sequence[int]) -> float:
    """Return how unusual a count is after others, the oldest first, from both sides.

    Counts are taken for normal once by their logarithm and once by their square root, and the
    larger p-value counts: counts of events are between the two, so that it is too large on both
    sides rather than too small. Where successive counts hang together, as over a day, the last step
    has to be unusual among steps too.
    """
    if len(past) < LEAST_COUNTS:
        return 1.0
    values = np.append(np.asarray(past, dtype=float), count)
    logs, roots = np.log(values + 0.5), np.sqrt(values)
    # np.median() would import numpy.ma.
    middle = max(1.0, float(median(past)))
    floors = _ROUNDING, _ROUNDING * math.sqrt(middle) / 2
    scales = list(zip((logs, roots), floors, strict=True))
    p_values = [_predicted(scaled, floor) for scaled, floor in scales]
    if _autocorrelation(logs[:-1]) > _CORRELATED:
        p_values += [_predicted(np.diff(scaled), floor) for scaled, floor in scales]
    return max(p_values)


def _predicted(values: Floats, least: float) -> float:
    """Return the p-value of the last value by the others (Student's prediction interval)."""
    past, size = values[:-1], len(values) - 1
    spread = max(least, float(past.std(ddof=1))) * math.sqrt(1 + 1 / size)
    return min(1.0, 2 * student_upper_tail(abs(values[-1] - past.mean()) / spread, size - 1))


def _autocorrelation(values: Floats) -> float:
    centred = values - values.mean()
    total = float((centred**2).sum())
    return float((centred[1:] * centred[:-1]).sum()) / total if total else 0.0
