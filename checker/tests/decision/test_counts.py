from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.decision.counts import constant_p_value, share_p_value, unseen_p_value

LABELS = st.lists(st.integers(0, 3), min_size=2, max_size=9)


def deals(labels: list[int], n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """All ways to deal n of the labels to the current batch, as counts of either side."""
    pooled = np.bincount(labels, minlength=4)
    return [
        (mine := np.bincount([labels[i] for i in chosen], minlength=4), pooled - mine)
        for chosen in combinations(range(len(labels)), n)
    ]


@given(LABELS, st.data())
def test_the_bound_on_unseen_rows_is_never_below_the_exact_chance(
    labels: list[int], data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, len(labels) - 1))
    ways = deals(labels, n)
    rows = [int(current[reference == 0].sum()) for current, reference in ways]
    for (current, reference), here in zip(ways, rows, strict=True):
        exact = sum(there >= here for there in rows) / len(rows)
        assert unseen_p_value(current, reference) >= exact * (1 - 1e-9)


@given(LABELS, st.data())
def test_the_chance_of_a_constant_batch_is_exact(labels: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(labels) - 1))
    ways = deals(labels, n)
    exact = sum(np.count_nonzero(current) == 1 for current, _ in ways) / len(ways)
    assert constant_p_value(np.bincount(labels), n) == pytest.approx(exact)


def test_new_rows_are_found_and_expected_ones_are_not() -> None:
    # Half of all rows have a category of their own: new ones are no surprise.
    current, reference = np.repeat([1, 0], [500, 5000]), np.repeat([0, 1], [500, 5000])
    assert unseen_p_value(current, reference) == 1
    assert unseen_p_value(np.array([970, 30]), np.array([10_000, 0])) < 1e-20


def test_ten_per_cent_of_new_nulls_cannot_be_chance() -> None:
    assert share_p_value(100, 1000, 0, 10_000) < 1e-80
