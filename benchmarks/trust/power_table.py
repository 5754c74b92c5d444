# mypy: disable-error-code="import-untyped"
"""`python -m benchmarks.trust.power_table`: ten drifts of three sizes, beside others' tests.

One of ten columns drifts, in one tick, against a reference of 5,000 rows at one alarm a week of a
tick every hour. What the others are given is our own rate of false alarms as it is measured, floors
on, at each size: of Evidently's scores the threshold that a column without drift reaches as seldom,
of chi-square tests with Bonferroni's correction likewise, and of Kolmogorov-Smirnov's, whose
p-values are exact, the level itself.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from math import floor
from typing import Any, Literal, TypeAlias
from zlib import crc32

import numpy as np
import pyarrow as pa
from scipy.special import rel_entr
from scipy.stats import chi2, chi2_contingency, ks_2samp

from benchmarks.trust import rival
from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.design import Cell
from benchmarks.trust.draws import Generator
from benchmarks.trust.rates import interval
from benchmarks.trust.tables import Row, show
from benchmarks.trust.ticks import alarms
from drift_checker import CompareSettings
from drift_checker.comparison import InMemoryPair, compare_tables
from drift_checker.decision import Floats
from drift_checker.result import Verdict
from drift_checker.tables import Batch, from_frame

SEED = 20_261_129
COLUMNS, REFERENCE, SIZES = 10, 5000, (200, 1000, 5000)
LEVEL = 1 / 168
"""One alarm a week of a tick every hour."""
MOST_BELOW = 0.15
"""How much less often than the better of the others a drift may be found."""

Kind: TypeAlias = Literal["num", "cat"]
Column: TypeAlias = Callable[[Generator, int], Floats | list[str]]


@dataclass(frozen=True)
class Size:
    """How much is simulated: trials of each drift, of each of some references; null ticks.

    `null_scores` are the drift-free columns that the thresholds of the others are taken from.
    """

    references: int
    trials: int
    null_references: int
    null_ticks: int
    null_scores: int


FULL, SMOKE = Size(20, 10, 30, 400, 60_000), Size(1, 1, 2, 50, 20_000)
_PER_REFERENCE = 20


def _normal(by: float = 0.0, scale: float = 1.0, wild: float = 0.0) -> Column:
    def draw(rng: Generator, rows: int) -> Floats:
        values = by + scale * rng.standard_normal(rows)
        return np.where(rng.random(rows) < wild, 5 * rng.standard_normal(rows), values)

    return draw


@dataclass(frozen=True)
class Categories:
    """A categorical column, by the shares of its categories."""

    shares: tuple[float, ...]

    def __call__(self, rng: Generator, rows: int) -> list[str]:
        """Draw rows."""
        return [f"c{place}" for place in rng.choice(len(self.shares), rows, p=self.shares)]


def _shares(*shares: float) -> Column:
    return Categories(shares)


_FIVE = _shares(0.2, 0.2, 0.2, 0.2, 0.2)
_NORMAL = _normal()
DRIFTS: Mapping[str, tuple[Kind, Column, Column]] = {
    "shift 0.1 sigma": ("num", _NORMAL, _normal(0.1)),
    "shift 0.25 sigma": ("num", _NORMAL, _normal(0.25)),
    "shift 0.5 sigma": ("num", _NORMAL, _normal(0.5)),
    "scale 1.25": ("num", _NORMAL, _normal(scale=1.25)),
    "5 % from N(0, (5 sigma)^2)": ("num", _NORMAL, _normal(wild=0.05)),
    "2 % from N(0, (5 sigma)^2)": ("num", _NORMAL, _normal(wild=0.02)),
    "ten points between two of five": ("cat", _FIVE, _shares(0.3, 0.1, 0.2, 0.2, 0.2)),
    "three points between two of five": ("cat", _FIVE, _shares(0.23, 0.17, 0.2, 0.2, 0.2)),
    "a new category in 0.5 %": ("cat", _FIVE, _shares(0.199, 0.199, 0.199, 0.199, 0.199, 0.005)),
    "a failure rate from 0.5 to 2 %": ("cat", _shares(0.995, 0.005), _shares(0.98, 0.02)),
}
"""The column that drifts, before and after; nine others are normal and do not."""


@dataclass(frozen=True)
class Found:
    """How often a drift is found in one tick, and by others at the same rate of false alarms."""

    drift: str
    current: int
    trials: int
    found: float
    low: float
    high: float
    evidently: float
    classic: float
    """Kolmogorov-Smirnov or chi-square, with Bonferroni's correction."""
    below_the_better: float
    false_alarms: float
    """Of a tick, as measured; the level is 1 in 168."""
    false_alarm_ticks: int

    def row(self) -> Row:
        """One row of the committed table."""
        return asdict(self) | {"holds": self.below_the_better <= MOST_BELOW}


