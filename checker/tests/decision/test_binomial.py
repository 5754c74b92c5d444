from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.decision.binomial import interval

TRIALS = st.integers(1, 60)


def chance(first: int, last: int, trials: int, rate: float) -> float:
    return sum(
        comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(first, last + 1)
    )


@given(TRIALS, st.data())
def test_at_the_limits_what_was_seen_has_half_of_the_chance_that_is_left(
    trials: int, data: st.DataObject
) -> None:
    hits = data.draw(st.integers(0, trials))
    low, high = interval(hits, trials, confidence=0.9)

    assert low <= hits / trials <= high
    if hits:
        assert chance(hits, trials, trials, low) == pytest.approx(0.05)
    if hits < trials:
        assert chance(0, hits, trials, high) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    # From the tables of Clopper and Pearson's intervals; all or none in closed form.
    [(0, 10, 0, 1 - 0.025**0.1), (10, 10, 0.025**0.1, 1), (5, 10, 0.1871, 0.8129)],
)
def test_known_intervals(hits: int, trials: int, low: float, high: float) -> None:
    assert interval(hits, trials) == pytest.approx((low, high), abs=1e-4)
