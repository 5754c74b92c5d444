import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.profiles import choose_rows
from drift_checker.profiles.sample import RowSampler, hash_bound, row_hashes


@given(st.integers(0, 300), st.lists(st.integers(1, 90), max_size=8), st.integers(1, 50))
def test_the_rows_of_a_sample_do_not_depend_on_the_chunks(
    first: int, sizes: list[int], most: int
) -> None:
    sampler, start = RowSampler(most), first
    for size in sizes:
        chosen = sampler.choose(start, size)
        sampler.add("x", (start + chosen).astype(float))
        sampler.end_chunk()
        start += size
    sample = sampler.sample()
    expected = first + choose_rows(np.arange(first, start), most)
    assert sample.row_numbers.tolist() == expected.tolist()
    if sizes:
        assert sample.columns["x"].tolist() == expected.tolist()


@given(st.integers(1, 200), st.integers(1, 20_000))
def test_rows_beyond_the_bound_are_in_no_sample(most: int, size: int) -> None:
    bound = hash_bound(most, size)
    kept = np.flatnonzero(row_hashes(np.arange(size)) <= bound)
    assert set(choose_rows(np.arange(size), most)) <= set(kept)
    assert len(kept) <= most + 12 * most**0.5 + 1 or bound == hash_bound(most, None)
