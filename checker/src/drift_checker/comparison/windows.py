"""Dependent rows: the reference cut into windows of one tick's worth, which tell what is normal.

Rows of one day are alike in what makes that day, so that no count of rows says how far two days are
apart by chance; other days do. What is measured of each window is in `aspects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drift_checker.comparison.options import CompareSettings
from drift_checker.decision import Bools, Ints
from drift_checker.errors import BadReferenceError
from drift_checker.result import Calibration
from drift_checker.tables import as_numpy, valid_mask

TOO_LARGE = "data of this size are not cut into windows: rows are taken as independent"
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Windows:
    """Which rows of the reference are in which window; the present batch is one more.

    `numbers` (reference rows) has the number of each row's window, -1 where it is in none; `sizes`
    has the rows of each, and `starts` when each begins, in microseconds since the epoch.
    """

    numbers: Ints
    sizes: Ints
    starts: Ints
    span: timedelta

    def __len__(self) -> int:
        """Return how many there are, without the present one."""
        return len(self.sizes)

    def in_season_of(self, times: pa.Array[Any]) -> Windows:
        """Return the windows that begin in the same hour of the day as a batch's, or weekday.

        The weekday where a window is a day or longer. The batch's window is the one of most of its
        rows.
        """
        microseconds, valid = _microseconds(times)
        if not valid.any():
            return self.chosen(np.zeros(len(self), dtype=bool))
        middle, step = np.sort(microseconds[valid])[valid.sum() // 2], self.span // _MICROSECOND
        return self.chosen(self._season(self.starts) == self._season(middle // step * step))

    def seasons(self) -> list[Windows]:
        """Return the windows of each season."""
        seasons = self._season(self.starts)
        return [self.chosen(seasons == season) for season in np.unique(seasons)]

    def _season(self, starts: Ints) -> Ints:
        day = timedelta(days=1)
        step, period = (day, 7 * day) if self.span >= day else (timedelta(hours=1), day)
        return starts % (period // _MICROSECOND) // (step // _MICROSECOND)

    def chosen(self, mask: Bools) -> Windows:
        """Return those of the windows that a mask (windows,) chooses."""
        numbers = np.append(np.where(mask, np.cumsum(mask) - 1, -1), -1)
        return Windows(numbers[self.numbers], self.sizes[mask], self.starts[mask], self.span)

    def split(self, reference: NDArray[Any], current: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the rows of each window and, last, of the present one."""
        inside = self.numbers >= 0
        order = np.argsort(self.numbers[inside], kind="stable")
        return [*np.split(reference[inside][order], np.cumsum(self.sizes)[:-1]), current]


def cut_windows(times: pa.Array[Any], span: timedelta, *, least: int) -> Windows:
    """Cut rows by their times, `timestamp[us]`, into windows of a span, counted from the epoch.

    Windows of fewer than `least` rows, such as those at either end, are left out.
    """
    microseconds, valid = _microseconds(times)
    step = span // _MICROSECOND
    windows, numbers_of_valid, sizes = np.unique(
        microseconds[valid] // step, return_inverse=True, return_counts=True
    )
    numbers = np.full(len(microseconds), -1, dtype=np.int64)
    numbers[valid] = numbers_of_valid
    every = Windows(numbers, sizes.astype(np.int64), windows * step, span)
    return every.chosen(sizes >= least)


def _microseconds(times: pa.Array[Any]) -> tuple[Ints, Bools]:
    """Return microseconds since the epoch, and which of them are valid."""
    integers = times.cast(pa.int64())
    microseconds, valid = np.zeros(len(integers), dtype=np.int64), valid_mask(integers)
    microseconds[valid] = as_numpy(integers.drop_null())
    return microseconds, valid


def reference_windows(times: pa.Array[Any], settings: CompareSettings, span: timedelta) -> Windows:
    """Cut a reference into windows by the column of its times.

    Raises:
        BadReferenceError: The column holds no times.
    """
    if not pa.types.is_timestamp(times.type):
        name = settings.columns.timestamp
        detail = (
            f"the timestamp column {name!r} has values of type {times.type}, which are no moments; "
            "name one of dates or times, or say in columns.formats how they are written"
        )
        raise BadReferenceError(f"The reference cannot be cut into windows: {detail}.")
    return cut_windows(times, span, least=settings.min_rows)


def calibration(windows: Windows, settings: CompareSettings, level: float) -> Calibration:
    """Return what windows make of a level; `exact` where they are too few to say anything."""
    if len(windows) < settings.min_windows:
        reason = (
            f"the {settings.baseline} baseline has {len(windows)} windows of {windows.span} with "
            f"{settings.min_rows} rows or more, and {settings.min_windows} are needed: "
            "rows are taken as independent"
        )
        return Calibration(windows=len(windows), reason=reason)
    if level >= 1 / (len(windows) + 1):
        return Calibration(method="ranked", windows=len(windows))
    reason = f"ranks alone reach a level of {level:.2g} with {ceil(1 / level) - 1} windows"
    return Calibration(method="extrapolated", windows=len(windows), reason=reason)


@dataclass(frozen=True)
class Overview:
    """The windows of a reference, and what they make of the level of a tick.

    `begin` and `end` are when the first begins and the last ends; of a seasonal baseline the
    calibration is that of the season that has fewest. `level_attained` is what ranks alone reach,
    None where windows are too few to be used.
    """

    begin: datetime
    end: datetime
    level: float
    level_attained: float | None
    calibration: Calibration


def overview(windows: Windows, settings: CompareSettings) -> Overview | None:
    """Describe the windows of a reference; None where it has none."""
    if not len(windows):
        return None
    fewest = windows
    if settings.baseline == "seasonal":
        fewest = min(windows.seasons(), key=len)
    level = settings.alarm_budget().level
    calibrated = calibration(fewest, settings, level)
    ranked = calibrated.method != "exact"
    return Overview(
        begin=_EPOCH + int(windows.starts[0]) * _MICROSECOND,
        end=_EPOCH + int(windows.starts[-1]) * _MICROSECOND + windows.span,
        level=level,
        level_attained=max(level, 1 / (len(fewest) + 1)) if ranked else None,
        calibration=calibrated,
    )
