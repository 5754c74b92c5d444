# mypy: disable-error-code="import-untyped"
"""Which drift-free ticks may alarm at all, from what is cheap to know of many at once.

A tick alarms where the inverse p-values of its columns sum up to enough, where a count of faults
is far out, or a rank correlation. Each p-value is bounded from below, so that no tick that alarms
is missed: `--unscreened` compares all of them, and must count the same alarms. Bounds come first
from counts in bins, and only of the ticks that these leave from the values themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import chain, takewhile
from math import comb, log2
from statistics import NormalDist
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfc, gammaincc

from benchmarks.trust.design import Cell, Dependence
from benchmarks.trust.draws import INTEGERS, Population
from drift_checker import CompareSettings
from drift_checker.comparison import joint
from drift_checker.comparison.joint import sampled_rows
from drift_checker.comparison.options import SHARES
from drift_checker.decision import (
    NO_FLOOR,
    Bools,
    Exceedance,
    Floats,
    Indices,
    Ints,
    association,
    column_tests,
    harmonic,
    tail_rank,
)
from drift_checker.decision.counts import unseen_p_value
from drift_checker.decision.hypergeometric import log_pmf
from drift_checker.decision.special import log_binomial, x_log_ratio
from drift_checker.profiles import MIN_JOINT_ROWS, SAMPLE_ROWS

Grades = NDArray[np.float32]
Small = NDArray[np.uint16]

# How many times an approximate p-value may be the exact one: of ties, and of continuous columns
# of few rows and of more, down to 1e-6.
_TIED, _FEW, _MANY, _MANY_ROWS = 30.0, 1.7, 1.15, 200
# How many times as large as the checker's own a normal p-value of a rank sum may be.
_FEW_RANKS, _MANY_RANKS = 4.0, 1.5
# The checker takes the exact one up to so many times the threshold, with ties and without.
_NEAR_TIED, _NEAR_UNTIED = 30.0, 2.0
# A column's p-value is the chance that one of its statistics reaches its share, which is less than
# the sum of all shares: by what some have in common, and by what is not attained.
_TOGETHER = 0.58
# A column whose bound is less than this share of its part of an alarm is not looked at again.
_HEAVY = 0.3
# What a standardised change of correlation may fall short of a normal one with the same p-value:
# of independent columns and of others, whose standard deviations differ.
_CORRELATION_MARGIN, _DEPENDENT_MARGIN = 0.92, 0.85
_ALMOST_ONE = 0.999
# Of a p-value of categories above this only the bound is known.
_USUAL_P_VALUE = 0.05
# How many times a p-value of the gamma distribution may be that of a deviance with its moments.
_DEVIANCE_MARGIN = 1.3
# And of a number of unseen rows below which its p-value is far from any threshold.
_USUAL_ROWS = 3.0
_LEAST = 1e-15
_TERMS = 8
# Cells of at most so many pooled rows are looked up in a table.
_SMALL = 600
# Ticks of so many rows are counted one by one, which then takes a fifth of the time.
_LONG = 1000
# Where the bins of continuous columns end, beyond which few values lie.
_REACH: dict[Dependence, tuple[float, float]] = {
    "independent": (0, 1),
    "gaussian": (-4, 4),
    "t": (-10, 10),
}
# Bins consist of small ones, whose numbers have so many bits.
_SMALL_BITS = 16
# So many bins, times the standard error of a distance, make the error that they bring small.
_FINENESS = 20


@dataclass(frozen=True)
class _Bins:
    """Bins of equal width from `low` on, each of `2**shift` small ones, `scale` of them to 1."""

    low: float
    scale: float
    shift: int
    number: int

    @classmethod
    def of(cls, cell: Cell, population: Population, column: int) -> _Bins:
        """Return bins that suit a column; those of integers and categories hold one value each."""
        if categories := population.categories(column):
            return cls.of_one_value(categories)
        if population.kinds[column] == "integers":
            return cls.of_one_value(len(INTEGERS))
        low, high = _REACH[population.dependence]
        root = (cell.current * cell.reference / (cell.current + cell.reference)) ** 0.5
        # Where values lie densest, a bin of each dependence holds about the same share.
        bits = min(_SMALL_BITS, round(log2(_FINENESS * root * (high - low) ** 0.5)))
        return cls(low, 2**_SMALL_BITS / (high - low), _SMALL_BITS - bits, 2**bits)

    @classmethod
    def of_one_value(cls, number: int) -> _Bins:
        """Return bins of the whole numbers from 0 on."""
        return cls(0, 1, 0, number)

    def place(self, values: Floats) -> Small:
        """Return the small bin of each value; what lies beyond belongs to the last ones."""
        places = values * self.scale
        if self.low:
            places -= self.low * self.scale
            np.clip(places, 0, 2**_SMALL_BITS - 1, out=places)
        return places.astype(np.uint16)

    def count(self, values: Floats) -> _Binned:
        """Sort values (ticks, rows) into the bins."""
        small = self.place(values)
        places = np.add(small >> self.shift, self.number * np.arange(len(values))[:, None])
        counts = np.bincount(places.ravel(), minlength=len(values) * self.number)
        return _Binned(values, small, places, counts.reshape(len(values), self.number))


@dataclass(frozen=True)
class _Binned:
    """Ticks (ticks, rows), the number of each value's bin among all, and counts (ticks, bins)."""

    values: Floats
    small: Small
    places: Indices
    counts: Ints

    @cached_property
    def shares(self) -> Floats:
        """Return the share of rows below each end of a bin (ticks, bins + 1)."""
        below = np.zeros((len(self.counts), self.counts.shape[1] + 1))
        np.cumsum(self.counts, axis=1, out=below[:, 1:])
        below /= self.values.shape[1]
        return below

    @property
    def grades(self) -> Grades:
        """Return the share of rows below each value, midway through its bin, less 1/2."""
        middles = (self.shares[:, 1:] + self.shares[:, :-1]) / 2 - 0.5
        return np.asarray(middles.astype(np.float32).ravel()[self.places])


