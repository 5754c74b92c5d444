# mypy: disable-error-code="import-untyped"
"""`python -m benchmarks.trust.dependent`: false alarms where rows depend on each other.

Series without drift: their first windows are the reference, each of those after it is a tick. The
ticks are ranked among K windows by the checker's own functions, what is measured of the reference
once for all of its ticks; the first of them is compared as independent rows too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from itertools import combinations, product
from math import floor
from zlib import crc32

import numpy as np
import pyarrow as pa
from scipy.signal import lfilter

from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.design import LEVELS, WEEKLY
from benchmarks.trust.draws import Generator
from benchmarks.trust.rates import clustered_interval, interval
from benchmarks.trust.tables import Row, show
from drift_checker import ColumnRoles, CompareSettings, Floors, Result, Verdict, compare
from drift_checker.comparison.aspects import (
    Aspect,
    Measure,
    Measured,
    QuantileScale,
    correlation_aspect,
    correlations,
    distribution_aspect,
    null_share_aspect,
    rank_aspects,
)
from drift_checker.decision import Floats, Indices

SEED = 20_261_126
COLUMNS, ROWS = 2, 200
"""Of a window; a rank correlation needs so many rows."""
WINDOWS = (10, 30, 100, 365)
EFFECT = 0.5
"""The standard deviation of a day's effect; that of a row besides is one."""
DAY = timedelta(days=1)
START = np.datetime64("2026-01-01T00:00:00", "us")
MOST_OVER_LEVEL = 1.5
_TIME = "time"
_NAMES = [f"x{number}" for number in range(COLUMNS)]

# What is added to the noise of some days (columns, days, rows of a day).
Series = Callable[[Generator, tuple[int, int, int]], Floats]


def autoregressive(rng: Generator, shape: tuple[int, int, int], *, phi: float) -> Floats:
    """Draw AR(1) from its stationary distribution, of variance one, from day to day."""
    columns, days, rows = shape
    noise = rng.standard_normal((columns, days * rows))
    noise[:, 1:] *= (1 - phi * phi) ** 0.5
    return np.asarray(lfilter([1.0], [1.0, -phi], noise, axis=1)).reshape(shape)


def _independent(rng: Generator, shape: tuple[int, int, int]) -> Floats:
    return rng.standard_normal(shape)


def _daily_cycle(rng: Generator, shape: tuple[int, int, int]) -> Floats:
    hours = np.sin(2 * np.pi * np.arange(shape[2]) / shape[2])
    return np.asarray(hours + rng.standard_normal(shape))


def _day_effect(rng: Generator, shape: tuple[int, int, int]) -> Floats:
    effects = EFFECT * rng.standard_normal((*shape[:2], 1))
    return np.asarray(effects + rng.standard_normal(shape))


