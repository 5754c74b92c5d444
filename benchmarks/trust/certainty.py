# mypy: disable-error-code="import-untyped"
"""`python -m benchmarks.trust.certainty`: how often what is said to be 1 of N comes without drift.

The combination of the columns' p-values alone, on draws of exact ones; and the p-value of whole
ticks as `compare` has it, with faults and the ticks before, without effect floors. Ticks that were
judged before it was stopped are not judged again.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from scipy.special import ndtr

from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.design import WEEKLY, Cell
from benchmarks.trust.draws import Population
from benchmarks.trust.pieces import kept_in, pieces
from benchmarks.trust.rates import clustered_interval, interval
from benchmarks.trust.tables import Row, show
from drift_checker import CompareSettings
from drift_checker.comparison import InMemoryPair, judge, prepare, result_of
from drift_checker.comparison.options import NO_FLOORS
from drift_checker.decision import harmonic
from drift_checker.tables import from_frame

SEED = 20_261_130
NAME = "certainty"
WHATS = ("columns", "ticks")
COLUMNS, CORRELATIONS = (1, 3, 12, 60, 100), (0.0, 0.5, 0.9)
DRAWS, AT_ONCE = 200_000, 10_000
BOUNDS = {100: 1.25, 1000: 1.5}
"""How many times as often as once in N something may be said to be 1 of N or rarer."""
CELLS = (
    Cell(current=200, reference=2000, columns=3),
    Cell(current=200, reference=2000, columns=12, dependence="gaussian"),
)
TICKS, RUN = 20_000, 4
"""Ticks, and how many of them share a reference, one after the other."""


@dataclass(frozen=True)
class Said:
    """How often without drift something is said to be 1 of `one_of` or rarer.

    `times` is that rate times `one_of`, with its interval (`low` to `high`); `most` bounds it.
    """

    what: str
    columns: int
    dependence: str
    one_of: int
    trials: int
    said: int
    times: float
    low: float
    high: float
    most: float

    def row(self) -> Row:
        """Return it for a table."""
        return asdict(self) | {"holds": self.times <= self.most}


def combination(columns: int, correlation: float, *, seed: int, draws: int) -> Iterator[Row]:
    """Combine two-sided p-values of normal variables with one correlation."""
    rng = np.random.default_rng([seed, columns, round(10 * correlation)])
    part = 0.5 * WEEKLY
    # Of nothing beyond it can be said that it is 1 of 100.
    near = 0.5 * harmonic.critical_sum(0.01, columns)
    said = list[float]()
    for _ in range(draws // AT_ONCE):
        common = rng.standard_normal((AT_ONCE, 1))
        own = rng.standard_normal((AT_ONCE, columns))
        z = correlation**0.5 * common + (1 - correlation) ** 0.5 * own
        p_values = 2 * ndtr(-np.abs(z))
        near_ones = p_values[(1 / p_values).sum(axis=1) >= near]
        said += [harmonic.combined_p_value(row.tolist(), part) for row in near_ones]
    for one_of, most in BOUNDS.items():
        hits = int((np.array(said) <= 1 / one_of).sum())
        low, high = (one_of * end for end in interval(hits, draws))
        name, times = f"correlation {correlation:g}", one_of * hits / draws
        yield Said("columns", columns, name, one_of, draws, hits, times, low, high, most).row()


def run_of_ticks(number: int, cell: Cell, seed: int) -> list[float]:
    """Return what is said of ticks (RUN,) against one reference, each after those before it."""
    rng = np.random.default_rng([seed, cell.columns, number])
    population, settings = Population.of(cell), CompareSettings(level=WEEKLY, floors=NO_FLOORS)
    drawn = population.draw(rng, cell.reference)
    reference = from_frame(population.table(drawn))
    tables = (population.table(population.draw(rng, cell.current)) for _ in range(RUN))
    ticks = [prepare(InMemoryPair(reference, from_frame(table)), settings) for table in tables]
    said = list[float]()
    for last, now in enumerate(ticks):
        past = [before.tick_counts for before in reversed(ticks[:last])]
        p_value = result_of(judge(now, past=past)).p_value
        said.append(1.0 if p_value is None else p_value)
    return said


def whole_ticks(
    cell: Cell, *, seed: int, ticks: int, jobs: int, output: Path | None = None
) -> Iterator[Row]:
    """Judge ticks without drift; what is done of them is kept in `output` until all are."""
    kept, run = kept_in(output, NAME, cell.name, seed), partial(run_of_ticks, cell=cell, seed=seed)
    with ProcessPoolExecutor(jobs) as pool:
        said = np.array(list(pieces(pool, run, ticks // RUN, kept)))
    for one_of, most in BOUNDS.items():
        hits = (said <= 1 / one_of).sum(axis=1)
        low, high = (one_of * end for end in clustered_interval(hits, RUN))
        total = int(hits.sum())
        yield Said(
            "ticks",
            cell.columns,
            cell.dependence,
            one_of,
            said.size,
            total,
            one_of * total / said.size,
            low,
            high,
            most,
        ).row()
    # Whoever takes the rows has kept them by now.
    if kept:
        kept.unlink(missing_ok=True)


def results(
    seed: int,
    *,
    ticks: int,
    draws: int,
    jobs: int,
    whats: Collection[str] = WHATS,
    output: Path | None = None,
) -> Iterator[Row]:
    """Yield all of it, or of columns alone or whole ticks alone."""
    if "columns" in whats:
        for columns, correlation in product(COLUMNS, CORRELATIONS):
            yield from combination(columns, correlation, seed=seed, draws=draws)
    if "ticks" in whats:
        for cell in CELLS:
            yield from whole_ticks(cell, seed=seed, ticks=ticks, jobs=jobs, output=output)


def main() -> int:
    """Run the simulation, and return 1 where a bound does not hold."""
    parser = command_line(
        "benchmarks.trust.certainty",
        __doc__,
        SEED,
        smoke=False,
        choice="--what",
        ticks=TICKS,
        draws=DRAWS,
    )
    arguments = parser.parse_args()
    found = results(
        arguments.seed,
        ticks=arguments.ticks,
        draws=arguments.draws,
        jobs=arguments.jobs,
        whats=chosen(parser, arguments.what, WHATS),
        output=arguments.output,
    )
    return 0 if show(NAME, found, arguments.output, named_by=4) else 1


if __name__ == "__main__":
    sys.exit(main())