class _Column(Protocol):
    def sharpen(self, values: Floats) -> Floats:
        """Return the inverse p-values of ticks (ticks, levels) by the values themselves."""


class Screen:
    """What an alarm needs at each level, given one reference."""

    def __init__(
        self, cell: Cell, population: Population, reference: Floats, levels: Sequence[float]
    ) -> None:
        """Take the reference (columns, rows)."""
        numbers = [place for place in range(cell.columns) if not population.categories(place)]
        enough = min(cell.current, cell.reference) >= MIN_JOINT_ROWS and len(numbers) > 1
        # Without a joint verdict its part is the columns', as are those of a sequence and a feed.
        part = 1 - SHARES["faults"] - (SHARES["joint"] if enough else 0)
        self.least = np.array(
            [harmonic.critical_sum(part * level, cell.columns) for level in levels]
        )
        faults = np.array(levels) * SHARES["faults"]
        self.bins = [_Bins.of(cell, population, place) for place in range(cell.columns)]
        # Rows out of the range of one number are as likely in all: each has its part at least.
        outside = faults / max(1, len(numbers))
        tests = {tied: _Tests(cell, 1 / self.least, outside, tied=tied) for tied in (False, True)}
        self.categories: dict[int, _Categories] = {}
        self.numbers: dict[_Tests, dict[int, _Numbers]] = {one: {} for one in tests.values()}
        for place, (bins, values) in enumerate(zip(self.bins, reference, strict=True)):
            counted = bins.count(values[None])
            if population.categories(place):
                self.categories[place] = _Categories(cell, counted.counts[0], faults)
            else:
                test = tests[population.kinds[place] != "continuous"]
                self.numbers[test][place] = _Numbers(test, bins, counted)
        self.joint = None
        if enough:
            numbers = numbers[: CompareSettings().joint_columns]
            rows = reference[:, sampled_rows(cell.reference)]
            before = [self.bins[place].count(rows[place][None]) for place in numbers]
            self.joint = _Joint(cell, population, numbers, before, levels)

    def near(self, ticks: Floats) -> Bools:
        """Say of ticks (columns, ticks, rows) at which levels they may alarm: (ticks, levels)."""
        binned = [bins.count(values) for bins, values in zip(self.bins, ticks, strict=True)]
        weights = np.empty((len(ticks), ticks.shape[1], len(self.least)))
        others = np.zeros(weights.shape[1:], dtype=bool)
        for place, category in self.categories.items():
            weights[place], faulty = category.weigh(binned[place])
            others |= faulty
        for test, numbers in self.numbers.items():
            if numbers:
                found = [number.measure(binned[place]) for place, number in numbers.items()]
                distances, inner, outer, ranks = map(np.array, zip(*found, strict=True))
                weights[list(numbers)] = test.inverse(distances, inner, ranks)
                others |= (outer[..., None] >= test.outside).any(axis=0)
        if self.joint:
            others |= self.joint.alarms(ticks, binned)
        near = weights.sum(axis=0) >= self.least
        doubtful = np.flatnonzero((near & ~others).any(axis=1))
        weights = weights[:, doubtful]
        heavy = np.any(weights >= _HEAVY * self.least / len(weights), axis=(1, 2)).tolist()
        columns: list[Mapping[int, _Column]] = [self.categories, *self.numbers.values()]
        for place, column in chain.from_iterable(alike.items() for alike in columns):
            if heavy[place]:
                weights[place] = column.sharpen(ticks[place, doubtful])
        near[doubtful] = weights.sum(axis=0) >= self.least
        return np.asarray(near | others)


