"""Reference and batch as profiles, by the layout of the reference.

Counts of categories and of faults are as exact as those of a table; of numbers see `BinnedSample`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from drift_checker.comparison.faults import Share
from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.pairs import ColumnPair, read_by_rules
from drift_checker.comparison.samples import (
    BinnedSample,
    BucketedSample,
    CategoricalSample,
    ColumnSample,
)
from drift_checker.decision import Floats
from drift_checker.errors import BadReferenceError
from drift_checker.profiles import Bins
from drift_checker.profiles.categorical import CategoricalProfile
from drift_checker.profiles.layout import Layout, fit_layout
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.profiles.profile import (
    ColumnProfile,
    Mismatch,
    TableProfile,
    profile_chunks,
    profile_table,
)
from drift_checker.profiles.readers import Reader, read_here
from drift_checker.profiles.untested import TimestampProfile
from drift_checker.result import Fault
from drift_checker.tables import (
    UNREADABLE,
    ColumnReading,
    MismatchError,
    UnreadableError,
)
from drift_checker.tables.chunks import ChunkedTable


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


def profile_pair(
    reference: ChunkedTable, current: ChunkedTable, settings: CompareSettings
) -> ProfiledPair:
    """Read a reference twice and a batch once.

    Raises:
        BadReferenceError: The reference is damaged.
    """
    layout, profiled_reference = profile_reference(reference, settings)
    return ProfiledPair(layout, profiled_reference, profile_batch(current, layout))


def profile_reference(
    reference: ChunkedTable, settings: CompareSettings, read: Reader = read_here
) -> tuple[Layout, ProfiledTable]:
    """Have a reference read twice: for its layout, and for its profile by that.

    Raises:
        BadReferenceError: It is damaged.
    """
    roles = settings.columns
    try:
        layout = fit_layout(
            reference,
            settings=roles.reading,
            preferred={roles.target, roles.prediction},
            max_sampled=settings.joint_columns,
            read=read,
        )
        return layout, _profiled(reference, layout, read)
    except UnreadableError as error:
        raise BadReferenceError(f"The reference cannot be used: {error}.") from error


def profile_batch(batch: ChunkedTable, layout: Layout, read: Reader = read_here) -> ProfiledTable:
    """Have a batch read once; what is damaged has a fault that says so."""
    try:
        return _profiled(batch, layout, read)
    except UnreadableError as error:
        return unreadable_table(batch.digest, error)


def unreadable_table(digest: str, error: UnreadableError) -> ProfiledTable:
    """Return a table that is none."""
    return ProfiledTable([], digest, (error.fault,), profile_chunks((), {}, (), untyped=False))


def _profiled(table: ChunkedTable, layout: Layout, read: Reader) -> ProfiledTable:
    profile = read(table, partial(profile_table, layout=layout), TableProfile.merge)
    return ProfiledTable(list(table.types), table.digest, table.faults, profile)


class ProfiledPair:
    """Two profiles by the layout of the reference."""

    def __init__(self, layout: Layout, reference: ProfiledTable, current: ProfiledTable) -> None:
        """Take reference and batch."""
        self.layout, self.reference, self.current = layout, reference, current

    @property
    def bins_id(self) -> str:
        """The reference's digest, and how many of its rows chose the bins where not all did."""
        digest, rows = read_by_rules(self.reference.digest), self.layout.fit_rows
        return digest if self.reference.rows <= rows else f"{digest}/{rows}"

    @property
    def readings(self) -> Mapping[str, ColumnReading]:
        """How the columns of the reference are read."""
        return {name: column.reading for name, column in self.layout.columns.items()}

    def column_pair(self, name: str) -> ColumnPair:
        """Return a column that is in both tables.

        Raises:
            MismatchError: It did not arrive in the kind of the reference's.
        """
        current, reference = self.current.profile, self.reference.profile
        return _ProfilePair(
            _column_profile(current, name),
            _column_profile(reference, name),
            self.layout.columns[name].bins,
            (current.sample.columns.get(name), reference.sample.columns.get(name)),
        )


def _column_profile(table: TableProfile, name: str) -> ColumnProfile:
    column = table.columns[name]
    if isinstance(column, Mismatch):
        raise MismatchError(column.fault, column.detail)
    return column


@dataclass(frozen=True)
class _ProfilePair:
    """The profiles of a column, and the values of the rows that are kept of it."""

    current: ColumnProfile
    reference: ColumnProfile
    bins: Bins
    kept_rows: tuple[Floats | None, Floats | None]

    @property
    def nulls(self) -> tuple[Share, Share]:
        current, reference = self.current, self.reference
        return (current.nulls, current.rows), (reference.nulls, reference.rows)

    @property
    def steps_back(self) -> Share:
        times = self.current
        if not isinstance(times, TimestampProfile):
            return 0, 0
        return times.back, times.rows - times.nulls

    @property
    def repeated_ids(self) -> None:
        # To know them is to keep all ids.
        return None

    @property
    def arrays(self) -> None:
        # A profile does not keep all rows.
        return None

    @property
    def sample(self) -> ColumnSample:
        match self.current, self.reference:
            case CategoricalProfile(), CategoricalProfile():
                return _categorical_sample(self.current, self.reference)
            case NumericProfile(), NumericProfile():
                return BinnedSample(self.current, self.reference, self.bins, self.kept_rows)
        raise TypeError("only numbers and categories are tested")


def _categorical_sample(
    current: CategoricalProfile, reference: CategoricalProfile
) -> CategoricalSample | BucketedSample:
    aligned = current.aligned(reference)
    names = sorted(aligned[0].counts.keys() | aligned[1].counts.keys())
    counts = (np.array([each.counts.get(name, 0) for name in names]) for each in aligned)
    return (BucketedSample if aligned[0].hashed else CategoricalSample)(names, *counts)
