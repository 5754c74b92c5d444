"""Which drift-free ticks may alarm at all, from what is cheap to know of many at once.

A tick alarms where the inverse p-values of its columns sum up to enough, where a count of faults
is far out, or a rank correlation. Each p-value is bounded from below, so that no tick that alarms
is missed: `--unscreened` compares all of them, and must count the same alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import takewhile
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.trust.design import Cell
from benchmarks.trust.draws import Floats, Population
from drift_checker import CompareSettings
from drift_checker.decision import column as decision
from drift_checker.decision.association import interval, largest_changes, places, rank_correlations
from drift_checker.decision.counts import unseen_p_value
from drift_checker.decision.exceedance import TAIL_SHARE, Exceedance
from drift_checker.decision.harmonic import least_sum
from drift_checker.decision.hypergeometric import log_pmf
from drift_checker.decision.special import log_binomial, x_log_ratio
from drift_checker.joint import MIN_ROWS, SAMPLE_ROWS, sampled_rows
from drift_checker.options import SHARES

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

# How many times a p-value of the screen may be the one of the checker: of ties, and of continuous
# columns of few rows and of more, down to 1e-6.
_TIED, _FEW, _MANY, _MANY_ROWS = 30.0, 1.7, 1.15, 200
# Where it decides, a column's p-value is the sum of what its statistics attain.
_ATTAINED = 0.9
# What a standardised change of correlation may fall short of a normal one with the same p-value.
_CORRELATION_MARGIN = 0.85
# Of so many independent rows, uniform values are as good as their ranks.
_MANY_ROWS_JOINT = 1000
# Standard deviations of a deviance below which its p-value is at least this.
_USUAL, _USUAL_P_VALUE = 1.5, 0.05
# And of a number of unseen rows below which its p-value is far from any threshold.
_USUAL_ROWS = 2.0
_LEAST = 1e-15
_TERMS = 8
# Cells of at most so many pooled rows are looked up in a table.
_SMALL = 300


class Screen:
    """What an alarm needs at each level, given one reference."""

    def __init__(
        self, cell: Cell, population: Population, reference: Floats, levels: Sequence[float]
    ) -> None:
        """Take the reference (columns, rows)."""
        numbers = [place for place in range(cell.columns) if not population.categories(place)]
        enough = min(cell.current, cell.reference) >= MIN_ROWS and len(numbers) > 1
        # Without a joint verdict its part is the columns', and that of a sequence always is.
        part = 1 - SHARES["faults"] - (SHARES["joint"] if enough else 0)
        self.least = np.array([least_sum(part * level, cell.columns) for level in levels])
        faults = np.array(levels) * SHARES["faults"] / (3 * cell.columns)
        self.columns = [
            _Categories(cell, population.categories(place), values, faults)
            if population.categories(place)
            else _Numbers(cell, values, faults, tied=population.kinds[place] != "continuous")
            for place, values in enumerate(reference)
        ]
        self.joint = _Joint(cell, population, reference, numbers, levels) if enough else None

    def near(self, ticks: Floats) -> Bools:
        """Say of ticks (columns, ticks, rows) at which levels they may alarm: (ticks, levels)."""
        total = np.zeros(ticks.shape[1])
        near = np.zeros((ticks.shape[1], len(self.least)), dtype=bool)
        for column, values in zip(self.columns, ticks, strict=True):
            weights, faulty = column.weigh(values)
            total += weights
            near |= faulty
        near |= total[:, None] >= self.least
        if self.joint:
            near |= self.joint.near(ticks)
        return near


class _Numbers:
    """A numeric column: its distance, its tails and its range."""

    def __init__(self, cell: Cell, reference: Floats, faults: Floats, *, tied: bool) -> None:
        n, m = cell.current, cell.reference
        self.reference, self.tied = np.sort(reference), tied
        self.root = (n * m / (n + m)) ** 0.5
        self.margin = _FEW if min(n, m) < _MANY_ROWS else _MANY
        # The checker's correction for sizes without ties.
        self.shift = (n + m + min(n, m)) / (6 * (n + m) * self.root)
        self.shift -= np.gcd(n, m) / (2 * n * m) * self.root
        if tied:
            self.margin, self.shift = _TIED, 0.0
        k = max(1, min(round(TAIL_SHARE * m), m // 2))
        self.tails = _tails(n, m, 2 * k)
        self.outside = (_tails(n, m, 2) > faults[:, None]).sum(axis=1)
        self.inner, self.outer = self.reference[[k - 1, -k]], self.reference[[0, -1]]
        self.steps = np.arange(n + 1) / n

    def weigh(self, values: Floats) -> tuple[Floats, Bools]:
        """Return the largest inverse p-value of each tick, and where its range may be a fault."""
        values = np.sort(values, axis=-1)
        left = right = self._below(values, "left")
        if self.tied:
            right = self._below(values, "right")
        distance = np.maximum((self.steps[1:] - right).max(-1), (left - self.steps[:-1]).max(-1))
        bulk = _kolmogorov(distance * self.root + self.shift) / self.margin
        tail = self.tails[np.minimum(_beyond(values, self.inner), len(self.tails) - 1)]
        combined = np.minimum(bulk / decision.BULK_SHARE, tail / decision.TAIL_SHARE)
        outside = _beyond(values, self.outer)[:, None] >= self.outside
        return _inverse(_ATTAINED * combined), outside

    def _below(self, values: Floats, side: str) -> Floats:
        found = np.searchsorted(self.reference, values.ravel(), side=side)  # type: ignore[call-overload]
        return np.asarray(found.reshape(values.shape) / len(self.reference))


def _beyond(values: Floats, bounds: Floats) -> Ints:
    return np.asarray(((values < bounds[0]) | (values > bounds[1])).sum(axis=-1))


@cache
def _tails(n: int, m: int, gaps: int) -> Floats:
    """Return the p-values of the numbers of rows beyond the reference's extremes, from 0 on."""
    tails = (Exceedance(count, n, 0, 0, min(gaps, m), m).p_value for count in range(n + 1))
    return np.array([*takewhile(lambda tail: tail > _LEAST, tails), 0.0])