class _Tests:
    """The tests of a numeric column, of which each kind has its own."""

    def __init__(self, cell: Cell, alone: Floats, faults: Floats, *, tied: bool) -> None:
        """Take the p-values `alone` at which one column alarms by itself, by level."""
        n, m = cell.current, cell.reference
        self.alone = alone
        # Of ties a bin holds one value, of others many, of which it is not known where they lie.
        self.lag = 0 if tied else 1
        self.root = (n * m / (n + m)) ** 0.5
        self.margin, self.near = _FEW if min(n, m) < _MANY_ROWS else _MANY, _NEAR_UNTIED
        self.rank_margin = _FEW_RANKS if min(n, m) < _MANY_ROWS else _MANY_RANKS
        # The checker's correction for sizes without ties.
        self.shift = (n + m + min(n, m)) / (6 * (n + m) * self.root)
        self.shift -= np.gcd(n, m) / (2 * n * m) * self.root
        if tied:
            self.margin, self.near, self.shift = _TIED, _NEAR_TIED, 0.0
        self.extreme = tail_rank(m)
        self.tails = _tails(n, m, 2 * self.extreme)
        self.outside = np.count_nonzero(_tails(n, m, 2) > faults[:, None], axis=1)

    def inverse(self, distance: Floats, beyond: Ints, ranks: Floats) -> Floats:
        """Return the largest inverse p-values, by level, of distances, tails and rank sums."""
        bulk = _kolmogorov(distance * self.root + self.shift)[..., None] / column_tests.BULK_SHARE
        bulk = np.where(bulk > self.near * self.alone, bulk, bulk / self.margin)
        tail = self.tails[np.minimum(beyond, len(self.tails) - 1)]
        combined = np.minimum(bulk, tail[..., None] / column_tests.TAIL_SHARE)
        location = erfc(ranks / 2**0.5)[..., None] / self.rank_margin / column_tests.LOCATION_SHARE
        combined = np.minimum(combined, location)
        return _inverse(_TOGETHER * combined)


