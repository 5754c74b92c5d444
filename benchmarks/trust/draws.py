# mypy: disable-error-code="import-untyped"
"""What is drawn where nothing drifts: columns of one kind, or of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle, islice
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit
from scipy.stats import poisson

from benchmarks.trust.design import KINDS, Cell, Dependence

Floats: TypeAlias = NDArray[np.float64]
Generator: TypeAlias = np.random.Generator

CORRELATION = 0.5
DEGREES_OF_FREEDOM = 4
MEAN = 3
"""Of the integers, which are a Poisson variable."""
INTEGERS = range(41)
"""What it may be; the last stands for all beyond."""


@dataclass(frozen=True)
class Population:
    """Columns of one kind, or of all, drawn through a copula.

    Every test of numbers is one of ranks, so that one continuous distribution stands for all
    (`test_monotone_transformations_change_no_verdict` in the checker's tests): where columns are
    independent it is the uniform one, else that of the copula. The shares of categories fall as
    1 / rank.
    """

    kind: str
    columns: int
    dependence: Dependence = "independent"

    @classmethod
    def of(cls, cell: Cell) -> Population:
        """Return what a cell draws."""
        return cls(cell.kind, cell.columns, cell.dependence)

    @cached_property
    def kinds(self) -> list[str]:
        """The kind of each column."""
        kinds = KINDS[:-1] if self.kind == "mixed" else (self.kind,)
        return list(islice(cycle(kinds), self.columns))

    def categories(self, column: int) -> int:
        """Return how many categories a column has; numbers have none."""
        kind = self.kinds[column]
        return int(kind.split()[0]) if kind.endswith("categories") else 0

    def draw(self, rng: Generator, rows: int) -> Floats:
        """Draw rows (columns, rows); integers and categories by number."""
        values = self._copula(rng, rows)
        for column, ends in zip(values, self._ends, strict=True):
            if ends is not None:
                column[:] = np.searchsorted(ends, column)
        return values

    def _copula(self, rng: Generator, rows: int) -> Floats:
        shape = (self.columns, rows)
        if self.dependence == "independent":
            return rng.random(shape)
        values = (1 - CORRELATION) ** 0.5 * rng.standard_normal(shape)
        values += CORRELATION**0.5 * rng.standard_normal(rows)
        if self.dependence == "t":
            values /= np.sqrt(rng.chisquare(DEGREES_OF_FREEDOM, rows) / DEGREES_OF_FREEDOM)
        return np.asarray(values)

    @cached_property
    def _ends(self) -> list[Floats | None]:
        """Where each column's values end on the scale of the copula; None of a continuous one."""
        scale: Mapping[Dependence, Callable[[Floats], Floats]] = {
            "independent": lambda share: share,
            "gaussian": ndtri,
            "t": lambda share: np.asarray(stdtrit(DEGREES_OF_FREEDOM, share)),
        }
        found: list[Floats | None] = []
        for column, kind in enumerate(self.kinds):
            if kind == "continuous":
                found.append(None)
            elif kind == "integers":
                found.append(scale[self.dependence](poisson.cdf(INTEGERS[:-1], MEAN)))
            else:
                weights = np.cumsum(1 / np.arange(1, self.categories(column) + 1))
                found.append(scale[self.dependence](weights[:-1] / weights[-1]))
        return found

    def table(self, drawn: Floats) -> pa.Table:
        """Return drawn rows as a table."""
        columns = []
        for place, column in enumerate(drawn):
            if self.categories(place):
                names = np.array([f"c{number}" for number in range(self.categories(place))])
                columns.append(pa.array(names[column.astype(int)]))
            else:
                columns.append(pa.array(np.ascontiguousarray(column)))
        return pa.table(columns, names=[f"x{place}" for place in range(self.columns)])
