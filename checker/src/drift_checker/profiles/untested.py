"""The profile of a column that is not tested but for its nulls, and for the order of times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class NullProfile:
    """A column of which only the nulls are counted."""

    rows: int
    nulls: int

    def merge(self, other: NullProfile) -> NullProfile:
        """Return the profile of the rows of both."""
        return NullProfile(self.rows + other.rows, self.nulls + other.nulls)


@dataclass(frozen=True)
class TimestampProfile:
    """Points in time: how many are earlier than the one before, and the first and the last.

    `first` and `last` are in the unit of the column's type, since the epoch.
    """

    rows: int
    nulls: int
    back: int = 0
    first: int | None = None
    last: int | None = None

    def merge(self, other: TimestampProfile) -> TimestampProfile:
        """Return the profile of the rows of both, those of `other` after one's own."""
        step = self.last is not None and other.first is not None and other.first < self.last
        return TimestampProfile(
            self.rows + other.rows,
            self.nulls + other.nulls,
            self.back + other.back + step,
            other.first if self.first is None else self.first,
            self.last if other.last is None else other.last,
        )


def count_timestamps(values: pa.Array[Any]) -> TimestampProfile:
    """Return the profile of points in time."""
    present = values.drop_null()
    if not len(present):
        return TimestampProfile(len(values), len(values))
    times = np.from_dlpack(present.cast(pa.int64()))
    back = int((times[1:] < times[:-1]).sum())
    return TimestampProfile(
        len(values), len(values) - len(present), back, int(times[0]), int(times[-1])
    )
