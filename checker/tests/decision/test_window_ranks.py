"""Windows: exact ranks whatever the dependence within windows, and a model beyond them."""

import numpy as np
import pytest

from drift_checker.decision import Floats
from drift_checker.decision.window_ranks import (
    RankTest,
    WindowStatistic,
    distances_from_others,
    rank_test,
)


def statistics(vectors: list[Floats], *, floor: float = 0) -> list[WindowStatistic]:
    return [
        WindowStatistic(distances_from_others(windows, largest=False), floor, 1e-6)
        for windows in vectors
    ]


def smallest_p_value(test: RankTest) -> float:
    return min(statistic.p_value for statistic in test.evidence)


def test_a_distance_is_that_from_the_mean_of_the_others() -> None:
    vectors = np.array([[0.0, 0.0], [1.0, 3.0], [np.nan, 0.0], [3.0, 3.0]])

    # Of the others, [2, 3], [1.5, 1.5] and [0.5, 1.5].
    assert distances_from_others(vectors, largest=False) == pytest.approx(
        [2.5, 1, np.nan, 2], nan_ok=True
    )
    assert distances_from_others(vectors, largest=True) == pytest.approx(
        [3, 1.5, np.nan, 2.5], nan_ok=True
    )


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_the_rank_is_uniform_whatever_windows_have_in_common(effect: float) -> None:
    """The chance of a p-value of at most i/K is i/K, with and without an effect of the window."""
    rng = np.random.default_rng(5)
    windows, trials = 20, 3000
    p_values = []
    for _ in range(trials):
        common = effect * rng.standard_t(2, (windows, 1))
        vectors = [rng.normal(size=(windows, 8)) + common for _ in range(3)]
        p_values.append(smallest_p_value(rank_test(statistics(vectors), 0.05)))
    for rank in (1, 2, 5, 10):
        share = np.mean(np.array(p_values) <= rank / windows + 1e-9)
        expected = rank / windows
        assert abs(share - expected) < 4 * (expected * (1 - expected) / trials) ** 0.5


def test_a_shift_stands_out_in_the_calm_statistic() -> None:
    rng = np.random.default_rng(6)
    wild, calm = 5 * rng.normal(size=(31, 1)) + rng.normal(size=(31, 8)), rng.normal(size=(31, 8))
    calm[-1] += 5

    loud, quiet = rank_test(statistics([wild, calm]), 1 / 31).evidence

    assert quiet.p_value == pytest.approx(1 / 31)
    assert loud.p_value > 1 / 31


def test_what_is_below_its_floor_is_nothing() -> None:
    vectors = np.append(np.zeros(30), 0.02)[:, None]

    (under,) = rank_test(statistics([vectors], floor=0.03), 0.05).evidence
    (over,) = rank_test(statistics([vectors], floor=0.01), 0.05).evidence

    assert (under.p_value, over.p_value) == (1, pytest.approx(1 / 31))


def test_what_never_changes_is_not_made_the_greatest_by_its_first_change() -> None:
    steady, moved = np.zeros((31, 1)), np.random.default_rng(7).normal(size=(31, 1))
    steady[0], moved[-1] = 0.01, 6
    both = [
        WindowStatistic(distances_from_others(steady, largest=True), 0, 0.02),
        WindowStatistic(distances_from_others(moved, largest=True), 0, 0.02),
    ]

    assert rank_test(both, 1 / 31).evidence[1].p_value == pytest.approx(1 / 31)


@pytest.mark.parametrize("windows", [11, pytest.param(31, marks=pytest.mark.long)])
@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_the_model_beyond_ranks_keeps_its_level(windows: int, effect: float) -> None:
    """Of chance alone, and of normal effects on windows."""
    rng = np.random.default_rng([8, windows])
    trials, level, hits = 4000, 0.01, 0
    for _ in range(trials):
        common = effect * rng.normal(size=(windows, 1))
        vectors = [rng.normal(size=(windows, 8)) + common for _ in range(3)]
        hits += smallest_p_value(rank_test(statistics(vectors), level)) <= level
    assert hits <= trials * level + 4 * (trials * level) ** 0.5


def test_the_model_goes_on_where_ranks_end() -> None:
    vectors = np.random.default_rng(9).normal(size=(31, 8))
    vectors[-1] += 20

    assert smallest_p_value(rank_test(statistics([vectors]), 1e-4)) < 1e-4
    assert smallest_p_value(rank_test(statistics([vectors]), 0.05)) == pytest.approx(1 / 31)


@pytest.mark.parametrize("effect", [0.0, 3.0])
def test_windows_that_share_a_day_keep_the_level(effect: float) -> None:
    """Of a day that is another than all of the reference, one window is the present one."""
    rng = np.random.default_rng([10, int(effect)])
    days, trials = np.arange(20).repeat(4), 600
    tests = []
    for _ in range(trials):
        common = effect * rng.normal(size=(21, 1)).repeat(4, axis=0)[:81]
        tests.append(rank_test(statistics([rng.normal(size=(81, 8)) + common]), 0.05, days))
    alarms = sum(smallest_p_value(test) <= 1 / 21 for test in tests)
    alike = sum(test.alike for test in tests)

    assert alarms <= trials / 21 + 4 * (trials / 21) ** 0.5
    assert {test.units for test in tests} == {20, 80} if effect == 0 else {20}
    assert alike >= 0.99 * trials if effect else alike < 0.16 * trials


def test_groups_have_means_of_their_own() -> None:
    vectors, groups = np.array([[0.0], [10], [2], [13], [5]]), np.array([1, 2, 1, 2, 3])

    distances = distances_from_others(vectors, largest=True, groups=groups)

    assert distances == pytest.approx([2, 3, 2, 3, np.nan], nan_ok=True)
