"""Reference and batch as tables in memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.comparison.faults import Share
from drift_checker.comparison.joint import sampled_rows
from drift_checker.comparison.pairs import ColumnPair
from drift_checker.comparison.samples import CategoricalSample, ColumnSample, NumericSample
from drift_checker.decision import Bools, Floats, Indices
from drift_checker.tables import (
    Batch,
    as_numpy,
    batch_column,
    encode_categories,
    kind_of,
    reference_column,
    to_floats,
)


class InMemoryPair:
    """Two tables in memory."""

    def __init__(self, reference: Batch, current: Batch) -> None:
        """Take reference and batch."""
        self.reference, self.current = reference, current
        self._sampled = sampled_rows(current.rows), sampled_rows(reference.rows)
        self._columns: dict[str, pa.Array[Any]] = {}
        self._pairs: dict[str, _ArrayPair] = {}

    @property
    def bins_id(self) -> str:
        """The digest of the reference, of which all rows choose the bins."""
        return self.reference.digest

    def column_type(self, name: str) -> pa.DataType:
        """Return the type of a column of the reference."""
        type_: pa.DataType = self._reference_column(name).type
        return type_

    def column_pair(self, name: str) -> _ArrayPair:
        """Return a column that is in both tables.

        Raises:
            MismatchError: It did not arrive in the kind of the reference's.
        """
        if name not in self._pairs:
            reference = self._reference_column(name)
            current = batch_column(self.current, name, reference.type)
            self._pairs[name] = _ArrayPair(current, reference, self._sampled)
        return self._pairs[name]

    def filtered_pair(self, name: str, masks: tuple[pa.Array[Any], pa.Array[Any]]) -> ColumnPair:
        """Return a column in the rows that masks of (current, reference) choose."""
        pair, (current, reference) = self.column_pair(name), masks
        return _ArrayPair(pair.current.filter(current), pair.reference.filter(reference), _NO_ROWS)

    def _reference_column(self, name: str) -> pa.Array[Any]:
        if name not in self._columns:
            self._columns[name] = reference_column(self.reference, name)
        return self._columns[name]


@dataclass(frozen=True)
class _ArrayPair:
    """A column as Arrow holds it, and the numbers of the rows for a joint verdict."""

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
    def repeated_ids(self) -> Share:
        rows = len(self.current)
        if pa.types.is_nested(self.current.type) or _repeated(self.reference):
            return 0, rows
        return _repeated(self.current), rows

    @property
    def arrays(self) -> tuple[pa.Array[Any], pa.Array[Any]]:
        return self.current, self.reference

    @cached_property
    def sample(self) -> ColumnSample:
        if kind_of(self.reference.type) == "categorical":
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
    return len(values) - values.null_count - int(pc.count_distinct(values).as_py())


def _categorical_sample(current: pa.Array[Any], reference: pa.Array[Any]) -> CategoricalSample:
    """Count the categories of both tables."""
    names, codes = encode_categories(current, reference)
    return CategoricalSample(
        names, *(np.bincount(each[each >= 0], minlength=len(names)) for each in codes)
    )
