"""Pooled counts: the p-value is an upper bound, although the reference chose the bins."""

import numpy as np
import pytest

from drift_checker.decision import NO_FLOOR, Floor, pooled
from drift_checker.profiles import bin_counts, bin_edges


@pytest.mark.parametrize(
    ("n", "m"),
    [
        (600, 500),
        *(pytest.param(*sizes, marks=pytest.mark.long) for sizes in [(500, 500), (1500, 2000)]),
    ],
)
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("level", [0.05, 0.01])
def test_the_level_is_kept(n: int, m: int, level: float, *, ties: bool) -> None:
    rng = np.random.default_rng([n, m, ties])
    trials, hits = 2000, 0
    for _ in range(trials):
        current, reference = np.sort(rng.normal(size=n)), np.sort(rng.normal(size=m))
        if ties:
            current, reference = np.round(2 * current), np.round(2 * reference)
        edges = bin_edges(reference)
        decision = pooled.numeric(
            bin_counts(current, edges),
            bin_counts(reference, edges),
            threshold=level,
            distance_floor=NO_FLOOR,
        )
        hits += decision.alarming(level) is not None
    # Within four standard deviations of the level at most.
    assert hits <= trials * level + 4 * (trials * level) ** 0.5
    # And, without ties, most of it is spent.
    assert ties or hits >= trials * level * 0.5


def test_the_null_given_the_pooled_counts_would_not_hold() -> None:
    """The last bin holds none of the reference by construction, but a share of current rows."""
    rng = np.random.default_rng(3)
    n, m, trials = 2000, 50, 400
    below = [
        bin_counts(np.sort(rng.random(n)), bin_edges(np.sort(rng.random(m))))[-1] / n
        for _ in range(trials)
    ]
    assert np.mean(below) == pytest.approx(1 / (m + 1), rel=0.2)


def test_a_shift_of_a_tenth_is_found_in_many_rows() -> None:
    rng = np.random.default_rng(4)
    current, reference = np.sort(rng.normal(0.15, 1, 12_000)), np.sort(rng.normal(size=12_000))
    edges = bin_edges(reference)
    decision = pooled.numeric(
        bin_counts(current, edges),
        bin_counts(reference, edges),
        threshold=1e-6,
        distance_floor=Floor(0.03),
    )
    alarming = decision.alarming(1e-6)
    assert alarming
    low, high = alarming.evidence.interval
    assert low < 0.06 < high
