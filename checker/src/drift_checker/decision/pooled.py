"""Rows of several ticks, known by the counts of bins: are they of the reference's distribution?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from drift_checker.decision import kolmogorov
from drift_checker.decision.arrays import Ints
from drift_checker.decision.column_tests import Decision, Evidence, decide


def distance(current: Ints, reference: Ints) -> kolmogorov.Distance:
    """Return the distance by the counts of both sides in the same bins, in order: both (bins,).

    Neither side is empty. The distance is that at the edges of the bins, and its null is that of
    two samples without ties. The reference chose the bins, so that the null given the pooled
    counts does not hold for them; but a supremum over some points, whoever chose them, is at most
    that over all, and ties only lower it. Both samples vary in that null: its variance is
    1/m + 1/n, marginal over the reference that the ticks share.
    """
    n, m = int(current.sum()), int(reference.sum())
    scaled = int(np.abs(np.cumsum(current) * m - np.cumsum(reference) * n).max())
    return kolmogorov.Distance(scaled / (n * m), scaled, range(1, n + m + 1), n, m)


def tied_distance(current: Ints, reference: Ints) -> kolmogorov.Distance:
    """Return the distance where each bin is one value; then its null is given the pooled counts.

    Neither side is empty, and no bin is empty on both.
    """
    return replace(distance(current, reference), pooled=np.cumsum(current + reference))


def numeric(current: Ints, reference: Ints, *, threshold: float, distance_floor: float) -> Decision:
    """Decide by the counts of both sides in the same bins, in order; neither is empty."""
    observed = distance(current, reference)
    evidence = Evidence(
        "kolmogorov_smirnov",
        observed.value,
        kolmogorov.p_value(observed, level=threshold),
        "distance",
        observed.value,
        kolmogorov.interval(observed),
        distance_floor,
        share=1.0,
    )
    return decide([evidence], threshold=threshold)
