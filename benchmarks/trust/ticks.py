"""Ticks in memory: `compare` itself, on those ticks that may alarm at all.

Most drift-free ticks are far from any threshold. What is cheap to know of a tick, with a margin,
rules them out: the distances of its columns, its rows beyond the reference's extremes, and its
rank correlations. `--unscreened` compares all of them, and must count the same alarms.
"""

from __future__ import annotations

from functools import cached_property
from itertools import count
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.trust.draws import Floats, Generator, Population
from drift_checker import CompareSettings, compare
from drift_checker.decision.association import (
    interval,
    largest_changes,
    places,
    rank_correlations,
)
from drift_checker.decision.exceedance import TAIL_SHARE, Exceedance
from drift_checker.decision.special import kolmogorov_upper_tail
from drift_checker.joint import MIN_ROWS, SAMPLE_ROWS
from drift_checker.options import SHARES, Floors
from drift_checker.result import Verdict
from drift_checker.tables import from_frame

NO_FLOORS = Floors(distance=0, tail=0, share=0, correlation=0)
# How many times an asymptotic p-value may be the exact one: of ties, and of continuous columns
# below a number of rows and from there on, down to 1e-6.
_TIED, _FEW, _MANY, _MANY_ROWS = 30.0, 2.0, 1.1, 1000
# What a standardised change of correlation may fall short of a normal one with the same p-value.
_CORRELATION_MARGIN = 0.85


class Cell:
    """Drift-free ticks of one population at one pair of sizes, at several levels."""

    def __init__(
        self, population: Population, current: int, reference: int, levels: tuple[float, ...]
    ) -> None:
        self.population, self.n, self.m, self.levels = population, current, reference, levels
        self.settings = [CompareSettings(level=level, floors=NO_FLOORS) for level in levels]

    def alarms(
        self, rng: Generator, references: int, ticks: int, *, screened: bool = True
    ) -> NDArray[np.int64]:
        """Return the alarms by level and reference (levels, references), of `ticks` for each."""
        found = np.zeros((len(self.levels), references), dtype=np.int64)
        for place in range(references):
            drawn = self.population.draw(rng, self.m)
            screen = _Screen(self, drawn)
            reference = from_frame(self.population.table(drawn))
            for _ in range(ticks):
                rows = self.population.draw(rng, self.n)
                near = screen.near(rows) if screened else np.ones(len(self.levels), dtype=bool)
                for level in np.flatnonzero(near):
                    table = self.population.table(rows)
                    result = compare(reference, table, settings=self.settings[level])
                    found[level, place] += result.verdict is not Verdict.OK
        return found

    @cached_property
    def standard_deviation(self) -> float:
        """Of a rank correlation times the root of the rows; all pairs of a cell are alike."""
        if self.population.columns == 1 or self.population.dependence == "independent":
            return 1.0
        rows = self.population.draw(np.random.default_rng(0), SAMPLE_ROWS)[:, :2]
        after, before = np.split(places(rows.T), 2, axis=1)
        change = largest_changes(after, before, floor=0)[0]
        low, high = interval(after, before, change)
        return float((high - low) / 2 / NormalDist().inv_cdf(0.975) * (SAMPLE_ROWS / 4) ** 0.5)


class _Screen:
    """The least that an alarm needs, at each level."""

    def __init__(self, cell: Cell, reference: Floats) -> None:
        self.cell, columns = cell, cell.population.columns
        self.numeric = not isinstance(cell.population.kind, int)
        if not self.numeric:
            return
        self.reference: Floats = np.sort(reference, axis=0)
        margin = _FEW if min(cell.n, cell.m) < _MANY_ROWS else _MANY
        margin = margin if cell.population.kind == "continuous" else _TIED
        each = [level * (1 - SHARES["faults"]) / columns for level in cell.levels]
        self.distances = np.array([_least_distance(level * margin) for level in each])
        self.distances /= (cell.n * cell.m / (cell.n + cell.m)) ** 0.5
        k = max(1, min(round(TAIL_SHARE * cell.m), cell.m // 2))
        self.tails = np.array([self._least_count(level / 8, k) for level in each])
        shares = np.array(cell.levels) * SHARES["faults"] / (4 * columns)
        self.outside = np.array([self._least_count(share, 1) for share in shares])
        self.inner, self.outer = self.reference[[k - 1, -k]], self.reference[[0, -1]]
        self.joint = columns > 1 and min(cell.n, cell.m) >= MIN_ROWS
        if self.joint:
            kept = min(columns, CompareSettings().joint_columns)
            self.correlations = rank_correlations(places(reference[:SAMPLE_ROWS, :kept].T))
            pairs = kept * (kept - 1) / 2
            at = [level * SHARES["joint"] / pairs / 2 for level in cell.levels]
            z = -np.array([NormalDist().inv_cdf(chance) for chance in at])
            spread = cell.standard_deviation * (1 / cell.n + 1 / min(cell.m, SAMPLE_ROWS)) ** 0.5
            self.changes = _CORRELATION_MARGIN * z * spread

    def _least_count(self, level: float, k: int) -> int:
        gaps = min(2 * k, self.cell.m)
        there = (Exceedance(c, self.cell.n, 0, 0, gaps, self.cell.m) for c in count(1))
        return next(one.count for one in there if one.p_value <= level or one.count > self.cell.n)

    def near(self, rows: Floats) -> NDArray[np.bool_]:
        """Say at which levels the tick may alarm."""
        if not self.numeric:
            return np.ones(len(self.cell.levels), dtype=bool)
        current = np.sort(rows, axis=0)
        up, n, distance = np.arange(self.cell.n + 1), self.cell.n, 0.0
        for mine, theirs in zip(current.T, self.reference.T, strict=True):
            right = np.searchsorted(theirs, mine, side="right") / self.cell.m
            left = np.searchsorted(theirs, mine, side="left") / self.cell.m
            distance = max(distance, (up[1:] / n - right).max(), (left - up[:-1] / n).max())
        tail = _beyond(current, self.inner)
        outside = _beyond(current, self.outer)
        near = (distance >= self.distances) | (tail >= self.tails) | (outside >= self.outside)
        if self.joint:
            kept = len(self.correlations)
            after = rank_correlations(places(rows[:SAMPLE_ROWS, :kept].T))
            near |= float(np.abs(after - self.correlations).max()) >= self.changes
        return np.asarray(near)


def _beyond(current: Floats, bounds: Floats) -> int:
    return int(((current < bounds[0]) | (current > bounds[1])).sum(axis=0).max())


def _least_distance(level: float) -> float:
    """Return where Kolmogorov's distribution leaves `level`, from below."""
    if level >= 1:
        return 0.0
    low, high = 0.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if kolmogorov_upper_tail(middle) > level else (low, middle)
    return low
