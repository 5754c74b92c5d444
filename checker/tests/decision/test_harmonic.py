"""Many columns: the level is kept whatever their dependence, and what is named is significant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.decision import harmonic
from drift_checker.decision.harmonic import combined_p_value, critical_sum
from drift_checker.decision.special import normal_upper_tail

P_VALUES = st.lists(st.none() | st.floats(1e-12, 1), min_size=1, max_size=12)
LEVELS = st.floats(1e-9, 0.5)


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


@pytest.mark.parametrize("columns", [1, 3, 12, 60, 100])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_what_is_said_of_all_columns_is_not_rarer_than_said(
    columns: int, correlation: float
) -> None:
    rng = np.random.default_rng(7)
    common = rng.normal(size=(20_000, 1))
    z = correlation**0.5 * common + (1 - correlation) ** 0.5 * rng.normal(size=(20_000, columns))
    grid = np.linspace(0, 7, 2000)
    tails = np.interp(np.abs(z), grid, [2 * normal_upper_tail(at) for at in grid])
    # Only of those near it or beyond can be said that they are 1 of 100.
    clearest = tails[(1 / tails).sum(axis=1) >= 0.7 * critical_sum(0.01, columns)]
    said = np.array([combined_p_value(list(row), 1e-4) for row in clearest])
    rate = float((said <= 0.01).sum() / len(tails))
    assert 0.006 < rate < 0.0125 + 3 * (0.01 / len(tails)) ** 0.5


@given(P_VALUES, LEVELS)
def test_the_combined_p_value_is_at_most_the_level_where_a_column_drifts(
    p_values: list[float | None], level: float
) -> None:
    critical = critical_sum(level, len(p_values))
    combined = combined_p_value(p_values, level)
    assert 0 < combined <= 1
    total = sum(1 / p for p in p_values if p is not None)
    assert (combined <= level) == any(drifted(p_values, critical)) or (
        combined == level and total == pytest.approx(critical)
    )


@given(st.floats(1e-12, 1), LEVELS)
def test_of_one_column_the_combined_p_value_is_its_own(p_value: float, level: float) -> None:
    assert combined_p_value([p_value], level) == pytest.approx(p_value)


def drifted(p_values: list[float | None], critical: float) -> list[bool]:
    thresholds = harmonic.thresholds(p_values, critical)
    return [p is not None and p <= most for p, most in zip(p_values, thresholds, strict=True)]


@given(P_VALUES, LEVELS)
def test_a_column_drifts_up_to_its_threshold(p_values: list[float | None], level: float) -> None:
    critical = critical_sum(level, len(p_values))
    for column, threshold in enumerate(harmonic.thresholds(p_values, critical)):
        assert threshold >= (1 - 1e-9) / critical
        moved = list(p_values)
        moved[column] = threshold * (1 - 1e-9)
        assert drifted(moved, critical)[column] or threshold == 1


@given(P_VALUES, LEVELS)
def test_some_column_drifts_where_all_together_are_significant(
    p_values: list[float | None], level: float
) -> None:
    critical = critical_sum(level, len(p_values))
    total = sum(1 / p for p in p_values if p is not None)
    drifts = drifted(p_values, critical)
    assert any(drifts) == (total >= critical) or total == pytest.approx(critical)
    named = [p for p, drift in zip(p_values, drifts, strict=True) if drift and p is not None]
    others = [p for p, drift in zip(p_values, drifts, strict=True) if not drift and p is not None]
    assert not named or not others or max(named) <= min(others)
    assert sum(1 / p for p in others) < critical or sum(1 / p for p in others) == pytest.approx(
        critical
    )


def test_without_a_level_nothing_drifts() -> None:
    assert not any(drifted([1e-200, 0.5, None], critical_sum(0.0, 3)))


def test_each_column_that_is_significant_alone_is_named() -> None:
    assert drifted([1e-9, 1e-8, 0.5, 2e-9], critical_sum(0.01, 4)) == [True, True, False, True]
