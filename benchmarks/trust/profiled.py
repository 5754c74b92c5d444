# mypy: disable-error-code="import-untyped"
"""`python -m benchmarks.trust.profiled`: false alarms of profiles of a million rows.

No row is drawn. Between two values of the reference that are edges lies a share of the population
that has a beta distribution, all shares together one of Dirichlet, whatever the distribution is;
given them, the counts of a batch are multinomial. Only of the rows that a joint verdict looks at
the values are drawn, and they are part of the counts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Protocol
from zlib import crc32

import numpy as np
import pyarrow as pa
from scipy.stats import poisson

from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.budget import Rate, clusters, rate
from benchmarks.trust.design import LEVELS, Cell
from benchmarks.trust.draws import MEAN, Generator, Population
from benchmarks.trust.tables import show
from drift_checker import CompareSettings
from drift_checker.comparison import NO_FLOORS, Floors, compare_tables
from drift_checker.comparison.profiled_pairs import ProfiledPair, ProfiledTable
from drift_checker.decision import Floats, Ints, tail_rank
from drift_checker.profiles import SAMPLE_ROWS, Bins
from drift_checker.profiles.categorical import CategoricalProfile
from drift_checker.profiles.layout import ColumnLayout, Layout
from drift_checker.profiles.numeric import NumericProfile, count_numbers
from drift_checker.profiles.profile import ColumnProfile, TableProfile
from drift_checker.profiles.sample import RowSample
from drift_checker.result import Verdict
from drift_checker.tables import ColumnReading, kind_of

SEED = 20_261_127
MILLION = 1_000_000
CELLS = (
    Cell(MILLION, MILLION, 1),
    Cell(MILLION, MILLION // 10, 1),
    Cell(MILLION, MILLION, 1, "integers"),
    Cell(MILLION, MILLION, 1, "20 categories"),
    Cell(MILLION, MILLION, 3),
    Cell(MILLION, MILLION, 4, "mixed"),
)
"""Batches and references of a million rows, and one of a tenth of it, where ticks depend most."""
TICKS = 5
"""Of each reference: they alarm together, so that more say little more."""
REFERENCES, SMOKE_REFERENCES = 2000, 20


class Drawn(Protocol):
    """A column of a population, known by what a reference of it shows."""

    column: ColumnLayout
    kept: Floats
    """The reference's values in the rows that a joint verdict looks at; none of categories."""

    @property
    def reference(self) -> ColumnProfile:
        """The profile of the reference."""

    def batch(self, rng: Generator, rows: int) -> tuple[ColumnProfile, Floats]:
        """Draw the profile of a batch, and its values in such rows."""


def _read_as(type_: pa.DataType) -> ColumnReading:
    return ColumnReading(name="", source="", kind=kind_of(type_), type=type_)


def _named(name: str, column: ColumnLayout) -> ColumnLayout:
    return replace(column, reading=replace(column.reading, name=name, source=name))


class _Continuous:
    """Values by their places among those of the reference."""

    def __init__(self, rng: Generator, rows: int) -> None:
        bins, self.reference = _ranks(rows)
        self.column = ColumnLayout(_read_as(pa.float64()), bins)
        gaps = np.diff(bins.edges, prepend=-1, append=rows)
        self._shares = rng.dirichlet(gaps)
        self._ends = np.cumsum(self._shares)[:-1]
        self.kept = rng.choice(rows, _kept(rows), replace=False).astype(float)

    def batch(self, rng: Generator, rows: int) -> tuple[NumericProfile, Floats]:
        kept = rng.random(_kept(rows))
        edges, most = self.column.bins.edges, self.reference.rows
        between = np.bincount(np.searchsorted(self._ends, kept), minlength=len(edges) + 1)
        between += rng.multinomial(rows - len(kept), self._shares)
        upto = np.cumsum(between)[:-1]
        # Where the extremes lie beyond the edges no test asks.
        ends = -1.0, float(most)
        values = np.interp(kept, [0, *self._ends, 1], [-1, *edges, most])
        return NumericProfile(edges, upto, upto, rows, 0, 0, 0.0, 0.0, *ends), values


@cache
def _ranks(rows: int) -> tuple[Bins, NumericProfile]:
    """Return where a reference is cut, by the places of its values, and its profile."""
    values = np.arange(rows, dtype=float)
    bins = Bins.of(values, 0, rows - 1)
    # No value is drawn far beyond the range.
    bins = replace(bins, edges=bins.edges[1:-1])
    return bins, count_numbers(values, bins.edges)


class _Integers:
    """Counts of a Poisson variable, of which every value is an edge."""

    shares = poisson.pmf(np.arange(40), MEAN) / poisson.cdf(39, MEAN)

    def __init__(self, rng: Generator, rows: int) -> None:
        counts, self.kept = self._draw(rng, rows)
        edges = np.flatnonzero(counts).astype(float)
        upto, tail = np.cumsum(counts), tail_rank(rows)
        ends = np.searchsorted(upto, [tail - 1, rows - tail], side="right")
        low, high = map(float, ends)
        bins = Bins(edges, low, high, edges)
        self.column = ColumnLayout(_read_as(pa.int64()), bins)
        self.reference = self._counted(counts)

    def batch(self, rng: Generator, rows: int) -> tuple[NumericProfile, Floats]:
        counts, kept = self._draw(rng, rows)
        return self._counted(counts), kept

    def _draw(self, rng: Generator, rows: int) -> tuple[Ints, Floats]:
        kept = rng.choice(len(self.shares), _kept(rows), p=self.shares)
        counts = np.bincount(kept, minlength=len(self.shares))
        counts += rng.multinomial(rows - len(kept), self.shares)
        return counts, kept.astype(float)

    def _counted(self, counts: Ints) -> NumericProfile:
        edges = self.column.bins.edges
        upto, values = np.cumsum(counts), np.flatnonzero(counts)
        places = edges.astype(int)
        below, rows = upto - counts, int(counts.sum())
        ends = float(values[0]), float(values[-1])
        return NumericProfile(edges, below[places], upto[places], rows, 0, 0, 0.0, 0.0, *ends)


