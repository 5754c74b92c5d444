"""The rows of a table that are kept: those of the smallest hash of their number.

They are the same rows each time, of no period in the data, and those of a whole table are among
those of its parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from drift_checker.decision import Floats, Indices, Ints

MIN_JOINT_ROWS = 200
"""On either side, below which there is no joint verdict."""
SAMPLE_ROWS = 20_000
"""Of either side, that a joint verdict looks at."""


def row_hashes(numbers: Ints) -> NDArray[np.uint64]:
    """Return a hash of each row's number, which no other row has.

    The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def choose_rows(numbers: Ints, most: int) -> Indices:
    """Return the places of at most so many rows, those of the smallest hash, in order."""
    if len(numbers) <= most:
        return np.arange(len(numbers))
    return np.sort(np.argpartition(row_hashes(numbers), most)[:most])


def hash_bound(most: int, rows: int | None) -> np.uint64:
    """Return a hash that is exceeded by none of the `most` rows of the smallest of a table.

    By it each part of a table keeps little more than its own share. It is six standard deviations
    above what is expected, so that a sample lacks a row in one table of a thousand million.
    """
    if rows is None or rows <= most:
        return _ANY
    share = (most + 6 * most**0.5) / rows
    return np.uint64(share * 2.0**64) if share < 1 else _ANY


_ANY = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class RowSample:
    """At most `most` rows: their numbers in the table, in order, and their values by column."""

    size: int
    row_numbers: Ints
    columns: Mapping[str, Floats]

    def merge(self, other: RowSample) -> RowSample:
        """Return the sample of both tables, whose rows are numbered on."""
        numbers = np.concatenate([self.row_numbers, other.row_numbers])
        kept = choose_rows(numbers, self.size)
        return RowSample(
            self.size,
            numbers[kept],
            {
                name: np.concatenate([values, other.columns[name]])[kept]
                for name, values in self.columns.items()
            },
        )


@dataclass
class RowSampler:
    """A sample being taken, chunk by chunk."""

    size: int
    bound: np.uint64 = _ANY
    """Rows of a larger hash are in no sample, or not any more."""
    _numbers: list[Ints] = field(default_factory=list)
    _values: dict[str, list[Floats]] = field(default_factory=dict)

    def choose(self, first: int, rows: int) -> Indices:
        """Return the places in a chunk of the rows that are wanted; called once for each chunk."""
        numbers = np.arange(first, first + rows)
        places = np.flatnonzero(row_hashes(numbers) <= self.bound)
        self._numbers.append(numbers[places])
        return places

    def add(self, name: str, values: Floats) -> None:
        """Take the values of a column in the rows that were wanted."""
        self._values.setdefault(name, []).append(values)

    def end_chunk(self) -> None:
        """Drop rows that are in the sample no more, once there are twice too many."""
        if sum(map(len, self._numbers)) >= 2 * self.size:
            self._drop()

    def sample(self) -> RowSample:
        """Return what was taken."""
        self._drop()
        return RowSample(
            self.size,
            self._numbers[0],
            {name: values[0] for name, values in self._values.items()},
        )

    def _drop(self) -> None:
        numbers = np.concatenate([np.empty(0, np.int64), *self._numbers])
        kept = choose_rows(numbers, self.size)
        if len(kept) < len(numbers):
            self.bound = row_hashes(numbers[kept]).max()
        self._numbers = [numbers[kept]]
        for name, values in self._values.items():
            self._values[name] = [np.concatenate(values)[kept]]


def varies_enough(values: Floats) -> bool:
    """Return whether a column varies and has enough values for a joint verdict."""
    there = values[~np.isnan(values)]
    return len(there) >= MIN_JOINT_ROWS and bool((there != there[0]).any())
