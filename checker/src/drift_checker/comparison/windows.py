"""Dependent rows: the reference cut into windows of one tick's worth, which tell what is normal.

Rows of one day are alike in what makes that day, so that no count of rows says how far two days are
apart by chance; other days do. What is measured of each window is in `aspects`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drift_checker.comparison.options import CompareSettings
from drift_checker.decision import LEAST_WINDOWS, Bools, Ints
from drift_checker.errors import BadReferenceError
from drift_checker.result import Calibration
from drift_checker.tables import as_numpy, valid_mask

TOO_LARGE = "data of this size are not cut into windows: rows are taken as independent"
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_LEAST_OF_SEASON = 2
"""Windows of a season, of which each is measured from the mean of the others."""
_TRIMMED = 0.05
"""Share of a batch's rows, half at either end, that do not say how long it is."""
_WHOLE = 0.75
"""Share of its window from which on a batch has all of it."""
_LESS = 0.95
"""Share of a window's rows below which a batch has fewer than they have."""
_TOO_OFTEN = "alarms come several times as often as asked for"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Windows:
    """Which rows of the reference are in which window; the present batch is one more.

    `numbers` (reference rows) has the number of each row's window, -1 where it is in none; `times`
    when each row is, and `sizes` the rows of each window and `starts` when it begins, in
    microseconds since the epoch. The rows of a window are told in the order of their times.

    `most_rows`: windows are measured by so many rows, too, the first ones; where it is None, by
    all of theirs alone. `groups` (windows + 1,) are seasons that differ by their means, of which
    that of the present one is the last.
    """

    numbers: Ints
    times: Ints
    sizes: Ints
    starts: Ints
    span: timedelta
    most_rows: int | None = None
    groups: Ints | None = None

    def __len__(self) -> int:
        """Return how many there are, without the present one."""
        return len(self.sizes)

    @property
    def days(self) -> Ints | None:
        """The days, in UTC, that windows begin in; None where a window is as long as one."""
        return None if self.span >= _DAY else self.starts // (_DAY // _MICROSECOND)

    def in_season_of(self, times: pa.Array[Any]) -> Windows:
        """Return the windows that begin in the same hour of the day as a batch's, or weekday.

        The weekday where a window is a day or longer. The batch's window is the one of most of its
        rows.
        """
        season = self._season_of(times)
        mask = np.zeros(len(self), dtype=bool) if season is None else self._seasons() == season
        return self.chosen(mask)

    def by_season(self, times: pa.Array[Any]) -> Windows:
        """Return the windows of all seasons, each to be measured from the mean of its own.

        They are as they are where the batch's season has fewer than two; seasons of a single window
        have no mean of others, and are left out.
        """
        season, seasons = self._season_of(times), self._seasons()
        if season is None or (seasons == season).sum() < _LEAST_OF_SEASON:
            return self
        _, places, counts = np.unique(seasons, return_inverse=True, return_counts=True)
        kept = counts[places] >= _LEAST_OF_SEASON
        return replace(self.chosen(kept), groups=np.append(seasons[kept], season))

    def _season_of(self, times: pa.Array[Any]) -> int | None:
        """Return the season of most of a batch's rows."""
        microseconds, valid = _microseconds(times)
        if not valid.any():
            return None
        offset = int(self.starts[0]) if len(self) else 0
        middle, step = np.sort(microseconds[valid])[valid.sum() // 2], self.span // _MICROSECOND
        return int(self._seasons((middle - offset) // step * step + offset))

    def seasons(self) -> list[Windows]:
        """Return the windows of each season."""
        seasons = self._seasons()
        return [self.chosen(seasons == season) for season in np.unique(seasons)]

    def _seasons(self, starts: Ints | None = None) -> Ints:
        starts = self.starts if starts is None else starts
        step, period = (_DAY, 7 * _DAY) if self.span >= _DAY else (timedelta(hours=1), _DAY)
        return starts % (period // _MICROSECOND) // (step // _MICROSECOND)

    def chosen(self, mask: Bools) -> Windows:
        """Return those of the windows that a mask (windows,) chooses."""
        numbers = np.append(np.where(mask, np.cumsum(mask) - 1, -1), -1)[self.numbers]
        return replace(self, numbers=numbers, sizes=self.sizes[mask], starts=self.starts[mask])

    def of_phases(self, first: int, last: int, *, least: int) -> Windows:
        """Return the rows of windows from `first` to, without, `last` microseconds of theirs.

        Windows that have fewer than `least` of them are left out.
        """
        phases = self.times - np.append(self.starts, 0)[self.numbers]
        numbers = np.where((phases >= first) & (phases < last), self.numbers, -1)
        sizes = np.bincount(numbers[numbers >= 0], minlength=len(self)).astype(np.int64)
        return replace(self, numbers=numbers, sizes=sizes).chosen(sizes >= least)

    def split(self, reference: NDArray[Any], current: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the rows of each window and, last, of the present one."""
        return [*np.split(reference[self._order], np.cumsum(self.sizes)[:-1]), current]

    @cached_property
    def _order(self) -> Ints:
        """The rows that are in a window, by windows and times."""
        inside = np.flatnonzero(self.numbers >= 0)
        return inside[np.lexsort((self.times[inside], self.numbers[inside]))]


def cut_windows(
    times: pa.Array[Any], span: timedelta, *, least: int, begin: int | None = None
) -> Windows:
    """Cut rows by their times, `timestamp[us]`, into windows of a span, counted from the epoch.

    Windows of fewer than `least` rows, such as those at either end, are left out. With `begin`, in
    microseconds, one would begin there, and those that are not all within the rows' times are left
    out too.
    """
    microseconds, valid = _microseconds(times)
    step, offset = span // _MICROSECOND, begin or 0
    windows, numbers_of_valid, sizes = np.unique(
        (microseconds[valid] - offset) // step, return_inverse=True, return_counts=True
    )
    numbers = np.full(len(microseconds), -1, dtype=np.int64)
    numbers[valid] = numbers_of_valid
    starts = windows * step + offset
    every = Windows(numbers, microseconds, sizes.astype(np.int64), starts, span)
    kept = sizes >= least
    if begin is not None and len(starts):
        ends = microseconds[valid].min(), microseconds[valid].max()
        # The ends are of rows, which may be as far from those of their window as rows are apart.
        apart = step / np.maximum(1, sizes)
        kept &= (starts >= ends[0] - apart) & (starts + step <= ends[1] + apart)
    return every.chosen(kept)


def windows_for(
    reference: pa.Array[Any], current: pa.Array[Any], settings: CompareSettings, span: timedelta
) -> tuple[Windows, str | None]:
    """Return the windows that a batch is ranked among, and what is other than was asked for.

    Arguments are the times of both. A batch of several spans is ranked among as many neighbouring
    windows joined; one of a part of a window among that part of each; one of fewer rows than they
    have, among so many, too. A season that has fewer than `min_windows` is judged among all.

    Raises:
        BadReferenceError: The column holds no times.
    """
    windows = reference_windows(reference, settings, span)
    begin, length = _extent(current)
    joined, reasons = 1, []
    if begin is not None and (wanted := round(length / (span // _MICROSECOND))) > 1:
        windows, joined = _joined(windows, reference, settings, begin=begin, wanted=wanted)
        if joined < wanted:
            reasons.append(
                f"the batch is as long as {wanted} windows of {span}, and the reference is too "
                f"short for {settings.min_windows} of that length: {joined} are joined, which "
                "differ by more, so that only larger drift is found"
            )
    elif begin is not None:
        windows = _same_part(windows, settings, begin, length)
    if settings.baseline == "seasonal":
        season = windows.in_season_of(current)
        if len(season) < settings.min_windows:
            windows = windows.by_season(current)
            reasons.append(_few_of_season(season, settings, len(windows), windows.groups))
        else:
            windows = season
    rows = len(current)
    few = len(windows) and rows < _LESS * np.median(windows.sizes)
    return replace(windows, most_rows=rows if few else None), "; ".join(reasons) or None


def _few_of_season(
    season: Windows, settings: CompareSettings, number: int, groups: Ints | None
) -> str:
    how = "as they are" if groups is None else "each by its distance from the mean of its season"
    return (
        f"the season of this batch has {len(season)} windows of {season.span} with "
        f"{settings.min_rows} rows or more, and {settings.min_windows} are needed: it is judged "
        f"among the {number} windows of all seasons, {how}"
    )


def _extent(times: pa.Array[Any]) -> tuple[int | None, float]:
    """Return when a batch begins and how long it is, in microseconds; None where it has no times.

    A few rows that are early or late do not count.
    """
    microseconds, valid = _microseconds(times)
    if not valid.any():
        return None, 0.0
    ordered = np.sort(microseconds[valid])
    trimmed = int(_TRIMMED / 2 * len(ordered))
    length = ordered[-1 - trimmed] - ordered[trimmed]
    gap = float(length) / max(1, len(ordered) - 1 - 2 * trimmed)
    # As many gaps between rows as there are rows.
    return max(int(ordered[trimmed] - trimmed * gap), int(ordered[0])), gap * len(ordered)


def _joined(
    windows: Windows,
    times: pa.Array[Any],
    settings: CompareSettings,
    *,
    begin: int,
    wanted: int,
) -> tuple[Windows, int]:
    """Join so many neighbouring windows, or as many as leave `min_windows`; returns how many.

    One would begin with the batch's first window, so that all have the same hours of a day.
    """
    step = windows.span // _MICROSECOND
    joined, most = wanted, len(windows) // settings.min_windows
    while joined > 1:
        longer = cut_windows(
            times, joined * windows.span, least=settings.min_rows, begin=begin // step * step
        )
        if len(longer) >= settings.min_windows:
            return longer, joined
        joined = min(joined - 1, most)
    return windows, 1


def _same_part(windows: Windows, settings: CompareSettings, begin: int, length: float) -> Windows:
    """Return of each window the part that the batch has of its own, where it has but a part.

    Where few windows have rows there, all of each: times may be those at which rows were loaded.
    """
    step = windows.span // _MICROSECOND
    phase = begin % step
    if length >= _WHOLE * step or phase + length > (1 + _TRIMMED) * step:
        return windows
    part = windows.of_phases(phase, round(phase + length), least=settings.min_rows)
    return part if len(part) >= max(settings.min_windows, len(windows) / 2) else windows


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


def calibration(
    windows: Windows,
    settings: CompareSettings,
    level: float,
    *,
    units: int | None = None,
    alike: bool = False,
    reason: str | None = None,
) -> Calibration:
    """Return what windows make of a level; `exact` where they are too few to say anything.

    The batch was ranked among `units`, all windows where it is None, which are days where windows
    of one are `alike`. `reason` says what else is other than was asked for.
    """
    number = len(windows)
    have = f"the {settings.baseline} baseline has {number} windows of {windows.span} with"
    few = f"{have} {settings.min_rows} rows or more, and {settings.min_windows} are needed"
    if number < LEAST_WINDOWS:
        reasons = [
            reason,
            f"{few}: rows are taken as independent; where they are not, {_TOO_OFTEN}",
        ]
        return Calibration(windows=number, reason=_sentence(reasons))
    units = units or number
    reasons = [reason]
    if alike:
        reasons.append(
            f"windows of {windows.span} of one day are alike, or too few to tell: the batch is "
            f"ranked among the days, of which the reference has {units}"
        )
    elif number < settings.min_windows:
        reasons.append(f"{few}: only what is far beyond all of them is found")
    if level >= 1 / (units + 1):
        return Calibration(method="ranked", windows=number, reason=_sentence(reasons))
    what = "days" if alike else "windows"
    reasons.append(f"ranks alone reach a level of {level:.2g} with {ceil(1 / level) - 1} {what}")
    return Calibration(method="extrapolated", windows=number, reason=_sentence(reasons))


def _sentence(reasons: Sequence[str | None]) -> str | None:
    return "; ".join(reason for reason in reasons if reason) or None


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
    level, reason = settings.alarm_budget().level, None
    if len(fewest) < settings.min_windows and fewest is not windows:
        reason = (
            f"the seasonal baseline has {len(fewest)} windows in a season, and "
            f"{settings.min_windows} are needed: its batches are judged among those of all seasons"
        )
        fewest = windows
    calibrated = calibration(fewest, settings, level, reason=reason)
    ranked = calibrated.method != "exact"
    return Overview(
        begin=_EPOCH + int(windows.starts[0]) * _MICROSECOND,
        end=_EPOCH + int(windows.starts[-1]) * _MICROSECOND + windows.span,
        level=level,
        level_attained=max(level, 1 / (len(fewest) + 1)) if ranked else None,
        calibration=calibrated,
    )
