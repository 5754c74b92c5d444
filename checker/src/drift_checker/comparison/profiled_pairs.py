"""Columns that are on both sides, as profiles: what a comparison asks of them.

Counts of categories and of faults are as exact as those of a table. The distance of two numeric
columns is that at the edges of the reference: it is at most as much smaller than the distance
everywhere as the smaller of the shares that lie between two edges, about 1/1024, and exact where
all values are edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from drift_checker.comparison import faults, pairs, sequential
from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.pairs import ColumnPair, ColumnSample, Share
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
from drift_checker.errors import BadReferenceError
from drift_checker.profiles import Bins, Reader, read_here
from drift_checker.profiles.categorical import CategoricalProfile
from drift_checker.profiles.layout import Layout, fit
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.profiles.profile import (
    ColumnProfile,
    Mismatch,
    TableProfile,
    profile_chunks,
    profile_table,
)
from drift_checker.profiles.untested import TimestampProfile
from drift_checker.result import Fault
from drift_checker.tables import UNREADABLE, ChunkedTable, MismatchError, UnreadableError
from drift_checker.wording import numeric_change

_SHOWN_QUANTILES = np.linspace(0, 1, 10_001)


@dataclass(frozen=True)
class ProfiledTable:
    """A table of which the profile is known."""

    names: list[str]
    digest: str
    faults: tuple[Fault, ...]
    profile: TableProfile

    @property
    def unreadable(self) -> bool:
        """Whether there is no table to speak of."""
        return any(fault.fault == UNREADABLE for fault in self.faults)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.profile.rows


def profiles(
    reference: ChunkedTable, current: ChunkedTable, settings: CompareSettings
) -> ProfiledPair:
    """Read a reference twice and a batch once.

    Raises:
        BadReferenceError: The reference is damaged.
    """
    layout, before = fitted(reference, settings)
    return ProfiledPair(layout, before, side(current, layout))


def fitted(
    reference: ChunkedTable, settings: CompareSettings, read: Reader = read_here
) -> tuple[Layout, ProfiledTable]:
    """Have a reference read twice: for its layout, and for its profile by that.

    Raises:
        BadReferenceError: It is damaged.
    """
    roles = settings.columns
    try:
        layout = fit(
            reference,
            untested={*roles.ignore, roles.id, roles.timestamp},
            first={roles.target, roles.prediction},
            most=settings.joint_columns,
            read=read,
        )
        return layout, _side(reference, layout, read)
    except UnreadableError as error:
        raise BadReferenceError(f"The reference cannot be used: {error}.") from error


def side(source: ChunkedTable, layout: Layout, read: Reader = read_here) -> ProfiledTable:
    """Have a batch read once."""
    try:
        return _side(source, layout, read)
    except UnreadableError as error:
        return unreadable(source.digest, error)


def unreadable(digest: str, error: UnreadableError) -> ProfiledTable:
    """Return a table that is none."""
    return ProfiledTable([], digest, (error.fault,), profile_chunks((), {}, (), untyped=False))


def _side(source: ChunkedTable, layout: Layout, read: Reader) -> ProfiledTable:
    found = read(source, partial(profile_table, layout=layout), TableProfile.merge)
    return ProfiledTable(list(source.types), source.digest, source.faults, found)


class ProfiledPair:
    """Two profiles by the layout of the reference."""

    def __init__(self, layout: Layout, reference: ProfiledTable, current: ProfiledTable) -> None:
        """Take both sides."""
        self.layout, self.reference, self.current = layout, reference, current

    @property
    def cells(self) -> str:
        """The reference's digest, and of how many of its rows the cells are where not of all."""
        digest, rows = self.reference.digest, self.layout.fit_rows
        return digest if self.reference.rows <= rows else f"{digest}/{rows}"

    def type(self, name: str) -> pa.DataType:
        """Return the type of a column of the reference."""
        return self.layout.columns[name].type

    def pair(self, name: str) -> ColumnPair:
        """Return a column that is on both sides.

        Raises:
            MismatchError: It did not arrive in the kind of the reference's.
        """
        current, reference = _column(self.current, name), _column(self.reference, name)
        after, before = (
            side.profile.sample.columns.get(name) for side in (self.current, self.reference)
        )
        return _Counts(current, reference, self.layout.columns[name].bins, (after, before))


def _column(side: ProfiledTable, name: str) -> ColumnProfile:
    found = side.profile.columns[name]
    if isinstance(found, Mismatch):
        raise MismatchError(found.fault, found.detail)
    return found


