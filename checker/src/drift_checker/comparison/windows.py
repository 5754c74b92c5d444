"""Dependent rows: the reference cut into windows of one tick's worth, which tell what is normal.

Rows of one day are alike in what makes that day, so that no count of rows says how far two days are
apart by chance; other days do. What is measured of a window is a vector for each aspect of it, and
its distance from the mean of the others (see `decision.window_ranks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import combinations, islice
from math import ceil
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from drift_checker.comparison.options import CompareSettings, Floors
from drift_checker.comparison.pairs import ColumnSample
from drift_checker.decision import (
    Bools,
    Floats,
    Ints,
    WindowEvidence,
    WindowStatistic,
    association,
    window_ranks,
)
from drift_checker.errors import BadReferenceError
from drift_checker.result import (
    Calibration,
    ColumnResult,
    Fault,
    JointResult,
    PairResult,
    Severity,
    Verdict,
)
from drift_checker.tables import as_numpy, encode_categories, kind_of, to_floats, valid_mask
from drift_checker.wording import p_value_phrase, percent

MIN_JOINT_ROWS = 200
"""Rows of a window, below which its rank correlations say little."""
_QUANTILES = 64
_SHARES = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SIGMA_IN_QUARTILES = 1.349
# What never changes is taken to have this share of its floor as its spread.
_CALM = 1 / 3
# Missing values come in gaps: of thirty days without any, one with a gap of a few per cent would be
# more unusual than all else can be. So ten points more of them weigh as much as five spreads.
_CALM_SHARE = 0.02

Measure = Literal["distance", "wasserstein", "total_variation", "null_share", "rank_correlation"]
TOO_LARGE = "data of this size are not cut into windows: rows are taken as independent"
OF_VALUES: tuple[Measure, ...] = ("distance", "wasserstein", "total_variation")
"""What is measured of the values of one column."""


@dataclass(frozen=True)
class Windows:
    """Which rows of the reference are in which window; the present batch is one more.

    `numbers` (reference rows) is the place of each row's window, -1 where it is in none; `sizes`
    has the rows of each, and `starts` when each begins, in microseconds since the epoch.
    """

    numbers: Ints
    sizes: Ints
    starts: Ints
    span: timedelta

    def __len__(self) -> int:
        """Return how many there are, without the present one."""
        return len(self.sizes)

    def of_season(self, times: pa.Array[Any]) -> Windows:
        """Return the windows that begin in the same hour of the day as a batch's, or weekday.

        The weekday where a window is a day or longer. The batch's window is the one of most of its
        rows.
        """
        moments, there = _moments(times)
        if not there.any():
            return self._kept(np.zeros(len(self), dtype=bool))
        middle, step = np.sort(moments[there])[there.sum() // 2], self.span // _MICROSECOND
        return self._kept(self._season(self.starts) == self._season(middle // step * step))

    def seasons(self) -> list[Windows]:
        """Return the windows of each season."""
        places = self._season(self.starts)
        return [self._kept(places == place) for place in np.unique(places)]

    def _season(self, moments: Ints) -> Ints:
        day = timedelta(days=1)
        step, period = (day, 7 * day) if self.span >= day else (timedelta(hours=1), day)
        return moments % (period // _MICROSECOND) // (step // _MICROSECOND)

    def _kept(self, kept: Bools) -> Windows:
        """Return some of the windows."""
        numbers = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1)
        return Windows(numbers[self.numbers], self.sizes[kept], self.starts[kept], self.span)

    def parts(self, reference: NDArray[Any], current: NDArray[Any]) -> list[NDArray[Any]]:
        """Return the rows of each window and, last, of the present one."""
        inside = self.numbers >= 0
        order = np.argsort(self.numbers[inside], kind="stable")
        return [*np.split(reference[inside][order], np.cumsum(self.sizes)[:-1]), current]


def cut(times: pa.Array[Any], span: timedelta, *, least: int) -> Windows:
    """Cut rows into windows of a span, counted from the epoch in UTC.

    Windows of fewer than `least` rows, such as those at either end, are left out.
    """
    moments, there = _moments(times)
    step = span // _MICROSECOND
    found, places, sizes = np.unique(
        moments[there] // step, return_inverse=True, return_counts=True
    )
    numbers = np.full(len(moments), -1, dtype=np.int64)
    numbers[there] = places
    return Windows(numbers, sizes.astype(np.int64), found * step, span)._kept(sizes >= least)


def _moments(times: pa.Array[Any]) -> tuple[Ints, Bools]:
    """Return microseconds since the epoch, and which of them are known."""
    zone = times.type.tz if pa.types.is_timestamp(times.type) else None
    moments = times.cast(pa.timestamp("us", tz=zone)).cast(pa.int64())
    found, there = np.zeros(len(moments), dtype=np.int64), valid_mask(moments)
    found[there] = as_numpy(moments.drop_null())
    return found, there


def of_reference(times: pa.Array[Any], settings: CompareSettings, span: timedelta) -> Windows:
    """Cut a reference into windows by the column of its times.

    Raises:
        BadReferenceError: The column holds no times.
    """
    if not (pa.types.is_timestamp(times.type) or pa.types.is_date(times.type)):
        name = settings.columns.timestamp
        detail = f"the timestamp column {name!r} has values of type {times.type}"
        raise BadReferenceError(f"The reference cannot be cut into windows: {detail}.")
    return cut(times, span, least=settings.min_rows)


@dataclass(frozen=True)
class Overview:
    """The windows of a reference, and what they make of the level of a tick.

    `begin` and `end` are when the first begins and the last ends; of a seasonal baseline `windows`
    are those of the season that has fewest. `level_attained` is what ranks alone reach, None where
    windows are too few to be used.
    """

    windows: int
    span: timedelta
    begin: datetime
    end: datetime
    level: float
    level_attained: float | None
    calibration: Calibration


def overview(found: Windows, settings: CompareSettings) -> Overview | None:
    """Describe the windows of a reference; None where it has none."""
    if not len(found):
        return None
    fewest = found
    if settings.baseline == "seasonal":
        fewest = min(found.seasons(), key=len)
    level = settings.alarm_budget().level
    learnt = calibration(fewest, settings, level)
    return Overview(
        windows=len(fewest),
        span=found.span,
        begin=_EPOCH + int(found.starts[0]) * _MICROSECOND,
        end=_EPOCH + int(found.starts[-1]) * _MICROSECOND + found.span,
        level=level,
        level_attained=None if learnt.method == "exact" else max(level, 1 / (len(fewest) + 1)),
        calibration=learnt,
    )


def calibration(found: Windows, settings: CompareSettings, level: float) -> Calibration:
    """Return what windows make of a level; `exact` where they are too few to say anything."""
    if len(found) < settings.min_windows:
        reason = (
            f"the {settings.baseline} baseline has {len(found)} windows of {found.span} with "
            f"{settings.min_rows} rows or more, and {settings.min_windows} are needed: "
            "rows are taken as independent"
        )
        return Calibration(windows=len(found), reason=reason)
    if level >= 1 / (len(found) + 1):
        return Calibration(method="ranked", windows=len(found))
    reason = f"ranks alone reach a level of {level:.2g} with {ceil(1 / level) - 1} windows"
    return Calibration(method="extrapolated", windows=len(found), reason=reason)


@dataclass(frozen=True)
class Measured:
    """One aspect of some columns, over all windows."""

    columns: tuple[str, ...]
    measure: Measure
    aspect: WindowStatistic
    before: float
    """Of a share or a correlation, the mean of the other windows."""
    after: float
    """The same of the present one."""


def measure(
    windows: Windows,
    columns: Mapping[str, tuple[pa.Array[Any], pa.Array[Any]]],
    *,
    tested: Sequence[str],
    most_joint: int,
    floors: Floors,
) -> Iterator[Measured]:
    """Measure the missing values of all columns, and all else of those that are tested.

    `columns` are the rows of (current, reference); `tested` are in the order in which at most
    `most_joint` numeric ones are looked at in pairs.
    """
    numbers: dict[str, list[Floats]] = {}
    for name, (current, reference) in columns.items():
        nulls = (_missing(side) for side in (reference, current))
        yield null_share(name, windows.parts(*nulls), floors)
    for name in tested:
        current, reference = columns[name]
        if kind_of(reference.type) == "numeric":
            numbers[name] = windows.parts(to_floats(reference), to_floats(current))
            yield from numeric(name, numbers[name], floors)
        else:
            names, sides = encode_categories(reference, current)
            yield categorical(name, windows.parts(*sides), len(names), floors)
    yield from joint(dict(islice(numbers.items(), most_joint)), floors)


def _missing(values: pa.Array[Any]) -> Bools:
    return np.asarray(as_numpy(pc.is_null(values, nan_is_null=True).cast(pa.uint8())) > 0)


class Scale:
    """Where the values of a number are measured, as the reference has them, sorted and not empty.

    Quantiles are those of asinh((x - median) / sigma), sigma by the reference's quartiles: plain in
    the middle, and logarithmic in the tails, however heavy they are.
    """

    def __init__(self, reference: Floats) -> None:
        """Take the reference's values."""
        first, self._middle, last = _quantiles(reference, np.array([0.25, 0.5, 0.75]))
        self._sigma = (last - first) / _SIGMA_IN_QUARTILES or float(reference.std()) or 1.0
        self._ends = np.unique(_quantiles(reference, _SHARES))

    def below(self, part: Floats) -> Floats:
        """Return the distribution function of sorted values at the reference's quantiles."""
        return np.asarray(np.searchsorted(part, self._ends, side="right") / len(part))

    def quantiles(self, part: Floats) -> Floats:
        """Return the quantiles of sorted values."""
        return np.asarray(np.arcsinh((_quantiles(part, _SHARES) - self._middle) / self._sigma))