def _kolmogorov(z: Floats) -> Floats:
    k = np.arange(1, _TERMS)[:, None]
    tail = 2 * ((-1.0) ** (k - 1) * np.exp(-2 * (k * z) ** 2)).sum(axis=0)
    return np.where(z < 0.3, 1.0, np.minimum(1.0, tail))  # noqa: PLR2004  there it is 1 - 1e-5


def _inverse(p_values: Floats) -> Floats:
    return np.asarray(1 / np.clip(p_values, _LEAST, 1.0))


class _Categories:
    """A categorical column: its deviance, its largest cell, and the rows that are new."""

    def __init__(self, cell: Cell, categories: int, reference: Floats, faults: Floats) -> None:
        self.categories, self.n, self.faults = categories, cell.current, faults
        self.total = cell.current + cell.reference
        self.share = self.n / self.total
        self.reference = np.bincount(reference.astype(np.int64), minlength=categories)
        self.table, self.attainable = _cell_p_values(self.total, self.n)
        self.mean, self.variance = _deviances(self.share)

    def weigh(self, values: Floats) -> tuple[Floats, Bools]:
        """Return the largest inverse p-value of each tick, and where new rows are a fault."""
        ticks = len(values)
        at = values.astype(np.int64) + self.categories * np.arange(ticks)[:, None]
        counts = np.bincount(at.ravel(), minlength=ticks * self.categories)
        counts = counts.reshape(ticks, self.categories)
        pooled = counts + self.reference
        cell = self._largest_cell(counts, pooled)
        unusual = self._deviates(counts, pooled)
        shares = 2 if self.categories > 2 else 1  # noqa: PLR2004  with two, both tests are one
        combined = shares * np.minimum(cell, _USUAL_P_VALUE if shares > 1 else 1.0)
        for tick in np.flatnonzero(unusual | (combined < _USUAL_P_VALUE)):
            there = pooled[tick] > 0
            found = decision.categorical(
                counts[tick, there], self.reference[there], threshold=0, distance_floor=0
            )
            combined[tick] = found.first.p_value
        return _inverse(combined), self._new(counts, pooled)

    def _largest_cell(self, counts: Ints, pooled: Ints) -> Floats:
        """Return a lower bound of the p-value of the largest cell."""
        small = np.minimum(pooled, _SMALL)
        p_values = self.table[small, np.minimum(counts, small)]
        spread = pooled * self.share * (1 - self.share) * (self.total - pooled) / (self.total - 1)
        z = np.abs(counts - pooled * self.share) / np.sqrt(np.maximum(spread, 1e-9))
        # Twice the normal tail is at least half of this.
        normal = np.exp(-z * z / 2) / (1 + z)
        p_values = np.where(pooled > _SMALL, normal / 2, p_values).min(axis=-1)
        attainable = np.where(pooled > _SMALL, 0.0, self.attainable[small]) <= p_values[:, None]
        tested = (attainable & (pooled > 0)).sum(axis=-1) if self.categories > 2 else 1  # noqa: PLR2004
        return np.asarray(np.minimum(1.0, p_values * tested))

    def _deviates(self, counts: Ints, pooled: Ints) -> Bools:
        rest = x_log_ratio(pooled - counts, np.maximum(pooled, 1) * (1 - self.share))
        deviance = 2 * (x_log_ratio(counts, np.maximum(pooled, 1) * self.share) + rest).sum(axis=-1)
        small = np.minimum(pooled, _SMALL)
        mean, variance = self.mean[small].sum(axis=-1), self.variance[small].sum(axis=-1)
        # Both margins are given: one degree of freedom less.
        spread = np.sqrt(np.maximum(variance - 2, 1e-9))
        return np.asarray(deviance > mean - 1 + _USUAL * spread) & (self.categories > 2)  # noqa: PLR2004

    def _new(self, counts: Ints, pooled: Ints) -> Bools:
        found = np.zeros((len(counts), len(self.faults)), dtype=bool)
        found[np.count_nonzero(counts, axis=-1) == 1] = True
        rows = counts[:, self.reference == 0].sum(axis=-1)
        absent = self.share ** np.maximum(pooled, 1) * (pooled > 0)
        mean = (pooled * absent).sum(axis=-1)
        spread = np.sqrt((pooled**2 * absent * (1 - absent)).sum(axis=-1))
        for tick in np.flatnonzero(rows > mean + _USUAL_ROWS * spread):
            found[tick] |= unseen_p_value(counts[tick], self.reference) <= self.faults
        return found


