"""Ticks in memory: the comparison itself, on those drift-free ticks that may alarm at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from benchmarks.trust.design import Cell
from benchmarks.trust.draws import Generator, Population
from benchmarks.trust.screen import Screen
from drift_checker import CompareSettings
from drift_checker.comparison import NO_FLOORS, Floors, TablePair, compare_tables
from drift_checker.comparison.compare import read_tables
from drift_checker.decision import Floats, Indices, Ints
from drift_checker.result import Verdict
from drift_checker.tables import Batch, from_frame

# Values that are drawn at a time.
_BLOCK = 3_000_000


@dataclass(frozen=True)
class Alarms:
    """Alarms by level and reference (levels, references), without floors and with them."""

    bare: Ints
    floored: Ints


def alarms(
    cell: Cell, rng: Generator, references: int, ticks: Mapping[float, int], *, screened: bool
) -> Alarms:
    """Count the alarms at each level in the first so many `ticks` of each of some references.

    `ticks` are by level, the highest first.
    """
    levels, needed = list(ticks), np.array(list(ticks.values()))
    shape = (len(levels), references)
    found = Alarms(np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64))
    population = Population.of(cell)
    for place in range(references):
        drawn = population.draw(rng, cell.reference)
        judge = _Judge(population, drawn)
        screen = Screen(cell, population, drawn, levels)
        for numbers, rows in _blocks(cell, population, rng, needed.max()):
            near = numbers[:, None] < needed
            if screened:
                near &= screen.near(rows)
            for tick in np.flatnonzero(near.any(axis=1)):
                tables = judge.tables(rows[:, tick])
                floored = True
                for at in np.flatnonzero(near[tick]):
                    # What is no alarm at a level is none at a lower one.
                    if not _alarms(tables, levels[at], NO_FLOORS):
                        break
                    found.bare[at, place] += 1
                    # A floor only ever prevents an alarm.
                    floored = floored and _alarms(tables, levels[at], Floors())
                    found.floored[at, place] += floored
    return found


def _blocks(
    cell: Cell, population: Population, rng: Generator, ticks: int
) -> Iterator[tuple[Indices, Floats]]:
    """Draw ticks (columns, ticks, rows) with their numbers, as many at a time as memory likes."""
    most = max(1, _BLOCK // (cell.columns * cell.current))
    for begin in range(0, ticks, most):
        some = min(most, ticks - begin)
        rows = population.draw(rng, some * cell.current)
        yield begin + np.arange(some), rows.reshape(cell.columns, some, cell.current)


class _Judge:
    """The checker, with one reference."""

    def __init__(self, population: Population, reference: Floats) -> None:
        self.population, self.drawn = population, reference

    @cached_property
    def reference(self) -> Batch:
        """The reference, read where the first tick is judged: most have none."""
        return from_frame(self.population.table(self.drawn))

    def tables(self, rows: Floats) -> TablePair:
        """Return a tick beside the reference."""
        return read_tables(self.reference, self.population.table(rows), CompareSettings())


def _alarms(tables: TablePair, level: float, floors: Floors) -> bool:
    settings = CompareSettings(level=level, floors=floors)
    return compare_tables(tables, settings).verdict is not Verdict.OK
