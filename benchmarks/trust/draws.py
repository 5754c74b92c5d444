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
from drift_checker.decision import Floats, Indices

Generator: TypeAlias = np.random.Generator

CORRELATION = 0.5
DEGREES_OF_FREEDOM = 4
MEAN = 3
"""Of the integers, which are a Poisson variable."""
INTEGERS = range(41)
"""What it may be; the last stands for all beyond."""
# So many ends are looked up, in so many cells from a little below the first to a little above the
# last; less than that are searched for as quickly.
_MANY, _CELLS, _BESIDE, _UNKNOWN = 100, 2**14, 0.1, -1


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
        for column, below in zip(values, self._below, strict=True):
            if below:
                column[:] = below(column)
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
    def _below(self) -> list[Callable[[Floats], NDArray[np.integer]] | None]:
        """How many ends of values lie below one of the copula; None of a continuous column."""
        scale: Mapping[Dependence, Callable[[Floats], Floats]] = {
            "independent": lambda share: share,
            "gaussian": ndtri,
            "t": lambda share: np.asarray(stdtrit(DEGREES_OF_FREEDOM, share)),
        }
        found: list[Callable[[Floats], NDArray[np.integer]] | None] = []
        for column, kind in enumerate(self.kinds):
            if kind == "continuous":
                found.append(None)
                continue
            if kind == "integers":
                shares = poisson.cdf(INTEGERS[:-1], MEAN)
            else:
                weights = np.cumsum(1 / np.arange(1, self.categories(column) + 1))
                shares = weights[:-1] / weights[-1]
            ends = scale[self.dependence](shares)
            found.append(_Below(ends) if len(ends) >= _MANY else ends.searchsorted)
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


class _Below:
    """How many of many ends lie below a value, looked up by small cells of the scale.

    Only in a cell with an end they are searched for.
    """

    def __init__(self, ends: Floats) -> None:
        self.ends, self.low = ends, ends[0] - _BESIDE
        self.scale = _CELLS / (ends[-1] + _BESIDE - self.low)
        cells = self._cells(ends)
        self.below = np.searchsorted(cells, np.arange(_CELLS))
        # An end that lies where two cells meet may belong to either.
        self.below[np.concatenate((cells - 1, cells, cells + 1))] = _UNKNOWN

    def __call__(self, values: Floats) -> NDArray[np.integer]:
        """Return the number of ends below each value."""
        found = self.below[self._cells(values)]
        unknown = np.flatnonzero(found == _UNKNOWN)
        found[unknown] = np.searchsorted(self.ends, values[unknown])
        return np.asarray(found)

    def _cells(self, values: Floats) -> Indices:
        cells = (values - self.low) * self.scale
        return np.asarray(np.clip(cells, 0, _CELLS - 1, out=cells), dtype=np.intp)
