"""The reference in force, as batches are compared with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from drift_checker.comparison import CompareSettings, InMemoryPair, TablePair
from drift_checker.references import versions
from drift_checker.state import Record, Store, identity, keys, read_cache
from drift_checker.tables import READING_RULES, Batch, count_values

if TYPE_CHECKING:
    from drift_checker.comparison.profiled_pairs import ProfiledTable
    from drift_checker.profiles.layout import Layout

Profiled: TypeAlias = "tuple[Layout, ProfiledTable]"
"""How columns are counted, and the reference counted that way."""


class StoredReference:
    """A version of a reference in the store; of a large one the profile is read, and not the rows.

    The profile is made when it is first needed, and stored beside the rows.
    """

    def __init__(self, store: Store, monitor: str, settings: CompareSettings) -> None:
        """Look up the version in force.

        Raises:
            BadReferenceError: there is none.
            LostReferenceError: it is damaged.
        """
        self._store, self._monitor, self.settings = store, monitor, settings
        self.version = versions.summary_in_force(store, monitor)

    @cached_property
    def rows(self) -> Batch:
        """All rows.

        Raises:
            LostReferenceError: they are not there.
        """
        return versions.load_reference(self._store, self._monitor, self.version)

    def pair_with(self, batch: Batch) -> TablePair:
        """Return the reference beside a batch, by their profiles where one of them is large.

        Raises:
            LostReferenceError: the rows are not there.
        """
        values = self.version.rows * len(self.version.columns)
        values = max(values, count_values(batch))
        if batch.unreadable or not self.settings.is_large(values):
            return InMemoryPair(self.rows, batch, self.settings.columns.reading)
        from drift_checker.comparison.profiled_pairs import ProfiledPair, profile_batch  # noqa: PLC0415  # seldom needed

        layout, reference = self._profile_of_rows
        return ProfiledPair(layout, reference, profile_batch(batch, layout))

    @cached_property
    def _profile_of_rows(self) -> Profiled:
        from drift_checker.comparison.profiled_pairs import profile_reference  # noqa: PLC0415

        return self.profile(lambda: profile_reference(self.rows, self.settings))

    def profile(self, fit: Callable[[], Profiled]) -> Profiled:
        """Return the stored layout and profile; where there are none, have them fitted.

        Other roles of the columns make another profile.
        """
        from drift_checker.comparison.profiled_pairs import ProfiledTable  # noqa: PLC0415
        from drift_checker.profiles import stored  # noqa: PLC0415  # seldom needed

        name = f"columns-{fitted_by(self.settings)}.npz"
        key = keys.reference(self._monitor, self.version.version, name)
        known = read_cache(self._store, key, stored.from_bytes)
        if known is not None:
            layout, profile = known
            names = list(self.version.columns)
            return layout, ProfiledTable(names, self.version.digest, (), profile)
        layout, reference = fit()
        self._store.put(key, stored.to_bytes(layout, reference.profile))
        return layout, reference


def fitted_by(settings: CompareSettings) -> str:
    """Return what tells a profile from those of the same reference by other settings."""
    from drift_checker.profiles import stored  # noqa: PLC0415  # seldom needed

    roles = settings.columns
    columns = Record(
        "ColumnRoles",
        {
            "timestamp": roles.timestamp,
            "target": roles.target,
            "prediction": roles.prediction,
            "id": roles.id,
            "ignore": tuple(roles.ignore),
        },
    )
    reading = Record(
        "Reading",
        {
            "rules": READING_RULES,
            "kinds": sorted(roles.kinds.items()),
            "missing": tuple(roles.missing),
            "formats": sorted(roles.formats.items()),
        },
    )
    digest = identity((stored.VERSION, columns, reading, settings.joint_columns))
    return digest[: versions.VERSION_LENGTH]
