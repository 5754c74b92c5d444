from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.decision import kolmogorov
from drift_checker.decision.special import kolmogorov_upper_tail

VALUES = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=6)


def by_dealing(current: np.ndarray, reference: np.ndarray) -> float:
    """The share of all ways to deal the labels that are at least as far apart."""
    pooled = np.concatenate((current, reference))
    observed = kolmogorov.distance(np.sort(current), np.sort(reference)).scaled
    as_far, ways = 0, 0
    for chosen in combinations(range(len(pooled)), len(current)):
        mine = np.isin(np.arange(len(pooled)), chosen)
        found = kolmogorov.distance(np.sort(pooled[mine]), np.sort(pooled[~mine])).scaled
        as_far += found >= observed
        ways += 1
    return as_far / ways


@given(VALUES, VALUES)
def test_the_exact_p_value_is_that_of_all_ways_to_deal_the_labels(
    current: list[float], reference: list[float]
) -> None:
    x, y = np.sort(current), np.sort(reference)
    found = kolmogorov.distance(x, y)
    exact = kolmogorov.exact_p_value(found)
    assert exact == pytest.approx(by_dealing(x, y), rel=1e-9)


@pytest.mark.parametrize(
    ("n", "m"), [(50, 50), (50, 500), (50, 5000), (200, 500), (1000, 1000), (1000, 2500)]
)
@pytest.mark.parametrize("level", [0.05, 5e-3, 5e-4, 1e-5, 1e-6])
def test_the_asymptotic_p_value_errs_on_the_safe_side_and_not_by_much(
    n: int, m: int, level: float
) -> None:
    z = np.sqrt(np.log(2 / level) / 2)
    step = int(np.gcd(n, m))
    scaled = int(np.ceil(z * np.sqrt((n + m) / (n * m)) * n * m / step)) * step
    pooled = np.arange(1, n + m + 1, dtype=np.int64)
    found = kolmogorov.Distance(scaled / (n * m), scaled, pooled, n, m)
    asymptotic = kolmogorov_upper_tail(found.value * (n * m / (n + m)) ** 0.5)
    ratio = asymptotic / kolmogorov.exact_p_value(found)
    assert 0.99 < ratio < 3


def test_the_distance_of_a_sample_from_itself_is_zero() -> None:
    x = np.arange(100.0)
    found = kolmogorov.distance(x, x)
    assert found.value == 0
    assert kolmogorov.p_value(found, level=0.01) == 1


def test_the_interval_holds_the_true_distance_at_least_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth, runs = 0.0987, 400  # of two normal distributions a quarter of a sigma apart
    held = 0
    for _ in range(runs):
        found = kolmogorov.distance(
            np.sort(rng.normal(0.25, 1, 300)), np.sort(rng.normal(size=1000))
        )
        low, high = kolmogorov.interval(found)
        held += low <= truth <= high
    assert held >= 0.95 * runs
