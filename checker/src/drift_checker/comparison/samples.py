"""The values of a column in both tables, as its tests need them: each, or counts.

All kinds answer alike. Of pairs, the first is the batch's, the second the reference's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from drift_checker.comparison import faults
from drift_checker.comparison.faults import Share
from drift_checker.comparison.options import Floors
from drift_checker.decision import (
    TAIL_SHARE,
    Decision,
    Exceedance,
    Floats,
    Ints,
    column_tests,
    count_exceedances,
    kolmogorov,
    ordered,
    pooled,
    rank_sum,
    tail_rank,
)
from drift_checker.profiles import MAX_TICK_CATEGORIES, Bins, bin_counts, bin_edges, far_edges
from drift_checker.wording import categorical_change, numeric_change

if TYPE_CHECKING:
    from drift_checker.comparison.sequential import PooledColumn
    from drift_checker.profiles.numeric import NumericProfile

DrawnBins: TypeAlias = tuple[Floats, Ints, Ints]
"""Edges (bins + 1,) from the reference's minimum to its maximum, and how many rows of reference and
batch (bins + 2,) are below them, in each bin with its upper edge, and above them."""

_SHOWN_QUANTILES = np.linspace(0, 1, 10_001)


@dataclass(frozen=True)
class NumericSample:
    """Sorted finite values.

    `infinities` are the infinite ones among those that are not null, `row_sample` the values in the
    rows that a joint verdict looks at, NaN where one is missing.
    """

    current: Floats
    reference: Floats
    infinities: tuple[Share, Share]
    row_sample: tuple[Floats, Floats]

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of values that are tested."""
        return len(self.current), len(self.reference)

    @property
    def tick_counts(self) -> list[int]:
        """The batch's values by bin, which later ticks pool."""
        return list(map(int, bin_counts(self.current, self._edges)))

    def count_tests(self, column: str, floors: Floors) -> list[faults.CountTest]:
        """Test the range, and whether there is more than one value."""
        outside = count_exceedances(self.current, self.reference, share=0)
        pooled_rows = np.diff(self._rows_up_to[1], prepend=0)
        return [
            faults.out_of_range(column, outside, self._far(outside), floors),
            faults.constant_numeric(column, self.current, self.reference, pooled_rows, floors),
        ]

    def decide(self, floors: Floors, threshold: float) -> Decision:
        """Test the bulk, the location and the tails."""
        return column_tests.numeric(
            self._distance,
            rank_sum.rank_sum(*self._rows_up_to),
            count_exceedances(self.current, self.reference),
            threshold=threshold,
            distance_floor=floors.of(floors.distance),
            tail_floor=floors.of(floors.tail),
        )

    def _far(self, outside: Exceedance) -> int:
        """Count the values beyond the reference's range by more than its own width."""
        low, high = far_edges(outside.low, outside.high)
        below = int(np.searchsorted(self.current, low, side="left"))
        return below + len(self.current) - int(np.searchsorted(self.current, high, side="right"))

    @cached_property
    def _rows_up_to(self) -> ordered.RowsUpTo:
        return ordered.rows_up_to(self.current, self.reference)

    @cached_property
    def _distance(self) -> kolmogorov.Distance:
        return kolmogorov.distance_up_to(*self._rows_up_to)

    def change(self, effect: str) -> str:
        """Say what changed, by what the deciding effect measures."""
        return numeric_change(self.current, self.reference, effect)

    def pooled_column(self, name: str) -> PooledColumn:
        """Return the reference by its bins."""
        return _pooled_numeric(name, self._edges, bin_counts(self.reference, self._edges))

    def drawn_bins(self, bins: int) -> DrawnBins:
        """Return at most so many bins of the reference, and how both lie in them."""
        edges = np.append(self.reference[:1], bin_edges(self.reference, bins))

        def counts(values: Floats) -> Ints:
            below = np.searchsorted(values, edges[:1], side="left")
            up_to = np.searchsorted(values, edges[1:], side="right")
            return _between(below, up_to, len(values))

        return edges, counts(self.reference), counts(self.current)

    def drawn_quantiles(self, shares: Floats) -> tuple[Floats, Floats]:
        """Return quantiles (shares,) of reference and batch."""
        before, after = (
            values[np.rint(shares * (len(values) - 1)).astype(np.int64)]
            for values in (self.reference, self.current)
        )
        return before, after

    @cached_property
    def _edges(self) -> Floats:
        return bin_edges(self.reference)


