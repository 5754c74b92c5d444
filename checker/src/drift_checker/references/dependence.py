"""Whether rows of a reference hang together: neighbours in their order, and rows of one day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from drift_checker.comparison import ColumnRoles
from drift_checker.decision import Floats, Indices, Ints, dependence
from drift_checker.result import RowDependence
from drift_checker.state import Document
from drift_checker.tables import (
    Batch,
    ColumnReading,
    MismatchError,
    ReadColumns,
    as_numpy,
    encode_categories,
    to_floats,
    valid_mask,
)

LEVEL = 0.001
"""The chance that rows are said to hang together which do not, for a whole reference."""
MAX_ROWS, STRETCH = 20_000, 1000
"""Rows that are looked at, of larger references in stretches of so many."""
MAX_COLUMNS = 100
"""Columns that are looked at, the first of those that are tested."""
MIN_ROWS = 200
BLOCKS, LEAST_BLOCKS = (50, 200, 1000, 5000), 20
"""Rows after each other of which it is known how alike they are, and how many such blocks are
needed to know it."""
LEAST_PERIODS = 8
_SECOND = 1_000_000
# A batch that takes more times the time of as many rows of the reference is a sample of it.
_APART = 3
_PERIODS = {"day": 86_400_000_000, "hour": 3_600_000_000}


class ColumnDependence(Document):
    """How much rows of a column are alike that belong together; each number is a correlation.

    That of neighbours is of ranks, the others of whether a number is above the quartiles.
    """

    neighbours: float
    blocks: dict[int, float]
    """By length, that of two rows in one block of so many rows."""
    period: float | None
    """That of two rows of one day, or of one hour."""

    def design_effect(self, rows: int, in_period: float) -> float:
        """Return how many times the variance of a batch's mean is that of independent rows.

        `rows` lie next to each other, and with as many as `in_period` a row shares its period.
        """
        effects = [1.0]
        if self.period is not None:
            effects.append(dependence.design_effect(in_period, self.period))
        if self.blocks:
            # Of what is longer or shorter than any block, the nearest one says the least it is.
            nearest = min(self.blocks, key=lambda length: abs(np.log(length / max(1, rows))))
            within = min(rows, nearest)
            effects.append(dependence.design_effect(within, self.blocks[nearest]))
        return max(effects)


class Dependence(Document):
    """What the rows of a reference say of the assumption that they are independent.

    `order` is that in which neighbours are compared, `period` the time that rows have in common,
    null where there is no timestamp column or too little time; `seconds_per_row` is the usual time
    from one row to the next. `columns` are those whose rows hang together, of `tested`, at `level`
    for all of them.
    """

    order: Literal["time", "rows"]
    period: Literal["day", "hour"] | None
    seconds_per_row: float | None = None
    rows: int
    tested: int
    level: float = LEVEL
    columns: dict[str, ColumnDependence] = Field(default_factory=dict)

    def expected(
        self, rows: int, tested: int, level: float, times: Ints | None = None
    ) -> RowDependence | None:
        """Estimate the false alarms of batches of so many rows and tested columns.

        `times` are those of a batch's rows; without them rows are taken to lie next to each other,
        in one period. Of a batch from all over a longer time nothing is known: what its days have
        in common the reference may have too. None there, and where rows do not hang together.
        """
        if not self.columns:
            return None
        in_period = float(rows)
        if times is not None and len(times):
            seconds = float(np.ptp(times)) / _SECOND
            if seconds > _APART * (self.seconds_per_row or 0.0) * rows:
                return None
            if self.period:
                sizes = np.unique(times // _PERIODS[self.period], return_counts=True)[1]
                in_period = float((sizes**2).sum() / sizes.sum())
        effects = {
            name: column.design_effect(rows, in_period) for name, column in self.columns.items()
        }
        others = [1.0] * max(0, tested - len(effects))
        rate = dependence.false_alarms([*effects.values(), *others], level)
        return RowDependence(
            columns=sorted(effects, key=lambda name: -effects[name]),
            order=self.order,
            period=self.period,
            rows=rows,
            design_effect=max(effects.values()),
            false_alarms=rate,
        )


def row_dependence(
    reference: Batch, readings: Mapping[str, ColumnReading], roles: ColumnRoles
) -> Dependence:
    """Test whether rows hang together, in a sample that bounds what it costs.

    In the order of time and within days, or hours where there are few days; without a usable
    timestamp column in the order of the rows.
    """
    kept = _stretches(reference.rows)
    sample = Batch(reference.table.take(kept), reference.digest, untyped=reference.untyped)
    read, stretches = (
        ReadColumns.of(sample),
        kept // STRETCH if len(kept) < reference.rows else None,
    )
    numbers = np.zeros(len(kept), dtype=np.int64) if stretches is None else stretches
    times = row_times(read, readings.get(roles.timestamp or ""))
    periods: tuple[Literal["day", "hour"], Ints] | None = None
    order = np.arange(len(kept))
    if times is not None:
        order = np.argsort(times, kind="stable")
        numbers, periods = np.zeros(len(kept), dtype=np.int64), _periods(times[order])
    left_out = {roles.timestamp, roles.id, *roles.ignore}
    features = {name: each for name, each in readings.items() if name not in left_out}
    tested = list(islice(_values(read, features), MAX_COLUMNS))
    found = {
        name: _Tested.of(values[order], numbers, periods[1] if periods else None)
        for name, values in tested
    }
    tests = sum(len(one.p_values) for one in found.values() if one)
    return Dependence(
        order="rows" if times is None else "time",
        period=periods[0] if periods else None,
        seconds_per_row=None if times is None else _seconds_per_row(times[order]),
        rows=len(kept),
        tested=sum(one is not None for one in found.values()),
        columns={
            name: one.column
            for name, one in found.items()
            if one and min(one.p_values) * tests <= LEVEL
        },
    )


class _Tested:
    """A column whose rows were tested."""

    def __init__(self, column: ColumnDependence, p_values: Sequence[float]) -> None:
        self.column, self.p_values = column, p_values

    @classmethod
    def of(cls, values: Floats | Ints, stretches: Ints, periods: Ints | None) -> _Tested | None:
        """Test a column in order: numbers, or codes of categories; missing values are left out."""
        numeric = values.dtype.kind == "f"
        present = np.isfinite(values) if numeric else values >= 0
        if present.sum() < MIN_ROWS:
            return None
        stretches = stretches[present]
        scores: Floats | None
        marks: Floats | None
        if numeric:
            numbers = values[present].astype(float)
            scores, marks = dependence.numeric_scores(numbers), dependence.quartile_scores(numbers)
        else:
            scores = marks = dependence.categorical_scores(values[present].astype(np.int64))
        if scores is None or marks is None:
            return None
        next_to = dependence.neighbours(scores, stretches)
        p_values, period = [next_to.p_value], None
        if periods is not None:
            in_period = dependence.groups(scores, periods[present])
            p_values.append(in_period.p_value)
            period = dependence.groups(marks, periods[present]).correlation
        column = ColumnDependence(
            neighbours=next_to.correlation,
            blocks=dict(_block_correlations(marks, stretches)),
            period=period,
        )
        return cls(column, p_values)


def _block_correlations(scores: Floats, stretches: Ints) -> Iterator[tuple[int, float]]:
    """Yield of each length how alike two rows of one block of so many rows are."""
    starts = np.flatnonzero(np.append(True, stretches[1:] != stretches[:-1]))
    lengths = np.diff(np.append(starts, len(stretches)))
    place = np.arange(len(stretches)) - np.repeat(starts, lengths)
    whole = np.repeat(lengths, lengths)
    for length in BLOCKS:
        block = place // length
        full = (block + 1) * length <= whole
        number = np.repeat(starts, lengths) + block * length
        if full.sum() >= LEAST_BLOCKS * length:
            kept = scores[full] - scores[full].mean(axis=0)
            yield length, dependence.groups(kept, number[full]).correlation


def _stretches(rows: int) -> Indices:
    """Return the numbers of the rows that are looked at: all, or stretches of them."""
    if rows <= MAX_ROWS:
        return np.arange(rows)
    # Each lies in a part of its own of the numbers that STRETCH divides.
    whole = rows // STRETCH
    chosen = np.unique(np.linspace(0, whole - 1, MAX_ROWS // STRETCH).astype(np.intp))
    return np.asarray((chosen[:, None] * STRETCH + np.arange(STRETCH)).ravel())


def _seconds_per_row(times: Ints) -> float:
    """Return the usual time between rows, in order: that over a block's length, the median."""
    apart = min(BLOCKS[0], len(times) - 1)
    return float(np.median(times[apart:] - times[:-apart])) / apart / _SECOND if apart else 0.0


