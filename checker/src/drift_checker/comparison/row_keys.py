"""Which rows of a batch were seen before: by id, by time, or by what stands in them.

A row is known by a number of 64 bits, its key. Rows that coincide by chance, as they do in tables
of few categories, would also coincide within a batch: that tells them from rows that came again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drift_checker.comparison.options import ColumnRoles
from drift_checker.decision import Bools, Indices
from drift_checker.tables import Batch, as_numpy, joined, valid_mask

Keys: TypeAlias = NDArray[np.uint64]
KeyKind = Literal["id", "time", "row", "run"]

MOST_VALUES = 1 << 22
"""Rows times columns up to which rows are looked at."""
RUN_ROWS = 32
"""Rows in a row that are known together, where single rows are too often the same."""
_DISTINCT, _STILL_DISTINCT = 0.9, 0.75
"""Share of rows with a key of their own from which keys tell rows apart; the smaller one where the
ticks before were told apart by them."""
_CHANCE = 1e-4
"""Rows are taken for the same where chance alone would make as many with a smaller probability."""
_ODD, _FIRST, _SECOND = (
    np.uint64(value) for value in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
)


@dataclass(frozen=True)
class RowKeys:
    """The keys of a batch: of its rows or, of kind `run`, of each row with those that follow it."""

    kind: KeyKind
    keys: Keys

    @cached_property
    def ordered(self) -> Keys:
        """The keys sorted, as they are kept."""
        return np.sort(self.keys)

    @property
    def distinct(self) -> float:
        """How many different keys there are, as a share of all."""
        return len(_starts(self.ordered)) / len(self.keys)


@dataclass(frozen=True)
class SeenRows:
    """The sorted keys of an earlier batch."""

    logical_date: datetime
    kind: KeyKind
    keys: Keys


@dataclass(frozen=True)
class Overlap:
    """Which rows (rows,) are new, of a batch that has some which are not."""

    new: Bools
    kind: KeyKind

    @property
    def rows(self) -> int:
        """How many are new."""
        return int(self.new.sum())

    @property
    def share(self) -> float:
        """The share of the rows that were seen before."""
        return 1 - self.rows / len(self.new)


def row_keys(batch: Batch, roles: ColumnRoles, before: KeyKind | None = None) -> RowKeys | None:
    """Return the keys of a batch; None where nothing tells its rows apart.

    They are known by the id, by the time where hardly two rows have the same one, by all that
    stands in a row, or by that of thirty-two rows in a row. `before` is how those of the ticks
    before were.
    """
    if not 0 < batch.rows * max(1, len(batch.names)) <= MOST_VALUES:
        return None
    for kind, keys in _possible_keys(batch, roles):
        known = RowKeys(kind, keys)
        if known.distinct >= (_STILL_DISTINCT if kind == before else _DISTINCT):
            return known
    return None


def _possible_keys(batch: Batch, roles: ColumnRoles) -> Iterator[tuple[KeyKind, Keys]]:
    single: list[tuple[KeyKind, str | None]] = [("id", roles.id), ("time", roles.timestamp)]
    for kind, name in single:
        if name in batch.names:
            hashed = _column_hashes(_column(batch, name))
            if hashed is not None:
                yield kind, _mixed(hashed)
    left_out = {*roles.ignore, *batch.partition_keys}
    keys = np.zeros(batch.rows, np.uint64)
    for name in sorted(set(batch.names) - left_out):
        hashed = _column_hashes(_column(batch, name))
        if hashed is not None:
            keys = _mixed(keys * _ODD + hashed + _hash(name.encode()))
    yield "row", keys
    if batch.rows > RUN_ROWS:
        runs = np.zeros(batch.rows - RUN_ROWS + 1, np.uint64)
        for place in range(RUN_ROWS):
            runs = runs * _ODD + keys[place : place + len(runs)]
        yield "run", _mixed(runs)


def _column(batch: Batch, name: str) -> pa.Array[Any]:
    return joined(batch.table.column(name).chunks) if batch.rows else pa.array([])


def _column_hashes(values: pa.Array[Any]) -> Keys | None:
    """Return a number for each value (rows,), the same for the same; None of nested types."""
    type_ = values.type
    if pa.types.is_null(type_):
        return np.zeros(len(values), np.uint64)
    if pa.types.is_nested(type_):
        return None
    if pa.types.is_string_view(type_) or pa.types.is_binary_view(type_):
        values = values.cast(pa.binary())  # nothing can be done with views
    try:
        return _value_hashes(values)
    except pa.ArrowException:  # of a type that Arrow can do nothing with
        return None


def _value_hashes(values: pa.Array[Any]) -> Keys:
    hashes = np.zeros(len(values), np.uint64)
    bits = _bits(values.drop_null())
    if bits is None:
        encoded: Any = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
        by_code = np.array([_hash(_as_bytes(each)) for each in encoded.dictionary], np.uint64)
        bits = by_code[as_numpy(encoded.indices.drop_null()).astype(np.int64)]
    hashes[valid_mask(values)] = bits
    return hashes


def _bits(values: pa.Array[Any]) -> Keys | None:
    """Return the bits of numbers and times; None where values have no fixed length."""
    type_ = values.type
    if pa.types.is_floating(type_):
        floats = as_numpy(values.cast(pa.float64(), safe=False)) + 0.0  # one zero
        return np.ascontiguousarray(floats).view(np.uint64)
    if pa.types.is_date32(type_) or pa.types.is_time32(type_):
        values = values.cast(pa.int32())
    elif pa.types.is_temporal(type_) or pa.types.is_boolean(type_):
        values = values.cast(pa.uint8() if pa.types.is_boolean(type_) else pa.int64())
    elif not pa.types.is_integer(type_):
        return None
    return np.asarray(as_numpy(values)).astype(np.int64).view(np.uint64)


def _as_bytes(value: pa.Scalar[Any]) -> bytes:
    content = value.as_py()
    return content if isinstance(content, bytes) else str(content).encode()


def _hash(data: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(blake2b(data, digest_size=8).digest()))


def _mixed(keys: Keys) -> Keys:
    """Spread the bits of keys (Steele, Lea and Flood 2014, `splitmix64`)."""
    keys = keys + _ODD
    keys = (keys ^ (keys >> np.uint64(30))) * _FIRST
    keys = (keys ^ (keys >> np.uint64(27))) * _SECOND
    return keys ^ (keys >> np.uint64(31))


# NumPy's own functions of sets import its masked arrays, for ten times what all of this takes.


def _starts(ordered: Keys) -> Indices:
    """Return where in sorted keys each begins."""
    return np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])


def _counted(ordered: Keys) -> tuple[Keys, Indices]:
    """Return the distinct ones of sorted keys, and how often each is there."""
    starts = _starts(ordered)
    return ordered[starts], np.diff(starts, append=len(ordered))


def _are_in(keys: Keys, ordered: Keys) -> Bools:
    """Return which keys are among sorted ones."""
    if not len(ordered):
        return np.zeros(len(keys), bool)
    places = np.searchsorted(ordered, keys)
    return np.asarray(ordered[np.minimum(places, len(ordered) - 1)] == keys)


def overlap_of(current: RowKeys, past: Sequence[SeenRows], rows: int) -> Overlap | None:
    """Return which of a batch's rows are new; None where none came again, but by chance.

    Known together, a row is seen before where any of the runs that it is in was.
    """
    known = [seen.keys for seen in past if seen.kind == current.kind]
    if not known:
        return None
    again = np.logical_or.reduce([_are_in(current.keys, keys) for keys in known])
    if not again.any() or not any(_beyond_chance(current.ordered, keys) for keys in known):
        return None
    if current.kind == "run":
        again = np.convolve(again, np.ones(RUN_ROWS)) > 0
    return Overlap(~again[:rows], current.kind)


def _beyond_chance(current: Keys, past: Keys) -> bool:
    """Say whether two batches, of sorted keys, have more rows in common than chance explains.

    Were all rows drawn alike, a key that is there twice would be in both batches as often as their
    sizes make it, and else twice in one of them. Chernoff's bound (1952) of the binomial tail.
    """
    rows, counts = _counted(current)
    past_rows, past_counts = _counted(past)
    once, past_once = rows[counts == 1], past_rows[past_counts == 1]
    split = _are_in(once, past_once).sum()
    twice = (~_are_in(rows[counts == 2], past_rows)).sum()  # noqa: PLR2004  # there twice
    twice += (~_are_in(past_rows[past_counts == 2], rows)).sum()  # noqa: PLR2004  # there twice
    pairs, sizes = int(split + twice), (len(current), len(past))
    if not pairs or min(sizes) == 0:
        return False
    total = sum(sizes)
    expected = 2 * sizes[0] * sizes[1] / (total * (total - 1))
    share = split / pairs
    if share <= expected:
        return False
    gain = share * math.log(share / expected)
    if share < 1:
        gain += (1 - share) * math.log((1 - share) / (1 - expected))
    return bool(pairs * gain >= -math.log(_CHANCE))


def same_rows(current: RowKeys, past: Sequence[SeenRows]) -> datetime | None:
    """Return the date of the first batch that has exactly the same rows; ids alone do not tell."""
    if current.kind in {"id", "time"}:
        return None
    for seen in past:
        if seen.kind == current.kind and np.array_equal(seen.keys, current.ordered):
            return seen.logical_date
    return None
