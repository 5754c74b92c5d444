"""Many columns: the level is kept whatever their dependence, and what is named is significant."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import landau

from drift_checker.decision import harmonic
from drift_checker.decision.harmonic import critical_sum
from drift_checker.decision.special import landau_upper_tail, normal_upper_tail

P_VALUES = st.lists(st.none() | st.floats(1e-12, 1), min_size=1, max_size=12)
LEVELS = st.floats(1e-9, 0.5)


@pytest.mark.parametrize("x", [-2.0, -0.2228, 1.3558, 4.0, 15.0, 1e3, 1e6])
def test_landaus_tail_is_that_of_an_independent_implementation(x: float) -> None:
    # SciPy's is that of the parameters 0 and 1 where ours is of log(pi / 2) and pi / 2.
    other = landau.sf(x, loc=math.log(math.pi / 2), scale=math.pi / 2)
    assert landau_upper_tail(x) == pytest.approx(float(other), rel=1e-6)


@pytest.mark.parametrize("columns", [2, 10, 100])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("level", [0.05, 0.005])
def test_the_level_is_kept_and_spent(columns: int, correlation: float, level: float) -> None:
    rng = np.random.default_rng(31)
    runs = 40_000
    common = rng.normal(size=(runs, 1))
    z = correlation**0.5 * common + (1 - correlation) ** 0.5 * rng.normal(size=(runs, columns))
    # Two-sided p-values, by a table: normal_upper_tail takes one number.
    grid = np.linspace(0, 7, 2000)
    tails = np.interp(np.abs(z), grid, [2 * normal_upper_tail(at) for at in grid])
    rate = float(((1 / tails).sum(axis=1) >= critical_sum(level, columns)).mean())
    noise = 4 * (level / runs) ** 0.5
    assert 0.6 * level - noise < rate < 1.3 * level + noise


@given(LEVELS, st.integers(1, 5000))
def test_a_column_alone_decides_almost_as_with_equal_parts(level: float, columns: int) -> None:
    alone = critical_sum(level, columns) * level / columns
    assert alone >= 1 - 1e-9
    if level <= 0.05:
        assert alone <= 1.7
    if level <= 5e-4:
        assert alone <= 1.01


def drifted(p_values: list[float | None], least: float) -> list[bool]:
    thresholds = harmonic.thresholds(p_values, least)
    return [p is not None and p <= most for p, most in zip(p_values, thresholds, strict=True)]


@given(P_VALUES, LEVELS)
def test_a_column_drifts_up_to_its_threshold(p_values: list[float | None], level: float) -> None:
    least = critical_sum(level, len(p_values))
    for place, threshold in enumerate(harmonic.thresholds(p_values, least)):
        assert threshold >= (1 - 1e-9) / least
        moved = list(p_values)
        moved[place] = threshold * (1 - 1e-9)
        assert drifted(moved, least)[place] or threshold == 1


@given(P_VALUES, LEVELS)
def test_some_column_drifts_where_all_together_are_significant(
    p_values: list[float | None], level: float
) -> None:
    least = critical_sum(level, len(p_values))
    total = sum(1 / p for p in p_values if p is not None)
    found = drifted(p_values, least)
    assert any(found) == (total >= least) or total == pytest.approx(least)
    named = [p for p, one in zip(p_values, found, strict=True) if one and p is not None]
    others = [p for p, one in zip(p_values, found, strict=True) if not one and p is not None]
    assert not named or not others or max(named) <= min(others)
    assert sum(1 / p for p in others) < least or sum(1 / p for p in others) == pytest.approx(least)


def test_without_a_level_nothing_drifts() -> None:
    assert not any(drifted([1e-200, 0.5, None], critical_sum(0.0, 3)))


def test_each_column_that_is_significant_alone_is_named() -> None:
    assert drifted([1e-9, 1e-8, 0.5, 2e-9], critical_sum(0.01, 4)) == [True, True, False, True]
