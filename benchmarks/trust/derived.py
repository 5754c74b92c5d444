"""`python -m benchmarks.trust.derived`: false alarms and power of what is derived of columns.

A column of vectors or of free text is fitted with the reference, and its derived columns are judged
as the columns of a table: at the whole level where nothing drifts and without effect floors, at the
columns' part of it and with floors, beside ten columns that do not drift, where something does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from multiprocessing import get_context
from typing import Any
from zlib import crc32

import numpy as np
import pyarrow as pa

from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.derived_draws import (
    SIZE,
    TEXT_CHANGES,
    TEXTS,
    VECTORS,
    move_one,
    vector_column,
)
from benchmarks.trust.draws import Generator
from benchmarks.trust.rates import clustered_interval, interval
from benchmarks.trust.tables import Row, show
from drift_checker import Floors
from drift_checker.comparison.options import NO_FLOORS, SHARES
from drift_checker.decision import (
    Floats,
    Ints,
    column_tests,
    count_exceedances,
    harmonic,
    kolmogorov,
    ordered,
    rank_sum,
)
from drift_checker.tables.free_text import TextFeatures, fit_text
from drift_checker.tables.vectors import VectorFeatures, fit_vectors

SEED = 20_261_129
HOURLY = 1 / 168
"""One alarm a week of a tick every hour."""
LEVELS = (0.01, HOURLY)
LOWEST, HIGHEST, FOUND = 0.5, 1.5, 0.8
BESIDE = 10
# Ticks whose approximate inverse p-values sum up to less than this share of an alarm are not tested
# any further: an exact p-value is at least 0.8 of an approximate one there.
_FAR, _APPROXIMATE = 0.5, 0.8

Columns = list[Floats]


@dataclass(frozen=True)
class Population:
    """One kind of vectors of a size, or one kind of text, if the size is 0."""

    name: str
    size: int = 0

    def draw(self, rng: Generator, rows: int) -> pa.Array[Any]:
        """Draw a column."""
        if self.size:
            return vector_column(VECTORS[self.name](rng, rows, self.size))
        return pa.array(TEXTS[self.name].draw(rng, rows))


@dataclass(frozen=True)
class Size:
    """How much is simulated: references and ticks on each, where nothing drifts and elsewhere."""

    references: int
    ticks: int
    drift_references: int
    drift_ticks: int


FULL, SMOKE = Size(300, 10, 10, 10), Size(4, 2, 2, 3)
_CASES = (
    *((Population(name, SIZE), (500, 500)) for name in VECTORS),
    *((Population("five factors", size), (200, 200)) for size in (2, 384, 1536)),
    *((Population("t(3) rows", size), (200, 200)) for size in (2, 384, 1536)),
    *((Population(name), (500, 500)) for name in TEXTS),
)
CASES = {f"{case.name} {case.size or 'text'}": (case, rows) for case, rows in _CASES}


def fitted(column: pa.Array[Any]) -> VectorFeatures | TextFeatures:
    """Fit to the reference; there is always something to derive here."""
    fit = fit_text if pa.types.is_string(column.type) else fit_vectors
    features = fit(column)
    if isinstance(features, str):
        raise TypeError(features)
    return features


def derived(features: VectorFeatures | TextFeatures, column: pa.Array[Any]) -> Columns:
    """Return the derived columns, each sorted."""
    return [np.sort(values) for values in features.compute(column).values()]


def drifts(current: Columns, reference: Columns, level: float, floors: Floors) -> bool:
    """Return whether any of some columns drifts, as `compare` judges them."""
    critical = harmonic.critical_sum(level, len(current))
    tested = [
        (kolmogorov.distance_up_to(*rows), rank_sum.rank_sum(*rows), count_exceedances(*pair))
        for pair in zip(current, reference, strict=True)
        for rows in [ordered.rows_up_to(*pair)]
    ]
    bound = sum(
        column_tests.BULK_SHARE / (_APPROXIMATE * max(kolmogorov.approximate_p_value(bulk), 1e-300))
        + column_tests.LOCATION_SHARE / max(rank_sum.p_value(location), 1e-300)
        + column_tests.DISPERSION_SHARE / max(rank_sum.dispersion_p_value(location), 1e-300)
        + column_tests.TAIL_SHARE / max(tail.p_value, 1e-300)
        for bulk, location, tail in tested
    )
    if bound < _FAR * critical:
        return False
    decisions = [
        column_tests.numeric(
            bulk,
            location,
            tail,
            threshold=1 / critical,
            distance_floor=floors.of(floors.distance),
            tail_floor=floors.of(floors.tail),
        )
        for bulk, location, tail in tested
    ]
    limits = harmonic.thresholds([each.relevant_p_value for each in decisions], critical)
    return any(
        each.alarming(limit) is not None for each, limit in zip(decisions, limits, strict=True)
    )


@dataclass(frozen=True)
class Rate:
    """The false alarms of one kind of column at one level."""

    case: str
    level: float
    current: int
    reference: int
    references: int
    ticks: int
    alarms: int
    rate: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether it may be that the rate is 0.5 to 1.5 times the level."""
        return self.high >= LOWEST * self.level and self.low <= HIGHEST * self.level

    def row(self) -> Row:
        """One row of the committed table."""
        return asdict(self) | {"over_level": round(self.rate / self.level, 3), "holds": self.holds}