class _Categories:
    """Categories, of which the shares fall as 1 / rank."""

    def __init__(self, rng: Generator, rows: int, categories: int) -> None:
        self.column = ColumnLayout(_read_as(pa.string()))
        weights = 1 / np.arange(1, categories + 1)
        self._shares = weights / weights.sum()
        self._names = [f"c{number}" for number in range(categories)]
        self.reference, self.kept = self.batch(rng, rows)

    def batch(self, rng: Generator, rows: int) -> tuple[CategoricalProfile, Floats]:
        counts = rng.multinomial(rows, self._shares)
        found = {self._names[place]: int(counts[place]) for place in np.flatnonzero(counts)}
        return CategoricalProfile(found, rows, 0), np.empty(0)


def _kept(rows: int) -> int:
    return min(rows, SAMPLE_ROWS)


def _drawn(population: Population, rng: Generator, rows: int) -> Iterator[tuple[str, Drawn]]:
    for place, kind in enumerate(population.kinds):
        categories = population.categories(place)
        drawn: Drawn
        if categories:
            drawn = _Categories(rng, rows, categories)
        else:
            drawn = _Continuous(rng, rows) if kind == "continuous" else _Integers(rng, rows)
        yield f"x{place}", drawn


def _side(
    rows: int, columns: Mapping[str, ColumnProfile], kept: Mapping[str, Floats]
) -> ProfiledTable:
    values = {name: each for name, each in kept.items() if len(each)}
    sample = RowSample(SAMPLE_ROWS, np.arange(_kept(rows)), values)
    return ProfiledTable(list(columns), "", (), TableProfile(rows, columns, sample))


@dataclass(frozen=True)
class Judge:
    """The checker, with the profile of one reference."""

    layout: Layout
    reference: ProfiledTable
    columns: Mapping[str, Drawn]

    @classmethod
    def of(cls, cell: Cell, rng: Generator) -> Judge:
        """Draw a reference."""
        columns = dict(_drawn(Population.of(cell), rng, cell.reference))
        kept = {name: one.kept for name, one in columns.items()}
        found = {name: one.reference for name, one in columns.items()}
        sampled = tuple(name for name, values in kept.items() if len(values))
        layout = Layout({name: _named(name, one.column) for name, one in columns.items()}, sampled)
        return cls(layout, _side(cell.reference, found, kept), columns)

    def batch(self, rng: Generator, rows: int) -> ProfiledTable:
        """Draw a batch."""
        drawn = {name: one.batch(rng, rows) for name, one in self.columns.items()}
        profiles = {name: profile for name, (profile, _) in drawn.items()}
        return _side(rows, profiles, {name: kept for name, (_, kept) in drawn.items()})

    def alarms(self, batch: ProfiledTable, level: float, floors: Floors) -> bool:
        """Whether a batch alarms."""
        sides = ProfiledPair(self.layout, self.reference, batch)
        settings = CompareSettings(level=level, floors=floors)
        return compare_tables(sides, settings).verdict is not Verdict.OK


def _one(place: int, cell: Cell, seed: int) -> list[tuple[int, int]]:
    """Return, by level, the ticks of a reference that alarm, without floors and with them."""
    rng = np.random.default_rng([seed, crc32(cell.name.encode()), place])
    judge = Judge.of(cell, rng)
    batches = [judge.batch(rng, cell.current) for _ in range(TICKS)]
    found = []
    for level in LEVELS:
        # What is no drift at a level is none at a lower one, and a floor only prevents alarms.
        batches = [batch for batch in batches if judge.alarms(batch, level, NO_FLOORS)]
        floored = sum(judge.alarms(batch, level, Floors()) for batch in batches)
        found.append((len(batches), floored))
    return found


def rates(cell: Cell, seed: int, references: int, pool: ProcessPoolExecutor) -> Iterator[Rate]:
    """Simulate a cell, and return its rate at each level."""
    references = clusters(cell, references)
    each = list(pool.map(partial(_one, cell=cell, seed=seed), range(references), chunksize=10))
    for level, found in zip(LEVELS, np.array(each).swapaxes(0, 1), strict=True):
        bare, floored = found.T
        yield rate(cell, level, TICKS, bare, floored)


def main() -> int:
    """Run all cells, and return 1 where a bound does not hold."""
    parser = command_line("benchmarks.trust.profiled", __doc__, SEED, choice="--cell")
    arguments = parser.parse_args()
    cells = {cell.name: cell for cell in CELLS}
    names = chosen(parser, arguments.cell, cells)
    references = SMOKE_REFERENCES if arguments.smoke else REFERENCES
    with ProcessPoolExecutor(arguments.jobs) as pool:
        found = (
            one.row()
            for name in names
            for one in rates(cells[name], arguments.seed, references, pool)
        )
        return 0 if show("profiled", found, arguments.output) else 1


if __name__ == "__main__":
    sys.exit(main())
