"""The profile of a categorical column: a count of each of its categories, or of as many buckets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc

MAX_NAMED_CATEGORIES = 10_000
"""Categories that are counted each by its name. Of a column that has more, the counts are of as
many buckets, by the CRC-32 of the name in UTF-8: a change of the shares shows, a new category does
not."""

_SLICE_ROWS = 1 << 18
"""Rows that are counted at a time, which bounds what categories of one row each take."""


@dataclass(frozen=True)
class CategoricalProfile:
    """A categorical column of `rows` rows, with counts by name, or by bucket where `hashed`."""

    counts: Mapping[str, int]
    rows: int
    nulls: int
    hashed: bool = False

    @property
    def value_count(self) -> int:
        """The number of rows that have a category."""
        return self.rows - self.nulls

    def merge(self, other: CategoricalProfile) -> CategoricalProfile:
        """Return the profile of the rows of both."""
        first, second = self.aligned(other)
        counts = dict(first.counts)
        for name, rows in second.counts.items():
            counts[name] = counts.get(name, 0) + rows
        rows, nulls = self.rows + other.rows, self.nulls + other.nulls
        return _bounded(CategoricalProfile(counts, rows, nulls, hashed=first.hashed))

    def aligned(self, other: CategoricalProfile) -> tuple[CategoricalProfile, CategoricalProfile]:
        """Return both by name, or both by bucket."""
        if self.hashed == other.hashed:
            return self, other
        return self.bucketed(), other.bucketed()

    def bucketed(self) -> CategoricalProfile:
        """Return the same by bucket."""
        if self.hashed:
            return self
        counts: dict[str, int] = {}
        for name, rows in self.counts.items():
            bucket = f"#{crc32(name.encode()) % MAX_NAMED_CATEGORIES}"
            counts[bucket] = counts.get(bucket, 0) + rows
        return CategoricalProfile(counts, self.rows, self.nulls, hashed=True)


def count_categories(values: pa.Array[Any]) -> CategoricalProfile:
    """Return the profile of texts, booleans or dictionaries."""
    profile = CategoricalProfile({}, 0, 0)
    for start in range(0, len(values), _SLICE_ROWS):
        profile = profile.merge(_count(values.slice(start, _SLICE_ROWS)))
    return profile


def _count(values: pa.Array[Any]) -> CategoricalProfile:
    present = values.drop_null()
    # Counted before they become text: there are fewer categories than rows.
    value_counts: Any = pc.value_counts(present)
    names, rows = value_counts.field("values").cast(pa.string()), value_counts.field("counts")
    counts = dict(zip(map(str, names.to_pylist()), rows.to_pylist(), strict=True))
    return _bounded(CategoricalProfile(counts, len(values), len(values) - len(present)))


def _bounded(profile: CategoricalProfile) -> CategoricalProfile:
    return profile.bucketed() if len(profile.counts) > MAX_NAMED_CATEGORIES else profile
