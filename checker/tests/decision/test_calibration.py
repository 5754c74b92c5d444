"""False alarms at the actual sizes: P(p <= level) is at most 1.1 times the level.

Of continuous columns it is at least 0.8 times the level too, so that the level asked for is the
one that is got. Seeds are fixed. A rate is accepted within the 99.9 % quantiles of the binomial
counts at these levels, so that a right test practically never fails.
"""

from collections.abc import Callable

import numpy as np
import pytest
from calibration import assert_calibrated
from numeric_columns import numeric

from drift_checker.decision import Floor, column_tests, count_exceedances, homogeneity
from drift_checker.decision.counts import share_p_value, unseen_p_value

Draw = Callable[[np.random.Generator, int], np.ndarray]

CONTINUOUS: dict[str, Draw] = {
    "normal": lambda rng, size: rng.normal(size=size),
    "pareto": lambda rng, size: rng.pareto(1.1, size=size),
}
TIED: dict[str, Draw] = {
    "two values": lambda rng, size: rng.integers(0, 2, size=size).astype(float),
    "counts": lambda rng, size: rng.poisson(3, size=size).astype(float),
    "mostly zero": lambda rng, size: rng.normal(size=size) * (rng.random(size) < 0.2),
}


@pytest.mark.parametrize("name", [*CONTINUOUS, *TIED])
@pytest.mark.parametrize(("n", "m"), [(50, 500), pytest.param(200, 1000, marks=pytest.mark.long)])
def test_numeric_columns(name: str, n: int, m: int) -> None:
    rng = np.random.default_rng(20)
    draw = (CONTINUOUS | TIED)[name]
    p_values, outside = [], []
    for _ in range(1500):
        current, reference = np.sort(draw(rng, n)), np.sort(draw(rng, m))
        decision = numeric(current, reference, 0.01)
        p_values.append(decision.most_significant.p_value)
        outside.append(count_exceedances(current, reference, share=0).p_value)
    assert_calibrated(p_values, spent=name in CONTINUOUS)
    assert_calibrated(outside)


@pytest.mark.parametrize(
    ("categories", "power", "n", "m", "runs"),
    [
        (2, 0, 50, 500, 1500),
        (5, 0, 50, 500, 1500),
        pytest.param(5, 0, 1000, 5000, 1500, marks=pytest.mark.long),
        (20, 1, 200, 5000, 1500),
        pytest.param(1000, 1, 200, 5000, 1500, marks=pytest.mark.long),
        pytest.param(1000, 0, 100, 1000, 1500, marks=pytest.mark.long),
        (100_000, 1, 1000, 10_000, 150),
    ],
)
def test_categorical_columns(categories: int, power: float, n: int, m: int, runs: int) -> None:
    rng = np.random.default_rng(21)
    weights = np.arange(1, categories + 1) ** -float(power)
    shares = weights / weights.sum()
    bulk, cell, unseen = [], [], []
    for _ in range(runs):
        current, reference = rng.multinomial(n, shares), rng.multinomial(m, shares)
        there = current + reference > 0
        current, reference = current[there], reference[there]
        bulk.append(homogeneity.deviance_p_value(current, reference))
        cell.append(homogeneity.largest_cell(current, reference)[1])
        unseen.append(unseen_p_value(current, reference))
    assert_calibrated(bulk)
    assert_calibrated(cell)
    assert_calibrated(unseen)


def test_shares_of_faulty_rows() -> None:
    rng = np.random.default_rng(22)
    assert_calibrated(
        [
            share_p_value(int(rng.binomial(50, 0.1)), 50, int(rng.binomial(500, 0.1)), 500)
            for _ in range(3000)
        ]
    )


POWER_LEVEL = 1 / 2016 / 2 / 12


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda _rng, x: x + 0.5, 0.99),
        (lambda _rng, x: x + 0.25, 0.9),
        (lambda _rng, x: x * 1.5, 0.95),
        (lambda rng, x: np.where(rng.random(len(x)) < 0.05, 5 * rng.normal(size=len(x)), x), 0.95),
    ],
)
def test_real_drift_is_found_in_one_tick_at_one_alarm_a_week(
    change: Callable[[np.random.Generator, np.ndarray], np.ndarray], least: float
) -> None:
    rng = np.random.default_rng(23)
    alarms = 0
    for _ in range(100):
        reference = np.sort(rng.normal(size=10_000))
        current = np.sort(change(rng, rng.normal(size=1000)))
        decision = numeric(current, reference, POWER_LEVEL, Floor(0.03), Floor(0.01))
        alarms += decision.alarming(POWER_LEVEL) is not None
    assert alarms >= 100 * least - 3


def test_ten_points_between_two_of_five_categories_are_found_in_one_tick() -> None:
    rng = np.random.default_rng(24)
    for _ in range(100):
        decision = column_tests.categorical(
            rng.multinomial(1000, [0.3, 0.1, 0.2, 0.2, 0.2]),
            rng.multinomial(10_000, [0.2] * 5),
            threshold=POWER_LEVEL,
            share_floor=Floor(0.03),
        )
        assert decision.alarming(POWER_LEVEL)