@cache
def _cell_p_values(total: int, n: int) -> tuple[Floats, Floats]:
    """Return Fisher's p-value by pooled rows and current ones, and the least by pooled rows."""
    table, least = np.ones((_SMALL + 1, _SMALL + 1)), np.ones(_SMALL + 1)
    for pooled in range(1, _SMALL + 1):
        x = np.arange(max(0, n + pooled - total), min(pooled, n) + 1)
        chance = np.exp(log_pmf(x, total, pooled, n))
        lower, upper = np.cumsum(chance), np.cumsum(chance[::-1])[::-1]
        table[pooled, x] = np.minimum(1.0, 2 * np.minimum(lower, upper))
        least[pooled] = 2 * min(chance[0], chance[-1])
    return table, least


@cache
def _deviances(share: float) -> tuple[Floats, Floats]:
    """Return the mean and variance of a cell's deviance by its pooled rows: in the end 1 and 2."""
    mean, variance = np.zeros(_SMALL + 1), np.zeros(_SMALL + 1)
    for pooled in range(1, _SMALL + 1):
        x = np.arange(pooled + 1)
        chance = np.exp(log_binomial(x, pooled, share))
        deviance = 2 * x_log_ratio(x, pooled * share)
        deviance = deviance + 2 * x_log_ratio(pooled - x, pooled * (1 - share))
        mean[pooled] = chance @ deviance
        variance[pooled] = chance @ deviance**2 - mean[pooled] ** 2
    return mean, variance


class _Joint:
    """The rank correlations of all pairs of numeric columns."""

    def __init__(
        self,
        cell: Cell,
        population: Population,
        reference: Floats,
        numbers: list[int],
        levels: Sequence[float],
    ) -> None:
        self.numbers = numbers[: CompareSettings().joint_columns]
        self.tied = any(population.kinds[place] != "continuous" for place in self.numbers)
        self.uniform = population.dependence == "independent" and cell.current >= _MANY_ROWS_JOINT
        rows = reference[self.numbers][:, sampled_rows(cell.reference)]
        self.before = rank_correlations(places(rows))
        pairs = len(self.numbers) * (len(self.numbers) - 1) / 2
        at = [level * SHARES["joint"] / pairs / 2 for level in levels]
        z = -np.array([NormalDist().inv_cdf(chance) for chance in at])
        spread = self._spread(population) * (1 / cell.current + 1 / rows.shape[1]) ** 0.5
        self.changes = _CORRELATION_MARGIN * z * spread

    def _spread(self, population: Population) -> float:
        """Return the least standard deviation of a correlation times the root of the rows."""
        if population.dependence == "independent":
            return 1.0
        drawn = population.draw(np.random.default_rng(0), SAMPLE_ROWS)[self.numbers[:3]]
        after, before = np.split(places(drawn), 2, axis=1)
        found = [
            high - low
            for change in largest_changes(after, before, floor=0)
            for low, high in [interval(after, before, change)]
        ]
        z = NormalDist().inv_cdf(0.975)
        return float(min(found) / 2 / z * (SAMPLE_ROWS / 4) ** 0.5)

    def near(self, ticks: Floats) -> Bools:
        after = self._correlations(ticks[self.numbers])
        largest = np.abs(after - self.before).max(axis=(1, 2))
        return np.asarray(largest[:, None] >= self.changes)

    def _correlations(self, ticks: Floats) -> Floats:
        """Return the correlations (ticks, columns, columns)."""
        if self.tied:
            return np.array([rank_correlations(places(tick)) for tick in ticks.swapaxes(0, 1)])
        n = ticks.shape[-1]
        if self.uniform:
            grades = (ticks - 0.5).astype(np.float32).swapaxes(0, 1)
            return np.asarray(grades @ grades.swapaxes(1, 2) / (n / 12))
        ranks = np.empty(ticks.shape, dtype=np.float32)
        centred = np.arange(n, dtype=np.float32) - (n - 1) / 2
        np.put_along_axis(ranks, np.argsort(ticks, axis=-1), centred[None, None], axis=-1)
        rows = ranks.swapaxes(0, 1)
        return np.asarray(rows @ rows.swapaxes(1, 2) / (n * (n * n - 1) / 12))
