"""Columns that are on both sides: what a comparison asks of them, wherever they come from.

`Tables` answers from two tables in memory; `engine.pairs` from two profiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.comparison import faults, sequential
from drift_checker.comparison.joint import sampled_rows
from drift_checker.comparison.options import CompareSettings
from drift_checker.decision import (
    Decision,
    Floats,
    Indices,
    Ints,
    column_tests,
    count_exceedances,
    kolmogorov,
)
from drift_checker.profiles import MAX_TICK_CATEGORIES, bin_counts, bin_edges
from drift_checker.result import Fault
from drift_checker.tables import (
    Batch,
    as_numpy,
    batch_column,
    encode_categories,
    kind_of,
    reference_column,
    to_floats,
)
from drift_checker.wording import categorical_change, numeric_change

Share: TypeAlias = tuple[int, int]
"""How many rows are something, of how many."""


class ComparedTable(Protocol):
    """A table, as far as its columns do not matter."""

    @property
    def names(self) -> list[str]:
        """Its columns."""

    @property
    def rows(self) -> int:
        """The number of rows."""

    @property
    def digest(self) -> str:
        """The SHA-256 of what it was read from."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was found in reading it."""

    @property
    def unreadable(self) -> bool:
        """Whether there is no table to speak of."""


class ColumnSample(Protocol):
    """What the tests of one column need; pairs are (current, reference)."""

    @property
    def values(self) -> tuple[int, int]:
        """The values that are tested."""

    @property
    def infinities(self) -> tuple[Share, Share] | None:
        """Infinite values among those that are not null; None of categories."""

    @property
    def rows(self) -> tuple[Floats, Floats] | None:
        """The rows that a joint verdict looks at, NaN where a value is missing."""

    @property
    def left(self) -> list[int] | dict[str, int] | None:
        """The batch's rows by cell or by category, which later ticks pool; None of too many."""

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Return the tests of the values for faults."""

    def decide(self, settings: CompareSettings, threshold: float) -> Decision:
        """Test the values for drift."""

    def change(self, effect: str) -> str:
        """Say what changed, by what the deciding effect measures."""

    def pooled(self, name: str) -> sequential.Pooled:
        """Return the reference's side for the pools of several ticks."""


class ColumnPair(Protocol):
    """A column that is on both sides in one kind; pairs are (current, reference)."""

    @property
    def nulls(self) -> tuple[Share, Share]:
        """The rows without a value."""

    @property
    def steps_back(self) -> Share:
        """The times of the batch that are earlier than the one before."""

    @property
    def repeated_ids(self) -> Share | None:
        """The rows of the batch that repeat an id, 0 where the reference repeats some.

        None where it is not known.
        """

    @property
    def arrays(self) -> tuple[pa.Array[Any], pa.Array[Any]] | None:
        """All values row by row, where they lie in memory."""

    def sample(self) -> ColumnSample:
        """Return the values, of a numeric or categorical column."""


class TablePair(Protocol):
    """Both sides, and their columns one by one."""

    @property
    def reference(self) -> ComparedTable:
        """The reference."""

    @property
    def current(self) -> ComparedTable:
        """The batch."""

    @property
    def cells(self) -> str:
        """What the cells of batch profiles were cut by: those of equal ones can be pooled."""

    def type(self, name: str) -> pa.DataType:
        """Return the type of a column of the reference."""

    def pair(self, name: str) -> ColumnPair:
        """Return a column that is on both sides.

        Raises:
            MismatchError: It did not arrive in the kind of the reference's.
        """


class InMemoryPair:
    """Two tables in memory."""

    def __init__(self, reference: Batch, current: Batch) -> None:
        """Take both sides."""
        self.reference, self.current = reference, current
        self._rows = sampled_rows(current.rows), sampled_rows(reference.rows)
        self._columns: dict[str, pa.Array[Any]] = {}
        self._pairs: dict[str, _Arrays] = {}

    @property
    def cells(self) -> str:
        """All rows of the reference, known by its digest."""
        return self.reference.digest

    def type(self, name: str) -> pa.DataType:
        """Return the type of a column of the reference."""
        type_: pa.DataType = self._column(name).type
        return type_

    def pair(self, name: str) -> _Arrays:
        """Return a column that is on both sides.

        Raises:
            MismatchError: It did not arrive in the kind of the reference's.
        """
        if name not in self._pairs:
            before = self._column(name)
            current = batch_column(self.current, name, before.type)
            self._pairs[name] = _Arrays(current, before, self._rows)
        return self._pairs[name]

    def part(self, name: str, masks: tuple[pa.Array[Any], pa.Array[Any]]) -> ColumnPair:
        """Return a column in the rows that masks of (current, reference) choose."""
        whole, (current, reference) = self.pair(name), masks
        return _Arrays(whole.current.filter(current), whole.reference.filter(reference), _NO_ROWS)

    def _column(self, name: str) -> pa.Array[Any]:
        if name not in self._columns:
            self._columns[name] = reference_column(self.reference, name)
        return self._columns[name]