@dataclass(frozen=True)
class _Counts:
    """The profiles of a column, and the values of the rows that are kept of it."""

    current: ColumnProfile
    reference: ColumnProfile
    cuts: Bins
    rows: tuple[Floats | None, Floats | None]

    @property
    def nulls(self) -> tuple[Share, Share]:
        current, reference = self.current, self.reference
        return (current.nulls, current.rows), (reference.nulls, reference.rows)

    @property
    def steps_back(self) -> Share:
        times = self.current
        return (
            (times.back, times.rows - times.nulls)
            if isinstance(times, TimestampProfile)
            else (0, 0)
        )

    @property
    def repeated_ids(self) -> None:
        # To know them is to keep all ids.
        return None

    @property
    def arrays(self) -> None:
        # There is no place to keep all rows.
        return None

    def sample(self) -> ColumnSample:
        match self.current, self.reference:
            case CategoricalProfile(), CategoricalProfile():
                return _categories(self.current, self.reference)
            case NumericProfile(), NumericProfile():
                return BinnedSample(self.current, self.reference, self.cuts, self.rows)
        raise TypeError("only numbers and categories are tested")


@dataclass(frozen=True)
class BinnedSample:
    """The counts of a numeric column at the edges of its reference."""

    current: NumericProfile
    reference: NumericProfile
    cuts: Bins
    sampled: tuple[Floats | None, Floats | None]

    @property
    def values(self) -> tuple[int, int]:
        """The finite values."""
        return self.current.value_count, self.reference.value_count

    @property
    def infinities(self) -> tuple[Share, Share]:
        """The infinite values."""
        after, before = (
            (side.infinite, max(1, side.rows - side.nulls))
            for side in (self.current, self.reference)
        )
        return after, before

    @property
    def rows(self) -> tuple[Floats, Floats] | None:
        """The rows that were kept, if any were."""
        current, reference = self.sampled
        return None if current is None or reference is None else (current, reference)

    @property
    def left(self) -> list[int]:
        """The batch's values by cell."""
        return list(map(int, self.current.bin_counts(self.cuts.tick_edges)))

    def count_tests(self, column: str) -> list[faults.CountTest]:
        """Test the range, and whether there is more than one value."""
        edges = self.reference.edges
        outside = self._beyond(float(edges[0]), float(edges[-1]), share=0)
        return [faults.out_of_range(column, outside), self._constant(column)]

    def decide(self, settings: CompareSettings, threshold: float) -> Decision:
        """Test the bulk and the tails."""
        return column_tests.numeric(
            self._distance(),
            self._beyond(self.cuts.low, self.cuts.high, share=TAIL_SHARE),
            threshold=threshold,
            distance_floor=settings.floors.distance,
            tail_floor=settings.floors.tail,
        )

    def change(self, effect: str) -> str:
        """Say what changed, as far as quantiles tell."""
        current, reference = (
            side.quantiles(*_SHOWN_QUANTILES) for side in (self.current, self.reference)
        )
        return numeric_change(current, reference, effect)

    def pooled(self, name: str) -> sequential.Pooled:
        """Return the reference by its cells."""
        ends = self.cuts.tick_edges
        return sequential.PooledNumbers(name, ends, self.reference.bin_counts(ends))

    def _distance(self) -> kolmogorov.Distance:
        current, reference = self.current, self.reference
        if current.between_edges.any() or reference.between_edges.any():
            return pooled.distance(current.counts_in_order, reference.counts_in_order)
        # Every value of either side is an edge: the ties are known.
        there = (current.at_edges + reference.at_edges) > 0
        return pooled.tied_distance(current.at_edges[there], reference.at_edges[there])

    def _beyond(self, low: float, high: float, *, share: float) -> Exceedance:
        """Count the values below one edge and above another, where the reference's extremes lie."""
        before, m = self.reference, self.reference.value_count
        places = np.searchsorted(before.edges, [low, high])
        below, upto = before.below[places], before.up_to[places]
        # The edge is every one of these extremes; where the sample that chose it was all of the
        # reference, the extreme that was meant is among them.
        gaps = np.clip(
            tail_rank(m, share), [below[0] + 1, m - upto[1] + 1], [upto[0], m - below[1]]
        )
        after, n = self.current, self.current.value_count
        count = int(after.below[places[0]]) + n - int(after.up_to[places[1]])
        return Exceedance(count, n, low, high, min(int(gaps.sum()), m), m)

    def _constant(self, column: str) -> faults.CountTest:
        """Test that there is one value only.

        Of the reference's values between two edges it is not known whether they are one. That
        they are makes the p-value larger, and is assumed.
        """
        current, reference = self.current, self.reference
        if current.minimum != current.maximum:
            return faults.varies(column)
        place = int(np.argmax(current.counts_in_order))
        others = np.delete(reference.counts_in_order, place)
        same = int(reference.counts_in_order[place])
        return faults.constant(column, f"{current.minimum:g}", current.value_count, same, others)


def _categories(
    current: CategoricalProfile, reference: CategoricalProfile
) -> pairs.CategoricalSample | pairs.BucketedSample:
    after, before = current.aligned(reference)
    names = sorted(after.counts.keys() | before.counts.keys())
    counts = (np.array([side.counts.get(name, 0) for name in names]) for side in (after, before))
    return (pairs.BucketedSample if after.hashed else pairs.CategoricalSample)(names, *counts)
