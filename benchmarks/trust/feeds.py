# ruff: noqa: T201  a command, which prints
"""`python -m benchmarks.trust.feeds`: alarms and delays on the feeds that people really have.

Series of scheduled ticks on feeds of many kinds, by the checker's own steps: where nothing drifts,
how many alarms by values open and how many ticks are `drift`, over what is allowed; what is told
of the feed itself, and when; and how late half a standard deviation is found.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from math import ceil, inf
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import numpy as np

from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.feeds_kinds import KINDS, Kind
from benchmarks.trust.feeds_ticks import Watched
from benchmarks.trust.pieces import kept_in, pieces
from benchmarks.trust.rates import clustered_interval
from benchmarks.trust.tables import Row, show
from drift_checker.result import Result, Verdict

SEED = 20_261_130
NAME = "feeds"
HOURS_A_WEEK = 168
MOST_OVER_LEVEL = 1.5
"""The bound where nothing drifts."""
TOLD_WITHIN, FOUND = 3, 0.9
"""Ticks within which a fault of a feed is told; the share of series in which drift is in time."""
FEED_FAULTS = ("repeated", "overlapping", "stale", "row_count", "late")
_SAID_EVERY = 30
"""Seconds."""


@dataclass(frozen=True)
class Size:
    """How many alarms are allowed in the ticks of a kind, and the series that drift."""

    allowed: float
    drifting: int


SMOKE = Size(5, 2)


@dataclass(frozen=True)
class Series:
    """What came of the ticks of one series, by tick."""

    opened: list[bool]
    """Whether an alarm opened by values."""
    values: list[bool]
    """Whether values drifted, in a tick that is `drift`."""
    feed: list[bool]
    """Whether the tick is `drift` for its feed alone."""
    told: list[list[str]]
    """The faults of the feed."""


def by_values(result: Result) -> bool:
    """Whether a tick is `drift` for more than what its feed is like."""
    if result.verdict is not Verdict.DRIFT:
        return False
    joint, sequential = (
        part is not None and part.verdict is Verdict.DRIFT
        for part in (result.joint, result.sequential)
    )
    return bool(result.drifted_columns) or joint or sequential


def series(
    kind: Kind, rng: np.random.Generator, *, level: float, ticks: int, drifts: bool = False
) -> Iterator[Result]:
    """Yield the results of so many ticks of a feed."""
    reference, batches = kind.draw(rng, drifts=drifts)
    with TemporaryDirectory() as folder:
        watched = Watched(
            Path(folder), reference, schedule=kind.schedule, level=level, monitor=kind.monitor
        )
        for number, batch in zip(range(ticks), batches, strict=False):
            if batch is not None:
                watched.serve(batch)
            yield watched.tick(number)


def undisturbed(place: int, *, name: str, level: float, seed: int) -> dict[str, list[Any]]:
    """Run a series without drift, and return the fields of a `Series`."""
    kind = KINDS[name]
    results = list(series(kind, _generator(seed, name, place), level=level, ticks=kind.ticks))
    values = [by_values(result) for result in results]
    found = Series(
        opened=[
            of_values and result.alarm.state == "opened"
            for of_values, result in zip(values, results, strict=True)
        ],
        values=values,
        feed=[
            result.verdict is Verdict.DRIFT and not of_values
            for of_values, result in zip(values, results, strict=True)
        ],
        told=[
            [fault.fault for fault in result.faults if fault.fault in FEED_FAULTS]
            for result in results
        ],
    )
    return asdict(found)


def delay(place: int, *, name: str, level: float, seed: int) -> float:
    """Return the number of the tick, from the first that drifts, in which it is found."""
    kind, rng = KINDS[name], _generator(seed, name, -1 - place)
    last = kind.drifts + 2 * (kind.delay + kind.overlap) + 4
    for number, result in enumerate(series(kind, rng, level=level, ticks=last, drifts=True)):
        if number >= kind.drifts and by_values(result):
            return number - kind.drifts + 1
    return inf


def _generator(seed: int, name: str, place: int) -> np.random.Generator:
    return np.random.default_rng([seed, crc32(name.encode()), place % (1 << 32)])


@dataclass(frozen=True)
class Rates:
    """One kind of feed at one level.

    `alarms` are the episodes that values opened, `drift` the ticks in which they drifted, both
    where nothing did, over what is `allowed`, with the intervals of rates over series.
    `feed_drift` are the ticks that are `drift` for the feed alone. `told` is the share of series
    in which the fault `told_of` was said in time, `told_after` the latest of the ticks in which it
    was said first, counted from where it began, and `told_turns` the most times that it began to
    be said in a series; `told_else` counts the ticks in which something else was said of the feed.
    `found` is the share of series that drift in which that was found in time.
    """

    kind: str
    level: float
    ticks: int
    allowed: float
    alarms: int
    alarms_over: float
    alarms_low: float
    alarms_high: float
    drift: int
    drift_over: float
    drift_low: float
    drift_high: float
    feed_drift: int
    told_of: str | None
    told: float | None
    told_after: float | None
    told_turns: int | None
    told_else: str
    drifting: int
    found: float
    delay: float
    delay_most: float
    delay_allowed: int

    @property
    def holds(self) -> bool:
        """Whether no bound is broken by more than chance explains."""
        return (
            _within(self.alarms_over, self.alarms_low)
            and _within(self.drift_over, self.drift_low)
            and self.told in {None, 1.0}
            and self.found >= FOUND
        )

    def row(self) -> Row:
        """One row of the committed table."""
        rounded = {
            name: round(value, 4) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }
        return rounded | {"holds": self.holds}


def _within(over: float, low: float) -> bool:
    """Whether a rate over the level is in its bound, or the level in the interval of the rate."""
    return over <= MOST_OVER_LEVEL or low <= 1


def rates(kind: Kind, level: float, still: Sequence[Series], delays: Sequence[float]) -> Rates:
    """Count what came of the series of a kind."""
    ticks = sum(len(one.values) for one in still)
    opened = np.array([sum(one.opened) for one in still])
    values = np.array([sum(one.values) for one in still])
    limits = [
        [bound / level for bound in clustered_interval(hits, kind.ticks)]
        for hits in (opened, values)
    ]
    after = [_told_after(kind, one) for one in still]
    allowed = kind.delay + kind.overlap
    return Rates(
        kind=kind.name,
        level=level,
        ticks=ticks,
        allowed=level * ticks,
        alarms=int(opened.sum()),
        alarms_over=float(opened.sum()) / (level * ticks),
        alarms_low=limits[0][0],
        alarms_high=limits[0][1],
        drift=int(values.sum()),
        drift_over=float(values.sum()) / (level * ticks),
        drift_low=limits[1][0],
        drift_high=limits[1][1],
        feed_drift=sum(sum(one.feed) for one in still),
        told_of=kind.fault,
        told=float(np.mean([one <= TOLD_WITHIN for one in after])) if kind.fault else None,
        told_after=max(after) if kind.fault else None,
        told_turns=max(_turns(kind, one) for one in still) if kind.fault else None,
        told_else=", ".join(f"{name} {ticks}" for name, ticks in sorted(_told_else(kind, still))),
        drifting=len(delays),
        found=float(np.mean([one <= allowed for one in delays])),
        delay=float(np.median(delays)),
        delay_most=max(delays),
        delay_allowed=allowed,
    )


def _told_after(kind: Kind, one: Series) -> float:
    """Return the number of the tick, from the first of a feed's fault, in which it is told."""
    told = (at - kind.since + 1 for at, each in enumerate(one.told) if kind.fault in each)
    return next((number for number in told if number > 0), inf)


