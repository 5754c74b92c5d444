"""What is drawn: tables of one kind of column, and their drift."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Generator: TypeAlias = np.random.Generator

CORRELATION = 0.5
DEGREES_OF_FREEDOM = 4
CONTAMINATED, NULLS = 0.05, 0.1
Kind: TypeAlias = Literal["continuous", "integers"] | int
Dependence: TypeAlias = Literal["independent", "gaussian", "t"]


@dataclass(frozen=True)
class Population:
    """Columns of one kind.

    Every test of numbers is one of ranks, so that one continuous distribution stands for all
    (`test_monotone_transformations_change_no_verdict` in the checker's tests). `kind` is
    `continuous`, `integers` (a Poisson variable of mean 3) or the number of categories, whose
    shares fall as 1 / rank.
    """

    kind: Kind
    columns: int
    dependence: Dependence = "independent"

    def draw(self, rng: Generator, rows: int) -> Floats:
        """Draw rows (rows, columns); categories by number."""
        shape = (rows, self.columns)
        if isinstance(self.kind, int):
            weights = 1 / np.arange(1, self.kind + 1)
            ends = np.cumsum(weights / weights.sum())[:-1]
            return np.searchsorted(ends, rng.random(shape)).astype(float)
        if self.kind == "integers":
            return rng.poisson(3, shape).astype(float)
        values = rng.normal(size=shape)
        if self.dependence == "independent":
            return values
        common = rng.normal(size=(rows, 1))
        values = CORRELATION**0.5 * common + (1 - CORRELATION) ** 0.5 * values
        if self.dependence == "t":
            values /= np.sqrt(rng.chisquare(DEGREES_OF_FREEDOM, (rows, 1)) / DEGREES_OF_FREEDOM)
        return np.asarray(values)

    def table(self, rows: Floats) -> pa.Table:
        """Return drawn rows as a table."""
        if isinstance(self.kind, int):
            names = np.array([f"c{number}" for number in range(self.kind)])
            columns = [pa.array(names[column.astype(int)]) for column in rows.T]
        else:
            columns = [pa.array(np.ascontiguousarray(column)) for column in rows.T]
        return pa.table(columns, names=[f"x{place}" for place in range(self.columns)])


def _shift(by: float) -> Callable[[Generator, Floats], pa.Table]:
    def change(_rng: Generator, rows: Floats) -> pa.Table:
        rows[:, 0] += by
        return NORMAL.table(rows)

    return change


def _scale(_rng: Generator, rows: Floats) -> pa.Table:
    rows[:, 0] *= 1.5
    return NORMAL.table(rows)


def _contaminate(rng: Generator, rows: Floats) -> pa.Table:
    hit = rng.random(len(rows)) < CONTAMINATED
    rows[hit, 0] = 5 * rng.normal(size=hit.sum())
    return NORMAL.table(rows)


def _correlate(_rng: Generator, rows: Floats) -> pa.Table:
    rows[:, 1] = 0.6 * rows[:, 0] + 0.8 * rows[:, 1]
    return NORMAL.table(rows)


def _nulls(rng: Generator, rows: Floats) -> pa.Table:
    table = NORMAL.table(rows)
    holes = pa.array(rows[:, 0], mask=rng.random(len(rows)) < NULLS)
    return table.set_column(0, "x0", holes)


def with_category(rng: Generator, rows: Floats, shares: tuple[float, ...]) -> pa.Table:
    """Return a table of numbers whose first column is one of equally named categories."""
    table = NORMAL.table(rows)
    return table.set_column(0, "x0", pa.array(rng.choice(list("abcde"), len(rows), p=shares)))


EVEN = (0.2, 0.2, 0.2, 0.2, 0.2)


def _move(rng: Generator, rows: Floats) -> pa.Table:
    return with_category(rng, rows, (0.3, 0.1, 0.2, 0.2, 0.2))


NORMAL = Population("continuous", 10)
DRIFTS: Mapping[str, Callable[[Generator, Floats], pa.Table]] = {
    "none": _shift(0),
    "shift 0.5 sigma": _shift(0.5),
    "shift 0.25 sigma": _shift(0.25),
    "shift 0.1 sigma": _shift(0.1),
    "scale 1.5": _scale,
    "5 % of rows from N(0, (5 sigma)^2)": _contaminate,
    "ten points between two of five categories": _move,
    "correlation 0 to 0.6": _correlate,
    "10 % new nulls": _nulls,
}
"""One column of ten changes, or one pair."""
