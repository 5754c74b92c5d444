"""The rank sum: against all ways to deal the labels, and against an exact count far out."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from calibration import assert_calibrated
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.decision import Floats, ordered, rank_sum
from drift_checker.profiles import bin_counts, bin_edges


def statistic(current: Floats, reference: Floats) -> rank_sum.RankSum:
    return rank_sum.rank_sum(*ordered.rows_up_to(np.sort(current), np.sort(reference)))


def p_value(current: Floats, reference: Floats) -> float:
    return rank_sum.p_value(statistic(current, reference))


@given(st.lists(st.integers(0, 4).map(float), min_size=3, max_size=7), st.data())
def test_of_few_rows_the_p_value_is_exact_whatever_the_ties(
    pooled: list[float], data: st.DataObject
) -> None:
    n = data.draw(st.integers(1, len(pooled) - 1))
    rows = np.array(pooled)
    dealt = []
    for chosen in combinations(range(len(rows)), n):
        mine = np.isin(np.arange(len(rows)), chosen)
        dealt.append(statistic(rows[mine], rows[~mine]))
    for of, found in (
        (rank_sum.p_value, np.array([each.centred for each in dealt])),
        (rank_sum.dispersion_p_value, np.array([each.squares for each in dealt])),
    ):
        for one, each in dict(zip(found.tolist(), dealt, strict=True)).items():
            tails = (found >= one).mean(), (found <= one).mean()
            assert of(each) == pytest.approx(min(1.0, 2 * min(tails)))


def sums_of_ranks(n: int, total: int) -> Floats:
    """Return the chance of each sum of n of the ranks up to `total`."""
    ways = np.zeros((n + 1, n * total + 1))
    ways[0, 0] = 1
    for rank in range(1, total + 1):
        ways[1:, rank:] += ways[:-1, :-rank].copy()
    return ways[n] / comb(total, n)


@pytest.mark.parametrize(("n", "m"), [(10, 60), (30, 30)])
@pytest.mark.parametrize("level", [1e-2, 1e-4, 1e-6, 1e-9])
def test_of_more_rows_it_is_within_two_hundredths_down_to_the_smallest_levels(
    n: int, m: int, level: float
) -> None:
    total = n + m
    upper = np.cumsum(sums_of_ranks(n, total)[::-1])[::-1]
    rank = int(np.argmax(upper <= level / 2))
    ranks = np.arange(1, total + 1)
    observed = rank_sum.RankSum(2 * rank - n * (total + 1), ranks, n, m)
    mirrored = rank_sum.RankSum(-observed.centred, ranks, n, m)
    assert rank_sum.p_value(observed) == pytest.approx(2 * upper[rank], rel=0.02)
    assert rank_sum.p_value(mirrored) == pytest.approx(rank_sum.p_value(observed))


@pytest.mark.long
@pytest.mark.parametrize("draw", ["normal", "two values", "mostly zero"])
def test_the_level_is_kept(draw: str) -> None:
    rng = np.random.default_rng(31)
    draws = {
        "normal": lambda size: rng.normal(size=size),
        "two values": lambda size: (rng.random(size) < 0.1).astype(float),
        "mostly zero": lambda size: rng.normal(size=size) * (rng.random(size) < 0.2),
    }
    found = [statistic(draws[draw](60), draws[draw](300)) for _ in range(300)]
    assert_calibrated([rank_sum.p_value(each) for each in found])
    assert_calibrated([rank_sum.dispersion_p_value(each) for each in found])


def test_a_reference_that_chose_the_bins_does_not_lose_the_level() -> None:
    rng = np.random.default_rng(32)
    p_values, squared = [], []
    for _ in range(300):
        current, reference = np.sort(rng.normal(size=400)), np.sort(rng.normal(size=200))
        edges = bin_edges(reference)
        counts = bin_counts(current, edges), bin_counts(reference, edges)
        observed = rank_sum.rank_sum(*ordered.counts_up_to(*counts))
        p_values.append(rank_sum.p_value(observed, reference_chose=True))
        squared.append(rank_sum.dispersion_p_value(observed))
    assert_calibrated(p_values)
    assert_calibrated(squared)


def test_a_change_of_scale_is_one_of_dispersion_alone() -> None:
    rng = np.random.default_rng(33)
    observed = statistic(1.5 * rng.normal(size=200), rng.normal(size=5000))
    assert observed.dispersion > 1.2
    assert rank_sum.dispersion_p_value(observed) < 1e-6
    assert rank_sum.p_value(observed) > 0.01


def test_values_that_are_all_alike_say_nothing() -> None:
    assert p_value(np.ones(5), np.ones(9)) == 1
    assert p_value(np.ones(100), np.ones(900)) == 1
    assert rank_sum.dispersion_p_value(statistic(np.ones(100), np.ones(900))) == 1
    halves = np.repeat([0.0, 1.0], 50)
    assert rank_sum.dispersion_p_value(statistic(halves, np.tile(halves, 9))) == 1


def test_samples_that_share_nothing_are_as_unlikely_as_can_be() -> None:
    assert p_value(np.arange(5.0), np.arange(10.0, 17)) == pytest.approx(2 / comb(12, 5))
    assert statistic(np.arange(5.0), np.arange(10.0, 17)).superiority == 0
    assert p_value(np.arange(500.0), np.arange(1000.0, 2000)) < 1e-200


@given(
    st.sampled_from([20, 50, 200]),
    st.sampled_from([200, 5000]),
    st.floats(1, 1e6),
    st.sampled_from([3, 0]),
    st.integers(0, 1 << 16),
)
def test_a_few_rows_that_are_all_beyond_the_others_have_a_small_p_value(
    n: int, m: int, times: float, ends: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    far = times * rng.standard_normal(n) + ends * rng.choice([-1, 1], n)
    observed = statistic(far, rng.standard_normal(m))
    for found in (rank_sum.p_value(observed), rank_sum.dispersion_p_value(observed)):
        assert 0 <= found <= 1


def test_rows_at_both_ends_alone_are_hardly_by_chance() -> None:
    reference = np.linspace(-1, 1, 5000)
    ends = np.repeat([-2.0, 2.0], 10) + np.linspace(0, 0.1, 20)
    assert rank_sum.dispersion_p_value(statistic(ends, reference)) < 1e-30