def _turns(kind: Kind, one: Series) -> int:
    """Count how often a fault begins to be told."""
    told = [False, *(kind.fault in each for each in one.told)]
    return sum(now and not before for before, now in pairwise(told))


def _told_else(kind: Kind, still: Sequence[Series]) -> Iterable[tuple[str, int]]:
    """Count the ticks in which a feed is told of another fault, by its name."""
    every = (name for one in still for each in one.told for name in set(each))
    return Counter(name for name in every if name != kind.fault).items()


def simulate(
    seed: int,
    size: Size,
    *,
    jobs: int,
    level: float,
    kinds: Iterable[str] = KINDS,
    output: Path | None = None,
) -> Iterator[Rates]:
    """Simulate kinds of feeds, one after the other; what is done of one is kept until all is."""
    with ProcessPoolExecutor(jobs) as pool:
        for name in kinds:
            kind = KINDS[name]
            number = max(2, ceil(size.allowed / (level * kind.ticks)))
            run = partial(undisturbed, name=name, level=level, seed=seed)
            find = partial(delay, name=name, level=level, seed=seed)
            kept = [
                kept_in(output, NAME, name, what, f"{level:.4f}", seed)
                for what in ("still", "delays")
            ]
            still = (Series(**one) for one in pieces(pool, run, number, kept[0]))
            found = _said(still, name, number)
            delays = list(pieces(pool, find, size.drifting, kept[1]))
            yield rates(kind, level, found, delays)
            # Whoever takes the row has kept it by now.
            for path in filter(None, kept):
                path.unlink(missing_ok=True)


def _said(still: Iterator[Series], name: str, number: int) -> list[Series]:
    """Return series as they end, and say how many there are."""
    found, said = list[Series](), time.monotonic()
    for one in still:
        found.append(one)
        if time.monotonic() - said > _SAID_EVERY:
            said = time.monotonic()
            print(f"{name}: {len(found)} of {number} series", file=sys.stderr, flush=True)
    return found


def main() -> int:
    """Run all, and return 1 where a bound does not hold."""
    # Alarms a week of a tick each hour; those that are allowed of each kind; series that drift.
    parser = command_line(
        "benchmarks.trust.feeds",
        __doc__,
        SEED,
        choice="--kind",
        alarms=7,
        allowed=60,
        drifting=20,
    )
    arguments = parser.parse_args()
    kinds = chosen(parser, arguments.kind, KINDS)
    # What is little does not replace what is much.
    output = None if arguments.smoke else arguments.output
    found = simulate(
        arguments.seed,
        SMOKE if arguments.smoke else Size(arguments.allowed, arguments.drifting),
        jobs=arguments.jobs,
        level=arguments.alarms / HOURS_A_WEEK,
        kinds=kinds,
        output=output,
    )
    # Kind and level name a row.
    return 0 if show(NAME, (one.row() for one in found), output) else 1


if __name__ == "__main__":
    sys.exit(main())
