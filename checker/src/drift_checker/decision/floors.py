"""Which changes are worth an alarm, however significant they are."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Floor:
    """The smallest change of a share of rows that counts: by so much, or to so many times.

    A share counts that changed by `change`, or that became `ratio` times as large or as small, if
    the larger of both reaches `ratio_from`: of common things a change of points matters, of rare
    ones a multiple.
    """

    change: float
    ratio: float = math.inf
    ratio_from: float = 1.0

    def is_multiplied(self, before: float, after: float) -> bool:
        """Return whether a share became so many times as large or as small."""
        low, high = sorted((max(0.0, before), max(0.0, after)))
        return high >= self.ratio_from and high >= self.ratio * low and high > low

    def is_reached(self, before: float, after: float) -> bool:
        """Return whether the change of a share counts."""
        # Differences of shares that are whole points are not.
        enough = abs(after - before) >= self.change * (1 - 1e-12)
        return enough or self.is_multiplied(before, after)


NO_FLOOR = Floor(0.0)
"""Every change counts."""
