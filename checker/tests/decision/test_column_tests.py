"""One column: its statistics combined, against all ways to deal the labels."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numeric_columns import numeric

from drift_checker.decision import Exceedance, column_tests, count_exceedances

VALUES = st.lists(st.integers(0, 5).map(float), min_size=3, max_size=9)
P_VALUES = st.floats(1e-9, 1)


def test_nothing_is_told_of_rows_beyond_a_reference_of_one_row() -> None:
    assert count_exceedances(np.arange(4.0), np.array([1.5]), share=0).p_value == 1


def evidence(p_value: float, share: float, **attained: object) -> column_tests.Evidence:
    return column_tests.Evidence(
        "test", 0.0, p_value, "effect", 0.5, (0.0, 1.0), 0.1, share, **attained
    )


@given(VALUES, st.data())
def test_no_p_value_comes_more_often_than_it_says_given_the_ties(
    pooled: list[float], data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, len(pooled) - 1))
    rows = np.sort(pooled)
    p_values = []
    for chosen in combinations(range(len(rows)), n):
        mine = np.isin(np.arange(len(rows)), chosen)
        decision = numeric(rows[mine], rows[~mine], 0.05)
        p_values.append(decision.most_significant.p_value)
    for level in set(p_values):
        assert np.mean(np.array(p_values) <= level) <= level * (1 + 1e-9)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_what_a_count_attains_is_its_largest_p_value_within_the_level(
    n: int, m: int, data: st.DataObject
) -> None:
    gaps = 2 * data.draw(st.integers(1, max(1, m // 2)))
    level = data.draw(st.floats(1e-12, 1))
    exceedances = [Exceedance(count, n, 0, 1, min(gaps, m), m) for count in range(n + 1)]
    within = [exceedance.p_value for exceedance in exceedances if exceedance.p_value <= level]
    assert exceedances[0].attained(level) == max(within, default=0)


@given(P_VALUES, P_VALUES, P_VALUES)
def test_at_most_the_share_of_a_discrete_statistic_stays_unspent(
    dense: float, sparse: float, threshold: float
) -> None:
    decision = column_tests.decide(
        [
            evidence(dense, 0.8),
            evidence(sparse, 0.2, attained=lambda level: sparse if sparse <= level else 0.0),
        ],
        threshold=threshold,
    )
    level = min(dense / 0.8, sparse / 0.2)
    assert (
        0.8 * level * (1 - 1e-9) <= decision.most_significant.p_value <= min(1, level) * (1 + 1e-9)
    )


def test_each_statistic_has_to_pass_the_floor_of_its_own_effect() -> None:
    small = column_tests.Evidence("small", 0.0, 1e-9, "effect", 0.05, (0.0, 1.0), 0.1, 0.5)
    decision = column_tests.decide([small, evidence(1e-3, 0.5)], threshold=0.01)
    assert decision.most_significant.evidence.test == "small"
    assert decision.relevant is not None
    assert decision.relevant.evidence.test == "test"
    assert decision.relevant.p_value == pytest.approx(2e-3)
    assert column_tests.decide([small], threshold=0.01).relevant is None


@pytest.mark.parametrize("n", [50, 1000])
def test_a_combined_p_value_is_that_of_the_bulk_where_the_tail_has_none(n: int) -> None:
    rng = np.random.default_rng(3)
    reference = np.sort(rng.normal(size=5000))
    current = np.sort(rng.normal(0.4, 0.5, size=n))
    decision = numeric(current, reference, 0.05)
    assert decision.most_significant.evidence.test == "kolmogorov_smirnov"
