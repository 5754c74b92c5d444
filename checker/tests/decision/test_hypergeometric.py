from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.decision.hypergeometric import lower_tail, two_sided_p_value, upper_tail


@given(st.integers(1, 60), st.data())
def test_tails_are_sums_of_the_probabilities(total: int, data: st.DataObject) -> None:
    marked = data.draw(st.integers(0, total))
    drawn = data.draw(st.integers(0, total))
    x = data.draw(st.integers(-1, drawn + 1))
    ways = [
        comb(marked, k) * comb(total - marked, drawn - k) / comb(total, drawn)
        for k in range(drawn + 1)
    ]
    assert upper_tail(x, total, marked, drawn) == pytest.approx(sum(ways[max(0, x) :]), rel=1e-9)
    below = sum(ways[: x + 1]) if x >= 0 else 0
    assert lower_tail(x, total, marked, drawn) == pytest.approx(below, rel=1e-9)


def test_the_far_tail_keeps_its_digits() -> None:
    exact = sum(comb(1000, k) * comb(9000, 1000 - k) for k in range(200, 1001)) / comb(10_000, 1000)
    assert upper_tail(200, 10_000, 1000, 1000) == pytest.approx(exact, rel=1e-9)
    assert exact < 1e-20


def test_both_sides_count() -> None:
    assert two_sided_p_value(0, 11_000, 1000, 1000) < 1e-30
    assert two_sided_p_value(91, 11_000, 1000, 1000) == pytest.approx(1, abs=0.1)
