"""`python -m benchmarks.trust.flights`: real data, all flights that left New York in 2013.

Rows of one day have that day's weather, schedule and delays in common. Days of January are held out
one by one and judged by the windows of the others, as they are and with a shift; then days of July;
and halves of months, shuffled, whose rows are independent by construction.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import timedelta
from functools import cache, partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from data.make_demo_data import join_weather, read_source

from benchmarks.trust.arguments import command_line
from benchmarks.trust.rates import interval
from benchmarks.trust.tables import Row, show
from drift_checker import ColumnRoles, CompareSettings, Result, Verdict, compare
from drift_checker.comparison import NO_FLOORS
from drift_checker.decision import Bools

SEED = 20_261_125
ROLES = ColumnRoles(timestamp="time_hour", target="arr_delay")
DAY = timedelta(days=1)
DAYS, MONTHS = 31, 12
LEVEL = 1 / DAYS
SHIFTED = ["arr_delay", "dep_delay", "air_time", "distance", "temp", "humid", "wind_speed", "visib"]
CALM = "dep_delay"
"""The column whose shift has to be found; others are reported."""
MOST_ALARMS, LEAST_FOUND, WITHIN = 3, 24, 5
MOST_OVER_LEVEL = 1.5
LEVELS = (0.05, 0.005)


@cache
def flights() -> pa.Table:
    """Return all flights, in time order; once in each process."""
    return join_weather(*read_source())


def days(month: int, rows: int | None, seed: int) -> list[pa.Table]:
    """Return the days (UTC) of a month, thinned to at most `rows` each."""
    table = flights()
    dates = np.asarray(table["time_hour"]).astype("datetime64[D]")
    first = np.datetime64(f"2013-{month:02}", "M")
    numbers = np.arange(first, first + 1, dtype="datetime64[D]")
    found = [table.filter(pa.array(dates == number)) for number in numbers]
    rng = np.random.default_rng([seed, month])
    return [day if rows is None else _thinned(day, rows, rng) for day in found]


def _thinned(table: pa.Table, rows: int, rng: np.random.Generator) -> pa.Table:
    return table.take(np.sort(rng.permutation(table.num_rows)[:rows]))


def shifted(table: pa.Table, column: str, by: float) -> pa.Table:
    """Return the table with a column of numbers moved."""
    place = table.column_names.index(column)
    moved = pc.add(table[column].cast(pa.float64()), by)
    return table.set_column(place, column, moved)


def _judge(reference: Sequence[pa.Table], current: pa.Table, window: timedelta | None) -> Result:
    settings = CompareSettings(level=LEVEL, columns=ROLES, window=window)
    # Moved columns are of floats on one side only; both are numbers.
    return compare(pa.concat_tables(reference), current, settings=settings)


@dataclass(frozen=True)
class Found:
    """How many of some days, months or shuffles were `drift`, and the bound on that."""

    what: str
    rows_a_day: int | None
    sampling: str
    level: float
    trials: int
    drift: int
    low: float
    high: float
    bound: str
    named: str
    holds: bool

    def row(self) -> Row:
        """One row of the committed table."""
        return asdict(self)


def _found(
    what: str,
    rows: int | None,
    sampling: str,
    verdicts: Sequence[bool],
    *,
    level: float = LEVEL,
    bound: str = "",
    named: str = "",
    holds: bool = True,
) -> Found:
    low, high = interval(sum(verdicts), len(verdicts))
    return Found(
        what, rows, sampling, level, len(verdicts), sum(verdicts), low, high, bound, named, holds
    )


def _held_out(day: int, *, rows: int | None, seed: int) -> dict[str, bool]:
    """Judge one day of January by the others: as it is, both ways, and with each shift."""
    january = days(1, rows, seed)
    others, held = january[:day] + january[day + 1 :], january[day]
    found = {
        "windows": _judge(others, held, DAY).verdict is Verdict.DRIFT,
        "iid": _judge(others, held, None).verdict is Verdict.DRIFT,
    }
    whole = pa.concat_tables(january)
    for column in SHIFTED:
        sigma = pc.stddev(whole[column]).as_py()
        result = _judge(others, shifted(held, column, sigma), DAY)
        found[column] = column in result.drifted_columns
    return found


def january(rows: int | None, *, seed: int, jobs: int) -> Iterator[Found]:
    """Hold each day of January out."""
    with ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(partial(_held_out, rows=rows, seed=seed), range(DAYS)))
    for sampling in ("windows", "iid"):
        verdicts = [one[sampling] for one in found]
        judged = sampling == "windows"
        yield _found(
            "a day of January",
            rows,
            sampling,
            verdicts,
            bound=f"at most {MOST_ALARMS}" if judged else "",
            holds=not judged or sum(verdicts) <= MOST_ALARMS,
        )
    for column in SHIFTED:
        verdicts, judged = [one[column] for one in found], column == CALM
        yield _found(
            f"{column} moved by one sigma",
            rows,
            "windows",
            verdicts,
            bound=f"at least {LEAST_FOUND}" if judged else "",
            holds=not judged or sum(verdicts) >= LEAST_FOUND,
        )


def july(rows: int | None, *, seed: int) -> Found:
    """Judge the first days of July by January."""
    reference = days(1, rows, seed)
    results = [_judge(reference, day, DAY) for day in days(7, rows, seed)[:WITHIN]]
    verdicts = [result.verdict is Verdict.DRIFT for result in results]
    named = sorted({name for result in results for name in result.drifted_columns})
    return _found(
        f"the first {WITHIN} days of July",
        rows,
        "windows",
        verdicts,
        bound="at least 1, with columns",
        named=" ".join(named),
        holds=any(verdicts) and bool(named),
    )


def _halves(place: int, *, rows: int | None, shuffles: int, seed: int) -> list[bool]:
    """Say at which levels the halves of a shuffled month differ; floors off."""
    month, shuffle = divmod(place, shuffles)
    table = _month(month + 1, rows, seed)
    order = np.random.default_rng([seed, month, shuffle]).permutation(table.num_rows)
    first, second = (table.take(half) for half in np.array_split(order, 2))
    found = []
    for level in LEVELS:
        settings = CompareSettings(level=level, columns=ROLES, floors=NO_FLOORS)
        found.append(compare(first, second, settings=settings).verdict is Verdict.DRIFT)
        if not found[-1]:
            break
    return found + [False] * (len(LEVELS) - len(found))


@cache
def _month(month: int, rows: int | None, seed: int) -> pa.Table:
    return pa.concat_tables(days(month, rows, seed)).combine_chunks()


def halves(rows: int | None, *, shuffles: int, seed: int, jobs: int) -> Iterator[Found]:
    """Shuffle each month and compare its halves, by the method for independent rows."""
    work = partial(_halves, rows=rows, shuffles=shuffles, seed=seed)
    with ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(work, range(MONTHS * shuffles), chunksize=max(1, shuffles // 4)))
    drifts: Bools = np.array(found)
    for place, level in enumerate(LEVELS):
        one = _found("shuffled halves of a month", rows, "iid", drifts[:, place].tolist())
        yield _found(
            "shuffled halves of a month",
            rows,
            "iid",
            drifts[:, place].tolist(),
            level=level,
            bound=f"rate at most {MOST_OVER_LEVEL * level:g}",
            # The least that is compatible with the trials: few of them prove little.
            holds=one.low <= MOST_OVER_LEVEL * level,
        )


def main() -> int:
    """Run all, with every flight and with 300 a day; return 1 where a bound does not hold."""
    arguments = command_line(
        "benchmarks.trust.flights", __doc__, SEED, smoke=False, shuffles=500
    ).parse_args()
    seed, jobs = arguments.seed, arguments.jobs

    def found() -> Iterator[Found]:
        for rows in (None, 300):
            yield from january(rows, seed=seed, jobs=jobs)
            yield july(rows, seed=seed)
        for rows in (None, 300):
            yield from halves(rows, shuffles=arguments.shuffles, seed=seed, jobs=jobs)

    # What, rows a day, sampling and level name a row.
    held = show("flights", (one.row() for one in found()), arguments.output, named_by=4)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
