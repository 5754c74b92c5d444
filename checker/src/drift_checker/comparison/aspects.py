"""What is measured of every window, and where the batch ranks among those of the reference.

An aspect is a vector for each window, and the distance of each from the mean of the others (see
`decision.window_ranks`). A batch of fewer rows than the windows have is as far from the mean of
whole windows as so few rows are; so it is ranked among what windows of its rows, one after the
other, are apart: see `Measured`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations, islice
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa

from drift_checker.comparison.in_memory_pairs import null_mask
from drift_checker.comparison.options import Floors
from drift_checker.comparison.samples import ColumnSample
from drift_checker.comparison.windows import Windows
from drift_checker.decision import (
    Bools,
    Floats,
    Ints,
    association,
    window_ranks,
)
from drift_checker.decision.window_ranks import WindowEvidence, WindowStatistic
from drift_checker.result import ColumnResult, Fault, JointResult, PairResult, Severity, Verdict
from drift_checker.tables import ColumnKind, encode_categories, to_floats
from drift_checker.wording import p_value_phrase, percent

_MIN_CORRELATION_ROWS = 200
"""Rows of a window, below which its rank correlations say little."""
_QUANTILES = 64
_SEED = 9
"""By which rows of windows are chosen, the same of all columns and in each tick."""
_SHARES = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
_SIGMA_IN_QUARTILES = 1.349
# What never changes is taken to have this share of its floor as its spread.
_LEAST_SPREAD = 1 / 3
# Missing values come in gaps: of thirty days without any, one with a gap of a few per cent would be
# more unusual than all else can be. So ten points more of them weigh as much as five spreads.
_LEAST_NULL_SPREAD = 0.02

Measure = Literal["distance", "wasserstein", "total_variation", "null_share", "rank_correlation"]
VALUE_MEASURES: tuple[Measure, ...] = ("distance", "wasserstein", "total_variation")
"""What is measured of the values of one column."""


@dataclass(frozen=True)
class Measured:
    """The vectors of an aspect (windows, length): of whole windows, and of parts of them.

    `parts` are of so many rows as the present window has, which is the last of each: the first
    ones, and some by chance. `groups` (windows,) are the seasons of those whose mean is another in
    each.
    """

    whole: Floats
    parts: Sequence[Floats] = ()
    groups: Ints | None = None

    def distances(self, *, largest: bool) -> Floats:
        """Return how far each window is from the others, as one of the present one's rows would be.

        The present one is measured from the mean of whole windows, which has all hours of a window
        in it, wherever its few rows are. The others are as far as whole ones are, or as parts of
        them, whichever are farther on average. Rows one after the other keep what they have in
        common; rows by chance are of any hours, as the present ones may be; whole windows differ by
        all hours.
        """
        whole, *parts = (
            window_ranks.distances_from_others(vectors, largest=largest, groups=self.groups)
            for vectors in (self.whole, *self.parts)
        )
        apart = max([whole, *parts], key=lambda distances: float(np.nansum(distances[:-1])))
        return np.append(apart[:-1], whole[-1])


def _measured(
    windows: Windows, rows: Sequence[Any], vectors_of: Callable[[Any], Floats]
) -> Measured:
    """Measure all windows; `vectors_of` returns the vectors of some."""
    whole = vectors_of(rows)
    most = windows.most_rows
    if most is None:
        return Measured(whole, (), windows.groups)
    rng = np.random.default_rng(_SEED)
    first = [each[:most] for each in rows[:-1]]
    some = [
        each[np.sort(rng.permutation(len(each))[:most])] if len(each) > most else each
        for each in rows[:-1]
    ]
    parts = [vectors_of([*part, rows[-1]]) for part in (first, some)]
    return Measured(whole, parts, windows.groups)


@dataclass(frozen=True)
class Aspect:
    """One measure of one column, or of two, over all windows."""

    columns: tuple[str, ...]
    measure: Measure
    statistic: WindowStatistic
    before: float
    """Of a share or a correlation, the mean of the other windows."""
    after: float
    """The same of the present one."""


def measure(
    windows: Windows,
    columns: Mapping[str, tuple[pa.Array[Any], pa.Array[Any]]],
    *,
    kinds: Mapping[str, ColumnKind],
    tested: Sequence[str],
    joint_columns: int,
    floors_of: Callable[[str], Floors],
    floors: Floors,
) -> Iterator[Aspect]:
    """Measure the missing values of all columns, and all else of those that are tested.

    `columns` are the rows of (current, reference), of these `kinds`; `tested` are in the order in
    which at most `joint_columns` numeric ones are looked at in pairs. `floors` are those of pairs.
    """
    numeric: dict[str, list[Floats]] = {}
    for name, (current, reference) in columns.items():
        nulls = windows.split(null_mask(reference), null_mask(current))
        yield null_share_aspect(name, _measured(windows, nulls, _shares_of_true), floors_of(name))
    for name in tested:
        current, reference = columns[name]
        if kinds[name] == "numeric":
            numeric[name] = windows.split(to_floats(reference), to_floats(current))
            yield from numeric_aspects(name, windows, numeric[name], floors_of(name))
        else:
            names, codes = encode_categories(reference, current)
            shares = partial(_category_shares, categories=len(names))
            measured = _measured(windows, windows.split(*codes), shares)
            yield categorical_aspect(name, measured, floors_of(name))
    joint = dict(islice(numeric.items(), joint_columns))
    yield from correlation_aspects(windows, joint, floors)


class QuantileScale:
    """Where the values of a number are measured, as the reference has them, sorted and not empty.

    Quantiles are those of asinh((x - median) / sigma), sigma by the reference's quartiles: plain in
    the middle, and logarithmic in the tails, however heavy they are.
    """

    def __init__(self, reference: Floats) -> None:
        """Take the reference's values."""
        first, self._middle, last = _quantiles(reference, np.array([0.25, 0.5, 0.75]))
        self._sigma = (last - first) / _SIGMA_IN_QUARTILES or float(reference.std()) or 1.0
        self._edges = np.unique(_quantiles(reference, _SHARES))

    def below(self, window: Floats) -> Floats:
        """Return the distribution function of sorted values at the reference's quantiles."""
        return np.asarray(np.searchsorted(window, self._edges, side="right") / len(window))

    def quantiles(self, window: Floats) -> Floats:
        """Return the quantiles of sorted values."""
        return np.asarray(np.arcsinh((_quantiles(window, _SHARES) - self._middle) / self._sigma))