@dataclass(frozen=True)
class BinnedSample:
    """The counts of a numeric column at the edges of its reference.

    The distance is that at the edges: it is at most as much smaller than the distance everywhere as
    the smaller of the shares that lie between two edges, about 1/1024, and exact where all values
    are edges.
    """

    current: NumericProfile
    reference: NumericProfile
    bins: Bins
    kept_rows: tuple[Floats | None, Floats | None]
    """The values of the rows that were kept of either, if any were."""

    @property
    def sizes(self) -> tuple[int, int]:
        """The numbers of finite values."""
        return self.current.value_count, self.reference.value_count

    @property
    def infinities(self) -> tuple[Share, Share]:
        """The infinite values."""
        return _infinities(self.current), _infinities(self.reference)

    @property
    def row_sample(self) -> tuple[Floats, Floats] | None:
        """The rows that were kept, if they were of both."""
        current, reference = self.kept_rows
        return None if current is None or reference is None else (current, reference)

    @property
    def tick_counts(self) -> list[int]:
        """The batch's values by bin."""
        return list(map(int, self.current.bin_counts(self.bins.tick_edges)))

    def count_tests(self, column: str, floors: Floors) -> list[faults.CountTest]:
        """Test the range, and whether there is more than one value."""
        low, high = self.reference.minimum, self.reference.maximum
        outside = self._exceedance(low, high, share=0)
        current, edges = self.current, self.current.edges
        far = int(current.below[0]) + current.value_count - int(current.up_to[-1])
        # Older layouts have no edges beyond the range.
        known = (float(edges[0]), float(edges[-1])) == far_edges(low, high)
        return [
            faults.out_of_range(column, outside, far if known else 0, floors),
            self._constant(column, floors),
        ]

    def decide(self, floors: Floors, threshold: float) -> Decision:
        """Test the bulk, the location and the tails."""
        counts = self.current.counts_in_order, self.reference.counts_in_order
        return column_tests.numeric(
            self._distance(),
            rank_sum.rank_sum(*ordered.counts_up_to(*counts)),
            self._exceedance(self.bins.low, self.bins.high, share=TAIL_SHARE),
            threshold=threshold,
            distance_floor=floors.of(floors.distance),
            tail_floor=floors.of(floors.tail),
        )

    def change(self, effect: str) -> str:
        """Say what changed, as far as quantiles tell."""
        current, reference = (
            profile.quantiles(*_SHOWN_QUANTILES) for profile in (self.current, self.reference)
        )
        return numeric_change(current, reference, effect)

    def pooled_column(self, name: str) -> PooledColumn:
        """Return the reference by its bins."""
        edges = self.bins.tick_edges
        return _pooled_numeric(name, edges, self.reference.bin_counts(edges))

    def drawn_bins(self, bins: int) -> DrawnBins:
        """Return at most so many bins of the reference, and how both lie in them."""
        reference = self.reference
        tick_edges = self.bins.tick_edges
        up_to = reference.up_to[np.searchsorted(reference.edges, tick_edges)]
        ranks = np.arange(1, bins + 1) * reference.value_count / bins
        last = np.minimum(np.searchsorted(up_to, ranks), len(tick_edges) - 1)
        edges = np.append(
            reference.minimum, np.unique(np.append(tick_edges[last], reference.maximum))
        )

        def counts(profile: NumericProfile) -> Ints:
            at = np.searchsorted(profile.edges, edges)
            below, up_to = profile.below[at[:1]], profile.up_to[at[1:]]
            return _between(below, up_to, profile.value_count)

        return edges, counts(reference), counts(self.current)

    def drawn_quantiles(self, shares: Floats) -> tuple[Floats, Floats]:
        """Return quantiles (shares,) of reference and batch, as far as their profiles tell."""
        return self.reference.quantiles(*shares), self.current.quantiles(*shares)

    def _distance(self) -> kolmogorov.Distance:
        current, reference = self.current, self.reference
        if current.between_edges.any() or reference.between_edges.any():
            return pooled.distance(current.counts_in_order, reference.counts_in_order)
        # Every value of either is an edge: the ties are known.
        occupied = (current.at_edges + reference.at_edges) > 0
        return pooled.tied_distance(current.at_edges[occupied], reference.at_edges[occupied])

    def _exceedance(self, low: float, high: float, *, share: float) -> Exceedance:
        """Count the values below one edge and above another, where the reference's extremes lie."""
        reference, m = self.reference, self.reference.value_count
        edges = np.searchsorted(reference.edges, [low, high])
        below, up_to = reference.below[edges], reference.up_to[edges]
        # The edge is every one of these extremes; where the sample that chose it was all of the
        # reference, the extreme that was meant is among them.
        gaps = np.clip(
            tail_rank(m, share), [below[0] + 1, m - up_to[1] + 1], [up_to[0], m - below[1]]
        )
        current, n = self.current, self.current.value_count
        count = int(current.below[edges[0]]) + n - int(current.up_to[edges[1]])
        return Exceedance(count, n, low, high, min(int(gaps.sum()), m), m)

    def _constant(self, column: str, floors: Floors) -> faults.CountTest:
        """Test that there is one value only.

        Of the values between two edges it is not known whether they are one. That they are makes
        the p-value larger, and is assumed.
        """
        current, reference = self.current, self.reference
        only = f"{current.minimum:g}" if current.minimum == current.maximum else None
        after, before = current.counts_in_order, reference.counts_in_order
        rows = int(before[np.argmax(after)]), reference.value_count
        return faults.constant(
            column, only, current.value_count, rows, after + before, floors=floors
        )


