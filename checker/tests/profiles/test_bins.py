import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.profiles import bin_counts, bin_edges
from drift_checker.profiles.bins import BINS

numbers = st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=300)


@given(numbers, numbers)
def test_bins_count_every_row_once(values: list[float], reference: list[float]) -> None:
    edges = bin_edges(np.sort(reference))
    counts = bin_counts(np.sort(values), edges)

    assert (np.diff(edges) > 0).all()
    assert edges[-1] == max(reference)
    assert len(edges) <= BINS
    assert counts.sum() == len(values)
    below = np.cumsum(counts)[:-1]
    assert below.tolist() == [sum(value <= end for value in values) for end in edges]
