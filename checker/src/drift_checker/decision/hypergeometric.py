"""Tails of the hypergeometric distribution, exact into the far tail.

Under the null hypothesis the current rows are a simple random sample, without replacement, of
the pooled rows. Whatever is counted among them is therefore hypergeometric given the pooled
counts, with no assumption on the distribution of the data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from drift_checker.decision.arrays import Floats
from drift_checker.decision.special import log_choose


def log_pmf(x: ArrayLike, total: int, marked: ArrayLike, drawn: int) -> Floats:
    """Return log P(X = x), X the number of marked among `drawn` of `total` rows, elementwise.

    `x` must lie in the support.
    """
    unmarked, rest = np.subtract(total, marked), np.subtract(drawn, x)
    return log_choose(marked, x) + log_choose(unmarked, rest) - log_choose(total, drawn)


def upper_tail(x: int, total: int, marked: int, drawn: int) -> float:
    """Return P(X >= x), X the number of marked among `drawn` of `total` rows."""
    lowest, highest = max(0, drawn + marked - total), min(marked, drawn)
    if x <= lowest:
        return 1.0
    if x > highest:
        return 0.0
    # Beyond the mean the terms fall at least geometrically: forty standard deviations hold all
    # that a double can add up.
    share = marked / total
    spread = 40 * (drawn * share * (1 - share)) ** 0.5 + 40
    if x < drawn * share:
        return max(0.0, 1.0 - upper_tail(drawn - x + 1, total, total - marked, drawn))
    terms = np.arange(x, min(highest, x + int(spread)) + 1, dtype=float)
    return float(min(1.0, np.exp(log_pmf(terms, total, marked, drawn)).sum()))


def lower_tail(x: int, total: int, marked: int, drawn: int) -> float:
    """Return P(X <= x), X the number of marked among `drawn` of `total` rows."""
    return upper_tail(drawn - x, total, total - marked, drawn)


def two_sided_p_value(x: int, total: int, marked: int, drawn: int) -> float:
    """Return twice the smaller tail: a level of a/2 is spent on either side."""
    tails = upper_tail(x, total, marked, drawn), lower_tail(x, total, marked, drawn)
    return min(1.0, 2 * min(tails))