def _between(below: Ints, up_to: Ints, total: int) -> Ints:
    """Return how many of `total` values are below a first edge, up to each next one, and above."""
    return np.diff(np.concatenate([[0], below, up_to, [total]]))


def _pooled_numeric(name: str, edges: Floats, reference: Ints) -> PooledColumn:
    # Needed where there are ticks before, as by no comparison of two files.
    from drift_checker.comparison.sequential import PooledNumeric  # noqa: PLC0415

    return PooledNumeric(name, edges, reference)


def _infinities(profile: NumericProfile) -> Share:
    return profile.infinite, max(1, profile.rows - profile.nulls)


@dataclass(frozen=True)
class CategoricalSample:
    """Counts of each category, none empty in both tables."""

    names: list[str]
    current: Ints
    reference: Ints

    infinities = row_sample = None
    """Categories are finite, and no joint verdict looks at them."""

    @property
    def sizes(self) -> tuple[int, int]:
        """The rows that have a category."""
        return int(self.current.sum()), int(self.reference.sum())

    @property
    def tick_counts(self) -> dict[str, int] | None:
        """The batch's rows by category, which later ticks pool; None of too many."""
        if np.count_nonzero(self.current) > MAX_TICK_CATEGORIES:
            return None
        return self._by_name(self.current)

    def count_tests(self, column: str, floors: Floors) -> list[faults.CountTest]:
        """Test for categories that are new, and whether there is more than one."""
        both = self.names, self.current, self.reference, floors
        return [
            faults.unseen_categories(column, *both),
            faults.constant_categorical(column, *both),
        ]

    def decide(self, floors: Floors, threshold: float) -> Decision:
        """Test the shares."""
        return column_tests.categorical(
            self.current,
            self.reference,
            threshold=threshold,
            share_floor=floors.of(floors.category),
        )

    def change(self, effect: str) -> str:  # noqa: ARG002  categories have one effect
        """Say which category changed most."""
        return categorical_change(self.names, self.current, self.reference)

    def pooled_column(self, name: str) -> PooledColumn:
        """Return the reference by its categories."""
        # Needed where there are ticks before, as by no comparison of two files.
        from drift_checker.comparison.sequential import PooledCategorical  # noqa: PLC0415

        return PooledCategorical(name, self._by_name(self.reference))

    def _by_name(self, counts: Ints) -> dict[str, int]:
        return {self.names[i]: int(counts[i]) for i in np.flatnonzero(counts)}


@dataclass(frozen=True)
class BucketedSample(CategoricalSample):
    """Counts of categories that share buckets: of which are new, nothing is known."""

    @property
    def tick_counts(self) -> None:
        """Later ticks pool by name."""

    def count_tests(self, column: str, floors: Floors) -> list[faults.CountTest]:
        """Test whether there is more than one."""
        both = self.names, self.current, self.reference, floors
        return [faults.constant_categorical(column, *both)]


ColumnSample: TypeAlias = NumericSample | BinnedSample | CategoricalSample
"""What the tests of one column need."""
