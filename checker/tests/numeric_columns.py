"""A numeric column, decided on by its values."""

from __future__ import annotations

from drift_checker.decision import (
    NO_FLOOR,
    Decision,
    Floats,
    Floor,
    column_tests,
    count_exceedances,
    kolmogorov,
    ordered,
    rank_sum,
)


def numeric(
    current: Floats,
    reference: Floats,
    threshold: float,
    distance_floor: Floor = NO_FLOOR,
    tail_floor: Floor = NO_FLOOR,
) -> Decision:
    """Decide on two sorted samples."""
    rows = ordered.rows_up_to(current, reference)
    return column_tests.numeric(
        kolmogorov.distance_up_to(*rows),
        rank_sum.rank_sum(*rows),
        count_exceedances(current, reference),
        threshold=threshold,
        distance_floor=distance_floor,
        tail_floor=tail_floor,
    )