@dataclass(frozen=True)
class Case:
    """One kind of dependence; a day has so many windows of one tick each.

    `seasonal`: only windows at the same time of the day are taken. `exchangeable`: a window has
    nothing to do with its neighbours, or next to nothing, so that ranks keep their level.
    """

    name: str
    series: Series
    windows_a_day: int = 1
    seasonal: bool = False
    exchangeable: bool = True

    @property
    def window(self) -> timedelta:
        """One tick's worth of time."""
        return DAY / self.windows_a_day

    def draw(self, rng: Generator, windows: int) -> Floats:
        """Draw at least so many windows in a row (columns, windows, rows)."""
        days = -(-windows // self.windows_a_day)
        drawn = self.series(rng, (COLUMNS, days, self.windows_a_day * ROWS))
        return drawn.reshape(COLUMNS, -1, ROWS)


CASES = {
    case.name: case
    for case in (
        Case("independent", _independent),
        Case("AR(1) 0.5", partial(autoregressive, phi=0.5)),
        Case("AR(1) 0.9", partial(autoregressive, phi=0.9)),
        Case("day effect", _day_effect),
        Case("day effect, 4 windows a day", _day_effect, 4),
        Case("daily cycle", _daily_cycle),
        Case("daily cycle, 4 windows a day", _daily_cycle, 4, exchangeable=False),
        Case("daily cycle, seasonal", _daily_cycle, 4, seasonal=True),
    )
}


@dataclass(frozen=True)
class Drawn:
    """A series: `windows` (columns, windows, rows), of which the last `ticks` are ticks.

    Of a seasonal case `places` are those at the time of day of the ticks, otherwise all. `begin` is
    at which window of its day the first one is.
    """

    case: Case
    windows: Floats
    places: Indices
    ticks: int
    begin: int = 0

    @classmethod
    def of(cls, case: Case, rng: Generator, windows: int, ticks: int) -> Drawn:
        """Draw so many windows of reference, and ticks, at a time of day that chance chooses."""
        step = case.windows_a_day if case.seasonal else 1
        begin = int(rng.integers(case.windows_a_day))
        needed = step * (windows + ticks)
        drawn = case.draw(rng, begin + needed)[:, begin : begin + needed]
        return cls(case, drawn, np.arange(needed)[step - 1 :: step], ticks, begin)

    def judge(self, tick: int, level: float, *, windowed: bool) -> Result:
        """Compare a tick with the windows before all ticks."""
        first = self.places[-self.ticks]
        settings = CompareSettings(
            level=level,
            columns=ColumnRoles(timestamp=_TIME),
            window=self.case.window if windowed else None,
            min_windows=min(WINDOWS),
            baseline="seasonal" if self.case.seasonal else "fixed",
        )
        reference = self._table(slice(0, first))
        place = self.places[tick - self.ticks]
        return compare(reference, self._table(slice(place, place + 1)), settings=settings)

    def _table(self, windows: slice) -> pa.Table:
        step = self.case.window / ROWS
        numbers = np.arange(self.windows.shape[1] * ROWS).reshape(-1, ROWS)[windows].ravel()
        numbers += self.begin * ROWS
        times = START + numbers * np.timedelta64(step)
        columns = self.windows[:, windows].reshape(COLUMNS, -1)
        return pa.table([pa.array(each) for each in (times, *columns)], names=[_TIME, *_NAMES])


class Ranks:
    """The ticks of a series, each ranked among the windows of its reference."""

    def __init__(self, drawn: Drawn, floors: Floors) -> None:
        """Measure all windows, in every aspect that `compare` looks at."""
        self.floors, self.windows = floors, len(drawn.places) - drawn.ticks
        parts = np.sort(drawn.windows[:, drawn.places], axis=2)
        self.measured: list[tuple[str, Measure, Floats]] = []
        for name, column in zip(_NAMES, parts, strict=True):
            scale = QuantileScale(np.sort(column[: self.windows].ravel()))
            self.measured += [
                (name, "distance", np.array([scale.below(part) for part in column])),
                (name, "wasserstein", np.array([scale.quantiles(part) for part in column])),
            ]
        numbers = drawn.windows[:, drawn.places].swapaxes(0, 1)
        pairs = list(combinations(range(COLUMNS), 2))
        self.correlations = np.array([correlations(window, pairs) for window in numbers]).T
        none_missing = Measured(np.zeros((self.windows + 1, 1)))
        self.nulls = [null_share_aspect(name, none_missing, floors) for name in (_TIME, *_NAMES)]
        self.days = None
        if drawn.case.windows_a_day > 1:
            begin = drawn.begin + drawn.places[: self.windows]
            self.days = begin // drawn.case.windows_a_day

    def p_value(self, tick: int, level: float) -> float:
        """Return the smallest p-value of a tick."""
        ranking = rank_aspects([*self.nulls, *self._aspects(tick)], level, self.days)
        return ranking.ranked[0][1].p_value

    def _aspects(self, tick: int) -> Iterator[Aspect]:
        chosen = np.append(np.arange(self.windows), self.windows + tick)
        for name, measure, vectors in self.measured:
            yield distribution_aspect(name, measure, Measured(vectors[chosen]), self.floors)
        for pair, values in zip(combinations(_NAMES, 2), self.correlations, strict=True):
            of_pair = Measured(values[chosen][:, None])
            yield correlation_aspect(pair, of_pair, self.floors)


def levels(windows: int) -> list[float]:
    """Return the levels that are asked for: the usual ones, and the least that ranks attain."""
    return sorted({LEVELS[0], 1 / (windows + 1), WEEKLY}, reverse=True)


@dataclass(frozen=True)
class Size:
    """How much is simulated of each case and number of windows."""

    references: int
    ticks: int
    """Of each reference; of them one is compared as independent rows."""


FULL, SMOKE = Size(200, 150), Size(4, 5)


@dataclass(frozen=True)
class Rate:
    """The false alarms of one case, among so many windows, at one level.

    `attained` is the largest level up to `level` that ranks attain; where they attain none it is
    that of the model, `level` itself. The last three are those of the method for independent rows.
    """

    case: str
    windows: int
    level: float
    method: str
    attained: float
    references: int
    ticks: int
    rate: float
    low: float
    high: float
    independent_rate: float
    independent_low: float
    independent_high: float
    exchangeable: bool = field(repr=False)

    @property
    def holds(self) -> bool:
        """Whether ranks of windows that are exchangeable keep their level, as far as it shows."""
        promised = self.exchangeable and self.method == "ranked"
        return not promised or self.low <= MOST_OVER_LEVEL * self.level

    def row(self) -> Row:
        """One row of the committed table."""
        over = round(self.rate / self.level, 3)
        return asdict(self) | {"over_level": over, "holds": self.holds}


def _one(place: int, *, name: str, windows: int, size: Size, seed: int) -> list[tuple[int, bool]]:
    """Return, by level, the ticks of a reference that alarm, and whether the first does alone."""
    rng = np.random.default_rng([seed, crc32(name.encode()), windows, place])
    drawn = Drawn.of(CASES[name], rng, windows, size.ticks)
    ranks = Ranks(drawn, Floors())
    # At the lowest level: above 1/(K+1), where ranks decide, the model changes nothing.
    p_values = np.array([ranks.p_value(tick, WEEKLY) for tick in range(size.ticks)])
    found: list[tuple[int, bool]] = []
    for level in levels(windows):
        # What is no drift at a level is none at a lower one.
        alone = not found or found[-1][1]
        alone = alone and drawn.judge(0, level, windowed=False).verdict is Verdict.DRIFT
        found.append((int((p_values <= level).sum()), alone))
    return found


def _rates(
    case: Case, windows: int, size: Size, found: Sequence[Sequence[tuple[int, bool]]]
) -> Iterator[Rate]:
    for level, each in zip(levels(windows), zip(*found, strict=True), strict=True):
        alarms = np.array([ticks for ticks, _ in each])
        low, high = clustered_interval(alarms, size.ticks)
        alone = sum(one for _, one in each)
        attained = floor(level * (windows + 1) + 1e-9) / (windows + 1)
        independent = interval(alone, len(each))
        yield Rate(
            case=case.name,
            windows=windows,
            level=level,
            method="ranked" if attained else "extrapolated",
            attained=attained or level,
            references=len(each),
            ticks=len(each) * size.ticks,
            rate=float(alarms.mean()) / size.ticks,
            low=low,
            high=high,
            independent_rate=alone / len(each),
            independent_low=independent[0],
            independent_high=independent[1],
            exchangeable=case.exchangeable,
        )


def simulate(
    seed: int,
    size: Size,
    *,
    jobs: int,
    cases: Iterable[str] = CASES,
    windows: Sequence[int] = WINDOWS,
) -> Iterator[Rate]:
    """Simulate cases, each among so many windows."""
    with ProcessPoolExecutor(jobs) as pool:
        for name, number in product(cases, windows):
            work = partial(_one, name=name, windows=number, size=size, seed=seed)
            found = list(pool.map(work, range(size.references), chunksize=5))
            yield from _rates(CASES[name], number, size, found)


def main() -> int:
    """Run all, and return 1 where a bound does not hold."""
    parser = command_line("benchmarks.trust.dependent", __doc__, SEED, choice="--case")
    arguments = parser.parse_args()
    size = SMOKE if arguments.smoke else FULL
    cases = chosen(parser, arguments.case, CASES)
    rates = simulate(arguments.seed, size, jobs=arguments.jobs, cases=cases)
    found = (rate.row() for rate in rates)
    # Case, windows and level name a row.
    return 0 if show("dependent", found, arguments.output, named_by=3) else 1


if __name__ == "__main__":
    sys.exit(main())