class _Numbers:
    """A numeric column: its distance, its tails and its range."""

    def __init__(self, tests: _Tests, bins: _Bins, reference: _Binned) -> None:
        """Take the reference."""
        self.tests, self.values, self.before = tests, reference.values[0], reference.shares[0]
        self.bins = bins
        m, k = len(self.values), tests.extreme
        ends = np.partition(self.values, (0, k - 1, m - k, m - 1))
        self.inner = ends[k - 1], ends[m - k]
        lag = tests.lag
        lowest, low, high, highest = bins.place(ends[[0, k - 1, m - k, m - 1]]).tolist()
        self.inner_bins = low + lag, high - lag
        self.outer_bins = lowest + lag, highest - lag

    def measure(self, ticks: _Binned) -> tuple[Floats, Ints, Ints, Floats]:
        """Return the largest distances of ticks, the most rows in the tails and outside, and ranks.

        Ranks are the largest rank sums, standardised.
        """
        after, before = ticks.shares, self.before
        # Within a bin both shares lie between those at its ends; one value alone leaves no within.
        lag = self.tests.lag
        ends = after.shape[1] - lag
        above = (after[:, lag:] - before[:ends]).max(axis=1)
        below = (before[lag:] - after[:, :ends]).max(axis=1)
        inner = outer = _beyond(ticks.small, self.outer_bins)
        if self.inner_bins != self.outer_bins:
            inner = _beyond(ticks.small, self.inner_bins)
        return np.maximum(above, below), inner, outer, self._ranks(ticks)

    def _ranks(self, ticks: _Binned) -> Floats:
        """Return the largest standardised rank sums of ticks, whatever lies how within a bin."""
        after, before = np.diff(ticks.shares, axis=-1), np.diff(self.before)
        superiority = np.abs(after @ (self.before[1:] + self.before[:-1]) / 2 - 0.5)
        n, m = ticks.values.shape[1], len(self.values)
        pooled = (n * after + m * before) / (n + m)
        # Twice the mid-ranks, from -1 to 1, and their squares for Mood's test.
        ranks = 2 * np.cumsum(pooled, axis=-1) - pooled - 1
        squares = ranks * ranks
        usual = (pooled * squares).sum(axis=-1)
        variance = (pooled * squares * squares).sum(axis=-1) - usual**2
        wider = np.abs((after * squares).sum(axis=-1) - usual)
        # The root of the sizes is that of the difference of two means.
        scale = self.tests.root * (n + m) / m
        if self.tests.lag:
            within = (after * (2 * np.abs(ranks) + pooled) * pooled).sum(axis=-1)
            dispersion = (wider + within) * scale / np.sqrt(np.maximum(variance, 4 / 45))
            location = (superiority + after @ before / 2) * self.tests.root * 12**0.5
            return np.asarray(np.maximum(location, dispersion))
        dispersion = wider * scale / np.sqrt(np.maximum(variance, 1e-9))
        spread = np.sqrt(np.maximum(1 - (pooled**3).sum(axis=-1), 1e-9) / 12)
        return np.asarray(np.maximum(superiority * self.tests.root / spread, dispersion))

    def sharpen(self, values: Floats) -> Floats:
        """Return the inverse p-values of ticks by the values themselves."""
        ordered = np.sort(values, axis=-1)
        left, right = (self._below(ordered, side) for side in ("left", "right"))
        steps = np.arange(values.shape[1] + 1) / values.shape[1]
        distance = np.maximum((steps[1:] - right).max(-1), (left - steps[:-1]).max(-1))
        # Where a bin holds one value, rank sums by bins are exact.
        superiority = np.abs((left + right).mean(axis=-1) / 2 - 0.5)
        ranks = (
            np.maximum(superiority * self.tests.root * 12**0.5, self._dispersion(left))
            if self.tests.lag
            else self._ranks(self.bins.count(values))
        )
        return self.tests.inverse(distance, _beyond(values, self.inner), ranks)

    def _dispersion(self, below: Floats) -> Floats:
        """Return the standardised statistics of Mood of ticks, by the reference below each row."""
        n, m = below.shape[-1], len(self.values)
        ranks = 2 * (m * below + np.arange(n) + 0.5) / (n + m) - 1
        wider = np.abs((ranks * ranks).mean(axis=-1) - 1 / 3)
        return np.asarray(wider * self.tests.root * (n + m) / m * (45 / 4) ** 0.5)

    @cached_property
    def _reference(self) -> Floats:
        return np.sort(self.values)

    def _below(self, values: Floats, side: str) -> Floats:
        # The stub wants a literal side.
        found = np.searchsorted(self._reference, values.ravel(), side=side)  # type: ignore[call-overload]
        return np.asarray(found.reshape(values.shape) / len(self._reference))


