"""Joint drift: p-values against all ways to deal the rows, and against draws far in the tail."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from calibration import assert_calibrated
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from drift_checker.decision import association
from drift_checker.decision.special import log_binomial

ROWS = arrays(float, (12, 3), elements=st.integers(-2, 2).map(float))


Draw = Callable[[np.random.Generator, int, float], np.ndarray]


def correlated(rng: np.random.Generator, rows: int, rho: float) -> np.ndarray:
    x = rng.normal(size=(rows, 2))
    x[:, 1] = rho * x[:, 0] + (1 - rho**2) ** 0.5 * x[:, 1]
    return x


def heavy(rng: np.random.Generator, rows: int, rho: float) -> np.ndarray:
    return correlated(rng, rows, rho) / np.sqrt(rng.chisquare(2, size=(rows, 1)))


def tied(rng: np.random.Generator, rows: int, rho: float) -> np.ndarray:
    return np.round(correlated(rng, rows, rho))


def dense_ranks(*sides: np.ndarray) -> list[np.ndarray]:
    """Return dense ranks among the values of all sides, each (columns, rows)."""
    pooled = association.dense_ranks(np.concatenate(sides).T)
    return np.split(pooled, np.cumsum([len(side) for side in sides])[:-1], axis=1)


def scores(rows: np.ndarray) -> np.ndarray:
    (columns,) = dense_ranks(rows)
    return association._influence(*association._graded(columns))


def largest_changes(
    current: np.ndarray, reference: np.ndarray, effect_floor: float = 0
) -> list[association.PairChange]:
    return association.largest_changes(*dense_ranks(current, reference), effect_floor=effect_floor)


def midranks(column: np.ndarray) -> np.ndarray:
    return (column[:, None] > column).sum(axis=1) + (column[:, None] == column).sum(axis=1) / 2


@given(ROWS)
def test_rank_correlations_are_those_of_the_mid_ranks(rows: np.ndarray) -> None:
    correlations = association.rank_correlations(*dense_ranks(rows))
    for i, j in combinations(range(3), 2):
        x, y = midranks(rows[:, i]), midranks(rows[:, j])
        expected = np.corrcoef(x, y)[0, 1] if x.std() > 0 and y.std() > 0 else 0
        assert correlations[i, j] == pytest.approx(expected, abs=1e-9)


@given(ROWS, st.integers(0, 11))
def test_the_influence_is_the_slope_of_the_covariance_of_the_grades(
    rows: np.ndarray, row: int
) -> None:
    def covariance(weights: np.ndarray) -> float:
        x, y = (
            ((column[:, None] > column) + (column[:, None] == column) / 2) @ weights
            for column in rows[:, :2].T
        )
        return float(weights @ (x * y) - (weights @ x) * (weights @ y))

    even, there = np.full(12, 1 / 12), np.arange(12) == row
    step = 1e-6
    slope = (covariance(even + step * (there - even)) - covariance(even)) / step
    influence = scores(rows[:, :2])
    assert influence[row] - influence.mean() == pytest.approx(slope, abs=1e-5)


def test_monotone_transformations_change_nothing() -> None:
    rng = np.random.default_rng(1)
    current, reference = correlated(rng, 300, 0.3), correlated(rng, 900, 0)
    bent = largest_changes(np.exp(3 * current), np.exp(3 * reference))
    assert largest_changes(current, reference) == bent


def test_ranks_are_among_the_distinct_values_and_none_is_missing() -> None:
    values = [[2.0, np.nan, -np.inf, 0.0, 2.0, -0.0, np.nan], [np.nan] * 7]
    ranks = association.dense_ranks(np.array(values))
    assert ranks.tolist() == [[2, -1, 0, 1, 2, 1, -1], [-1] * 7]


@pytest.mark.parametrize("missing", ["current", "reference", "both"])
def test_two_columns_that_no_row_has_both_of_have_not_changed(missing: str) -> None:
    rng = np.random.default_rng(1)
    sides = {"current": correlated(rng, 300, 0.5), "reference": correlated(rng, 900, 0.5)}
    for name, rows in sides.items():
        if missing in (name, "both"):
            rows[::2, 0] = rows[1::2, 1] = np.nan
    (change,) = largest_changes(**sides)
    assert change.p_value == 1
    low, high = association.interval(*dense_ranks(*sides.values()), change)
    assert low < 0 < high


def test_the_saddlepoint_follows_all_ways_to_deal_the_rows() -> None:
    rng = np.random.default_rng(2)
    drawn = scores(correlated(rng, 22, 0.5))
    chosen = np.array(list(combinations(range(22), 8)))
    sums = drawn[chosen].sum(axis=1)
    centre = 8 * drawn.mean()
    for at in np.sort(sums)[[30, 300, 3000, 30_000, -30_000, -3000, -300, -30]]:
        _, p_value = association.permutation_p_value(drawn, 8, at)
        tail = sums >= at if at > centre else sums <= at
        assert 0.85 < p_value / (2 * tail.mean()) < 1.15


@pytest.mark.parametrize("rho", [0, 0.95])
@pytest.mark.parametrize("draw", [correlated, heavy, tied])
@pytest.mark.parametrize("m", [200, 5000])
@pytest.mark.parametrize("side", [1, -1])
def test_the_saddlepoint_holds_at_five_in_a_million(
    rho: float, draw: Draw, m: int, side: int
) -> None:
    """Labels are dealt by tilted chances, and each deal is weighted by its true one."""
    rng = np.random.default_rng(3)
    n, total = 200, 200 + m
    drawn = side * scores(draw(rng, total, rho))
    drawn = (drawn - drawn.mean()) / drawn.std()
    share = n / total
    at = 4.4 * (n * (1 - share)) ** 0.5
    low, high = 0.0, 5.0
    for _ in range(30):  # the tilt at which this sum is the mean
        tilt = (low + high) / 2
        odds = share / (1 - share) * np.exp(tilt * drawn)
        for _ in range(30):  # of as many rows as are given, on average
            odds *= n / (odds / (1 + odds)).sum()
        chance = odds / (1 + odds)
        low, high = (tilt, high) if chance @ drawn < at else (low, tilt)
    log_dealt, log_not = np.log(share / chance), np.log((1 - share) / (1 - chance))
    weights, sums = [], []
    for _ in range(20):
        labels = rng.random((500, total)) < chance
        labels = labels[labels.sum(axis=1) == n]
        weights.append(labels @ (log_dealt - log_not) + log_not.sum())
        sums.append(labels @ drawn)
    weight = np.exp(np.concatenate(weights) - log_binomial(n, total, share)) / 10_000
    exact = float(weight[np.concatenate(sums) >= at].sum())
    assert exact < 1e-3
    _, p_value = association.permutation_p_value(drawn, n, at)
    assert 0.7 < p_value / (2 * exact) < 1.4


@pytest.mark.parametrize(("n", "m"), [(200, 500), pytest.param(1000, 5000, marks=pytest.mark.long)])
@pytest.mark.parametrize(
    ("draw", "rho"), [(correlated, 0), (correlated, 0.8), (heavy, 0), (tied, 0.8)]
)
def test_false_alarms(n: int, m: int, draw: Draw, rho: float) -> None:
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(600):
        rows = draw(rng, n + m, rho)
        (change,) = largest_changes(rows[:n], rows[n:])
        p_values.append(change.p_value)
    assert_calibrated(p_values, spent=True)


def test_the_interval_holds_the_true_change_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = 6 / np.pi * np.arcsin(0.6 / 2)
    held, runs = 0, 300
    for _ in range(runs):
        sides = correlated(rng, 300, 0.6), correlated(rng, 1000, 0)
        (change,) = largest_changes(*sides)
        low, high = association.interval(*dense_ranks(*sides), change)
        held += low <= truth <= high
    assert 0.92 * runs <= held <= 0.985 * runs


def test_a_correlation_of_six_tenths_is_always_found() -> None:
    rng = np.random.default_rng(6)
    for _ in range(20):
        changes = largest_changes(
            correlated(rng, 1000, 0.6), correlated(rng, 5000, 0), effect_floor=0.1
        )
        assert changes[0].p_value < 1e-20
