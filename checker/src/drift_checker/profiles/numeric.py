"""The profile of a numeric column: counts at the edges of its reference's bins."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drift_checker.decision import Floats, Ints

_SLICE_ROWS = 1 << 16
"""Values that are sorted at a time: as many as a core's own cache holds."""


@dataclass(frozen=True)
class NumericProfile:
    """A numeric column of `rows` rows.

    `below` and `up_to` are how many of the finite values are less than each edge and at most each
    edge, all (edges,). `squared_deviations` is the sum of their squared deviations from `mean`.
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
        """The number of finite values."""
        return self.rows - self.nulls - self.infinite

    @property
    def at_edges(self) -> Ints:
        """How many values equal each edge (edges,)."""
        return self.up_to - self.below

    @property
    def between_edges(self) -> Ints:
        """How many values are before the first edge, strictly between two, and after the last.

        One more than there are edges.
        """
        return np.append(self.below, self.value_count) - np.insert(self.up_to, 0, 0)

    @cached_property
    def counts_in_order(self) -> Ints:
        """How many values are between and at edges, by turns, in the order of the numbers."""
        counts = np.empty(2 * len(self.edges) + 1, np.int64)
        counts[::2], counts[1::2] = self.between_edges, self.at_edges
        return counts

    def bin_counts(self, edges: Floats) -> Ints:
        """Return how many values lie in bins whose upper edges are among those of the profile.

        As `bins.bin_counts` does of the values themselves.
        """
        up_to = self.up_to[np.searchsorted(self.edges, edges)]
        return np.diff(up_to, prepend=0, append=self.value_count)

    @property
    def standard_deviation(self) -> float:
        """The standard deviation, 0 where there is no value."""
        return float((self.squared_deviations / max(1, self.value_count)) ** 0.5)

    def quantiles(self, *shares: float) -> Floats:
        """Return quantiles (shares,), each wrong by no more rows than lie between two edges."""
        ranks = np.multiply(shares, max(0, self.value_count - 1)) + 1
        inside = np.clip(self.edges, self.minimum, self.maximum)
        known_ranks = np.concatenate([[0], np.cumsum(self.counts_in_order)])
        known_values = np.concatenate([[self.minimum], np.repeat(inside, 2), [self.maximum]])
        return np.asarray(np.interp(ranks, known_ranks, known_values))

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


def count_numbers(values: Floats, edges: Floats) -> NumericProfile:
    """Return the profile of values (rows,), missing ones NaN, at edges (edges,) that increase.

    Sorting them in slices and looking up the edges there takes a third of the time of looking up
    each value among the edges.
    """
    profile = _count(values[:0], edges)
    for start in range(0, len(values), _SLICE_ROWS):
        profile = profile.merge(_count(np.sort(values[start : start + _SLICE_ROWS]), edges))
    return profile


def _count(ordered: Floats, edges: Floats) -> NumericProfile:
    # NaN is sorted behind all else.
    present = ordered[: np.searchsorted(ordered, np.nan)]
    first = np.searchsorted(present, -np.inf, side="right")
    finite = present[first : np.searchsorted(present, np.inf)]
    # Of values near the largest float the sum of squares is infinite.
    with np.errstate(over="ignore"):
        mean = float(finite.mean()) if len(finite) else 0.0
        squared_deviations = float(np.square(finite - mean).sum())
    return NumericProfile(
        edges,
        np.searchsorted(finite, edges, side="left"),
        np.searchsorted(finite, edges, side="right"),
        len(ordered),
        len(ordered) - len(present),
        len(present) - len(finite),
        mean,
        squared_deviations,
        float(finite[0]) if len(finite) else np.inf,
        float(finite[-1]) if len(finite) else -np.inf,
    )