def _beyond(values: Floats | Small, bounds: tuple[float, float]) -> Ints:
    beyond = (values < bounds[0]) | (values > bounds[1])
    if beyond.shape[-1] < _LONG:
        return np.asarray(np.count_nonzero(beyond, axis=-1))
    return np.array([np.count_nonzero(tick) for tick in beyond])


@cache
def _tails(n: int, m: int, gaps: int) -> Floats:
    """Return the p-values of the numbers of rows beyond the reference's extremes, from 0 on."""
    tails = (Exceedance(count, n, 0, 0, min(gaps, m), m).p_value for count in range(n + 1))
    return np.array([*takewhile(lambda tail: tail > _LEAST, tails), 0.0])


def _kolmogorov(z: Floats) -> Floats:
    k = np.arange(1, _TERMS)
    tail = 2 * ((-1.0) ** (k - 1) * np.exp(-2 * (k * z[..., None]) ** 2)).sum(axis=-1)
    return np.where(z < 0.3, 1.0, np.minimum(1.0, tail))  # noqa: PLR2004  there it is 1 - 1e-5


def _inverse(p_values: Floats) -> Floats:
    return np.asarray(1 / np.clip(p_values, _LEAST, 1.0))


class _Categories:
    """A categorical column: its deviance, its largest cell, and the rows that are new."""

    def __init__(self, cell: Cell, reference: Ints, faults: Floats) -> None:
        """Take the counts of the reference."""
        self.reference, self.n, self.faults = reference, cell.current, faults
        self.total = cell.current + cell.reference
        self.share = self.n / self.total
        self.cells = _Cells.of(self.total, self.n)
        # With two categories, deviance and largest cell are one test.
        self.shares = 2 if len(reference) > 2 else 1  # noqa: PLR2004
        least = np.where(reference > _SMALL, 0.0, self.cells.least[np.minimum(reference, _SMALL)])
        self.attainable = np.sort(least[reference > 0])

    def weigh(self, ticks: _Binned) -> tuple[Floats, Bools]:
        """Return the largest inverse p-value of each tick, and where new rows are a fault."""
        return _inverse(self._p_values(ticks.counts))[:, None], self._new(ticks.counts)

    def sharpen(self, values: Floats) -> Floats:
        """Return the inverse p-values of ticks, those of unusual ones as the checker has them."""
        counts = _Bins.of_one_value(len(self.reference)).count(values).counts
        p_values = self._p_values(counts)
        for tick in np.flatnonzero(p_values < _USUAL_P_VALUE):
            there = counts[tick] + self.reference > 0
            found = column_tests.categorical(
                counts[tick, there], self.reference[there], threshold=0, share_floor=NO_FLOOR
            )
            p_values[tick] = found.most_significant.p_value
        return _inverse(p_values)[:, None]

    def _p_values(self, counts: Ints) -> Floats:
        """Return lower bounds of the p-value of each tick."""
        smallest = np.ones(len(counts))
        deviance, mean, variance, covariance = np.zeros((4, len(counts)))
        few = self.reference + counts.max(axis=0) <= _SMALL
        small = counts[:, few]
        pooled = small + self.reference[few]
        at = pooled * (_SMALL + 1) + small
        if few.any():
            smallest = self.cells.p_values.ravel()[at].min(axis=1)
            deviance = self.cells.deviances.ravel()[at].sum(axis=1)
            mean = self.cells.mean[pooled].sum(axis=1)
            variance = self.cells.variance[pooled].sum(axis=1)
            covariance = self.cells.covariance[pooled].sum(axis=1)
        if not few.all():
            large = counts[:, ~few]
            pooled = large + self.reference[~few]
            smallest = np.minimum(smallest, self._normal(large, pooled).min(axis=1))
            rest = x_log_ratio(pooled - large, pooled * (1 - self.share))
            deviance += 2 * (x_log_ratio(large, pooled * self.share) + rest).sum(axis=1)
            # As they are in the end.
            mean += len(pooled[0]) * self.cells.mean[_SMALL]
            variance += len(pooled[0]) * self.cells.variance[_SMALL]
            covariance += len(pooled[0]) * self.cells.covariance[_SMALL]
        if self.shares == 1:
            return smallest
        # A cell that the reference alone makes large enough is tested whatever the tick has.
        tested = np.searchsorted(self.attainable, smallest, side="right")
        smallest = smallest * np.maximum(1, tested)
        # Both margins are given: one degree of freedom less, and no variance with the rows.
        variance -= 2 + covariance**2 / (self.total * self.share * (1 - self.share))
        scale = np.maximum(variance, 1e-9) / (mean - 1)
        bulk = gammaincc((mean - 1) / scale, deviance / scale) / _DEVIANCE_MARGIN
        return np.asarray(np.minimum(1.0, self.shares * np.minimum(smallest, bulk)))

    def _normal(self, counts: Ints, pooled: Ints) -> Floats:
        """Return lower bounds of Fisher's p-values of cells of many rows."""
        spread = pooled * self.share * (1 - self.share) * (self.total - pooled) / (self.total - 1)
        z = np.abs(counts - pooled * self.share) / np.sqrt(np.maximum(spread, 1e-9))
        # Twice the normal tail is at least half of this.
        return np.asarray(np.exp(-z * z / 2) / (1 + z) / 2)

    def _new(self, counts: Ints) -> Bools:
        found = np.zeros((len(counts), len(self.faults)), dtype=bool)
        found[np.count_nonzero(counts, axis=-1) == 1] = True
        rows = counts[:, self.reference == 0].sum(axis=-1)
        some = np.flatnonzero(rows)
        pooled = np.minimum(counts[some] + self.reference, _SMALL)
        mean = self.cells.absent[pooled].sum(axis=-1)
        spread = np.sqrt(self.cells.absent_variance[pooled].sum(axis=-1))
        for tick in some[rows[some] > mean + _USUAL_ROWS * spread]:
            found[tick] |= unseen_p_value(counts[tick], self.reference) <= self.faults
        return found


