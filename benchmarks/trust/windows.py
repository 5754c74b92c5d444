"""`python -m benchmarks.trust.windows`: windows where batch, season or day are unusual.

False alarms, and how often a shift of one column is found, where a batch has fewer rows than a
window, or more, is as long as many, where a season or the whole reference has few windows, and
where windows share their day. All of it by `compare`; every reference has a few ticks.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import partial
from zlib import crc32

import numpy as np
import pyarrow as pa

from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.dependent import COLUMNS, MOST_OVER_LEVEL, START
from benchmarks.trust.dependent import autoregressive as _autoregressive
from benchmarks.trust.draws import Generator
from benchmarks.trust.rates import clustered_interval
from benchmarks.trust.tables import Row, show
from drift_checker import ColumnRoles, CompareSettings, Result, compare
from drift_checker.decision import Floats

SEED = 20_261_130
LEVELS = (0.05, 1 / 168)
DAY = timedelta(days=1)
_TIME = "time"

# The rows of some windows (columns, windows, rows), of which so many are of one day.
Series = Callable[[Generator, int, int, int], Floats]


def independent(rng: Generator, windows: int, rows: int, a_day: int) -> Floats:
    """Draw rows that have nothing in common."""
    del a_day
    return rng.standard_normal((COLUMNS, windows, rows))


def autoregressive(rng: Generator, windows: int, rows: int, a_day: int) -> Floats:
    """Draw AR(1) of 0.6, from row to row."""
    del a_day
    return _autoregressive(rng, (COLUMNS, windows, rows), phi=0.6)


def day_effect(rng: Generator, windows: int, rows: int, a_day: int) -> Floats:
    """Draw rows that have half a standard deviation of their day in common."""
    effects = 0.5 * rng.standard_normal((COLUMNS, -(-windows // a_day), 1))
    return np.asarray(
        effects.repeat(a_day, axis=1)[:, :windows] + independent(rng, windows, rows, a_day)
    )


def daily_cycle(rng: Generator, windows: int, rows: int, a_day: int) -> Floats:
    """Draw rows whose mean goes up and down with the day."""
    hours = np.arange(windows * rows).reshape(windows, rows) / (a_day * rows)
    return np.asarray(np.sin(2 * np.pi * hours) + independent(rng, windows, rows, a_day))


SERIES: dict[str, Series] = {
    "independent": independent,
    "AR(1) 0.6": autoregressive,
    "day effect": day_effect,
    "daily cycle": daily_cycle,
}


@dataclass(frozen=True)
class Case:
    """Windows of a reference, and batches of another kind.

    `joined`: a batch is as long as so many windows. `share` of a batch's rows are in it: the first
    ones of a window, or as many with times all over the window (`spread`), or some by chance
    (`thinned`). `shift` is what is to be found.
    """

    name: str
    series: str = "independent"
    windows: int = 40
    a_day: int = 1
    rows: int = 200
    joined: int = 1
    share: float = 1.0
    how: str = "spread"
    baseline: str = "fixed"
    shift: float = 0.0

    @property
    def span(self) -> timedelta:
        """One window's worth of time."""
        return DAY / self.a_day

    def draw(self, rng: Generator, ticks: int) -> tuple[pa.Table, list[pa.Table]]:
        """Draw a reference and ticks, which are of days after it, one each."""
        longest = max(self.a_day, self.joined)
        gap = -self.windows % self.a_day
        drawn = SERIES[self.series](
            rng, self.windows + gap + ticks * longest, self.rows, self.a_day
        )
        reference = self._table(drawn[:, : self.windows], 0)
        batches = []
        for tick in range(ticks):
            first = (
                self.windows + gap + tick * longest + int(rng.integers(longest - self.joined + 1))
            )
            batches.append(self._batch(rng, drawn, first))
        return reference, batches

    def _batch(self, rng: Generator, drawn: Floats, first: int) -> pa.Table:
        values = drawn[:, first : first + self.joined].copy()
        values[0] += self.shift
        table = self._table(values, first)
        rows = round(self.share * table.num_rows)
        if self.how == "thinned":
            return table.take(np.sort(rng.choice(table.num_rows, rows, replace=False)))
        if self.how == "first" or self.share >= 1:
            return table.slice(0, rows)
        times = table[_TIME].take(np.arange(rows) * table.num_rows // rows)
        return table.slice(0, rows).set_column(0, _TIME, times)

    def _table(self, values: Floats, first: int) -> pa.Table:
        step = self.span / self.rows
        numbers = first * self.rows + np.arange(values[0].size)
        columns = values.reshape(COLUMNS, -1)
        arrays = [pa.array(START + numbers * np.timedelta64(step)), *map(pa.array, columns)]
        return pa.table(arrays, names=[_TIME, *(f"x{number}" for number in range(COLUMNS))])

    def settings(self, level: float) -> CompareSettings:
        """How a batch is compared."""
        return CompareSettings(
            level=level,
            columns=ColumnRoles(timestamp=_TIME),
            window=self.span,
            baseline="seasonal" if self.baseline == "seasonal" else "fixed",
        )


def _sizes() -> Iterator[Case]:
    for series in SERIES:
        for rows, how in ((50, "spread"), (50, "thinned"), (100, "first")):
            # The first hours of a cycle at times all over the day are none.
            if not (series == "daily cycle" and how == "spread"):
                yield Case(
                    f"{rows} of 200 rows, {how}, {series}", series, share=rows / 200, how=how
                )
    yield Case("50 of 200 rows, shifted", share=0.25, shift=0.8)
    yield Case("200 of 200 rows, shifted", shift=0.8)


def _joins() -> Iterator[Case]:
    day = partial(Case, windows=30 * 24, a_day=24, rows=60, joined=24)
    for series in SERIES:
        yield day(f"a day among hours, {series}", series)
    yield day("a day among hours, 8 days", "AR(1) 0.6", windows=8 * 24)
    yield day("a day among hours, shifted by 0.25", shift=0.25)


def _few() -> Iterator[Case]:
    quarters = partial(Case, windows=14 * 4, a_day=4, baseline="seasonal")
    yield quarters("season with 14 windows", "daily cycle")
    yield quarters("season with 14 windows, day effect", "day effect")
    yield Case("season with 5 windows, by weekday", windows=35, baseline="seasonal")
    yield quarters("season with 14 windows, shifted", "daily cycle", shift=0.8)
    yield Case("8 windows, AR(1) 0.6", "AR(1) 0.6", windows=8)
    yield Case("8 windows, day effect", "day effect", windows=8)
    yield Case("8 windows, shifted", windows=8, shift=0.8)


def _days() -> Iterator[Case]:
    for windows in (10, 30, 100, 364):
        yield Case(f"{windows} windows, 4 a day share it", "day effect", windows, 4)
    yield Case("720 windows, 24 a day share it", "day effect", 720, 24, 100)
    yield Case("720 windows, 24 a day do not", "independent", 720, 24, 100)
    yield Case("720 windows, 24 a day share it, shifted", "day effect", 720, 24, 100, shift=3.0)
    yield Case("720 windows, 24 a day do not, shifted", "independent", 720, 24, 100, shift=0.8)


CASES = {case.name: case for case in (*_sizes(), *_joins(), *_few(), *_days())}


@dataclass(frozen=True)
class Rate:
    """How many ticks of a case were drift at a level, and by which method they were judged."""

    case: str
    level: float
    method: str
    ticks: int
    rate: float
    low: float
    high: float
    shifted: bool

    @property
    def holds(self) -> bool:
        """Whether false alarms are within the bound, as far as it shows."""
        return self.shifted or self.low <= MOST_OVER_LEVEL * self.level

    def row(self) -> Row:
        """One row of the committed table."""
        return asdict(self) | {"over_level": round(self.rate / self.level, 3), "holds": self.holds}


def _one(place: int, *, name: str, ticks: int, seed: int) -> list[tuple[int, str]]:
    """Return by level how many ticks of a reference are drift, and the method of the last."""
    case = CASES[name]
    reference, batches = case.draw(
        np.random.default_rng([seed, crc32(name.encode()), place]), ticks
    )
    # At the lowest level: where ranks decide a higher one, the model changes nothing.
    settings = case.settings(LEVELS[-1])
    results = [compare(reference, batch, settings=settings) for batch in batches]
    p_values = np.array([_least_p_value(result) for result in results])
    method = results[-1].calibration.method
    return [(int((p_values <= level).sum()), method) for level in LEVELS]


def _least_p_value(result: Result) -> float:
    joint = [result.joint.p_value] if result.joint else []
    return min([1.0, *joint, *(c.p_value for c in result.columns if c.p_value is not None)])


def simulate(
    seed: int, references: int, ticks: int, *, jobs: int, cases: Iterable[str] = CASES
) -> Iterator[Rate]:
    """Simulate cases."""
    with ProcessPoolExecutor(jobs) as pool:
        for name in cases:
            work = partial(_one, name=name, ticks=ticks, seed=seed)
            found = list(pool.map(work, range(references)))
            for level, each in zip(LEVELS, zip(*found, strict=True), strict=True):
                drift = np.array([number for number, _ in each])
                low, high = clustered_interval(drift, ticks)
                yield Rate(
                    case=name,
                    level=level,
                    method=each[0][1],
                    ticks=references * ticks,
                    rate=float(drift.mean()) / ticks,
                    low=low,
                    high=high,
                    shifted=bool(CASES[name].shift),
                )


def main() -> int:
    """Run all, and return 1 where a bound does not hold."""
    parser = command_line(
        "benchmarks.trust.windows", __doc__, SEED, choice="--case", references=100
    )
    arguments = parser.parse_args()
    references = 2 if arguments.smoke else arguments.references
    cases = chosen(parser, arguments.case, CASES)
    rates = simulate(arguments.seed, references, 5, jobs=arguments.jobs, cases=cases)
    # Case and level name a row.
    return 0 if show("windows", (rate.row() for rate in rates), arguments.output, named_by=2) else 1


if __name__ == "__main__":
    sys.exit(main())
