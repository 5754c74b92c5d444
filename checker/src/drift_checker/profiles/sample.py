"""The row sample of a table: the rows with the smallest hashes of their numbers.

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


def row_hashes(row_numbers: Ints) -> NDArray[np.uint64]:
    """Return a hash of each row's number, which no other row has; both (rows,).

    The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
    """
    mixed = row_numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))


def choose_rows(row_numbers: Ints, size: int) -> Indices:
    """Return the indices of at most `size` rows, those with the smallest hashes, in order."""
    if len(row_numbers) <= size:
        return np.arange(len(row_numbers))
    return np.sort(np.argpartition(row_hashes(row_numbers), size)[:size])


def hash_bound(size: int, rows: int | None) -> np.uint64:
    """Return a hash that no row of a sample of `size` exceeds, of a table of so many rows.

    By it each part of a table keeps little more than its own share. It is six standard deviations
    above what is expected, so that a sample lacks a row in one table of a thousand million. Where
    `rows` are not known, it is the largest hash.
    """
    if rows is None or rows <= size:
        return _ANY
    share = (size + 6 * size**0.5) / rows
    return np.uint64(share * 2.0**64) if share < 1 else _ANY


_ANY = np.uint64(2**64 - 1)


@dataclass(frozen=True)
class RowSample:
    """At most `size` rows: their numbers in the table, in order, and their values by column.

    `row_numbers` and the values of each column are (rows,), NaN where a value is missing.
    """

    size: int
    row_numbers: Ints
    columns: Mapping[str, Floats]

    def merge(self, other: RowSample) -> RowSample:
        """Return the sample of both tables, whose rows are numbered on."""
        row_numbers = np.concatenate([self.row_numbers, other.row_numbers])
        chosen = choose_rows(row_numbers, self.size)
        return RowSample(
            self.size,
            row_numbers[chosen],
            {
                name: np.concatenate([values, other.columns[name]])[chosen]
                for name, values in self.columns.items()
            },
        )


@dataclass
class RowSampler:
    """Takes a row sample of a table, chunk by chunk."""

    size: int
    bound: np.uint64 = _ANY
    """Rows of a larger hash are in no sample, or not any more."""
    _row_numbers: list[Ints] = field(default_factory=list)
    _columns: dict[str, list[Floats]] = field(default_factory=dict)

    def choose(self, first: int, rows: int) -> Indices:
        """Return which rows of a chunk are chosen, by their indices in it.

        To be called once for each chunk; `first` is the number in the table of its first row.
        """
        row_numbers = np.arange(first, first + rows)
        chosen = np.flatnonzero(row_hashes(row_numbers) <= self.bound)
        self._row_numbers.append(row_numbers[chosen])
        return chosen

    def add(self, name: str, values: Floats) -> None:
        """Take the values of a column in the rows that were chosen."""
        self._columns.setdefault(name, []).append(values)

    def end_chunk(self) -> None:
        """Drop rows that are in the sample no more, once there are twice too many."""
        if sum(map(len, self._row_numbers)) >= 2 * self.size:
            self._drop()

    def sample(self) -> RowSample:
        """Return the sample of all chunks."""
        self._drop()
        return RowSample(
            self.size,
            self._row_numbers[0],
            {name: values[0] for name, values in self._columns.items()},
        )

    def _drop(self) -> None:
        row_numbers = np.concatenate([np.empty(0, np.int64), *self._row_numbers])
        chosen = choose_rows(row_numbers, self.size)
        if len(chosen) < len(row_numbers):
            self.bound = row_hashes(row_numbers[chosen]).max()
        self._row_numbers = [row_numbers[chosen]]
        for name, values in self._columns.items():
            self._columns[name] = [np.concatenate(values)[chosen]]


def varies_enough(values: Floats) -> bool:
    """Return whether a column (rows,) varies and has enough values for a joint verdict."""
    present = values[~np.isnan(values)]
    return len(present) >= MIN_JOINT_ROWS and bool((present != present[0]).any())
