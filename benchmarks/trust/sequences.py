# mypy: disable-error-code="import-untyped"
"""`python -m benchmarks.trust.sequences`: the alarms of many weeks without drift.

Each run is a week of ticks every five minutes against a reference of its own, at one alarm a week:
the comparison with the counts of the ticks before, and the fold of the verdicts into episodes.
Ticks that are far from every threshold are `ok` without being compared, as in `ticks`.
"""

from __future__ import annotations

import sys
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import NormalDist

import numpy as np
from scipy.stats import kstwobign

from benchmarks.trust.arguments import command_line
from benchmarks.trust.design import WEEKLY, Cell
from benchmarks.trust.draws import Population
from benchmarks.trust.screen import Screen
from benchmarks.trust.tables import Row, show
from drift_checker import CompareSettings
from drift_checker.comparison import InMemoryPair, judge, prepare, result_of
from drift_checker.comparison.sequential import FEW_TICKS, MAX_TICKS
from drift_checker.decision import Bools, Exceedance, Floats, Ints
from drift_checker.profiles import TickCounts, bin_counts, bin_edges
from drift_checker.result import CurrentInfo, ReferenceInfo, Result, Verdict
from drift_checker.state import LOOK_BACK, History, short_tick
from drift_checker.tables import from_frame
from drift_checker.ticks import alarm_of

SEED = 20_261_124
TICKS = 2016
"""A week of one every five minutes."""
CELL = Cell(current=200, reference=5000, columns=3)
POPULATION = Population.of(CELL)
CURRENT, REFERENCE = CELL.current, CELL.reference
START = datetime(2026, 11, 23, tzinfo=UTC)
STEP = timedelta(minutes=5)
# The pooled distance is one of numbers without ties, at sizes where its asymptotic p-value is at
# most 1.1 times the exact one; and a column's is at least 0.7 times that of one of its statistics.
_MARGIN = 1.1 / 0.7


def least_distance(level: float) -> float:
    """Return where Kolmogorov's distribution leaves `level`, from below."""
    return float(kstwobign.isf(level))


@dataclass(frozen=True)
class Week:
    """One run: how many episodes began, and how many ticks were `drift`."""

    episodes: int
    drift: int
    only_pooled: int
    compared: int


class _Run:
    """The ticks against one reference, one after the other."""

    def __init__(self, drawn: Floats, level: float, *, screened: bool) -> None:
        self.settings, self.screened = CompareSettings(level=level), screened
        self.table = from_frame(POPULATION.table(drawn))
        self.screen = Screen(CELL, POPULATION, drawn, (level,))
        ordered = np.sort(drawn, axis=1)
        self.edges = [bin_edges(column) for column in ordered]
        self.lowest = ordered[:, :1]
        self.cells = self._cells(ordered)
        part = self.settings.alarm_budget().parts["sequential"]
        self.least = least_distance(_MARGIN * part / (2 * POPULATION.columns))
        self.least_ranks = -NormalDist().inv_cdf(_MARGIN * part / (8 * POPULATION.columns))
        self.part = part
        self.results: deque[Result] = deque(maxlen=LOOK_BACK)
        self.counts: deque[Ints | None] = deque(maxlen=LOOK_BACK)
        """Of each tick, None where its batch drifted by itself; the newest first."""
        self.compared = self.only_pooled = 0

    def tick(self, rows: Floats, number: int) -> Result:
        """Take a tick through comparison and fold."""
        mine, verdict = self._cells(np.sort(rows, axis=1), rows < self.lowest), Verdict.OK
        feeds: Ints | None = mine
        near = self.screen.near(rows[:, None, :]).any() or self._pooled_near(mine)
        if near or not self.screened:
            tables = InMemoryPair(self.table, from_frame(POPULATION.table(rows)))
            judged = judge(prepare(tables, self.settings), past=self._profiles())
            verdict, alone = result_of(judged).verdict, judged.batch_result.verdict
            feeds = mine if alone is Verdict.OK else None
            self.compared += 1
            self.only_pooled += verdict is not alone
        result = _result(verdict, START + number * STEP)
        if any(one.verdict is not Verdict.OK for one in (result, *self.results)):
            past = [tick for one in self.results if (tick := short_tick(one))]
            before = History(START + (number - LOOK_BACK) * STEP, past)
            result = result.model_copy(update={"alarm": alarm_of(result, before)})
        self.results.append(result)
        self.counts.appendleft(feeds)
        return result

    def _cells(self, ordered: Floats, below: Bools | None = None) -> Ints:
        """Return the rows of each column by bin, and last those below all of the reference's."""
        bins = [bin_counts(one, ends) for one, ends in zip(ordered, self.edges, strict=True)]
        lower = np.zeros(len(bins), np.int64) if below is None else below.sum(axis=1)
        return np.column_stack([np.array(bins), lower])

    def _past(self) -> list[Ints]:
        return [counts for counts in self.counts if counts is not None]

    def _pooled_near(self, mine: Ints) -> bool:
        pooled = [mine, *self._past()]
        for ticks in {min(FEW_TICKS, len(pooled)), min(MAX_TICKS, len(pooled))}:
            rows = ticks * CURRENT
            if ticks == 1:
                continue
            total = np.sum(pooled[:ticks], axis=0)
            current = np.cumsum(total[:, :-1], axis=1) / rows
            reference = np.cumsum(self.cells[:, :-1], axis=1) / REFERENCE
            scale = (rows * REFERENCE / (rows + REFERENCE)) ** 0.5
            if scale * np.abs(current - reference).max() >= self.least:
                return True
            middle = np.diff(reference, axis=1, prepend=0) / -2 + reference
            superior = np.abs((total[:, :-1] * middle).sum(axis=1) / rows - 0.5)
            if scale * superior.max() * 12**0.5 >= self.least_ranks:
                return True
            ranks = np.cumsum(total[:, :-1] + self.cells[:, :-1], axis=1)
            ranks = (2 * ranks - total[:, :-1] - self.cells[:, :-1]) / (rows + REFERENCE) - 1
            wider = np.abs((total[:, :-1] * ranks**2).sum(axis=1) / rows - 1 / 3)
            mood = wider.max() * scale * (rows + REFERENCE) / REFERENCE * (45 / 4) ** 0.5
            if mood >= self.least_ranks:
                return True
            # Rows beyond the range: the last bin, and those below all.
            outside = int(total[:, -2:].sum(axis=1).max())
            if Exceedance(outside, rows, 0, 0, 2, REFERENCE).p_value <= self.part:
                return True
        return False

    def _profiles(self) -> list[TickCounts]:
        return [
            TickCounts(
                reference=self.table.digest,
                rows=CURRENT,
                numbers={f"x{place}": each[:-1].tolist() for place, each in enumerate(counts)},
                categories={},
                shares={
                    "out_of_range": {
                        f"x{place}": [int(each[-2:].sum()), CURRENT]
                        for place, each in enumerate(counts)
                    }
                },
            )
            for counts in self._past()
        ]


