"""The profile of a numeric column: counts at edges that its reference chose."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drift_checker.decision import Floats, Ints
from drift_checker.decision.exceedance import extreme
from drift_checker.profiles.bins import BINS, bin_edges

EDGES = 2 * BINS
"""Quantiles of the reference at which rows are counted, those of batch profiles among them."""
_PIECE = 1 << 16
"""Values that are sorted at a time: as many as a core's own cache holds."""


@dataclass(frozen=True)
class Bins:
    """Where a column is cut.

    `edges` increase. Those where its tails begin, `low` and `high`, and the upper ends of the
    `cells` of batch profiles are among them.
    """

    edges: Floats
    low: float
    high: float
    cells: Floats

    @classmethod
    def of(cls, sample: Floats, least: float, largest: float) -> Bins:
        """Choose the cuts from a sample of the reference and from the range of all its values.

        The edges are every value of the sample, or its quantiles where it has more than `EDGES`.
        """
        ordered = np.sort(sample[np.isfinite(sample)])
        if not len(ordered):
            return NO_BINS
        values = ordered[np.append(True, ordered[1:] != ordered[:-1])]
        if len(values) > EDGES:
            values = bin_edges(ordered, EDGES)
        tail = extreme(len(ordered))
        low, high = float(ordered[tail - 1]), float(ordered[-tail])
        every = np.unique(np.append(values, [low, high, least, largest]))
        return cls(every, low, high, bin_edges(ordered))


NO_BINS = Bins(np.empty(0), np.nan, np.nan, np.empty(0))
"""Of a column that has no finite values."""


@dataclass(frozen=True)
class NumericProfile:
    """A numeric column of `rows` rows.

    `below` and `upto` are the finite values less than each edge and at most each edge. `squares`
    is the sum of their squared deviations from `mean`.
    """

    edges: Floats
    below: Ints
    upto: Ints
    rows: int
    nulls: int
    infinite: int
    mean: float
    squares: float
    least: float
    largest: float

    @property
    def values(self) -> int:
        """The finite values."""
        return self.rows - self.nulls - self.infinite

    @property
    def at(self) -> Ints:
        """The values equal to each edge."""
        return self.upto - self.below

    @property
    def between(self) -> Ints:
        """The values before the first edge, strictly between two, and after the last."""
        return np.append(self.below, self.values) - np.insert(self.upto, 0, 0)

    @cached_property
    def ordered(self) -> Ints:
        """The values between and at edges by turns, in the order of the numbers."""
        counts = np.empty(2 * len(self.edges) + 1, np.int64)
        counts[::2], counts[1::2] = self.between, self.at
        return counts

    def cells(self, ends: Floats) -> Ints:
        """Return the values in cells of which the upper ends are edges; see `profiles.cells`."""
        upto = self.upto[np.searchsorted(self.edges, ends)]
        return np.diff(upto, prepend=0, append=self.values)

    @property
    def deviation(self) -> float:
        """The standard deviation, 0 where there is no value."""
        return float((self.squares / max(1, self.values)) ** 0.5)

    def quantiles(self, *shares: float) -> Floats:
        """Return quantiles, each wrong by no more of the rows than lie between two edges."""
        ranks = np.multiply(shares, max(0, self.values - 1)) + 1
        inside = np.clip(self.edges, self.least, self.largest)
        ends = np.concatenate([[0], np.cumsum(self.ordered)])
        places = np.concatenate([[self.least], np.repeat(inside, 2), [self.largest]])
        return np.asarray(np.interp(ranks, ends, places))

    def merge(self, other: NumericProfile) -> NumericProfile:
        """Return the profile of the rows of both (Chan, Golub and LeVeque 1979 for the moments)."""
        n, m = self.values, other.values
        step, total = other.mean - self.mean, max(1, n + m)
        return NumericProfile(
            self.edges,
            self.below + other.below,
            self.upto + other.upto,
            self.rows + other.rows,
            self.nulls + other.nulls,
            self.infinite + other.infinite,
            self.mean + step * m / total,
            self.squares + other.squares + step * step * n * m / total,
            min(self.least, other.least),
            max(self.largest, other.largest),
        )


def nothing(edges: Floats) -> NumericProfile:
    """Return the profile of no rows."""
    zeros = np.zeros(len(edges), np.int64)
    return NumericProfile(edges, zeros, zeros, 0, 0, 0, 0.0, 0.0, np.inf, -np.inf)


def count(values: Floats, edges: Floats) -> NumericProfile:
    """Return the profile of values, missing ones NaN.

    Sorting them in pieces and looking up the edges there takes a third of the time of looking up
    each value among the edges.
    """
    found = nothing(edges)
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
