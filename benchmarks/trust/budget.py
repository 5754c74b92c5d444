"""False alarms: the rate of drift-free ticks that alarm, over the level asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import ceil
from zlib import crc32

import numpy as np

from benchmarks.trust.design import Cell
from benchmarks.trust.rates import clustered_interval, spread
from benchmarks.trust.tables import Row
from benchmarks.trust.ticks import alarms
from drift_checker.decision import Ints

EXPECTED_ALARMS = 150
REFERENCES = 1000
"""Of a cell whose batches are no larger than the reference."""
MOST_TIMES_REFERENCES = 10
LOWEST, HIGHEST = 0.5, 1.5
"""Within these multiples of the level the interval of the rate has to lie: the lower one for
continuous columns, the upper one for all."""


@dataclass(frozen=True)
class Rate:
    """The rate of one cell at one level, without floors; the last field is that with them.

    The quantiles are of the rate given one reference.
    """

    cell: str
    level: float
    current: int
    reference: int
    columns: int
    kind: str
    dependence: str
    references: int
    ticks: int
    alarms: int
    rate: float
    low: float
    high: float
    given_reference_5: float
    given_reference_50: float
    given_reference_95: float
    rate_with_floors: float

    @property
    def over_level(self) -> tuple[float, float, float]:
        """The rate and its interval as multiples of the level."""
        return self.rate / self.level, self.low / self.level, self.high / self.level

    @property
    def holds(self) -> bool:
        """Whether the interval lies within the bounds."""
        _, low, high = self.over_level
        return high <= HIGHEST and (self.kind != "continuous" or low >= LOWEST)

    def row(self) -> Row:
        """One row of the committed table."""
        return asdict(self) | {"over_level": round(self.over_level[0], 3), "holds": self.holds}


def run(
    cell: Cell, levels: Sequence[float], seed: int, *, references: int, screened: bool
) -> list[Row]:
    """Simulate a cell, each level for as long as it takes to expect the alarms that are needed."""
    references = clusters(cell, references)
    # A cell has its own stream, whatever else is run.
    rng = np.random.default_rng([seed, crc32(cell.name.encode())])
    ticks = {level: ceil(EXPECTED_ALARMS / level / references) for level in levels}
    found = alarms(cell, rng, references, ticks, screened=screened)
    return [
        rate(cell, *each).row()
        for each in zip(levels, ticks.values(), found.bare, found.floored, strict=True)
    ]


def clusters(cell: Cell, references: int) -> int:
    """Return how many references a cell has, of the number of one whose batches are smaller.

    Ticks that share a reference smaller than they are alarm together or not at all: so many times
    as many references say more of the rate than the same ticks on fewer.
    """
    return references * min(MOST_TIMES_REFERENCES, ceil(cell.current / cell.reference))


def rate(cell: Cell, level: float, ticks: int, bare: Ints, floored: Ints) -> Rate:
    """Return the rate of a cell's alarms at a level, in so many ticks of each reference."""
    low, high = clustered_interval(bare, ticks)
    given = spread(bare, ticks)
    return Rate(
        cell=cell.name,
        level=level,
        **asdict(cell),
        references=len(bare),
        ticks=ticks * len(bare),
        alarms=int(bare.sum()),
        rate=float(bare.mean()) / ticks,
        low=low,
        high=high,
        given_reference_5=given[0],
        given_reference_50=given[1],
        given_reference_95=given[2],
        rate_with_floors=float(floored.mean()) / ticks,
    )
