"""The bins of a numeric column: where quantiles of the reference cut it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift_checker.decision import Floats, Ints, tail_rank

BINS = 512
"""Quantiles of the reference that are the edges of a tick's bins; the distance of two distributions
at them is at most 1/512 less than it is everywhere."""
EDGES = 2 * BINS
"""Quantiles of the reference at which a column profile counts rows, those of tick counts among
them."""


@dataclass(frozen=True)
class Bins:
    """Where a numeric column is cut.

    `edges` (edges,) increase. Those where its tails begin, `low` and `high`, and the upper edges of
    the bins of tick counts, `tick_edges` (bins,), are among them; the first and the last are as far
    beyond the range as it is wide.
    """

    edges: Floats
    low: float
    high: float
    tick_edges: Floats

    @classmethod
    def of(cls, sample: Floats, minimum: float, maximum: float) -> Bins:
        """Choose the edges from a sample (rows,) of the reference and the range of all its values.

        They are every value of the sample, or its quantiles where it has more than `EDGES`.
        """
        ordered = np.sort(sample[np.isfinite(sample)])
        if not len(ordered):
            return NO_BINS
        values = ordered[np.append(True, ordered[1:] != ordered[:-1])]
        if len(values) > EDGES:
            values = bin_edges(ordered, EDGES)
        tail = tail_rank(len(ordered))
        low, high = float(ordered[tail - 1]), float(ordered[-tail])
        far = far_edges(minimum, maximum)
        edges = np.unique(np.append(values, [low, high, minimum, maximum, *far]))
        return cls(edges, low, high, bin_edges(ordered))


NO_BINS = Bins(np.empty(0), np.nan, np.nan, np.empty(0))
"""Of a column that has no finite values."""


def far_edges(minimum: float, maximum: float) -> tuple[float, float]:
    """Return what lies beyond a range by its own width, or its ends where that is no number."""
    with np.errstate(over="ignore"):
        far = np.array([minimum, maximum]) + np.subtract(maximum, minimum) * np.array([-1, 1])
    return (float(far[0]), float(far[1])) if np.isfinite(far).all() else (minimum, maximum)


def bin_edges(reference: Floats, bins: int = BINS) -> Floats:
    """Return the upper edges of at most so many bins, by the quantiles of the reference.

    `reference` (rows,) is sorted and not empty. The edges are distinct and increasing; the last is
    the reference's maximum.
    """
    ranks = np.maximum(np.arange(1, bins + 1) * len(reference) // bins, 1) - 1
    edges = reference[ranks]
    return np.asarray(edges[np.append(edges[1:] != edges[:-1], True)])


def bin_counts(values: Floats, edges: Floats) -> Ints:
    """Return how many sorted values lie in each bin, its upper edge included.

    One bin more than `edges`, the last, is for the values above them all.
    """
    up_to = np.searchsorted(values, edges, side="right")
    return np.diff(up_to, prepend=0, append=len(values))
