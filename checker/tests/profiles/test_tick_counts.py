import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.profiles import TickCounts, bin_counts, bin_edges, merge_counts

numbers = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=300)


@given(numbers, numbers, numbers)
def test_counts_add_up_to_those_of_all_rows(
    one: list[float], other: list[float], reference: list[float]
) -> None:
    edges = bin_edges(np.sort(reference))

    def counts(values: list[float]) -> TickCounts:
        names = [str(value) for value in values]
        return TickCounts(
            reference="r",
            rows=len(values),
            numbers={"x": bin_counts(np.sort(values), edges).tolist()},
            categories={"c": {name: names.count(name) for name in names}},
            shares={"nulls": {"x": [names.count("0.0"), len(values)]}},
        )

    assert merge_counts([counts(one), counts(other)]) == counts(one + other)


def test_a_column_that_one_of_them_lacks_is_left_out() -> None:
    both = TickCounts(reference="r", rows=1, numbers={"x": [1]}, categories={"c": {"a": 1}})
    one = TickCounts(reference="r", rows=1, numbers={}, categories={"c": {"b": 1}})

    merged = merge_counts([both, one])

    assert (merged.rows, merged.numbers, merged.categories) == (2, {}, {"c": {"a": 1, "b": 1}})


def test_shares_that_one_of_them_lacks_are_left_out() -> None:
    shares = [
        {"nulls": {"x": [1, 9], "y": [2, 9]}, "out_of_range": {"x": [0, 8]}},
        {"nulls": {"x": [3, 9]}},
        {},
    ]
    ticks = [
        TickCounts(reference="r", rows=9, numbers={}, categories={}, shares=each) for each in shares
    ]

    assert merge_counts(ticks[:2]).shares == {"nulls": {"x": [4, 18]}}
    assert merge_counts(ticks).shares == {}


def test_they_are_small_and_can_be_read_back() -> None:
    rng = np.random.default_rng(1)
    reference = np.sort(rng.normal(size=10_000))
    bins = bin_counts(np.sort(rng.normal(size=1000)), bin_edges(reference)).tolist()
    counts = TickCounts(
        reference="r", rows=1000, numbers={f"x{n}": bins for n in range(10)}, categories={}
    )

    data = counts.model_dump_json()

    assert len(data) < 20_000
    assert TickCounts.model_validate_json(data) == counts