def _result(verdict: Verdict, date: datetime) -> Result:
    return Result(
        monitor="simulated",
        logical_date=date,
        trigger="scheduled",
        verdict=verdict,
        reference=ReferenceInfo(version="1", rows=REFERENCE),
        current=CurrentInfo(rows=CURRENT, digest=""),
        columns=[],
        faults=[],
        drifted_columns=[],
        alarm_budget=CompareSettings(level=WEEKLY).alarm_budget(),
    )


def week(
    place: int, *, seed: int, ticks: int, level: float = WEEKLY, screened: bool = True
) -> Week:
    """Simulate one run without drift; unscreened, every tick is compared, with the same alarms."""
    rng = np.random.default_rng([seed, place])
    run = _Run(POPULATION.draw(rng, REFERENCE), level, screened=screened)
    results = [run.tick(POPULATION.draw(rng, CURRENT), number) for number in range(ticks)]
    return Week(
        episodes=sum(result.alarm.state == "opened" for result in results),
        drift=sum(result.verdict is Verdict.DRIFT for result in results),
        only_pooled=run.only_pooled,
        compared=run.compared,
    )


@dataclass(frozen=True)
class Episodes:
    """Runs without drift: the episodes that began in each, over the number that was asked for."""

    references: int
    ticks: int
    budget: float
    mean: float
    low: float
    high: float
    runs_without: float
    runs_with_one: float
    runs_with_more: float
    most: int
    drift_ticks: int
    only_pooled: int
    compared: int

    @property
    def holds(self) -> bool:
        """Whether the mean is within the budget, as far as the runs can tell."""
        return self.low <= self.budget

    def row(self) -> Row:
        """One row of the committed table."""
        return asdict(self) | {"holds": self.holds}


def simulate(seed: int, *, references: int, ticks: int, jobs: int) -> Episodes:
    """Simulate runs, each against a reference of its own."""
    with ProcessPoolExecutor(jobs) as pool:
        weeks = list(pool.map(partial(week, seed=seed, ticks=ticks), range(references)))
    episodes = np.array([one.episodes for one in weeks])
    mean, error = float(episodes.mean()), float(episodes.std(ddof=1)) / references**0.5
    margin = NormalDist().inv_cdf(0.975) * error
    return Episodes(
        references=references,
        ticks=ticks,
        budget=ticks * WEEKLY,
        mean=mean,
        low=mean - margin,
        high=mean + margin,
        runs_without=float((episodes == 0).mean()),
        runs_with_one=float((episodes == 1).mean()),
        runs_with_more=float((episodes > 1).mean()),
        most=int(episodes.max()),
        drift_ticks=sum(one.drift for one in weeks),
        only_pooled=sum(one.only_pooled for one in weeks),
        compared=sum(one.compared for one in weeks),
    )


def main() -> int:
    """Run the simulation, and return 1 where the budget does not hold."""
    arguments = command_line(
        "benchmarks.trust.sequences", __doc__, SEED, smoke=False, references=1000, ticks=TICKS
    ).parse_args()
    found = simulate(
        arguments.seed,
        references=arguments.references,
        ticks=arguments.ticks,
        jobs=arguments.jobs,
    )
    return 0 if show("sequences", [found.row()], arguments.output) else 1


if __name__ == "__main__":
    sys.exit(main())
