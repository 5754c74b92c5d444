"""Ticks whose data Spark reads where they lie: only profiles of them are stored.

`columns-<version>-<settings>.npz` beside `meta.json` is the profile of a tick's batch, by the
layout of that version of the reference. It is what a repetition of the tick judges.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256

from drift_checker.comparison import CompareSettings
from drift_checker.comparison.profiled_pairs import (
    ProfiledPair,
    ProfiledTable,
    profile_batch,
    profile_reference,
    unreadable_table,
)
from drift_checker.config import Monitor, Settings
from drift_checker.errors import BadReferenceError
from drift_checker.profiles import stored
from drift_checker.profiles.layout import Layout
from drift_checker.profiles.profile import TableProfile
from drift_checker.references import Profiled, StoredReference, fitted_by
from drift_checker.sources import BatchMeta
from drift_checker.sources.files import list_batch, list_reference
from drift_checker.sources.spark import Spark
from drift_checker.state import Store, keys, read_document
from drift_checker.tables import UnreadableError


class InPlace:
    """The two sides of a tick, as far as they were read before, and by Spark where not."""

    def __init__(
        self, store: Store, monitor: Monitor, settings: Settings, options: CompareSettings
    ) -> None:
        """Look up the version of the reference in force.

        Raises:
            BadReferenceError: There is none.
        """
        self._store, self._monitor = store, monitor
        self._settings, self._options = settings, options
        self._reference = StoredReference(store, monitor.name, options)
        self.version = self._reference.version

    def sides(self, logical_date: datetime) -> tuple[ProfiledPair, BatchMeta]:
        """Return both sides of a tick, and what is known of its batch.

        Raises:
            BadReferenceError: The reference's files are not those that its version was made of.
            RejectedResponseError: There are no files of the tick.
            ServiceAwayError: A store or Spark stayed away.
            UsageError: Spark is not installed.
        """
        layout, reference = self._reference.profile(self._fit_reference)
        current, meta = self._stored(logical_date) or self._read(logical_date, layout)
        return ProfiledPair(layout, reference, current), meta

    @cached_property
    def _spark(self) -> Spark:
        return Spark(self._settings.spark_master)

    def _fit_reference(self) -> Profiled:
        """Profile the files of the reference, which have to be those of its version."""
        files = list_reference(self._monitor.reference, self._settings, self._spark)
        if files.digest != self.version.digest:
            raise BadReferenceError(
                f"{files.prefix.origin}: the files have changed since version "
                f"{self.version.version} of the reference: "
                f"drift-checker baseline fit --monitor {self._monitor.name}"
            )
        return profile_reference(files, self._options, self._spark)

    def _stored(self, logical_date: datetime) -> tuple[ProfiledTable, BatchMeta] | None:
        meta = read_document(self._store, self._key(logical_date, "meta.json"), BatchMeta)
        data = self._store.get(self._profile_key(logical_date))
        if meta is None or data is None:
            return None
        profile = stored.from_bytes(data)[1]
        return ProfiledTable(meta.names or [], meta.digest, tuple(meta.faults), profile), meta

    def _read(self, logical_date: datetime, layout: Layout) -> tuple[ProfiledTable, BatchMeta]:
        source = self._monitor.current
        try:
            files = list_batch(self._monitor, logical_date, self._settings, self._spark)
        except UnreadableError as error:
            current = unreadable_table(sha256(str(error).encode()).hexdigest(), error)
            place = source.path or self._monitor.fill(source.url or "", logical_date)
            return current, _meta(current, str(place))
        current = profile_batch(files, layout, self._spark)
        meta = _meta(current, files.prefix.origin, size=files.bytes, untyped=files.untyped)
        self._store.put(self._key(logical_date, "meta.json"), meta.model_dump_json().encode())
        if not current.unreadable:
            self._store.put(self._profile_key(logical_date), _as_bytes(current.profile, layout))
        return current, meta

    def _profile_key(self, logical_date: datetime) -> str:
        name = f"columns-{self.version.version}-{fitted_by(self._options)}.npz"
        return self._key(logical_date, name)

    def _key(self, logical_date: datetime, name: str) -> str:
        return keys.batch(self._monitor.name, logical_date, name)


def _meta(
    current: ProfiledTable, origin: str, *, size: int = 0, untyped: bool = False
) -> BatchMeta:
    return BatchMeta(
        source=origin,
        digest=current.digest,
        bytes=size,
        content_type=".csv" if untyped else ".parquet",
        untyped=untyped,
        faults=list(current.faults),
        truth=None,
        names=current.names,
    )


def _as_bytes(profile: TableProfile, layout: Layout) -> bytes:
    """Write a profile with the part of a layout that is of its columns."""
    columns = {name: layout.columns[name] for name in profile.columns}
    sampled = tuple(profile.sample.columns)
    return stored.to_bytes(replace(layout, columns=columns, sampled=sampled), profile)
