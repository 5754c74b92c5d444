"""Windows: exact ranks whatever the dependence within windows, and a model beyond them."""

import numpy as np
import pytest

from drift_checker.decision import Floats, WindowEvidence, WindowStatistic
from drift_checker.decision.special import student_upper_tail
from drift_checker.decision.window_ranks import distances_from_others, rank_test


def aspects(vectors: list[Floats], *, floor: float = 0) -> list[WindowStatistic]:
    return [
        WindowStatistic(distances_from_others(one, largest=False), floor, 1e-6) for one in vectors
    ]


def smallest(found: list[WindowEvidence]) -> float:
    return min(place.p_value for place in found)


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
    found = []
    for _ in range(trials):
        common = effect * rng.standard_t(2, (windows, 1))
        vectors = [rng.normal(size=(windows, 8)) + common for _ in range(3)]
        found.append(smallest(rank_test(aspects(vectors), 0.05)))
    for rank in (1, 2, 5, 10):
        share = np.mean(np.array(found) <= rank / windows + 1e-9)
        expected = rank / windows
        assert abs(share - expected) < 4 * (expected * (1 - expected) / trials) ** 0.5


def test_a_shift_stands_out_in_the_calm_aspect() -> None:
    rng = np.random.default_rng(6)
    wild, calm = 5 * rng.normal(size=(31, 1)) + rng.normal(size=(31, 8)), rng.normal(size=(31, 8))
    calm[-1] += 5

    loud, quiet = rank_test(aspects([wild, calm]), 1 / 31)

    assert quiet.p_value == pytest.approx(1 / 31)
    assert loud.p_value > 1 / 31


def test_what_is_below_its_floor_is_nothing() -> None:
    vectors = np.append(np.zeros(30), 0.02)[:, None]

    (under,) = rank_test(aspects([vectors], floor=0.03), 0.05)
    (over,) = rank_test(aspects([vectors], floor=0.01), 0.05)

    assert (under.p_value, over.p_value) == (1, pytest.approx(1 / 31))


def test_what_never_changes_is_not_made_the_greatest_by_its_first_change() -> None:
    steady, moved = np.zeros((31, 1)), np.random.default_rng(7).normal(size=(31, 1))
    steady[0], moved[-1] = 0.01, 6
    found = [
        WindowStatistic(distances_from_others(steady, largest=True), 0, 0.02),
        WindowStatistic(distances_from_others(moved, largest=True), 0, 0.02),
    ]

    assert rank_test(found, 1 / 31)[1].p_value == pytest.approx(1 / 31)


@pytest.mark.parametrize("windows", [11, 31])
@pytest.mark.parametrize("effect", [0.0, 1.0])
def test_the_model_beyond_ranks_keeps_its_level(windows: int, effect: float) -> None:
    """Of chance alone, and of normal effects on windows."""
    rng = np.random.default_rng([8, windows])
    trials, level, hits = 4000, 0.01, 0
    for _ in range(trials):
        common = effect * rng.normal(size=(windows, 1))
        vectors = [rng.normal(size=(windows, 8)) + common for _ in range(3)]
        hits += smallest(rank_test(aspects(vectors), level)) <= level
    assert hits <= trials * level + 4 * (trials * level) ** 0.5


def test_the_model_goes_on_where_ranks_end() -> None:
    vectors = np.random.default_rng(9).normal(size=(31, 8))
    vectors[-1] += 20

    assert smallest(rank_test(aspects([vectors]), 1e-4)) < 1e-4
    assert smallest(rank_test(aspects([vectors]), 0.05)) == pytest.approx(1 / 31)


def test_students_tail() -> None:
    # Closed forms of one and two degrees of freedom, and two values of published tables.
    for t in (0.0, 0.5, 3.0, 100.0):
        assert student_upper_tail(t, 1) == pytest.approx(0.5 - np.arctan(t) / np.pi, rel=1e-9)
        root = (2 + t * t) ** 0.5
        assert student_upper_tail(t, 2) == pytest.approx(1 / (root * (root + t)), rel=1e-9)
    assert student_upper_tail(-1.0, 5) == pytest.approx(1 - student_upper_tail(1.0, 5))
    assert student_upper_tail(2.042, 30) == pytest.approx(0.025, rel=1e-3)
    assert student_upper_tail(3.646, 30) == pytest.approx(0.0005, rel=1e-3)
