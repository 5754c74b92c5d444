"""Rows that hang together: tests hold their level, correlations are those of the process."""

from __future__ import annotations

import numpy as np
import pytest

from drift_checker.decision import dependence
from drift_checker.decision.arrays import Floats


def chain(rng: np.random.Generator, rows: int, autocorrelation: float) -> Floats:
    values = rng.normal(size=rows)
    for row in range(1, rows):
        values[row] *= (1 - autocorrelation**2) ** 0.5
        values[row] += autocorrelation * values[row - 1]
    return values


def p_values(values: Floats, *, categorical: bool = False) -> tuple[float, float]:
    scores = (
        dependence.categorical_scores(values.astype(np.int64))
        if categorical
        else dependence.numeric_scores(values)
    )
    assert scores is not None
    rows = np.arange(len(values))
    return (
        dependence.neighbours(scores, np.zeros_like(rows)).p_value,
        dependence.groups(scores, rows // 20).p_value,
    )


@pytest.mark.parametrize(
    "kind", ["continuous", "ties", "rare", "two categories", "twenty categories"]
)
def test_independent_rows_hang_together_as_often_as_the_level_says(kind: str) -> None:
    rng, runs, rows = np.random.default_rng(3), 400, 600
    shares = 1 / np.arange(1, 21)
    draws = {
        "continuous": lambda: rng.normal(size=rows),
        "ties": lambda: rng.poisson(1.5, size=rows).astype(float),
        "rare": lambda: (rng.random(rows) < 0.2) * rng.normal(size=rows),
        "two categories": lambda: (rng.random(rows) < 0.2).astype(float),
        "twenty categories": lambda: rng.choice(20, rows, p=shares / shares.sum()),
    }
    categorical = kind.endswith("categories")
    found = np.array([p_values(draws[kind](), categorical=categorical) for _ in range(runs)])
    for level in (0.1, 0.01):
        rates = (found <= level).mean(axis=0)
        assert (rates <= 1.3 * level + 3.5 * (level / runs) ** 0.5).all()
    assert ((found <= 0.5).mean(axis=0) > 0.3).all()


@pytest.mark.parametrize("autocorrelation", [0.3, 0.6, 0.9])
def test_a_chain_is_found_and_its_correlation_told(autocorrelation: float) -> None:
    values = chain(np.random.default_rng(5), 4000, autocorrelation)
    scores = dependence.numeric_scores(values)
    assert scores is not None
    found = dependence.neighbours(scores, np.zeros(len(values)))
    assert found.p_value < 1e-6
    # That of ranks is a little smaller.
    assert autocorrelation - 0.06 < found.correlation < autocorrelation + 0.03


def test_a_day_effect_is_found_and_its_correlation_told() -> None:
    rng = np.random.default_rng(6)
    days = np.repeat(np.arange(60), 50)
    values = rng.normal(size=3000) + 0.5 * rng.normal(size=60)[days]
    scores = dependence.numeric_scores(values)
    assert scores is not None
    found = dependence.groups(scores, days)
    assert found.p_value < 1e-6
    assert found.correlation == pytest.approx(0.25 / 1.25, abs=0.06)
    # In which order days come, and rows within one, changes nothing.
    mixed = rng.permutation(3000)
    assert dependence.groups(scores[mixed], days[mixed]).correlation == pytest.approx(
        found.correlation
    )
    assert dependence.neighbours(scores[mixed], np.zeros(3000)).p_value > 1e-4


def test_a_day_of_categories_is_found() -> None:
    rng = np.random.default_rng(8)
    days = np.repeat(np.arange(40), 50)
    weekend = days % 7 >= 5
    codes = np.where(rng.random(2000) < 0.2 + 0.3 * weekend, 1, 0)
    scores = dependence.categorical_scores(codes)
    assert scores is not None
    assert dependence.groups(scores, days).p_value < 1e-6


def test_what_hardly_varies_is_not_tested() -> None:
    assert dependence.numeric_scores(np.ones(500)) is None
    assert dependence.numeric_scores(np.append(np.zeros(499), 1.0)) is None
    assert dependence.categorical_scores(np.zeros(500, dtype=np.int64)) is None
    # Names: no category is there often enough to have neighbours.
    assert dependence.categorical_scores(np.arange(500)) is None
    scores = dependence.numeric_scores(np.arange(500.0))
    assert scores is not None
    assert dependence.groups(scores, np.arange(500)).p_value == 1
    assert dependence.groups(scores, np.zeros(500)).p_value == 1
    assert dependence.neighbours(scores, np.arange(500)).p_value == 1


def test_stretches_have_no_neighbours_in_common() -> None:
    scores = dependence.numeric_scores(np.tile([0.0, 1.0], 300))
    assert scores is not None
    apart = dependence.neighbours(scores, np.arange(600) // 2)
    assert apart.correlation == pytest.approx(-1, abs=0.01)


@pytest.mark.parametrize("level", [0.01, 1 / 2016])
def test_independent_rows_alarm_at_the_level(level: float) -> None:
    assert dependence.false_alarms([1.0] * 12, level) == pytest.approx(level, rel=0.01)
    assert dependence.false_alarms([], level) == level
    worse = [dependence.false_alarms([effect, 1.0], level) for effect in (1.2, 2, 5, 50)]
    assert worse == sorted(worse)
    assert 0.9 < worse[-1] <= 1


@pytest.mark.long
def test_the_estimate_is_near_what_alarms() -> None:
    from drift_checker.decision import kolmogorov  # noqa: PLC0415

    rng, autocorrelation, level, runs = np.random.default_rng(9), 0.4, 0.02, 1500
    marks = dependence.quartile_scores(chain(rng, 40_000, autocorrelation))
    alike = dependence.groups(marks, np.arange(40_000) // 200).correlation
    effect = dependence.design_effect(200, alike)
    alarms = 0
    for _ in range(runs):
        batch = np.sort(chain(rng, 200, autocorrelation))
        reference = np.sort(chain(rng, 2000, autocorrelation))
        found = kolmogorov.p_value(kolmogorov.distance(batch, reference), level=level)
        alarms += found <= level
    estimate = dependence.false_alarms([effect], level)
    assert estimate / 2 < alarms / runs < 1.3 * estimate
    assert alarms / runs > 3 * level