def row_times(read: ReadColumns, reading: ColumnReading | None) -> Ints | None:
    """Return microseconds since the epoch, or None where the column holds no times, or gaps."""
    if reading is None or reading.kind != "timestamp":
        return None
    try:
        times = read.read(reading)
    except MismatchError:
        return None
    if not pa.types.is_timestamp(times.type) or not valid_mask(times).all():
        return None
    return np.asarray(as_numpy(times.cast(pa.timestamp("us"), safe=False).cast(pa.int64())))


def _periods(times: Ints) -> tuple[Literal["day", "hour"], Ints] | None:
    """Return the number of each row's day; of its hour where there are few days."""
    names: tuple[Literal["day", "hour"], ...] = ("day", "hour")
    for name in names:
        numbers = times // _PERIODS[name]
        groups = len(np.unique(numbers))
        if groups >= LEAST_PERIODS and groups * 2 <= len(times):
            return name, np.asarray(numbers)
    return None


def _values(
    read: ReadColumns, readings: Mapping[str, ColumnReading]
) -> Iterator[tuple[str, Floats | Ints]]:
    """Yield numbers, or codes of categories, of the columns whose values are tested."""
    for name, reading in readings.items():
        if reading.untested or reading.feature or reading.kind not in {"numeric", "categorical"}:
            continue
        try:
            column: pa.Array[Any] = read.read(reading)
        except MismatchError:
            continue
        if reading.kind == "numeric":
            yield name, np.asarray(to_floats(column), dtype=float)
        else:
            yield name, encode_categories(column)[1][0]
