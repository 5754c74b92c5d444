# mypy: disable-error-code="import-untyped"
"""The feeds that people have: what a file holds at each tick, and how it is watched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from itertools import count
from math import ceil
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from scipy.signal import lfilter

from benchmarks.trust.draws import Generator
from benchmarks.trust.feeds_ticks import START
from drift_checker.config.schedule import interval
from drift_checker.decision import Floats

Columns: TypeAlias = dict[str, Any]
Process: TypeAlias = Callable[[Floats], Columns]
"""Draws the columns of the next rows, whose hours since the first tick it is given."""

Settings: TypeAlias = dict[str, object]
"""Those of a monitor in the monitors file."""

HOURLY, SIX_HOURLY, DAILY = "0 * * * *", "0 */6 * * *", "0 0 * * *"
SIGMA = 0.5
"""How far `x0` moves, in its standard deviations, where a feed drifts."""
CATEGORIES = ("a", "b", "c")
TIME, ID, FIRST = "time", "id", "x0"
SPREAD = 0.05
"""By how much the logarithm of the number of rows differs from tick to tick."""
CHANGED = 24
"""The tick with which a feed changes that had been as it should."""
POOL = 4
"""Of a table of which each tick takes some of the latest rows by chance, how many times as many
are of the last interval."""
STOPPED = 12
"""That with which a source stops."""


def mixed(rng: Generator) -> Process:
    """Draw a normal column, a Poisson one and one of three categories."""

    def draw(hours: Floats) -> Columns:
        return {
            FIRST: rng.standard_normal(len(hours)),
            "x1": rng.poisson(4, len(hours)),
            "x2": np.array(CATEGORIES)[rng.integers(len(CATEGORIES), size=len(hours))],
        }

    return draw


def normal(rng: Generator, *, columns: int = 10) -> Process:
    """Draw normal columns."""
    return lambda hours: {
        f"x{number}": rng.standard_normal(len(hours)) for number in range(columns)
    }


def cycle(rng: Generator) -> Process:
    """Draw two columns whose means go up and down with the day."""
    noise = normal(rng, columns=2)

    def draw(hours: Floats) -> Columns:
        mean = np.sin(2 * np.pi * hours / 24)
        return {name: values + mean for name, values in noise(hours).items()}

    return draw


def autoregressive(rng: Generator, *, phi: float = 0.6, columns: int = 2) -> Process:
    """Draw AR(1) columns of variance one, each row after the one before it."""
    last = rng.standard_normal(columns)

    def draw(hours: Floats) -> Columns:
        noise = (1 - phi * phi) ** 0.5 * rng.standard_normal((columns, len(hours)))
        values, _ = lfilter([1.0], [1.0, -phi], noise, axis=1, zi=phi * last[:, None])
        last[:] = values[:, -1]
        return {f"x{number}": each for number, each in enumerate(values)}

    return draw


def always(_: int) -> bool:
    """Serve new rows at every tick."""
    return True


def same_size(_: int) -> float:
    """Serve as many rows at every tick."""
    return 1.0


def changed_size(tick: int, *, factor: float) -> float:
    """Serve another number of rows from a tick on."""
    return factor if tick >= CHANGED else 1.0


def weekend(tick: int) -> float:
    """Serve fewer rows on Saturdays and Sundays; the first tick is a Monday's."""
    return 0.3 if tick % 7 in {5, 6} else 1.0


