"""Known drift for batches that come from no Drifter: one column is changed, by a stated amount.

The scenarios and their strengths mean what they mean to the Drifter (docs/drill.md). They are
written anew here, because the two packages share nothing: a mistake in one does not hide in the
other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.decision import Bools, Floats
from drift_checker.tables import ColumnKind

Perturbation = Callable[[Any, float, np.random.Generator], Any]


def _numeric(change: Callable[[Floats, float, np.random.Generator], Floats]) -> Perturbation:
    """Make a change of finite values one of a numeric column; what was missing stays missing."""

    def changed(column: Any, strength: float, rng: np.random.Generator) -> Any:
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        finite = np.isfinite(values)
        result = values.copy()
        result[finite] = change(values[finite], strength, rng)
        if pa.types.is_integer(column.type):
            result = np.rint(result)
            return pa.array(result, from_pandas=True).cast(column.type, safe=False)
        return pa.array(result, from_pandas=True)

    return changed


def _random_flags(rows: int, share: float, rng: np.random.Generator) -> Bools:
    """Return flags for a share of the rows, at random places."""
    return rng.permutation(rows) < round(min(share, 1.0) * rows)


def _shift(values: Floats, strength: float, rng: np.random.Generator) -> Floats:
    quarter, three = np.quantile(values, [0.25, 0.75])
    shift = float(rng.choice([-0.5, 0.5])) * strength * float(three - quarter) / 1.349
    return values + shift


def _scale(values: Floats, strength: float, _rng: np.random.Generator) -> Floats:
    quarter, middle, three = np.quantile(values, [0.25, 0.5, 0.75])
    if quarter == three:
        return values
    return np.asarray(middle + (values - middle) * 2.0**strength)


def _contaminate(values: Floats, strength: float, rng: np.random.Generator) -> Floats:
    low, high = np.quantile(values, [0.001, 0.999])
    far = rng.uniform(1, 2, len(values)) * (high - low)
    outliers = np.where(rng.random(len(values)) < 0.5, low - far, high + far)  # noqa: PLR2004
    return np.where(_random_flags(len(values), 0.05 * strength, rng), outliers, values)


def _mix(column: Any, strength: float, rng: np.random.Generator) -> Any:
    text = column.cast(pa.string())
    counts = pc.value_counts(text.drop_null())
    if len(counts) <= 1:
        return column
    # Of the most frequent one, more rows might be hardly any change.
    rarer = np.delete(np.arange(len(counts)), np.argmax(counts.field("counts")))
    favoured = counts.field("values")[int(rng.choice(rarer))]
    chosen = pa.array(_random_flags(len(text), 0.2 * strength, rng))
    mixed = pc.if_else(pc.and_(chosen, pc.is_valid(text)), favoured, text)
    return mixed.cast(column.type) if pa.types.is_boolean(column.type) else mixed


def _lose(column: Any, strength: float, rng: np.random.Generator) -> Any:
    lost = pa.array(_random_flags(len(column), 0.3 * strength, rng))
    return pc.if_else(lost, pa.scalar(None, column.type), column)


def _shuffle(column: Any, strength: float, rng: np.random.Generator) -> Any:
    rows = np.arange(len(column))
    chosen = np.flatnonzero(_random_flags(len(column), strength, rng))
    rows[chosen] = rng.permutation(chosen)
    return column.take(pa.array(rows))


PERTURBATIONS: Mapping[str, tuple[tuple[ColumnKind, ...], Perturbation]] = {
    "mean_shift": (("numeric",), _numeric(_shift)),
    "scale": (("numeric",), _numeric(_scale)),
    "category_mix": (("categorical",), _mix),
    "missing_values": (("numeric", "categorical"), _lose),
    "tail_contamination": (("numeric",), _numeric(_contaminate)),
    "correlation_change": (("numeric",), _shuffle),
}
"""Every scenario: the kinds of columns that it changes, and how."""


def perturb(
    table: pa.Table, column: str, scenario: str, strength: float, rng: np.random.Generator
) -> pa.Table:
    """Return the table with one column changed."""
    _, change = PERTURBATIONS[scenario]
    changed = change(table[column].combine_chunks(), strength, rng)
    return table.set_column(table.schema.get_field_index(column), column, changed)