def false_alarms(name: str, seed: int, size: Size) -> list[Row]:
    """Count the alarms of one kind of column where nothing drifts."""
    population, (current, rows) = CASES[name]
    rng = np.random.default_rng([seed, crc32(name.encode())])
    # Large vectors and texts take long to draw.
    references = size.references if population.size == SIZE else size.references // 2
    found = np.zeros((len(LEVELS), references), dtype=np.int64)
    for place in range(references):
        drawn = population.draw(rng, rows)
        features = fitted(drawn)
        reference = derived(features, drawn)
        for _ in range(size.ticks):
            columns = derived(features, population.draw(rng, current))
            for number, level in enumerate(LEVELS):
                # What is no alarm at a level is none at a lower one.
                if not drifts(columns, reference, level, NO_FLOORS):
                    break
                found[number, place] += 1
    return [
        _rate(name, level, (current, rows), hits, size.ticks).row()
        for level, hits in zip(LEVELS, found, strict=True)
    ]


def _rate(name: str, level: float, rows: tuple[int, int], hits: Ints, ticks: int) -> Rate:
    trials = len(hits) * ticks
    rate = float(hits.sum()) / trials
    ends = clustered_interval(hits, ticks)
    return Rate(name, level, *rows, len(hits), trials, int(hits.sum()), rate, *ends)


@dataclass(frozen=True)
class Power:
    """How often one change of a column is found, at one alarm a week of a tick every hour."""

    case: str
    change: str
    current: int
    reference: int
    trials: int
    found: int

    def row(self) -> Row:
        """One row of the committed table."""
        low = interval(self.found, self.trials)[0]
        return asdict(self) | {"low": low, "holds": self.found >= FOUND * self.trials}


def power_of_vectors(name: str, seed: int, size: Size) -> list[Row]:
    """Move one of 64 dimensions, by 3 of its standard deviations in 200 rows or by 1 in 1,000."""
    return [
        Power(
            f"{name} {SIZE}",
            f"one dimension by {times} sd",
            current,
            rows,
            *_found(name, times, (current, rows), seed, size),
        ).row()
        for (current, times), rows in product(((200, 3), (1000, 1)), (1000, 5000))
    ]


def _found(name: str, times: int, rows: tuple[int, int], seed: int, size: Size) -> tuple[int, int]:
    rng = np.random.default_rng([seed, crc32(name.encode()), *rows])
    spread = VECTORS[name](rng, 5000, SIZE).std(axis=0)

    def moved(rng: Generator, number: int) -> pa.Array[Any]:
        return vector_column(move_one(VECTORS[name](rng, number, SIZE), rng, spread, times))

    return _trials(Population(name, SIZE), moved, rows, rng, size)


def power_of_texts(change: str, seed: int, size: Size) -> list[Row]:
    """Change sentences."""

    def changed(rng: Generator, number: int) -> pa.Array[Any]:
        return pa.array(TEXT_CHANGES[change](rng, number))

    rows: list[Row] = []
    for sizes in ((200, 1000), (1000, 5000)):
        rng = np.random.default_rng([seed, crc32(change.encode()), *sizes])
        few = Size(0, 0, max(2, size.drift_references // 3), size.drift_ticks)
        trials = _trials(Population("sentences"), changed, sizes, rng, few)
        rows.append(Power("sentences text", change, *sizes, *trials).row())
    return rows


def _trials(
    population: Population, changed: Any, rows: tuple[int, int], rng: Generator, size: Size
) -> tuple[int, int]:
    """Return how many ticks were drawn, beside columns that do not drift, and how many found."""
    found = 0
    for _ in range(size.drift_references):
        drawn = population.draw(rng, rows[1])
        features = fitted(drawn)
        reference = derived(features, drawn) + _beside(rng, rows[1])
        for _ in range(size.drift_ticks):
            current = derived(features, changed(rng, rows[0])) + _beside(rng, rows[0])
            found += drifts(current, reference, SHARES["columns"] * HOURLY, Floors())
    return size.drift_references * size.drift_ticks, found


def _beside(rng: Generator, rows: int) -> Columns:
    return [np.sort(rng.standard_normal(rows)) for _ in range(BESIDE)]


def _tasks(cases: Sequence[str], seed: int, size: Size) -> dict[str, list[Any]]:
    names = [name for name in VECTORS if f"{name} {SIZE}" in cases]
    tasks = [partial(power_of_vectors, name, seed, size) for name in names]
    if "sentences text" in cases:
        tasks += [partial(power_of_texts, change, seed, size) for change in TEXT_CHANGES]
    return {
        "derived_null": [partial(false_alarms, name, seed, size) for name in cases],
        "derived_power": tasks,
    }


def _results(tasks: list[Any], jobs: int) -> Iterator[Row]:
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(task) for task in tasks]:
            yield from done.result()


def main() -> int:
    """Run all, and return 1 where a bound does not hold."""
    parser = command_line("benchmarks.trust.derived", __doc__, SEED, choice="--case")
    arguments = parser.parse_args()
    size = SMOKE if arguments.smoke else FULL
    cases = chosen(parser, arguments.case, CASES)
    # Case and level, or case, change and rows, name a row.
    shown = [
        show(name, _results(tasks, arguments.jobs), arguments.output, named_by=4)
        for name, tasks in _tasks(cases, arguments.seed, size).items()
    ]
    return 0 if all(shown) else 1


if __name__ == "__main__":
    sys.exit(main())