@dataclass(frozen=True)
class Limits:
    """What a column without drift reaches as seldom as ours alarms, in one kind of column."""

    score: float
    p_value: float


@dataclass(frozen=True)
class Null:
    """What ticks without drift do at one size; `limits` are by the column before its drift."""

    rate: float
    ticks: int
    limits: Mapping[Column, Limits]


def table(draw: Column, rng: Generator, rows: int) -> pa.Table:
    """Draw a table whose first column is this one."""
    columns: dict[str, Any] = {"x0": draw(rng, rows)}
    columns |= {f"x{place}": rng.standard_normal(rows) for place in range(1, COLUMNS)}
    return pa.table(columns)


def score(kind: Kind, reference: pa.Table, batch: pa.Table) -> float:
    """Return Evidently's score of the first column."""
    return rival.scores(reference.select(["x0"]), batch.select(["x0"]))[kind][0]


def classic_p_value(kind: Kind, reference: pa.Table, batch: pa.Table) -> float:
    """Return the p-value of the first column by the tests that everybody takes."""
    if kind == "num":
        return float(ks_2samp(batch["x0"].to_numpy(), reference["x0"].to_numpy()).pvalue)
    both: list[list[Any]] = [side["x0"].to_pylist() for side in (batch, reference)]
    names = sorted({*both[0], *both[1]})
    counts = [[values.count(name) for name in names] for values in both]
    return float(chi2_contingency(counts, correction=False).pvalue)


def null(current: int, seed: int, size: Size) -> Null:
    """Measure our rate of false alarms, and what of others comes as seldom."""
    rng = np.random.default_rng([seed, current])
    cell = Cell(current=current, reference=REFERENCE, columns=COLUMNS)
    ticks = {LEVEL: size.null_ticks}
    found = alarms(cell, rng, size.null_references, ticks, screened=True).floored.sum()
    many = size.null_references * size.null_ticks
    # A column alone is given its equal part, as Bonferroni has it.
    level = max(float(found), 1.0) / many / COLUMNS
    columns = {before: kind for kind, before, _ in DRIFTS.values() if before is not _NORMAL}
    limits = {draw: _category_limits(draw, current, rng, level, size) for draw in columns}
    limits[_NORMAL] = Limits(_distance_limit(current, rng, level, size), level)
    return Null(float(found) / many, many, limits)


