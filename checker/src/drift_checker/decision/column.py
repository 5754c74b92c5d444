"""The statistics of one column combined into one p-value, and one verdict with its effect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from drift_checker.decision import homogeneity, kolmogorov
from drift_checker.decision.exceedance import exceedance

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Interval = tuple[float, float]


@dataclass(frozen=True)
class Evidence:
    """One statistic: how unlikely it is by chance, and how large the effect is that it measures."""

    test: str
    statistic: float
    p_value: float
    effect: str
    effect_size: float
    interval: Interval
    floor: float


@dataclass(frozen=True)
class Decision:
    """A column's verdict: the combined p-value, and the statistic that decided."""

    p_value: float
    drift: bool
    deciding: Evidence


def numeric(
    current: Floats,
    reference: Floats,
    *,
    threshold: float,
    distance_floor: float,
    tail_floor: float,
) -> Decision:
    """Decide on a numeric column; both samples are sorted, finite and not empty.

    The Kolmogorov-Smirnov distance sees the bulk, the exceedances the tails, where the distance
    is blind: five per cent of wild values move it by three per cent only.
    """
    bulk = kolmogorov.distance(current, reference)
    tail = exceedance(current, reference)
    return decide(
        [
            Evidence(
                "kolmogorov_smirnov",
                bulk.value,
                kolmogorov.p_value(bulk, level=threshold / 2),
                "distance",
                bulk.value,
                kolmogorov.interval(bulk),
                distance_floor,
            ),
            Evidence(
                "exceedance",
                tail.count,
                tail.p_value,
                "tail_excess",
                tail.excess,
                tail.interval(),
                tail_floor,
            ),
        ],
        threshold=threshold,
    )


def categorical(
    current: Ints, reference: Ints, *, threshold: float, distance_floor: float
) -> Decision:
    """Decide on a categorical column by the counts of each category, none empty on both sides.

    The deviance sees many small changes, the largest cell a single one among many categories.
    """
    distance = homogeneity.total_variation(current, reference)
    interval = homogeneity.total_variation_interval(current, reference)

    def evidence(test: str, statistic: float, p_value: float) -> Evidence:
        return Evidence(
            test, statistic, p_value, "total_variation", distance, interval, distance_floor
        )

    cell = homogeneity.largest_cell_p_value(current, reference)
    found = [evidence("largest_cell", distance, cell)]
    if len(current) > 2:  # noqa: PLR2004  with two, both tests are one
        deviance = homogeneity.deviance(current, reference)
        bulk = homogeneity.deviance_p_value(current, reference)
        found.append(evidence("deviance", deviance, bulk))
    return decide(found, threshold=threshold)


def decide(evidence: Sequence[Evidence], *, threshold: float) -> Decision:
    """Combine by Bonferroni; each statistic has to pass the floor of its own effect."""
    tests = len(evidence)
    ranked = sorted(evidence, key=lambda one: one.p_value)
    alarming = [
        one for one in ranked if one.p_value * tests <= threshold and one.effect_size >= one.floor
    ]
    return Decision(
        p_value=min(1.0, tests * ranked[0].p_value),
        drift=bool(alarming),
        deciding=(alarming or ranked)[0],
    )
