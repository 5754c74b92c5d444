from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.decision import kolmogorov

VALUES = st.lists(st.integers(0, 5).map(float), min_size=1, max_size=6)


def by_dealing(current: np.ndarray, reference: np.ndarray) -> float:
    """The share of all ways to deal the labels that are at least as far apart."""
    pooled = np.concatenate((current, reference))
    observed = kolmogorov.distance(np.sort(current), np.sort(reference)).scaled
    as_far, ways = 0, 0
    for chosen in combinations(range(len(pooled)), len(current)):
        mine = np.isin(np.arange(len(pooled)), chosen)
        dealt = kolmogorov.distance(np.sort(pooled[mine]), np.sort(pooled[~mine])).scaled
        as_far += dealt >= observed
        ways += 1
    return as_far / ways


@given(VALUES, VALUES)
def test_the_exact_p_value_is_that_of_all_ways_to_deal_the_labels(
    current: list[float], reference: list[float]
) -> None:
    x, y = np.sort(current), np.sort(reference)
    distance = kolmogorov.distance(x, y)
    exact = kolmogorov.exact_p_value(distance)
    assert exact == pytest.approx(by_dealing(x, y), rel=1e-9)


@given(st.integers(1, 3), st.integers(0, 3), st.permutations(range(15)), st.sampled_from([1, -1]))
def test_the_exact_p_value_of_a_much_smaller_sample_without_ties_is_that_of_all_ways_too(
    few: int, less: int, order: list[int], way: int
) -> None:
    values = np.array(order[: 15 - less], dtype=float)
    sides = np.sort(values[:few]), np.sort(values[few:])
    x, y = sides[::way]
    exact = kolmogorov.exact_p_value(kolmogorov.distance(x, y))
    assert exact == pytest.approx(by_dealing(x, y), rel=1e-9)


@pytest.mark.parametrize(
    ("n", "m"),
    [(50, 50), (50, 53), (50, 500), (50, 5000), (64, 51), (200, 503), (1000, 1000), (1000, 2500)],
)
@pytest.mark.parametrize(
    ("level", "most"),
    [(0.5, 1.05), (0.05, 1.05), (5e-3, 1.1), (5e-4, 1.25), (1e-5, 1.6), (1e-6, 2)],
)
def test_the_approximate_p_value_is_hardly_smaller_and_not_much_larger(
    n: int, m: int, level: float, most: float
) -> None:
    z = np.sqrt(np.log(2 / level) / 2)
    step = int(np.gcd(n, m))
    scaled = int(np.ceil(z * np.sqrt((n + m) / (n * m)) * n * m / step)) * step
    pooled = np.arange(1, n + m + 1, dtype=np.int64)
    distance = kolmogorov.Distance(scaled / (n * m), scaled, pooled, n, m)
    ratio = kolmogorov.approximate_p_value(distance) / kolmogorov.exact_p_value(distance)
    assert 0.96 < ratio < most


@given(st.data())
def test_with_ties_the_approximate_p_value_errs_on_the_safe_side(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    n, m = data.draw(st.integers(50, 80)), data.draw(st.integers(50, 200))
    values = data.draw(st.integers(2, 40))
    shift = data.draw(st.integers(0, values // 2))
    distance = kolmogorov.distance(
        np.sort(rng.integers(0, values, n) + float(shift)),
        np.sort(rng.integers(0, values, m).astype(float)),
    )
    exact = kolmogorov.exact_p_value(distance)
    assert kolmogorov.approximate_p_value(distance) >= 0.98 * exact or exact < 1e-6


def test_the_distance_of_a_sample_from_itself_is_zero() -> None:
    x = np.arange(100.0)
    distance = kolmogorov.distance(x, x)
    assert distance.value == 0
    assert kolmogorov.p_value(distance, level=0.01) == 1


def test_the_interval_holds_the_true_distance_at_least_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    truth, runs = 0.0987, 400  # of two normal distributions a quarter of a sigma apart
    held = 0
    for _ in range(runs):
        distance = kolmogorov.distance(
            np.sort(rng.normal(0.25, 1, 300)), np.sort(rng.normal(size=1000))
        )
        low, high = kolmogorov.interval(distance)
        held += low <= truth <= high
    assert held >= 0.95 * runs
