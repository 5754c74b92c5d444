"""What is drawn of a comparison, taken from the samples that were tested."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from drift_checker.comparison.pairs import TablePair
from drift_checker.comparison.samples import BinnedSample, CategoricalSample, NumericSample
from drift_checker.decision import Floats, Ints
from drift_checker.result import ColumnResult, Result
from drift_checker.wording import shortened, strongest_first
from drift_checker.wording.pictures import (
    QUANTILES,
    CategoricalPicture,
    NumericPicture,
    PairPicture,
    Pictures,
)

MAX_COLUMNS = 30
"""Columns that are drawn, those that drifted first."""
MAX_PAIRS = 3
"""Pairs of columns that are drawn."""
MAX_POINTS = 300
"""Rows of either side that the picture of a pair has."""
MAX_CATEGORIES = 10
"""Categories of a column that are drawn by name."""
BINS = 20
"""Bins of a numeric column that are drawn, each with as many rows of the reference."""

_SHARES = np.linspace(0, 1, QUANTILES)


def draw(tables: TablePair, result: Result) -> Pictures:
    """Return the pictures of a result and of the tables that it compared.

    They are bounded whatever the tables are: at most 200 kB as JSON.
    """
    tested = [column for column in strongest_first(result) if column.test is not None]
    numeric, categorical = list[NumericPicture](), list[CategoricalPicture]()
    for column in tested[:MAX_COLUMNS]:
        match tables.column_pair(column.name).sample:
            case CategoricalSample() as sample:
                categorical.append(_categorical(column, sample))
            case NumericSample() | BinnedSample() as sample:
                numeric.append(_numeric(column, sample))
    return Pictures(
        numeric=numeric,
        categorical=categorical,
        pairs=list(_pairs(tables, result)),
        more=max(0, len(tested) - MAX_COLUMNS),
    )


def _numeric(column: ColumnResult, sample: NumericSample | BinnedSample) -> NumericPicture:
    edges, reference, current = sample.drawn_bins(BINS)
    before, after = sample.drawn_quantiles(_SHARES)
    return NumericPicture(
        name=column.name,
        edges=_short(edges),
        reference=reference.tolist(),
        current=current.tolist(),
        reference_quantiles=_short(before),
        current_quantiles=_short(after),
    )


def _short(values: Floats) -> list[float]:
    """Return numbers in as many digits as a drawing needs."""
    return [float(f"{value:.6g}") for value in values.tolist()]


def _categorical(column: ColumnResult, sample: CategoricalSample) -> CategoricalPicture:
    before, after = sample.reference, sample.current
    change = np.abs(after / max(1, after.sum()) - before / max(1, before.sum()))
    # Those that changed most; of those that changed alike, the most frequent ones.
    order = np.lexsort((-(before + after), -change))
    shown, others = order[:MAX_CATEGORIES], order[MAX_CATEGORIES:]

    def counts(rows: Ints) -> list[int]:
        return [*rows[shown].tolist(), *([int(rows[others].sum())] if len(others) else [])]

    return CategoricalPicture(
        name=column.name,
        categories=[shortened(sample.names[j]) for j in shown],
        reference=counts(before),
        current=counts(after),
        others=len(others),
    )


def _pairs(tables: TablePair, result: Result) -> Iterator[PairPicture]:
    """Yield the pairs that drifted, or the one that changed most."""
    for pair in (result.joint.pairs if result.joint else [])[:MAX_PAIRS]:
        sides = [tables.column_pair(name).sample.row_sample for name in pair.columns]
        first, second = sides
        if first is not None and second is not None:
            yield PairPicture(
                columns=pair.columns,
                reference=_points(first[1], second[1]),
                current=_points(first[0], second[0]),
            )


def _points(x: Floats, y: Floats) -> tuple[list[float], list[float]]:
    """Return rows that have both values, evenly spread over those that there are."""
    both = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    chosen = both[:: max(1, -(-len(both) // MAX_POINTS))]
    return _short(x[chosen]), _short(y[chosen])