@dataclass(frozen=True)
class _Cells:
    """What is known of a cell by its pooled rows, up to `_SMALL`.

    By pooled and current rows: Fisher's p-value, the deviance. By pooled rows: the least p-value,
    mean and variance of the deviance (in the end 1 and 2), its covariance with the current rows,
    and mean and variance of the rows that are in the cell while the reference has none.
    """

    p_values: Floats
    deviances: Floats
    least: Floats
    mean: Floats
    variance: Floats
    covariance: Floats
    absent: Floats
    absent_variance: Floats

    @staticmethod
    @cache
    def of(total: int, n: int) -> _Cells:
        """Tabulate cells of a table with so many rows, n of them current."""
        share, sizes = n / total, np.arange(_SMALL + 1)
        p_values, deviances = np.ones((2, _SMALL + 1, _SMALL + 1))
        least = np.ones(_SMALL + 1)
        mean, variance, covariance = np.zeros((3, _SMALL + 1))
        for pooled in range(1, min(_SMALL, total) + 1):
            x = np.arange(max(0, n + pooled - total), min(pooled, n) + 1)
            chance = np.exp(log_pmf(x, total, pooled, n))
            lower, upper = np.cumsum(chance), np.cumsum(chance[::-1])[::-1]
            p_values[pooled, x] = np.minimum(1.0, 2 * np.minimum(lower, upper))
            least[pooled] = 2 * min(chance[0], chance[-1])
            x = np.arange(pooled + 1)
            chance = np.exp(log_binomial(x, pooled, share))
            found = x_log_ratio(x, pooled * share) + x_log_ratio(pooled - x, pooled * (1 - share))
            deviances[pooled, x] = 2 * found
            mean[pooled] = chance @ deviances[pooled, x]
            variance[pooled] = chance @ deviances[pooled, x] ** 2 - mean[pooled] ** 2
            covariance[pooled] = chance @ (deviances[pooled, x] * (x - pooled * share))
        deviances[0] = 0
        absent = share ** np.maximum(sizes, 1) * (sizes > 0)
        return _Cells(
            p_values,
            deviances,
            least,
            mean,
            variance,
            covariance,
            sizes * absent,
            sizes**2 * absent * (1 - absent),
        )


