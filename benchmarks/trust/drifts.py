"""What is drawn where something drifts: ten normal columns, one or two of them changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pyarrow as pa

from benchmarks.trust.draws import Generator, Population
from drift_checker.decision import Floats

COLUMNS = 10
CONTAMINATED, NULLS = 0.05, 0.1
Made: TypeAlias = Callable[[Generator, Floats], pa.Table]


def _table(_rng: Generator, rows: Floats) -> pa.Table:
    return Population("continuous", len(rows)).table(rows)


@dataclass(frozen=True)
class Drift:
    """How standard normal rows become a table, before a change and after it.

    It has to be found within `ticks` in a share of at least `bound` of the trials, by the fault
    that is named, or by any verdict.
    """

    after: Made
    before: Made = _table
    ticks: int = 3
    bound: float | None = None
    fault: str | None = None


def draw(make: Made, rng: Generator, rows: int) -> pa.Table:
    """Draw so many rows of a table."""
    return make(rng, rng.standard_normal((COLUMNS, rows)))


def _shift(by: float) -> Made:
    def change(rng: Generator, rows: Floats) -> pa.Table:
        rows[0] += by
        return _table(rng, rows)

    return change


def _scale(rng: Generator, rows: Floats) -> pa.Table:
    rows[0] *= 1.5
    return _table(rng, rows)


def _contaminate(rng: Generator, rows: Floats) -> pa.Table:
    hit = np.flatnonzero(rng.random(rows.shape[1]) < CONTAMINATED)
    rows[0, hit] = 5 * rng.standard_normal(len(hit))
    return _table(rng, rows)


def _correlate(rng: Generator, rows: Floats) -> pa.Table:
    rows[1] = 0.6 * rows[0] + 0.8 * rows[1]
    return _table(rng, rows)


def _lose(rng: Generator, rows: Floats) -> pa.Table:
    lost = np.flatnonzero(rng.random(rows.shape[1]) < NULLS)
    values: list[float | None] = rows[0].tolist()
    for place in lost:
        values[place] = None
    return _table(rng, rows).set_column(0, "x0", pa.array(values))


def _categories(*shares: float) -> Made:
    def change(rng: Generator, rows: Floats) -> pa.Table:
        names = rng.choice(list("abcde"), rows.shape[1], p=shares)
        return _table(rng, rows).set_column(0, "x0", pa.array(names))

    return change


DRIFTS: Mapping[str, Drift] = {
    "none": Drift(_table, ticks=1),
    "shift 0.5 sigma": Drift(_shift(0.5), ticks=1, bound=0.99),
    "shift 0.25 sigma": Drift(_shift(0.25), bound=0.9),
    "shift 0.1 sigma": Drift(_shift(0.1), ticks=20),
    "scale 1.5": Drift(_scale, bound=0.95),
    "5 % of rows from N(0, (5 sigma)^2)": Drift(_contaminate, bound=0.95),
    "ten points between two of five categories": Drift(
        _categories(0.3, 0.1, 0.2, 0.2, 0.2), _categories(0.2, 0.2, 0.2, 0.2, 0.2), bound=0.95
    ),
    "correlation 0 to 0.6": Drift(_correlate, ticks=1, bound=0.95),
    "10 % new nulls": Drift(_lose, ticks=1, bound=1.0, fault="nulls"),
}
"""One column of ten changes, or one pair."""