def _quantiles(ordered: Floats, shares: Floats) -> Floats:
    return np.asarray(np.interp(shares * (len(ordered) - 1), np.arange(len(ordered)), ordered))


def numeric_aspects(
    name: str, windows: Windows, rows: Sequence[Floats], floors: Floors
) -> Iterator[Aspect]:
    """Measure a numeric column: its distribution function, and its quantiles.

    `rows` are the values of each window with NaN where one is missing. The first measure sees the
    bulk, the second how far what is new lies beyond all that was.
    """
    reference = np.concatenate(rows[:-1])
    reference = np.sort(reference[np.isfinite(reference)])
    if not len(reference):
        return
    scale = QuantileScale(reference)
    vectors_of: dict[Measure, Callable[[Floats], Floats]] = {
        "distance": scale.below,
        "wasserstein": scale.quantiles,
    }
    for measure, vector_of in vectors_of.items():
        empty = np.full(len(vector_of(reference)), np.nan)
        vectors = partial(_vectors_of_values, vector_of=vector_of, empty=empty)
        yield distribution_aspect(name, measure, _measured(windows, rows, vectors), floors)


def _vectors_of_values(
    rows: Sequence[Floats], vector_of: Callable[[Floats], Floats], empty: Floats
) -> Floats:
    ordered = (np.sort(window[np.isfinite(window)]) for window in rows)
    return np.array([vector_of(window) if len(window) else empty for window in ordered])