def numeric(name: str, parts: Sequence[Floats], floors: Floors) -> Iterator[Measured]:
    """Measure a numeric column: its distribution function, and its quantiles.

    `parts` are the values of each window with NaN where one is missing. The first measure sees the
    bulk, the second how far what is new lies beyond all that was.
    """
    sorted_parts = [np.sort(part[np.isfinite(part)]) for part in parts]
    reference = np.sort(np.concatenate(sorted_parts[:-1]))
    if not len(reference):
        return
    scale = Scale(reference)
    measures: list[tuple[Measure, Callable[[Floats], Floats]]] = [
        ("distance", scale.below),
        ("wasserstein", scale.quantiles),
    ]
    for measure, take in measures:
        empty = np.full(len(take(reference)), np.nan)
        vectors = np.array([take(part) if len(part) else empty for part in sorted_parts])
        yield distribution(name, measure, vectors, floors)


def categorical(name: str, parts: Sequence[Ints], categories: int, floors: Floors) -> Measured:
    """Measure a categorical column by the shares of its categories.

    `parts` has the place of each row's category, -1 where it is missing.
    """
    counts = np.array(
        [np.bincount(part[part >= 0], minlength=categories) for part in parts], dtype=float
    )
    rows = counts.sum(axis=1, keepdims=True)
    shares = np.where(rows > 0, counts / np.maximum(rows, 1), np.nan)
    # The mean over the categories times half their number is the total variation distance.
    found = window_ranks.distances_from_others(shares, largest=False) * categories / 2
    return _distribution(name, "total_variation", found, floors)


