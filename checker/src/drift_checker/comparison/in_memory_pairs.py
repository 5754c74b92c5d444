"""Reference and batch as tables in memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.comparison.faults import Share
from drift_checker.comparison.joint import sampled_rows
from drift_checker.comparison.pairs import ColumnPair, read_by_rules
from drift_checker.comparison.samples import CategoricalSample, ColumnSample, NumericSample
from drift_checker.decision import Bools, Floats, Indices
from drift_checker.tables import (
    Batch,
    ColumnReading,
    MismatchError,
    ReadColumns,
    ReadingSettings,
    as_numpy,
    encode_categories,
    from_bools,
    infer_readings,
    to_floats,
)


class InMemoryPair:
    """Two tables in memory."""

    def __init__(
        self, reference: Batch, current: Batch, settings: ReadingSettings | None = None
    ) -> None:
        """Take reference and batch, and what the settings say of how columns are read."""
        self.reference, self.current = reference, current
        self._settings = settings or ReadingSettings()
        self._sampled = sampled_rows(current.rows), sampled_rows(reference.rows)
        self._columns = ReadColumns.of(current), ReadColumns.of(reference)
        self._pairs: dict[str, _ArrayPair] = {}

    @property
    def bins_id(self) -> str:
        """The digest of the reference, of which all rows choose the bins, and how it was read."""
        return read_by_rules(self.reference.digest)

    @cached_property
    def readings(self) -> Mapping[str, ColumnReading]:
        """How the columns of the reference are read.

        Raises:
            BadReferenceError: Values are of several types, or not what the settings say.
        """
        return infer_readings(self.reference, self._settings)

    def column_pair(self, name: str) -> _ArrayPair:
        """Return a column that is in both tables.

        Raises:
            MismatchError: It did not arrive in the kind of the reference's.
        """
        if name not in self._pairs:
            reading, (current, reference) = self.readings[name], self._columns
            self._pairs[name] = _ArrayPair(
                reading, current.read(reading), reference.read(reading), self._sampled
            )
        return self._pairs[name]

    def with_rows(self, mask: Bools) -> InMemoryPair:
        """Return the reference, as it was read, beside those rows that a mask (rows,) chooses."""
        chosen = from_bools(mask)
        batch = replace(self.current, table=self.current.table.filter(chosen))
        part = InMemoryPair(self.reference, batch, self._settings)
        part.readings = self.readings
        for name, reading in self.readings.items():
            with suppress(MismatchError, KeyError):  # said of the whole batch
                pair = self.column_pair(name)
                rows = pair.current.filter(chosen)
                part._pairs[name] = _ArrayPair(reading, rows, pair.reference, part._sampled)
        return part

    def filtered_pair(self, name: str, masks: tuple[pa.Array[Any], pa.Array[Any]]) -> ColumnPair:
        """Return a column in the rows that masks of (current, reference) choose."""
        pair, (current, reference) = self.column_pair(name), masks
        rows = pair.current.filter(current), pair.reference.filter(reference)
        return _ArrayPair(pair.reading, *rows, _NO_ROWS)


@dataclass(frozen=True)
class _ArrayPair:
    """A column as Arrow holds it, and the numbers of the rows for a joint verdict."""

    reading: ColumnReading
    current: pa.Array[Any]
    reference: pa.Array[Any]
    sampled: tuple[Indices, Indices]

    @property
    def nulls(self) -> tuple[Share, Share]:
        return _nulls(self.current), _nulls(self.reference)

    @property
    def steps_back(self) -> Share:
        times = as_numpy(self.current.drop_null().cast(pa.int64()))
        return int((times[1:] < times[:-1]).sum()), len(times)

    @property
    def repeated_ids(self) -> Share | None:
        rows = len(self.current)
        if pa.types.is_nested(self.current.type) or pa.types.is_nested(self.reference.type):
            return None
        if _repeated(self.reference):
            return 0, rows
        return _repeated(self.current), rows

    @property
    def arrays(self) -> tuple[pa.Array[Any], pa.Array[Any]]:
        return self.current, self.reference

    @cached_property
    def sample(self) -> ColumnSample:
        if self.reading.kind == "categorical":
            return _categorical_sample(self.current, self.reference)
        current, reference = to_floats(self.current), to_floats(self.reference)
        return NumericSample(
            np.sort(current[np.isfinite(current)]),
            np.sort(reference[np.isfinite(reference)]),
            (_infinities(current), _infinities(reference)),
            (current[self.sampled[0]], reference[self.sampled[1]]),
        )


_NO_ROWS = (np.arange(0), np.arange(0))
"""A segment has no joint verdict."""


def _infinities(values: Floats) -> Share:
    valid = len(values) - int(np.isnan(values).sum())
    return int(np.isinf(values).sum()), max(1, valid)


def _nulls(values: pa.Array[Any]) -> Share:
    return int(null_mask(values).sum()), len(values)


def null_mask(values: pa.Array[Any]) -> Bools:
    """Return which values (rows,) are missing; NaN is."""
    return np.asarray(as_numpy(pc.is_null(values, nan_is_null=True).cast(pa.uint8())) > 0)


def _repeated(values: pa.Array[Any]) -> int:
    """Count the rows whose value an earlier row has; nulls have none."""
    if pa.types.is_null(values.type):
        return 0
    if pa.types.is_binary_view(values.type):
        values = values.cast(pa.binary())
    return len(values) - values.null_count - int(pc.count_distinct(values).as_py())


def _categorical_sample(current: pa.Array[Any], reference: pa.Array[Any]) -> CategoricalSample:
    """Count the categories of both tables."""
    names, codes = encode_categories(current, reference)
    return CategoricalSample(
        names, *(np.bincount(each[each >= 0], minlength=len(names)) for each in codes)
    )