def _category_shares(rows: Sequence[Ints], categories: int) -> Floats:
    """Return the shares (windows, categories) of codes, which are -1 where a value is missing."""
    counts = np.array(
        [np.bincount(window[window >= 0], minlength=categories) for window in rows], dtype=float
    )
    sums = counts.sum(axis=1, keepdims=True)
    return np.where(sums > 0, counts / np.maximum(sums, 1), np.nan)


def categorical_aspect(name: str, shares: Measured, floors: Floors) -> Aspect:
    """Measure a categorical column by the shares of its categories (windows, categories)."""
    # The mean over the categories times half their number is the total variation distance.
    distances = shares.distances(largest=False) * shares.whole.shape[1] / 2
    return _distribution(name, "total_variation", distances, floors)


def distribution_aspect(name: str, measure: Measure, vectors: Measured, floors: Floors) -> Aspect:
    """Take what was measured of the values of a number."""
    distances = vectors.distances(largest=measure == "distance")
    return _distribution(name, measure, distances, floors)


def _distribution(name: str, measure: Measure, distances: Floats, floors: Floors) -> Aspect:
    floor = floors.distance
    statistic = WindowStatistic(distances, floor, floor * _LEAST_SPREAD)
    return Aspect((name,), measure, statistic, np.nan, np.nan)


def _shares_of_true(rows: Sequence[Bools]) -> Floats:
    return np.array([[window.mean() if len(window) else np.nan] for window in rows])


def null_share_aspect(name: str, shares: Measured, floors: Floors) -> Aspect:
    """Measure the share of missing values (windows, 1)."""
    return _scalar((name,), "null_share", shares, floors.share, _LEAST_NULL_SPREAD)


def correlation_aspects(
    windows: Windows, columns: Mapping[str, Sequence[Floats]], floors: Floors
) -> Iterator[Aspect]:
    """Measure the rank correlation of each pair of numeric columns."""
    names = list(columns)
    pairs = list(combinations(range(len(names)), 2))
    if not pairs:
        return
    rows = [np.array(window).T for window in zip(*columns.values(), strict=True)]
    measured = _measured(windows, rows, partial(_window_correlations, pairs=pairs))
    for place, (i, j) in enumerate(pairs):
        parts = [part[:, [place]] for part in measured.parts]
        of_pair = Measured(measured.whole[:, [place]], parts, measured.groups)
        yield correlation_aspect((names[i], names[j]), of_pair, floors)


def _window_correlations(rows: Sequence[Floats], pairs: Sequence[tuple[int, int]]) -> Floats:
    """Return the correlations (windows, pairs) of windows of rows (rows, columns)."""
    few = np.full(len(pairs), np.nan)
    return np.array(
        [
            correlations(window.T, pairs) if len(window) >= _MIN_CORRELATION_ROWS else few
            for window in rows
        ]
    )


def correlation_aspect(columns: tuple[str, str], values: Measured, floors: Floors) -> Aspect:
    """Take the rank correlation of two columns in each window (windows, 1)."""
    floor = floors.correlation
    return _scalar(columns, "rank_correlation", values, floor, floor * _LEAST_SPREAD)