def distribution(name: str, measure: Measure, vectors: Floats, floors: Floors) -> Measured:
    """Take what was measured of the values of a number (windows, length)."""
    found = window_ranks.distances_from_others(vectors, largest=measure == "distance")
    return _distribution(name, measure, found, floors)


def _distribution(name: str, measure: Measure, found: Floats, floors: Floors) -> Measured:
    floor = floors.distance
    return Measured((name,), measure, WindowStatistic(found, floor, floor * _CALM), np.nan, np.nan)


def null_share(name: str, parts: Sequence[Bools], floors: Floors) -> Measured:
    """Measure the share of missing values."""
    shares = np.array([part.mean() if len(part) else np.nan for part in parts])
    return _number((name,), "null_share", shares, floors.share, _CALM_SHARE)


def joint(columns: Mapping[str, Sequence[Floats]], floors: Floors) -> Iterator[Measured]:
    """Measure the rank correlation of each pair of numeric columns."""
    names, windows = list(columns), zip(*columns.values(), strict=True)
    pairs = list(combinations(range(len(names)), 2))
    if not pairs:
        return
    found = np.array(
        [
            correlations(np.array(window), pairs)
            if len(window[0]) >= MIN_JOINT_ROWS
            else np.full(len(pairs), np.nan)
            for window in windows
        ]
    )
    for (left, right), values in zip(pairs, found.T, strict=True):
        yield correlated((names[left], names[right]), values, floors)


