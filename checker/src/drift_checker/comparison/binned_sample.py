"""The values of a numeric column in two profiles: what its tests need.

The distance of two columns is that at the edges of the reference: it is at most as much smaller
than the distance everywhere as the smaller of the shares that lie between two edges, about 1/1024,
and exact where all values are edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from drift_checker.comparison import faults
from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.pairs import Share
from drift_checker.comparison.sequential import PooledColumn, PooledNumeric
from drift_checker.decision import (
    TAIL_SHARE,
    Decision,
    Exceedance,
    Floats,
    column_tests,
    kolmogorov,
    pooled,
    tail_rank,
)
from drift_checker.profiles import Bins
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.wording import numeric_change

_SHOWN_QUANTILES = np.linspace(0, 1, 10_001)


@dataclass(frozen=True)
class BinnedSample:
    """The counts of a numeric column at the edges of its reference."""

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

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test the range, and whether there is more than one value."""
        edges = self.reference.edges
        outside = self._exceedance(float(edges[0]), float(edges[-1]), share=0)
        return [faults.out_of_range(column, outside), self._constant(column)]

    def decide(self, settings: CompareSettings, threshold: float) -> Decision:
        """Test the bulk and the tails."""
        return column_tests.numeric(
            self._distance(),
            self._exceedance(self.bins.low, self.bins.high, share=TAIL_SHARE),
            threshold=threshold,
            distance_floor=settings.floors.distance,
            tail_floor=settings.floors.tail,
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
        return PooledNumeric(name, edges, self.reference.bin_counts(edges))

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

    def _constant(self, column: str) -> faults.CountTest:
        """Test that there is one value only.

        Of the reference's values between two edges it is not known whether they are one. That
        they are makes the p-value larger, and is assumed.
        """
        current, reference = self.current, self.reference
        if current.minimum != current.maximum:
            return faults.not_constant(column)
        occupied = int(np.argmax(current.counts_in_order))
        others = np.delete(reference.counts_in_order, occupied)
        same = int(reference.counts_in_order[occupied])
        return faults.constant(column, f"{current.minimum:g}", current.value_count, same, others)


def _infinities(profile: NumericProfile) -> Share:
    return profile.infinite, max(1, profile.rows - profile.nulls)