@dataclass(frozen=True)
class Kind:
    """One kind of feed, and how it is watched.

    `rows` are those of a batch, `new` those of them that no batch before had, all if it is None;
    `size` changes them by tick. `fresh` says at which ticks the file is written anew. With `still`,
    a batch is some of the rows of the last interval, and from that tick on there are no newer ones.
    `trend` moves `x0` by so much a tick. `fault` is what the feed is to be told of, from tick
    `since` on, within three.

    Where the feed is to drift it does from tick `drifts` on, and is found within `delay` ticks,
    besides those that its batches share rows over.
    """

    name: str
    process: Callable[[Generator], Process] = mixed
    rows: int = 250
    reference: int = 3000
    schedule: str = HOURLY
    monitor: Settings = field(default_factory=dict)
    ticks: int = 60
    new: int | None = None
    size: Callable[[int], float] = same_size
    fresh: Callable[[int], bool] = always
    still: int | None = None
    trend: float = 0.0
    fault: str | None = None
    since: int = 0
    drifts: int = 16
    delay: int = 1

    @property
    def step(self) -> timedelta:
        """The time between two ticks."""
        return interval(self.schedule)

    @property
    def _hours(self) -> float:
        return self.step / timedelta(hours=1)

    @property
    def overlap(self) -> int:
        """The ticks for which a row stays in the batch after its first."""
        return -(-self.rows // self.new) - 1 if self.new else 0

    @property
    def timed(self) -> bool:
        """Whether rows have a time."""
        return "timestamp" in self._roles

    @property
    def _roles(self) -> Mapping[str, object]:
        roles = self.monitor.get("columns", {})
        return roles if isinstance(roles, dict) else {}

    def draw(self, rng: Generator, *, drifts: bool) -> tuple[pa.Table, Iterator[pa.Table | None]]:
        """Draw a reference, and what is served at each tick; None where it is what was before."""
        process, end = self.process(rng), -self._hours * (1 + self.overlap)
        begin = end - self._hours * self.reference / (self.new or self.rows)
        reference = self._rows(process, self.reference, begin, end, shift=0.0, number=0)
        return self._table(reference), self._batches(rng, process, drifts=drifts)

    def _batches(
        self, rng: Generator, process: Process, *, drifts: bool
    ) -> Iterator[pa.Table | None]:
        number, held = self.reference, Columns()
        for tick in count():
            rows = self._size(rng, tick)
            if self.still is None or tick < self.still:
                wanted = self._wanted(rows, first=not held)
                end = self._hours * tick
                begin = end - self._hours * (wanted / self.new if self.new else 1)
                shift = self.trend * tick + (SIGMA if drifts and tick >= self.drifts else 0.0)
                drawn = self._rows(process, wanted, begin, end, shift=shift, number=number)
                number += wanted
                held = _latest(held, drawn, rows) if self.new else drawn
            served = held if self.still is None else _some(held, rng, rows)
            yield self._table(served) if self.fresh(tick) else None

    def _wanted(self, rows: int, *, first: bool) -> int:
        """Return how many rows are drawn for a tick."""
        if self.new and not first:
            return self.new
        return rows if self.still is None else POOL * rows

    def _size(self, rng: Generator, tick: int) -> int:
        """Draw how many rows a batch has; a window of the last so many has as many each time."""
        usual = self.size(tick) * self.rows
        return round(usual if self.new else usual * np.exp(SPREAD * rng.standard_normal()))

    def _rows(
        self, process: Process, rows: int, begin: float, end: float, *, shift: float, number: int
    ) -> Columns:
        """Draw rows of the hours from `begin` to `end`, which is not of them."""
        hours = begin + (end - begin) * np.arange(rows) / rows
        drawn = process(hours)
        drawn[FIRST] = drawn[FIRST] + shift
        return {TIME: hours, ID: number + np.arange(rows), **drawn}

    def _table(self, columns: Columns) -> pa.Table:
        """Return columns as a table, of time and id only what the monitor names."""
        arrays = {name: pa.array(values) for name, values in columns.items()}
        microseconds = np.round(3.6e9 * np.asarray(columns[TIME]))
        del arrays[TIME]
        if "id" not in self._roles:
            del arrays[ID]
        if self.timed:
            start = np.datetime64(START.replace(tzinfo=None), "us")
            arrays[TIME] = pa.array(start + microseconds.astype("timedelta64[us]"))
        return pa.table(arrays)


def _latest(held: Columns, drawn: Columns, rows: int) -> Columns:
    """Return the last so many rows."""
    if not held:
        return drawn
    return {name: np.concatenate((held[name], drawn[name]))[-rows:] for name in drawn}


def _some(held: Columns, rng: Generator, rows: int) -> Columns:
    """Return so many rows by chance, and always the last one, in their order."""
    last = len(held[FIRST]) - 1
    chosen = np.append(np.sort(rng.choice(last, rows - 1, replace=False)), last)
    return {name: values[chosen] for name, values in held.items()}


def _overlapping(name: str, new: int, columns: Settings) -> Kind:
    rows = 200
    return Kind(
        name,
        rows=rows,
        new=new,
        monitor={"columns": columns, "sampling": "iid"},
        fault="overlapping" if new < rows else None,
        since=1,
        drifts=30,
    )


_WINDOWS: Settings = {"columns": {"timestamp": TIME}, "sampling": "windows"}
_ROLLING: Settings = {"baseline": {"kind": "rolling"}}


def _sized(name: str, factor: float, *, windows: bool) -> Kind:
    kind = Kind(
        name,
        rows=400,
        reference=5000,
        size=partial(changed_size, factor=factor),
        fault="row_count",
        since=CHANGED,
        drifts=CHANGED + 6,
        # Fewer rows tell less: it takes the ticks that bring as many as one batch had before.
        delay=ceil(1 / factor),
    )
    if not windows:
        return kind
    return Kind(
        f"{name}, windows of AR(1) 0.6",
        process=autoregressive,
        rows=400,
        reference=60 * 400,
        schedule=DAILY,
        monitor=_WINDOWS,
        size=kind.size,
        fault=kind.fault,
        since=kind.since,
        drifts=kind.drifts,
        delay=kind.delay,
    )


def _rolling(rows: int, trend: float) -> Kind:
    return Kind(
        f"rolling, {trend} sigma a tick, {rows} rows",
        process=normal,
        rows=rows,
        reference=5000,
        monitor=_ROLLING,
        ticks=90,
        trend=trend,
        drifts=30,
        delay=3,
    )


KINDS = {
    kind.name: kind
    for kind in (
        Kind("new rows each tick"),
        Kind(
            "a new batch every 24 ticks",
            ticks=72,
            fresh=lambda tick: tick % 24 == 0,
            fault="repeated",
            since=1,
            drifts=24,
        ),
        Kind(
            "a source that stops",
            fresh=lambda tick: tick < STOPPED,
            fault="repeated",
            since=STOPPED,
            drifts=STOPPED // 2,
        ),
        *(
            _overlapping(f"overlap of {share} % by time", new, {"timestamp": TIME})
            for share, new in ((0, 200), (50, 100), (95, 10), (99, 2))
        ),
        _overlapping("overlap of 95 % by id", 10, {"id": ID}),
        _overlapping("overlap of 95 % by rows", 10, {}),
        Kind(
            "the last 24 hours each hour, windows",
            process=autoregressive,
            rows=480,
            new=20,
            reference=60 * 480,
            monitor=_WINDOWS | {"window": "1d"},
            fault="overlapping",
            since=1,
            drifts=30,
        ),
        Kind(
            "newest row stands still",
            monitor={"columns": {"timestamp": TIME}, "sampling": "iid"},
            still=CHANGED,
            fault="stale",
            since=CHANGED,
            drifts=CHANGED // 4,
        ),
        *(
            _sized(name, factor, windows=windows)
            for windows in (False, True)
            for name, factor in (("half the rows", 0.5), ("a quarter", 0.25), ("double", 2.0))
        ),
        Kind(
            "a day among windows of an hour",
            process=autoregressive,
            rows=24 * 60,
            reference=30 * 24 * 60,
            schedule=DAILY,
            monitor=_WINDOWS | {"window": "1h"},
        ),
        Kind("weekend dips", rows=800, reference=5000, schedule=DAILY, size=weekend, ticks=70),
        Kind(
            "season with few windows",
            process=cycle,
            rows=200,
            reference=14 * 4 * 200,
            schedule=SIX_HOURLY,
            monitor=_WINDOWS | {"baseline": {"kind": "seasonal"}},
        ),
        _rolling(200, 0.005),
        _rolling(1000, 0.005),
        _rolling(5000, 0.001),
    )
}