def correlated(pair: tuple[str, str], values: Floats, floors: Floors) -> Measured:
    """Take the rank correlation of a pair in each window."""
    floor = floors.correlation
    return _number(pair, "rank_correlation", values, floor, floor * _CALM)


def correlations(window: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Return the rank correlations of pairs of columns in one window (columns, rows)."""
    found = association.rank_correlations(association.dense_ranks(window))
    return np.array([found[pair] for pair in pairs])


@dataclass(frozen=True)
class Placed:
    """What was measured, and what it is worth among the windows."""

    measured: Measured
    place: WindowEvidence


def rank(measured: Sequence[Measured], level: float) -> list[Placed]:
    """Return those that can be judged with their place, the most unusual first."""
    measured = [one for one in measured if one.aspect.testable]
    found = window_ranks.rank_test([one.aspect for one in measured], level)
    placed = [Placed(*pair) for pair in zip(measured, found, strict=True)]
    return sorted(placed, key=lambda one: (one.place.p_value, -one.place.standardised))


def null_faults(placed: Sequence[Placed], level: float) -> list[Fault]:
    """Return the columns of which more values, or fewer, are missing than in the other windows."""
    return [
        Fault(
            fault="nulls",
            severity=Severity.STATISTICAL,
            column=one.measured.columns[0],
            detail=f"nulls: {percent(one.measured.before)} -> {percent(one.measured.after)} of the "
            f"rows ({p_value_phrase(one.place.p_value)})",
        )
        for one in placed
        if one.measured.measure == "null_share" and one.place.p_value <= level
    ]


def column_results(
    placed: Sequence[Placed],
    columns: Mapping[str, ColumnResult],
    samples: Mapping[str, ColumnSample],
    level: float,
) -> dict[str, ColumnResult]:
    """Return what the most unusual measure of its values says of each column that has one.

    `columns` has the result of each so far, of which name, kind and role stay.
    """
    values = [one for one in placed if one.measured.measure in OF_VALUES]
    first = {one.measured.columns[0]: one for one in reversed(values)}
    return {
        name: _column_result(one, columns[name], samples[name], level)
        for name, one in first.items()
    }


def _column_result(
    one: Placed, column: ColumnResult, sample: ColumnSample, level: float
) -> ColumnResult:
    place, measure, drift = one.place, one.measured.measure, one.place.p_value <= level
    return ColumnResult(
        name=column.name,
        kind=column.kind,
        role=column.role,
        verdict=Verdict.DRIFT if drift else Verdict.OK,
        test=measure,
        statistic=place.standardised,
        p_value=place.p_value,
        threshold=level,
        effect=measure,
        effect_size=place.effect,
        change=sample.change(measure) if drift else None,
    )


def joint_result(placed: Sequence[Placed], level: float) -> JointResult | None:
    """Return the verdict on the pairs: those that drifted, or the one that changed most."""
    pairs = [one for one in placed if one.measured.measure == "rank_correlation"]
    if not pairs:
        return None
    drifted = [one for one in pairs if one.place.p_value <= level]
    first = pairs[0].place
    return JointResult(
        verdict=Verdict.DRIFT if drifted else Verdict.OK,
        test="rank_correlation",
        statistic=first.standardised,
        p_value=first.p_value,
        threshold=level,
        effect=first.effect,
        pairs=[
            PairResult(
                columns=(one.measured.columns[0], one.measured.columns[1]),
                reference=one.measured.before,
                current=one.measured.after,
                interval=None,
                p_value=one.place.p_value,
            )
            for one in drifted or pairs[:1]
        ],
    )


def _number(
    columns: tuple[str, ...], measure: Measure, values: Floats, floor: float, calm: float
) -> Measured:
    others = values[:-1][~np.isnan(values[:-1])]
    before = float(others.mean()) if len(others) else np.nan
    found = window_ranks.distances_from_others(values[:, None], largest=True)
    return Measured(
        columns, measure, WindowStatistic(found, floor, calm), before, float(values[-1])
    )


def _quantiles(ordered: Floats, shares: Floats) -> Floats:
    places = shares * (len(ordered) - 1)
    return np.asarray(np.interp(places, np.arange(len(ordered)), ordered))
