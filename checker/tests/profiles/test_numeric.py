import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import same_counts

from drift_checker.profiles import Bins
from drift_checker.profiles.bins import EDGES
from drift_checker.profiles.numeric import NumericProfile, count_numbers

values = st.lists(
    st.one_of(st.integers(-20, 20).map(float), st.floats(allow_nan=True, width=32)), max_size=60
)
finite = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)


def profile_of(sample: list[float], reference: list[float]) -> NumericProfile:
    ordered = np.array(reference)
    return count_numbers(
        np.array(sample, float), Bins.of(ordered, ordered.min(), ordered.max()).edges
    )


@given(values, values, finite)
def test_numbers_add_up(one: list[float], other: list[float], reference: list[float]) -> None:
    whole = profile_of(one + other, reference)
    merged = profile_of(one, reference).merge(profile_of(other, reference))
    assert same_counts(whole, merged)
    assert merged.mean == pytest.approx(
        whole.mean, rel=1e-9, abs=1e-6 * (1 + whole.standard_deviation)
    )
    assert merged.standard_deviation == pytest.approx(whole.standard_deviation, rel=1e-6, abs=1e-9)


@given(values, finite)
def test_numbers_are_counted_exactly(sample: list[float], reference: list[float]) -> None:
    profile, numbers = profile_of(sample, reference), np.array(sample, float)
    ordered = numbers[np.isfinite(numbers)]
    assert profile.below.tolist() == [int((ordered < edge).sum()) for edge in profile.edges]
    assert profile.at_edges.tolist() == [int((ordered == edge).sum()) for edge in profile.edges]
    assert (profile.nulls, profile.infinite) == (np.isnan(numbers).sum(), np.isinf(numbers).sum())
    assert profile.counts_in_order.sum() == profile.value_count == len(ordered)


def test_quantiles_are_right_to_within_the_rows_between_two_edges() -> None:
    rng = np.random.default_rng(1)
    reference, sample = rng.normal(size=50_000), rng.normal(0.2, 1, 40_000)
    profile = profile_of(sample.tolist(), reference.tolist())
    assert len(profile.edges) <= EDGES + 4
    shares = np.array([0, 0.001, 0.25, 0.5, 0.999, 1])
    ranks = np.searchsorted(np.sort(sample), profile.quantiles(*shares), "right") / len(sample)
    assert ranks == pytest.approx(shares, abs=profile.between_edges.max() / len(sample))
