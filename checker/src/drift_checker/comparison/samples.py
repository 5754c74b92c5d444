"""All values of a column in both tables: what its tests need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from drift_checker.comparison import faults
from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.pairs import Share
from drift_checker.comparison.sequential import PooledCategorical, PooledColumn, PooledNumeric
from drift_checker.decision import (
    Decision,
    Floats,
    Ints,
    column_tests,
    count_exceedances,
    kolmogorov,
)
from drift_checker.profiles import MAX_TICK_CATEGORIES, bin_counts, bin_edges
from drift_checker.wording import categorical_change, numeric_change


@dataclass(frozen=True)
class NumericSample:
    """Sorted finite values."""

    current: Floats
    reference: Floats
    infinities: tuple[Share, Share]
    row_sample: tuple[Floats, Floats]

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of values."""
        return len(self.current), len(self.reference)

    @property
    def tick_counts(self) -> list[int]:
        """The batch's values by bin."""
        return list(map(int, bin_counts(self.current, self._edges)))

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test the range, and whether there is more than one value."""
        return [
            faults.out_of_range(column, count_exceedances(self.current, self.reference, share=0)),
            faults.constant_numeric(column, self.current, self.reference),
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

    def pooled_column(self, name: str) -> PooledColumn:
        """Return the reference by its bins."""
        return PooledNumeric(name, self._edges, bin_counts(self.reference, self._edges))

    @cached_property
    def _edges(self) -> Floats:
        return bin_edges(self.reference)


@dataclass(frozen=True)
class CategoricalSample:
    """Counts of each category, none empty in both tables."""

    names: list[str]
    current: Ints
    reference: Ints

    @property
    def sizes(self) -> tuple[int, int]:
        """The rows that have a category."""
        return int(self.current.sum()), int(self.reference.sum())

    @property
    def infinities(self) -> None:
        """Categories are finite."""

    @property
    def row_sample(self) -> None:
        """No joint verdict looks at categories."""

    @property
    def tick_counts(self) -> dict[str, int] | None:
        """The batch's rows by category."""
        if np.count_nonzero(self.current) > MAX_TICK_CATEGORIES:
            return None
        return self._by_name(self.current)

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test for categories that are new, and whether there is more than one."""
        return [
            faults.unseen_categories(column, self.names, self.current, self.reference),
            faults.constant_categorical(column, self.names, self.current, self.reference),
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

    def pooled_column(self, name: str) -> PooledColumn:
        """Return the reference by its categories."""
        return PooledCategorical(name, self._by_name(self.reference))

    def _by_name(self, counts: Ints) -> dict[str, int]:
        return {self.names[i]: int(counts[i]) for i in np.flatnonzero(counts)}


@dataclass(frozen=True)
class BucketedSample(CategoricalSample):
    """Counts of categories that share buckets: of which are new, nothing is known."""

    @property
    def tick_counts(self) -> None:
        """Later ticks pool by name."""

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test whether there is more than one."""
        return [faults.constant_categorical(column, self.names, self.current, self.reference)]
