"""Power: how soon drift is found, at one false alarm a week and with floors.

Each tick is judged as a scheduled one is: by itself, and pooled with those before it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache
from zlib import crc32

import numpy as np
import pyarrow as pa

from benchmarks.trust import rival
from benchmarks.trust.design import WEEKLY
from benchmarks.trust.draws import Generator
from benchmarks.trust.drifts import COLUMNS, DRIFTS, Drift, Made, draw
from benchmarks.trust.rates import interval
from benchmarks.trust.tables import Row
from drift_checker import CompareSettings
from drift_checker.comparison import InMemoryPair, judge, prepare, result_of
from drift_checker.comparison.prepare import Prepared
from drift_checker.comparison.sequential import MAX_TICKS
from drift_checker.profiles import TickCounts
from drift_checker.result import Result, Verdict
from drift_checker.tables import from_frame

CURRENT, REFERENCE = 1000, 5000


@dataclass(frozen=True)
class Size:
    """How much is simulated: references, trials on each, and ticks that Evidently sees.

    `rival_null` are the drift-free scores of a column that its threshold at our rate of false
    alarms is taken from.
    """

    references: int
    trials: int
    rival_ticks: int
    rival_null: int


FULL, SMOKE = Size(200, 10, 500, 60_000), Size(5, 6, 2, 0)


@dataclass(frozen=True)
class Power:
    """Detection of one drift within some ticks, and how many it took in the median and in 90 %.

    Evidently's rates are of single ticks in which a column reaches its threshold: the default
    one, and the one that a tick without drift reaches once a week.
    """

    drift: str
    ticks: int
    trials: int
    found: int
    rate: float
    low: float
    high: float
    bound: float | None
    delay_50: float
    delay_90: float
    evidently_ticks: int
    evidently_rate: float
    evidently_rate_at_ours: float | None

    @property
    def holds(self) -> bool:
        """Whether the bound is met."""
        return self.bound is None or self.rate >= self.bound

    def row(self) -> Row:
        """One row of the committed table."""
        return asdict(self) | {"holds": self.holds}


def run(name: str, seed: int, size: Size) -> list[Row]:
    """Simulate one drift on references of its own."""
    drift, rng = DRIFTS[name], np.random.default_rng([seed, crc32(name.encode())])
    delays: list[float] = []
    seen: list[rival.Scores] = []
    for _ in range(size.references):
        reference = draw(drift.before, rng, REFERENCE)
        monitor = _Monitor(reference, drift, rng)
        delays += [monitor.delay() for _ in range(size.trials)]
        more = min(size.rival_ticks - len(seen), -(-size.rival_ticks // size.references))
        batches = [draw(drift.after, rng, CURRENT) for _ in range(more)]
        if batches and not seen:
            rival.check(reference, batches[0])
        seen += [rival.scores(reference, batch) for batch in batches]
    found = int(np.isfinite(delays).sum())
    low, high = interval(found, len(delays))
    at_ours = _rival_thresholds(drift.before, seed, size.rival_null)
    power = Power(
        drift=name,
        ticks=drift.ticks,
        trials=len(delays),
        found=found,
        rate=found / len(delays),
        low=low,
        high=high,
        bound=drift.bound,
        delay_50=float(np.quantile(delays, 0.5, method="higher")),
        delay_90=float(np.quantile(delays, 0.9, method="higher")),
        evidently_ticks=len(seen),
        evidently_rate=_rate(seen, rival.DEFAULTS),
        evidently_rate_at_ours=_rate(seen, at_ours) if at_ours else None,
    )
    return [power.row()]


class _Monitor:
    """One reference, after ticks without drift."""

    def __init__(self, reference: pa.Table, drift: Drift, rng: Generator) -> None:
        self.reference, self.drift, self.rng = from_frame(reference), drift, rng
        self.settings = CompareSettings(level=WEEKLY)
        self.clean: list[TickCounts] = []
        # As many as can be pooled with this reference.
        for _ in range(REFERENCE // CURRENT):
            self.clean.insert(0, self._prepared(draw(drift.before, rng, CURRENT)).tick_counts)

    def delay(self) -> float:
        """Return after how many ticks the drift is found, infinity where it is not in time."""
        past = self.clean
        for tick in range(1, self.drift.ticks + 1):
            prepared = self._prepared(draw(self.drift.after, self.rng, CURRENT))
            if self._is_found(result_of(judge(prepared, past=past))):
                return tick
            past = [prepared.tick_counts, *past][:MAX_TICKS]
        return np.inf

    def _prepared(self, batch: pa.Table) -> Prepared:
        return prepare(InMemoryPair(self.reference, from_frame(batch)), self.settings)

    def _is_found(self, result: Result) -> bool:
        if self.drift.fault:
            return any(fault.fault == self.drift.fault for fault in result.faults)
        return result.verdict is not Verdict.OK


def _rate(seen: list[rival.Scores], thresholds: rival.Thresholds) -> float:
    return float(np.mean([rival.drifted(scores, thresholds) > 0 for scores in seen]))


@cache
def _rival_thresholds(before: Made, seed: int, scores_needed: int) -> rival.Thresholds | None:
    """Return the scores that some column of a tick without drift reaches once a week.

    Columns are independent: each reaches it in its share of such ticks.
    """
    rng, null = np.random.default_rng(seed), {kind: list[float]() for kind in rival.DEFAULTS}
    while len(null["num"]) < scores_needed:
        reference = draw(before, rng, REFERENCE)
        for _ in range(20):
            scores = rival.scores(reference, draw(before, rng, CURRENT))
            for kind, some in scores.items():
                null[kind] += some
    level = WEEKLY / COLUMNS
    found = {kind: rival.threshold(some, level) for kind, some in null.items() if some}
    # One kind without a threshold would count as a kind without alarms.
    return found if found and np.isfinite(list(found.values())).all() else None