@dataclass(frozen=True)
class _Arrays:
    """A column as Arrow holds it, and the numbers of the rows for a joint verdict."""

    current: pa.Array[Any]
    reference: pa.Array[Any]
    rows: tuple[Indices, Indices]

    @property
    def nulls(self) -> tuple[Share, Share]:
        return _nulls(self.current), _nulls(self.reference)

    @property
    def steps_back(self) -> Share:
        times = as_numpy(self.current.drop_null().cast(pa.int64()))
        return int((times[1:] < times[:-1]).sum()), len(times)

    @property
    def repeated_ids(self) -> Share:
        rows = len(self.current)
        if pa.types.is_nested(self.current.type) or _repeated(self.reference):
            return 0, rows
        return _repeated(self.current), rows

    @property
    def arrays(self) -> tuple[pa.Array[Any], pa.Array[Any]]:
        return self.current, self.reference

    def sample(self) -> ColumnSample:
        return self._sample

    @cached_property
    def _sample(self) -> ColumnSample:
        if kind_of(self.reference.type) == "categorical":
            return _categories(self.current, self.reference)
        after, before = to_floats(self.current), to_floats(self.reference)
        return NumericSample(
            _finite(after),
            _finite(before),
            (_infinities(after), _infinities(before)),
            (after[self.rows[0]], before[self.rows[1]]),
        )


_NO_ROWS = (np.arange(0), np.arange(0))
"""A part has no joint verdict."""


def _finite(values: Floats) -> Floats:
    return np.sort(values[np.isfinite(values)])


def _infinities(values: Floats) -> Share:
    known = len(values) - int(np.isnan(values).sum())
    return int(np.isinf(values).sum()), max(1, known)


def _nulls(values: pa.Array[Any]) -> Share:
    found = pc.is_null(values, nan_is_null=True).cast(pa.uint8())
    return int(as_numpy(found).sum()), len(values)


def _repeated(values: pa.Array[Any]) -> int:
    """Count the rows whose value an earlier row has; nulls have none."""
    return len(values) - values.null_count - int(pc.count_distinct(values).as_py())


@dataclass(frozen=True)
class NumericSample:
    """Sorted finite values."""

    current: Floats
    reference: Floats
    infinities: tuple[Share, Share]
    rows: tuple[Floats, Floats]

    @property
    def values(self) -> tuple[int, int]:
        """The numbers of values."""
        return len(self.current), len(self.reference)

    @property
    def left(self) -> list[int]:
        """The batch's values by cell."""
        return list(map(int, bin_counts(self.current, self._edges)))

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test the range, and whether there is more than one value."""
        return [
            faults.out_of_range(column, count_exceedances(self.current, self.reference, share=0)),
            faults.constant_number(column, self.current, self.reference),
        ]

    def decide(self, settings: CompareSettings, threshold: float) -> Decision:
        """Test the bulk and the tails."""
        return column_tests.numeric(
            self._distance,
            count_exceedances(self.current, self.reference),
            threshold=threshold,
            distance_floor=settings.floors.distance,
            tail_floor=settings.floors.tail,
        )

    @cached_property
    def _distance(self) -> kolmogorov.Distance:
        return kolmogorov.distance(self.current, self.reference)

    def change(self, effect: str) -> str:
        """Say what changed."""
        return numeric_change(self.current, self.reference, effect)

    def pooled(self, name: str) -> sequential.Pooled:
        """Return the reference by its cells."""
        return sequential.PooledNumbers(name, self._edges, bin_counts(self.reference, self._edges))

    @cached_property
    def _edges(self) -> Floats:
        return bin_edges(self.reference)


@dataclass(frozen=True)
class CategoricalSample:
    """Counts of each category, none empty on both sides."""

    names: list[str]
    current: Ints
    reference: Ints

    @property
    def values(self) -> tuple[int, int]:
        """The rows that have a category."""
        return int(self.current.sum()), int(self.reference.sum())

    @property
    def infinities(self) -> None:
        """Categories are finite."""

    @property
    def rows(self) -> None:
        """No joint verdict looks at categories."""

    @property
    def left(self) -> dict[str, int] | None:
        """The batch's rows by category."""
        if np.count_nonzero(self.current) > MAX_TICK_CATEGORIES:
            return None
        return self._by_name(self.current)

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test for categories that are new, and whether there is more than one."""
        return [
            faults.unseen(column, self.names, self.current, self.reference),
            faults.constant_category(column, self.names, self.current, self.reference),
        ]

    def decide(self, settings: CompareSettings, threshold: float) -> Decision:
        """Test the shares."""
        return column_tests.categorical(
            self.current,
            self.reference,
            threshold=threshold,
            distance_floor=settings.floors.distance,
        )

    def change(self, effect: str) -> str:  # noqa: ARG002  categories have one effect
        """Say which category changed most."""
        return categorical_change(self.names, self.current, self.reference)

    def pooled(self, name: str) -> sequential.Pooled:
        """Return the reference by its categories."""
        return sequential.PooledCategories(name, self._by_name(self.reference))

    def _by_name(self, counts: Ints) -> dict[str, int]:
        return {self.names[place]: int(counts[place]) for place in np.flatnonzero(counts)}


@dataclass(frozen=True)
class BucketedSample(CategoricalSample):
    """Counts of categories that share buckets: of which are new, nothing is known."""

    @property
    def left(self) -> None:
        """Later ticks pool by name."""

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test whether there is more than one."""
        return [faults.constant_category(column, self.names, self.current, self.reference)]


def _categories(current: pa.Array[Any], reference: pa.Array[Any]) -> CategoricalSample:
    """Count the categories of both sides."""
    names, sides = encode_categories(current, reference)
    return CategoricalSample(
        names, *(np.bincount(side[side >= 0], minlength=len(names)) for side in sides)
    )
