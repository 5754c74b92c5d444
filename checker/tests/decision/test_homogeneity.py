from math import comb

import numpy as np
import pytest

from drift_checker.decision import homogeneity


def test_the_saddlepoint_follows_the_exact_tail() -> None:
    pooled, n = np.array([60, 45, 40]), 45
    outcomes = sorted(
        (
            homogeneity.deviance(np.array([a, b, n - a - b]), pooled - [a, b, n - a - b]),
            comb(60, a) * comb(45, b) * comb(40, n - a - b) / comb(145, n),
            (a, b),
        )
        for a in range(n + 1)
        for b in range(n + 1 - a)
        if n - a - b <= 40
    )
    tail = np.cumsum([chance for _, chance, _ in outcomes][::-1])[::-1]
    checked = 0
    for (_, _, (a, b)), exact in zip(outcomes, tail, strict=True):
        if not 1e-6 < exact < 0.1:
            continue
        current = np.array([a, b, n - a - b])
        p_value = homogeneity.deviance_p_value(current, pooled - current)
        assert 0.6 * exact < p_value < 2.5 * exact
        checked += 1
    assert checked > 100


def test_a_table_that_says_nothing_has_a_p_value_of_one() -> None:
    # Each row has a category of its own: however they are dealt, the deviance is the same.
    current, reference = np.repeat([1, 0], [50, 500]), np.repeat([0, 1], [50, 500])
    assert homogeneity.deviance_p_value(current, reference) == 1
    assert homogeneity.total_variation(current, reference) < 1


def test_samples_that_share_nothing_are_as_far_apart_as_can_be() -> None:
    current, reference = np.array([500, 0, 0]), np.array([0, 3000, 2000])
    assert homogeneity.deviance_p_value(current, reference) < 1e-100
    assert homogeneity.largest_cell(current, reference)[1] < 1e-100
    assert homogeneity.total_variation(current, reference) == pytest.approx(1, abs=0.01)


def test_rare_categories_cost_the_largest_cell_nothing() -> None:
    current, reference = np.array([130, 870]), np.array([1000, 9000])
    few = homogeneity.largest_cell(current, reference)[1]
    rare = np.repeat([[0], [1]], 5000, axis=1)
    _, many = homogeneity.largest_cell(
        np.append(current, rare[0]), np.append(reference - [0, 5000], rare[1])
    )
    assert many <= 2.1 * few


def test_the_distance_does_not_grow_with_the_number_of_categories() -> None:
    rng = np.random.default_rng(5)
    for categories in (2, 20, 1000):
        shares = np.full(categories, 1 / categories)
        p_values = [
            homogeneity.total_variation(rng.multinomial(200, shares), rng.multinomial(5000, shares))
            for _ in range(50)
        ]
        assert np.mean(p_values) < 0.06