class _Joint:
    """The rank correlations of all pairs of numeric columns."""

    def __init__(
        self,
        cell: Cell,
        population: Population,
        numbers: list[int],
        reference: Sequence[_Binned],
        levels: Sequence[float],
    ) -> None:
        self.numbers, self.reference = numbers, reference
        self.before = _correlations(reference)
        self.levels = np.array(levels) * SHARES["joint"]
        each = self.levels / comb(len(numbers), 2) / 2
        z = -np.array([NormalDist().inv_cdf(level) for level in each])
        rows = reference[0].values.shape[1]
        spread = _spread(population) * (1 / cell.current + 1 / rows) ** 0.5
        independent = population.dependence == "independent"
        margin = _CORRELATION_MARGIN if independent else _DEPENDENT_MARGIN
        self.changes = margin * z * spread

    def alarms(self, ticks: Floats, binned: Sequence[_Binned]) -> Bools:
        """Say of ticks (columns, ticks, rows) at which levels they alarm: (ticks, levels)."""
        changes = np.abs(_correlations([binned[place] for place in self.numbers]) - self.before)
        near = changes.max(axis=(1, 2))[:, None] >= self.changes
        for tick in np.flatnonzero(near.any(axis=1)):
            changed = (changes[tick] >= self.changes.min()).any(axis=0)
            near[tick] &= self._p_value(ticks[:, tick], np.flatnonzero(changed)) <= self.levels
        return np.asarray(near)

    def _p_value(self, tick: Floats, changed: Indices) -> float:
        """Return what the checker says of the columns that changed most, corrected for all."""
        rows = sampled_rows(tick.shape[1])
        sides = {
            str(place): (tick[self.numbers[place]][rows], self.reference[place].values[0])
            for place in changed
        }
        result = joint.judge(sides, most=len(sides), level=0, floor=0)
        if result is None:
            raise ValueError(joint.TOO_FEW_COLUMNS)
        return result.p_value * comb(len(self.numbers), 2) / comb(len(sides), 2)


def _correlations(columns: Sequence[_Binned]) -> Grades:
    """Return the correlations (ticks, columns, columns) of grades: of ranks, but for the bins.

    They are transformed as Fisher's (1915), so that their spread is about the same everywhere.
    """
    grades = np.stack([column.grades for column in columns], axis=1)
    products = grades @ grades.swapaxes(1, 2)
    squares = np.diagonal(products, axis1=1, axis2=2)
    scale = np.sqrt(squares[:, :, None] * squares[:, None])
    # A constant column has none.
    found = products / np.maximum(scale, 1e-9)
    return np.asarray(np.arctanh(np.clip(found, -_ALMOST_ONE, _ALMOST_ONE)))


@cache
def _spread(population: Population) -> float:
    """Return the least standard deviation of a transformed correlation, of one row."""
    if population.dependence == "independent":
        return 1.0
    numbers = [place for place, kind in enumerate(population.kinds) if "categories" not in kind]
    drawn = population.draw(np.random.default_rng(0), SAMPLE_ROWS)[numbers[:3]]
    after, before = np.split(association.dense_ranks(drawn), 2, axis=1)
    found = [
        (high - low) / (1 - (change.current + change.reference) ** 2 / 4)
        for change in association.largest_changes(after, before, effect_floor=0)
        for low, high in [association.interval(after, before, change)]
    ]
    z = NormalDist().inv_cdf(0.975)
    return float(min(found) / 2 / z * (SAMPLE_ROWS / 4) ** 0.5)