def correlations(window: Floats, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Return the rank correlations of pairs of columns in one window (columns, rows)."""
    matrix = association.rank_correlations(association.dense_ranks(window))
    return np.array([matrix[pair] for pair in pairs])


def _scalar(
    columns: tuple[str, ...], measure: Measure, values: Measured, floor: float, least_spread: float
) -> Aspect:
    others = values.whole[:-1][~np.isnan(values.whole[:-1])]
    before = float(others.mean()) if len(others) else np.nan
    statistic = WindowStatistic(values.distances(largest=True), floor, least_spread)
    return Aspect(columns, measure, statistic, before, float(values.whole[-1, 0]))


Ranked: TypeAlias = tuple[Aspect, WindowEvidence]
"""An aspect, and what the present window's distance in it is worth among the windows."""


@dataclass(frozen=True)
class Ranking:
    """The aspects that can be tested, the most unusual first, and what they were ranked among.

    `units` and `alike` are those of `decision.RankTest`.
    """

    ranked: Sequence[Ranked]
    units: int
    alike: bool


def rank_aspects(aspects: Sequence[Aspect], level: float, days: Ints | None = None) -> Ranking:
    """Test those that can be tested; `days` (windows - 1,) are those of the other windows."""
    testable = [aspect for aspect in aspects if aspect.statistic.testable]
    if not testable:
        return Ranking([], 0, alike=False)
    test = window_ranks.rank_test([aspect.statistic for aspect in testable], level, days)
    ranked = zip(testable, test.evidence, strict=True)
    ordered = sorted(ranked, key=lambda pair: (pair[1].p_value, -pair[1].standardised))
    return Ranking(ordered, test.units, test.alike)


def combined_p_value(ranked: Sequence[Ranked]) -> float | None:
    """Return the p-value of all aspects, for which each is corrected; None where there is none."""
    return min((evidence.p_value for _, evidence in ranked), default=None)


def null_faults(ranked: Sequence[Ranked], level: float) -> list[Fault]:
    """Return the columns of which more values, or fewer, are missing than in the other windows."""
    return [
        Fault(
            fault="nulls",
            severity=Severity.STATISTICAL,
            column=aspect.columns[0],
            detail=f"nulls: {percent(aspect.before)} -> {percent(aspect.after)} of the rows "
            f"({p_value_phrase(evidence.p_value)})",
        )
        for aspect, evidence in ranked
        if aspect.measure == "null_share" and evidence.p_value <= level
    ]


def column_results(
    ranked: Sequence[Ranked],
    columns: Mapping[str, ColumnResult],
    samples: Mapping[str, ColumnSample],
    level: float,
) -> dict[str, ColumnResult]:
    """Return what the most unusual measure of its values says of each column that has one.

    `columns` has the result of each so far, of which name, kind and role stay.
    """
    of_values = [pair for pair in ranked if pair[0].measure in VALUE_MEASURES]
    most_unusual = {
        aspect.columns[0]: (aspect, evidence) for aspect, evidence in reversed(of_values)
    }
    return {
        name: _column_result(pair, columns[name], samples[name], level)
        for name, pair in most_unusual.items()
    }


def _column_result(
    ranked: Ranked, column: ColumnResult, sample: ColumnSample, level: float
) -> ColumnResult:
    aspect, evidence = ranked
    drift = evidence.p_value <= level
    return ColumnResult(
        name=column.name,
        kind=column.kind,
        role=column.role,
        verdict=Verdict.DRIFT if drift else Verdict.OK,
        test=aspect.measure,
        statistic=evidence.standardised,
        p_value=evidence.p_value,
        threshold=level,
        effect=aspect.measure,
        effect_size=evidence.effect,
        change=sample.change(aspect.measure) if drift else None,
    )


def joint_result(ranked: Sequence[Ranked], level: float) -> JointResult | None:
    """Return the verdict on the pairs: those that drifted, or the one that changed most."""
    pairs = [pair for pair in ranked if pair[0].measure == "rank_correlation"]
    if not pairs:
        return None
    drifted = [pair for pair in pairs if pair[1].p_value <= level]
    _, first = pairs[0]
    return JointResult(
        verdict=Verdict.DRIFT if drifted else Verdict.OK,
        test="rank_correlation",
        statistic=first.standardised,
        p_value=first.p_value,
        threshold=level,
        effect=first.effect,
        pairs=[
            PairResult(
                columns=(aspect.columns[0], aspect.columns[1]),
                reference=aspect.before,
                current=aspect.after,
                interval=None,
                p_value=evidence.p_value,
            )
            for aspect, evidence in drifted or pairs[:1]
        ],
    )
