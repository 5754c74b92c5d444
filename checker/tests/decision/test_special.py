"""Special functions against SciPy's, over all that they are asked for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special as scipy_special
from scipy.stats import binom, landau

from drift_checker.decision import Floats, special

EPS = float(np.finfo(float).eps)
ROWS = 10**12
"""More than any table has: from here on, not even the sum of all counts is exact."""
ROW_COUNTS = st.integers(0, 2**17) | st.integers(0, ROWS)


def relative_error(ours: Floats, scipys: Floats) -> float:
    return float(np.max(np.abs(ours - scipys) / scipys))


@given(st.lists(ROW_COUNTS, min_size=1, max_size=50))
def test_factorials_are_right_to_double_precision(n: list[int]) -> None:
    expected = scipy_special.gammaln(np.array(n) + 1.0)
    assert special.log_factorial(n) == pytest.approx(expected, rel=4 * EPS, abs=0)


@pytest.mark.parametrize("first", [0, 2, 2**15 - 2000, 2**15, 2**20])
def test_factorials_have_no_step_where_their_computation_changes(first: int) -> None:
    n = np.arange(first, first + 4000)
    expected = scipy_special.gammaln(n + 1.0)
    assert special.log_factorial(n) == pytest.approx(expected, rel=4 * EPS, abs=0)


@given(ROW_COUNTS, st.floats(0, 1))
def test_binomial_coefficients_lose_what_the_logarithms_of_factorials_do(
    n: int, share: float
) -> None:
    k = int(share * n)
    expected = -np.log1p(n) - scipy_special.betaln(n - k + 1, k + 1)
    bound = 8 * EPS * float(scipy_special.gammaln(n + 1)) + 8 * EPS
    assert special.log_choose(n, k) == pytest.approx(expected, rel=0, abs=bound)


@given(ROW_COUNTS, st.floats(0, 1), st.floats(1e-9, 1 - 1e-9))
def test_binomial_probabilities_lose_as_much(size: int, at: float, share: float) -> None:
    x = int(at * size)
    expected = binom.logpmf(x, size, share)
    terms = float(scipy_special.gammaln(size + 1)) - size * math.log(min(share, 1 - share))
    assert special.log_binomial(x, size, share) == pytest.approx(
        expected, rel=0, abs=8 * EPS * (terms + 1)
    )


@given(st.lists(ROW_COUNTS, min_size=1), st.floats(1e-9, ROWS))
def test_relative_entropy_is_right_to_double_precision(x: list[int], expected: float) -> None:
    ours = special.x_log_ratio(x, expected)
    scipys = scipy_special.rel_entr(np.array(x, dtype=float), expected)
    # Near 1, the logarithm of the ratio is as uncertain as the ratio is.
    assert (np.abs(ours - scipys) <= 2 * EPS * (np.abs(scipys) + np.array(x))).all()


def test_the_normal_tail_is_right_into_the_smallest_numbers() -> None:
    z = np.linspace(-40, 37.5, 20_001)
    ours = np.array([special.normal_upper_tail(at) for at in z])
    # As much as z^2 / 2 loses in its exponential.
    assert relative_error(ours, scipy_special.ndtr(-z)) < 1e-12
    assert relative_error(ours[z < 8], scipy_special.ndtr(-z[z < 8])) < 2e-14


def test_kolmogorovs_tail_is_right_as_far_as_doubles_go() -> None:
    z = np.linspace(0, 18.5, 20_001)
    ours = np.array([special.kolmogorov_upper_tail(at) for at in z])
    assert relative_error(ours, scipy_special.kolmogorov(z)) < 1e-12
    assert relative_error(ours[z >= 0.2], scipy_special.kolmogorov(z[z >= 0.2])) < 2e-14


def test_landaus_tail_is_right_at_every_level() -> None:
    """Up to 1e14, for levels of as little as 1e-13."""
    x = np.concatenate([np.linspace(-2, 50, 5001), np.geomspace(50, 1e14, 3001)])
    ours = np.array([special.landau_upper_tail(at) for at in x])
    # SciPy's is that of the parameters 0 and 1 where ours is of log(pi / 2) and pi / 2.
    scipys = landau.sf(x, loc=math.log(math.pi / 2), scale=math.pi / 2)
    assert relative_error(ours, scipys) < 2e-9
    assert relative_error(ours[x >= 0], scipys[x >= 0]) < 1e-13


@pytest.mark.parametrize("degrees", [*range(1, 40), 100, 365, 1000, 8760])
def test_students_tail_loses_a_digit_where_degrees_are_ten_times_as_many(degrees: int) -> None:
    """As many degrees as there are hours in a year leave ten digits."""
    t = np.concatenate([-np.geomspace(0.01, 100, 200), [0.0], np.geomspace(0.01, 1e8, 1001)])
    ours = np.array([special.student_upper_tail(float(at), degrees) for at in t])
    scipys = scipy_special.stdtr(degrees, -t)
    normal = scipys > np.finfo(float).tiny
    error = relative_error(ours[normal], scipys[normal])
    assert error < 1e-13 + 2e-14 * degrees
    # Below the smallest normal number, to as much as there is of it.
    assert ours[~normal] == pytest.approx(scipys[~normal], rel=0, abs=1e-307)


@pytest.mark.parametrize("degrees", [1, 30, 8760])
@pytest.mark.parametrize("t", [1e-300, 1e-20, 1e-9])
def test_students_tail_is_a_half_where_its_variable_is_hardly_more_than_0(
    t: float, degrees: int
) -> None:
    assert special.student_upper_tail(t, degrees) == pytest.approx(0.5, rel=1e-6)
    assert special.student_upper_tail(-t, degrees) == pytest.approx(0.5, rel=1e-6)


def test_students_tail_is_that_of_closed_forms_and_tables() -> None:
    # Closed forms of one and two degrees of freedom, and two values of published tables.
    for t in (0.0, 0.5, 3.0, 100.0):
        assert special.student_upper_tail(t, 1) == pytest.approx(
            0.5 - np.arctan(t) / np.pi, rel=1e-9
        )
        root = (2 + t * t) ** 0.5
        assert special.student_upper_tail(t, 2) == pytest.approx(1 / (root * (root + t)), rel=1e-9)
    assert special.student_upper_tail(-1.0, 5) == pytest.approx(
        1 - special.student_upper_tail(1.0, 5)
    )
    assert special.student_upper_tail(2.042, 30) == pytest.approx(0.025, rel=1e-3)
    assert special.student_upper_tail(3.646, 30) == pytest.approx(0.0005, rel=1e-3)