def _distance_limit(current: int, rng: Generator, level: float, size: Size) -> float:
    """Return how large a normed Wasserstein distance comes so seldom."""
    found = []
    for place in range(size.null_scores // _PER_REFERENCE):
        before = rng.standard_normal(REFERENCE)
        ordered, scale = np.sort(before), float(before.std())
        for _ in range(_PER_REFERENCE):
            after = rng.standard_normal(current)
            # Each row of the smaller sample stands for as many of the larger.
            steps = np.repeat(np.sort(after), REFERENCE // current)
            found.append(float(np.abs(steps - ordered).mean()) / scale)
        if not place:
            _check("num", before, after, found[-1])
    return rival.threshold(found, level)


def _category_limits(
    draw: Column, current: int, rng: Generator, level: float, size: Size
) -> Limits:
    """Return how large a Jensen-Shannon distance, how small a p-value comes so seldom."""
    if not isinstance(draw, Categories):
        raise TypeError(draw)
    before = rng.multinomial(REFERENCE, draw.shares, size=size.null_scores)
    after = rng.multinomial(current, draw.shares, size=size.null_scores)
    shares = before / REFERENCE, after / current
    middle = (shares[0] + shares[1]) / 2
    scores = np.sqrt(sum(rel_entr(side, middle).sum(axis=1) for side in shares) / 2)
    names = np.array([f"c{place}" for place in range(len(draw.shares))])
    _check("cat", np.repeat(names, before[0]), np.repeat(names, after[0]), float(scores[0]))
    expected = (before + after) / (REFERENCE + current)
    statistic = sum(
        ((side - rows * expected) ** 2 / np.maximum(rows * expected, 1e-300)).sum(axis=1)
        for side, rows in ((before, REFERENCE), (after, current))
    )
    p_values = chi2.sf(statistic, ((before + after) > 0).sum(axis=1) - 1)
    reach = max(1, floor(level * size.null_scores))
    return Limits(rival.threshold(list(scores), level), float(np.sort(p_values)[reach - 1]))


def _check(kind: Kind, before: Any, after: Any, ours: float) -> None:
    """Raise an error unless Evidently's own function says the same."""
    theirs = score(kind, pa.table({"x0": before}), pa.table({"x0": after}))
    if not np.isclose(ours, theirs, rtol=1e-3):
        raise AssertionError(f"Evidently's score: {theirs}; as it is computed here: {ours}")


def find(name: str, nothing: Null, current: int, seed: int, size: Size) -> Found:
    """Return how often one drift is found at one size."""
    kind, before, after = DRIFTS[name]
    rng = np.random.default_rng([seed, current, crc32(name.encode())])
    limits = nothing.limits[before]
    ours = evidently = classic = 0
    for _ in range(size.references):
        reference = table(before, rng, REFERENCE)
        read = from_frame(reference)
        for _ in range(size.trials):
            batch = table(after, rng, current)
            ours += _is_found(read, batch)
            evidently += score(kind, reference, batch) >= limits.score
            classic += classic_p_value(kind, reference, batch) <= limits.p_value
    trials = size.references * size.trials
    low, high = interval(ours, trials)
    return Found(
        drift=name,
        current=current,
        trials=trials,
        found=ours / trials,
        low=low,
        high=high,
        evidently=evidently / trials,
        classic=classic / trials,
        below_the_better=(max(evidently, classic) - ours) / trials,
        false_alarms=nothing.rate,
        false_alarm_ticks=nothing.ticks,
    )


def _is_found(reference: Batch, batch: pa.Table) -> bool:
    tables = InMemoryPair(reference, from_frame(batch))
    return compare_tables(tables, CompareSettings(level=LEVEL)).verdict is not Verdict.OK


def rows_of(current: int, seed: int, size: Size) -> list[Row]:
    """Return the rows of one size."""
    nothing = null(current, seed, size)
    return [find(name, nothing, current, seed, size).row() for name in DRIFTS]


def _rows(seed: int, size: Size, jobs: int, sizes: Collection[int]) -> Iterator[Row]:
    each = partial(rows_of, seed=seed, size=size)
    if jobs == 1:
        for current in sizes:
            yield from each(current)
        return
    with ProcessPoolExecutor(jobs) as pool:
        for rows in pool.map(each, sizes):
            yield from rows


def main() -> int:
    """Print the table, and return 1 where a drift is found too seldom."""
    parser = command_line("benchmarks.trust.power_table", __doc__, SEED, choice="--rows")
    arguments = parser.parse_args()
    size = SMOKE if arguments.smoke else FULL
    sizes = [int(rows) for rows in chosen(parser, arguments.rows, list(map(str, SIZES)))]
    found = _rows(arguments.seed, size, arguments.jobs, sizes)
    return 0 if show("power_table", found, arguments.output) or arguments.smoke else 1


if __name__ == "__main__":
    sys.exit(main())
