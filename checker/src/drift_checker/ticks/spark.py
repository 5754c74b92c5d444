"""Ticks whose data Spark reads where they lie: only profiles of them are stored.

`columns-<version>-<settings>.npz` is the profile of a tick's batch, by the layout of that version
of the reference. It is what a repetition of the tick judges, and says within what is known of the
batch besides; `meta.json` beside it is made of that.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from hashlib import sha256

from drift_checker.comparison.profiled_pairs import (
    ProfiledPair,
    ProfiledTable,
    profile_batch,
    profile_reference,
    unreadable_table,
)
from drift_checker.errors import BadReferenceError
from drift_checker.profiles import stored
from drift_checker.profiles.layout import Layout
from drift_checker.profiles.profile import TableProfile
from drift_checker.references import Profiled, StoredReference, fitted_by
from drift_checker.sources import BatchMeta
from drift_checker.sources.listings import list_batch, list_reference
from drift_checker.sources.spark import Spark
from drift_checker.state import keys, read_cache, read_truth
from drift_checker.tables import UnreadableError
from drift_checker.ticks.context import Inputs, TickContext


def read_in_place(context: TickContext) -> Inputs:
    """Return both tables of a tick by their profiles: as stored, and read by Spark where not.

    Raises:
        BadReferenceError: There is no reference, or its files are not those of its version.
        RejectedResponseError: There are no files of the tick.
        ServiceAwayError: A store or Spark stayed away.
        UsageError: Spark is not installed.
    """
    return _InPlace(context).inputs()


class _InPlace:
    def __init__(self, context: TickContext) -> None:
        self._store, self._tick, self._settings = context.store, context.tick, context.settings
        self._monitor, self._options = context.tick.monitor, context.compare_settings
        self._reference = StoredReference(self._store, self._monitor.name, self._options)

    def inputs(self) -> Inputs:
        layout, reference = self._reference.profile(self._fit_reference)
        batch, meta = self._stored_batch() or self._read_batch(layout)
        tables = ProfiledPair(layout, reference, batch)
        return Inputs(tables, self._reference, batch_url=meta.source)

    @cached_property
    def _spark(self) -> Spark:
        return Spark(self._settings.spark_master)

    def _fit_reference(self) -> Profiled:
        """Profile the files of the reference, which have to be those of its version."""
        files = list_reference(self._monitor.reference, self._settings, self._spark)
        if files.digest != self._reference.version.digest:
            raise BadReferenceError(
                f"{files.prefix.origin}: the files have changed since version "
                f"{self._reference.version.version} of the reference: "
                f"drift-checker baseline fit --monitor {self._monitor.name}"
            )
        return profile_reference(files, self._options, self._spark)

    def _stored_batch(self) -> tuple[ProfiledTable, BatchMeta] | None:
        return read_truth(self._store, self._profile_key, self._as_stored)

    def _as_stored(self, data: bytes) -> tuple[ProfiledTable, BatchMeta]:
        profile, told = stored.from_bytes(data)[1], stored.told_in(data)
        if told:
            meta = BatchMeta.model_validate_json(told)
        else:  # of an older version
            beside = read_cache(self._store, self._key("meta.json"), BatchMeta.model_validate_json)
            if beside is None:
                raise ValueError("nothing says what batch it is of")
            meta = beside
        return ProfiledTable(meta.names or [], meta.digest, tuple(meta.faults), profile), meta

    def _read_batch(self, layout: Layout) -> tuple[ProfiledTable, BatchMeta]:
        source, date = self._monitor.current, self._tick.logical_date
        try:
            files = list_batch(self._monitor, date, self._settings, self._spark)
        except UnreadableError as error:
            batch = unreadable_table(sha256(str(error).encode()).hexdigest(), error)
            origin = source.path or self._monitor.fill(source.url or "", date)
            return batch, _meta(batch, str(origin))
        batch = profile_batch(files, layout, self._spark)
        meta = _meta(batch, files.prefix.origin, size=files.bytes, untyped=files.untyped)
        text = meta.model_dump_json().encode()
        if not batch.unreadable:
            data = _as_bytes(batch.profile, layout, text)
            if not self._store.put_if_absent(self._profile_key, data):
                return self._stored_batch() or (batch, meta)
        self._store.put(self._key("meta.json"), text)
        return batch, meta

    @property
    def _profile_key(self) -> str:
        version = self._reference.version.version
        return self._key(f"columns-{version}-{fitted_by(self._options)}.npz")

    def _key(self, name: str) -> str:
        return keys.batch(self._monitor.name, self._tick.logical_date, name)


def _meta(batch: ProfiledTable, origin: str, *, size: int = 0, untyped: bool = False) -> BatchMeta:
    return BatchMeta(
        source=origin,
        digest=batch.digest,
        bytes=size,
        content_type=".csv" if untyped else ".parquet",
        untyped=untyped,
        faults=list(batch.faults),
        truth=None,
        names=batch.names,
    )


def _as_bytes(profile: TableProfile, layout: Layout, told: bytes) -> bytes:
    """Write a profile with the part of a layout that is of its columns, and what else is told."""
    columns = {name: layout.columns[name] for name in profile.columns}
    sampled = tuple(profile.sample.columns)
    return stored.to_bytes(replace(layout, columns=columns, sampled=sampled), profile, told=told)
