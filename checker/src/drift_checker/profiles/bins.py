"""The bins of a numeric column: where quantiles of the reference cut it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift_checker.decision import Floats, Ints, tail_rank

BINS = 512
"""Quantiles of the reference that bound the cells; the distance of two distributions on them is at
most 1/512 less than it is everywhere."""
EDGES = 2 * BINS
"""Quantiles of the reference at which rows are counted, those of batch profiles among them."""


@dataclass(frozen=True)
class Bins:
    """Where a column is cut.

    `edges` increase. Those where its tails begin, `low` and `high`, and the upper ends of the
    `cells` of batch profiles are among them.
    """

    edges: Floats
    low: float
    high: float
    tick_edges: Floats

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
        tail = tail_rank(len(ordered))
        low, high = float(ordered[tail - 1]), float(ordered[-tail])
        every = np.unique(np.append(values, [low, high, least, largest]))
        return cls(every, low, high, bin_edges(ordered))


NO_BINS = Bins(np.empty(0), np.nan, np.nan, np.empty(0))
"""Of a column that has no finite values."""


def bin_edges(reference: Floats, most: int = BINS) -> Floats:
    """Return the upper ends of a column's cells, from the reference sorted and not empty.

    They are distinct and increasing; the last is the reference's maximum.
    """
    places = np.maximum(np.arange(1, most + 1) * len(reference) // most, 1) - 1
    ends = reference[places]
    return np.asarray(ends[np.append(ends[1:] != ends[:-1], True)])


def bin_counts(values: Floats, ends: Floats) -> Ints:
    """Return how many sorted values lie in each cell, its upper end included.

    One cell more than `ends` is for what lies beyond the last.
    """
    below = np.searchsorted(values, ends, side="right")
    return np.diff(below, prepend=0, append=len(values))
