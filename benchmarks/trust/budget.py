"""False alarms: the rate of drift-free ticks that alarm, over the level asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import ceil

import numpy as np

from benchmarks.trust.draws import Kind, Population
from benchmarks.trust.rates import clustered_interval
from benchmarks.trust.ticks import Cell

WEEKLY = 1 / 2016
"""One alarm a week at a tick every five minutes."""
EXPECTED_ALARMS = 150
REFERENCES = 1000
LOWEST, HIGHEST = 0.5, 1.5
"""Within these multiples of the level the interval of the rate has to lie: the lower one for
continuous columns, the upper one for all."""


@dataclass(frozen=True)
class Design:
    """One cell: what is drawn, how much of it, and the levels of the whole tick."""

    population: Population
    current: int
    reference: int
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Rate:
    """The rate of one cell at one level; the quantiles are of the rate given one reference."""

    columns: int
    kind: str
    dependence: str
    current: int
    reference: int
    level: float
    references: int
    ticks: int
    alarms: int
    rate: float
    low: float
    high: float
    given_reference_5: float
    given_reference_50: float
    given_reference_95: float

    @property
    def over_level(self) -> tuple[float, float, float]:
        """The rate and its interval as multiples of the level."""
        return self.rate / self.level, self.low / self.level, self.high / self.level

    @property
    def holds(self) -> bool:
        """Whether the interval lies within the bounds."""
        _, low, high = self.over_level
        return high <= HIGHEST and (self.kind != "continuous" or low >= LOWEST)

    def row(self) -> dict[str, object]:
        """One row of the committed table."""
        return asdict(self) | {"over_level": round(self.over_level[0], 3), "holds": self.holds}


def smoke() -> list[Design]:
    """Few cells at five per cent: the smallest sizes, the usual ones, many columns, no numbers."""
    at = (0.05,)
    return [
        Design(Population("continuous", 1), 50, 500, at),
        Design(Population("continuous", 10), 200, 5000, at),
        Design(Population("continuous", 10, "t"), 1000, 5000, at),
        Design(Population("continuous", 100), 50, 500, at),
        Design(Population("integers", 10), 200, 500, at),
        Design(Population(20, 1), 200, 500, at),
    ]


def covering() -> list[Design]:
    """The corners of sizes, columns, kinds and dependence, and some cells between."""
    both, weekly = (0.05, 0.005), (0.05, 0.005, WEEKLY)
    continuous = [
        Design(Population("continuous", 1), 50, 500, weekly),
        Design(Population("continuous", 1), 10_000, 50_000, both),
        Design(Population("continuous", 1), 200, 50_000, both),
        Design(Population("continuous", 1), 1000, 5000, both),
        Design(Population("continuous", 10), 50, 5000, weekly),
        Design(Population("continuous", 10), 200, 500, weekly),
        Design(Population("continuous", 10), 1000, 5000, weekly),
        Design(Population("continuous", 10, "gaussian"), 200, 5000, weekly),
        Design(Population("continuous", 10, "gaussian"), 50, 50_000, both),
        Design(Population("continuous", 10, "t"), 1000, 500, both),
        Design(Population("continuous", 10, "t"), 50, 500, weekly),
        Design(Population("continuous", 100), 50, 500, both),
        Design(Population("continuous", 100, "gaussian"), 200, 500, both),
        Design(Population("continuous", 100, "gaussian"), 50, 500, both),
        Design(Population("continuous", 100, "t"), 50, 5000, both),
        Design(Population("continuous", 100, "t"), 10_000, 500, (0.05,)),
    ]
    others: tuple[tuple[Kind, int, int, int], ...] = (
        ("integers", 1, 50, 500),
        ("integers", 10, 1000, 5000),
        (2, 1, 50, 500),
        (2, 10, 200, 5000),
        (20, 1, 1000, 5000),
        (20, 10, 50, 500),
        (1000, 1, 200, 5000),
        (1000, 1, 50, 500),
    )
    return continuous + [
        Design(Population(kind, columns), current, reference, both)
        for kind, columns, current, reference in others
    ]


def run(
    design: Design, seed: int, *, references: int = REFERENCES, screened: bool = True
) -> Iterator[Rate]:
    """Simulate a cell, each level for as long as it takes to expect the alarms that are needed."""
    rng = np.random.default_rng(seed)
    done = 0
    hits = np.zeros((len(design.levels), references), dtype=np.int64)
    for place, level in enumerate(design.levels):
        # The levels fall: ticks drawn for one count for all that follow.
        more = ceil(EXPECTED_ALARMS / level / references) - done
        cell = Cell(design.population, design.current, design.reference, design.levels[place:])
        hits[place:] += cell.alarms(rng, references, more, screened=screened)
        done += more
        given = np.quantile(hits[place] / done, [0.05, 0.5, 0.95])
        low, high = clustered_interval(hits[place], done)
        population = design.population
        yield Rate(
            columns=population.columns,
            kind=str(population.kind),
            dependence=population.dependence,
            current=design.current,
            reference=design.reference,
            level=level,
            references=references,
            ticks=done * references,
            alarms=int(hits[place].sum()),
            rate=float(hits[place].mean()) / done,
            low=low,
            high=high,
            given_reference_5=float(given[0]),
            given_reference_50=float(given[1]),
            given_reference_95=float(given[2]),
        )
