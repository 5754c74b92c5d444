"""Rows of several ticks, known by the counts of bins: are they of the reference's distribution?"""

from __future__ import annotations

from dataclasses import replace

from drift_checker.decision import column_tests, kolmogorov, rank_sum
from drift_checker.decision.arrays import Ints
from drift_checker.decision.column_tests import Decision
from drift_checker.decision.floors import Floor
from drift_checker.decision.ordered import counts_up_to


def distance(current: Ints, reference: Ints) -> kolmogorov.Distance:
    """Return the distance by the counts of both sides in the same bins, in order: both (bins,).

    Neither side is empty. The distance is that at the edges of the bins, and its null is that of
    two samples without ties. The reference chose the bins, so that the null given the pooled
    counts does not hold for them; but a supremum over some points, whoever chose them, is at most
    that over all, and ties only lower it. Both samples vary in that null: its variance is
    1/m + 1/n, marginal over the reference that the ticks share.
    """
    observed = tied_distance(current, reference)
    return replace(observed, pooled=range(1, observed.current + observed.reference + 1))


def tied_distance(current: Ints, reference: Ints) -> kolmogorov.Distance:
    """Return the distance where each bin is one value; then its null is given the pooled counts.

    Neither side is empty.
    """
    return kolmogorov.distance_up_to(*counts_up_to(current, reference))


def numeric(current: Ints, reference: Ints, *, threshold: float, distance_floor: Floor) -> Decision:
    """Decide by the counts of both sides in the same bins, in order; neither is empty.

    The reference chose the bins.
    """
    location = rank_sum.rank_sum(*counts_up_to(current, reference))
    evidence = column_tests.bulk_evidence(
        distance(current, reference),
        location,
        rank_sum.p_value(location, reference_chose=True),
        threshold=threshold,
        floor=distance_floor,
        shares=(0.4, 0.35, 0.25),
    )
    return column_tests.decide(evidence, threshold=threshold)
