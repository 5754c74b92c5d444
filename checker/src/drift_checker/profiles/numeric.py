"""The profile of a numeric column: counts at edges that its reference chose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drift_checker.decision import Floats, Ints

_PIECE = 1 << 16
"""Values that are sorted at a time: as many as a core's own cache holds."""


@dataclass(frozen=True)
class NumericProfile:
    """A numeric column of `rows` rows.

    `below` and `upto` are the finite values less than each edge and at most each edge. `squares`
    is the sum of their squared deviations from `mean`.
    """

    edges: Floats
    below: Ints
    up_to: Ints
    rows: int
    nulls: int
    infinite: int
    mean: float
    squared_deviations: float
    minimum: float
    maximum: float

    @property
    def value_count(self) -> int:
        """The finite values."""
        return self.rows - self.nulls - self.infinite

    @property
    def at_edges(self) -> Ints:
        """The values equal to each edge."""
        return self.up_to - self.below

    @property
    def between_edges(self) -> Ints:
        """The values before the first edge, strictly between two, and after the last."""
        return np.append(self.below, self.value_count) - np.insert(self.up_to, 0, 0)

    @cached_property
    def counts_in_order(self) -> Ints:
        """The values between and at edges by turns, in the order of the numbers."""
        counts = np.empty(2 * len(self.edges) + 1, np.int64)
        counts[::2], counts[1::2] = self.between_edges, self.at_edges
        return counts

    def bin_counts(self, ends: Floats) -> Ints:
        """Return the values in cells of which the upper ends are edges; see `profiles.cells`."""
        upto = self.up_to[np.searchsorted(self.edges, ends)]
        return np.diff(upto, prepend=0, append=self.value_count)

    @property
    def standard_deviation(self) -> float:
        """The standard deviation, 0 where there is no value."""
        return float((self.squared_deviations / max(1, self.value_count)) ** 0.5)

    def quantiles(self, *shares: float) -> Floats:
        """Return quantiles, each wrong by no more of the rows than lie between two edges."""
        ranks = np.multiply(shares, max(0, self.value_count - 1)) + 1
        inside = np.clip(self.edges, self.minimum, self.maximum)
        ends = np.concatenate([[0], np.cumsum(self.counts_in_order)])
        places = np.concatenate([[self.minimum], np.repeat(inside, 2), [self.maximum]])
        return np.asarray(np.interp(ranks, ends, places))

    def merge(self, other: NumericProfile) -> NumericProfile:
        """Return the profile of the rows of both (Chan, Golub and LeVeque 1979 for the moments)."""
        n, m = self.value_count, other.value_count
        step, total = other.mean - self.mean, max(1, n + m)
        return NumericProfile(
            self.edges,
            self.below + other.below,
            self.up_to + other.up_to,
            self.rows + other.rows,
            self.nulls + other.nulls,
            self.infinite + other.infinite,
            self.mean + step * m / total,
            self.squared_deviations + other.squared_deviations + step * step * n * m / total,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


def empty_profile(edges: Floats) -> NumericProfile:
    """Return the profile of no rows."""
    zeros = np.zeros(len(edges), np.int64)
    return NumericProfile(edges, zeros, zeros, 0, 0, 0, 0.0, 0.0, np.inf, -np.inf)


def count_numbers(values: Floats, edges: Floats) -> NumericProfile:
    """Return the profile of values, missing ones NaN.

    Sorting them in pieces and looking up the edges there takes a third of the time of looking up
    each value among the edges.
    """
    found = empty_profile(edges)
    for start in range(0, len(values), _PIECE):
        found = found.merge(_count(np.sort(values[start : start + _PIECE]), edges))
    return found


def _count(ordered: Floats, edges: Floats) -> NumericProfile:
    # NaN is sorted behind all else.
    known = ordered[: np.searchsorted(ordered, np.nan)]
    first = np.searchsorted(known, -np.inf, side="right")
    finite = known[first : np.searchsorted(known, np.inf)]
    mean = float(finite.mean()) if len(finite) else 0.0
    return NumericProfile(
        edges,
        np.searchsorted(finite, edges, side="left"),
        np.searchsorted(finite, edges, side="right"),
        len(ordered),
        len(ordered) - len(known),
        len(known) - len(finite),
        mean,
        float(np.square(finite - mean).sum()),
        float(finite[0]) if len(finite) else np.inf,
        float(finite[-1]) if len(finite) else -np.inf,
    )
