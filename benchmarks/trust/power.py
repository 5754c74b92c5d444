"""Power: how often drift is found in one tick, at one false alarm a week, floors on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.trust.budget import WEEKLY
from benchmarks.trust.draws import DRIFTS, EVEN, NORMAL, with_category
from benchmarks.trust.rates import interval
from benchmarks.trust.rival import drifted_columns
from drift_checker import CompareSettings, compare
from drift_checker.result import Verdict
from drift_checker.tables import from_frame

CURRENT, REFERENCE = 1000, 5000
TICKS = {"shift 0.5 sigma": 1, "correlation 0 to 0.6": 1, "10 % new nulls": 1}
"""Within which a drift has to be found; three where none is given."""
BOUNDS = {
    "shift 0.5 sigma": 0.99,
    "shift 0.25 sigma": 0.9,
    "scale 1.5": 0.95,
    "5 % of rows from N(0, (5 sigma)^2)": 0.95,
    "ten points between two of five categories": 0.95,
    "correlation 0 to 0.6": 0.95,
    "10 % new nulls": 1.0,
}
"""The share of trials in which it has to be."""


@dataclass(frozen=True)
class Power:
    """Detection of one drift within some ticks.

    Evidently's rate is the share of single ticks in which its preset calls any column drifted.
    """

    drift: str
    ticks: int
    trials: int
    found: int
    rate: float
    low: float
    high: float
    bound: float | None
    evidently_ticks: int
    evidently_rate: float | None

    @property
    def holds(self) -> bool:
        """Whether the bound is met."""
        return self.bound is None or self.rate >= self.bound

    def row(self) -> dict[str, object]:
        """One row of the committed table."""
        return asdict(self) | {"holds": self.holds}


def run(seed: int, *, references: int, trials: int, rival_ticks: int) -> Iterator[Power]:
    """Simulate each drift: `trials` on each of some references, Evidently on the first ticks."""
    settings = CompareSettings(level=WEEKLY)
    for place, (name, change) in enumerate(DRIFTS.items()):
        rng = np.random.default_rng([seed, place])
        within = TICKS.get(name, 3) if name in BOUNDS else 1
        found = 0
        rival: list[bool] = []
        for _ in range(references):
            rows = NORMAL.draw(rng, REFERENCE)
            categories = name.endswith("categories")
            before = with_category(rng, rows, EVEN) if categories else NORMAL.table(rows)
            reference = from_frame(before)
            for _ in range(trials):
                for _ in range(within):
                    after = change(rng, NORMAL.draw(rng, CURRENT))
                    if len(rival) < rival_ticks:
                        rival.append(drifted_columns(before, after) > 0)
                    if compare(reference, after, settings=settings).verdict is not Verdict.OK:
                        found += 1
                        break
        low, high = interval(found, references * trials)
        yield Power(
            drift=name,
            ticks=within,
            trials=references * trials,
            found=found,
            rate=found / (references * trials),
            low=low,
            high=high,
            bound=BOUNDS.get(name),
            evidently_ticks=len(rival),
            evidently_rate=float(np.mean(rival)) if rival else None,
        )
