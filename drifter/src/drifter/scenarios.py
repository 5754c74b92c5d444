"""What a drift can be: pure functions from a table to the drifted table.

Each takes the table, the names of the columns it changes, the strength and a random generator, and
returns a table of the same schema and length. Strength 1.0 is strong enough to be found in 1,000
rows; effects grow with it. Rows are changed at random places, so any sample of the drifted table
has drifted too. Nulls stay null, and whole numbers stay whole.
"""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Floats: TypeAlias = npt.NDArray[np.float64]
Positions: TypeAlias = npt.NDArray[np.intp]
Column: TypeAlias = "pa.Array[Any] | pa.ChunkedArray[Any]"
Scenario: TypeAlias = Callable[[pa.Table, Sequence[str], float, np.random.Generator], pa.Table]

NORMAL_IQR = 1.349  # interquartile range of the standard normal: IQR / 1.349 is a robust sd
SHIFT = 0.5  # robust standard deviations
SCALE = 2.0
MIX = 0.2
MISSING = 0.3
CONTAMINATION = 0.05


class ScenarioName(StrEnum):
    """The names by which settings, requests and headers know the scenarios."""

    MEAN_SHIFT = "mean_shift"
    SCALE = "scale"
    CATEGORY_MIX = "category_mix"
    MISSING_VALUES = "missing_values"
    TAIL_CONTAMINATION = "tail_contamination"
    CORRELATION_CHANGE = "correlation_change"


def mean_shift(
    table: pa.Table, columns: Sequence[str], strength: float, rng: np.random.Generator
) -> pa.Table:
    """Move numeric columns up or down, at strength 1.0 by half a robust standard deviation.

    The spread is IQR / 1.349, the standard deviation if the values were normal, so that a heavy
    tail does not set it.
    """
    for name in columns:
        values = _floats(table, name)
        low, high = np.nanquantile(values, [0.25, 0.75])
        shift = rng.choice([-1.0, 1.0]) * SHIFT * strength * (high - low) / NORMAL_IQR
        table = _with_numbers(table, name, values + shift)
    return table


def scale(
    table: pa.Table,
    columns: Sequence[str],
    strength: float,
    rng: np.random.Generator,  # noqa: ARG001  every scenario is called alike
) -> pa.Table:
    """Spread numeric columns around their median, at strength 1.0 by a factor of two."""
    for name in columns:
        values = _floats(table, name)
        median = np.nanmedian(values)
        table = _with_numbers(table, name, median + (values - median) * SCALE**strength)
    return table


def category_mix(
    table: pa.Table, columns: Sequence[str], strength: float, rng: np.random.Generator
) -> pa.Table:
    """Give one category more rows of the others, at strength 1.0 twenty in a hundred rows.

    The category is drawn by its frequency; none is new.
    """
    for name in columns:
        encoded = table[name].combine_chunks().dictionary_encode()
        codes = encoded.indices.to_numpy(zero_copy_only=False).astype(np.float64)
        present = np.flatnonzero(~np.isnan(codes))
        favoured = codes[rng.choice(present)]
        donors = present[codes[present] != favoured]
        codes[_draw(donors, MIX * strength * len(present), rng)] = favoured
        indices = pa.array(codes, from_pandas=True).cast(pa.int32())
        table = _with_column(table, name, encoded.dictionary.take(indices))
    return table


def missing_values(
    table: pa.Table, columns: Sequence[str], strength: float, rng: np.random.Generator
) -> pa.Table:
    """Make values null, at strength 1.0 in thirty of a hundred rows."""
    for name in columns:
        keep = np.ones(table.num_rows, dtype=bool)
        keep[_draw(np.arange(table.num_rows), MISSING * strength * table.num_rows, rng)] = False
        table = _with_column(table, name, pc.if_else(keep, table[name], None))
    return table


def tail_contamination(
    table: pa.Table, columns: Sequence[str], strength: float, rng: np.random.Generator
) -> pa.Table:
    """Replace values of numeric columns by far outliers, at strength 1.0 in five of a hundred rows.

    Outliers lie one to two widths beyond the range from the 0.1 to the 99.9 % quantile, on either
    side alike; the width is that of the range.
    """
    for name in columns:
        values = _floats(table, name)
        low, high = np.nanquantile(values, [0.001, 0.999])
        present = np.flatnonzero(~np.isnan(values))
        hit = _draw(present, CONTAMINATION * strength * len(present), rng)
        distance = rng.uniform(1, 2, size=len(hit)) * (high - low)
        below = rng.permutation(len(hit)) % 2 == 0
        values[hit] = np.where(below, low - distance, high + distance)
        table = _with_numbers(table, name, values)
    return table


def correlation_change(
    table: pa.Table, columns: Sequence[str], strength: float, rng: np.random.Generator
) -> pa.Table:
    """Break the dependence of the first column on the others, at strength 1.0 wholly.

    Its values are shuffled among a share of the rows; each column keeps its own distribution.
    """
    name = columns[0]
    rows = np.arange(table.num_rows)
    hit = _draw(rows, strength * table.num_rows, rng)
    rows[hit] = rng.permutation(rows[hit])
    return _with_column(table, name, table[name].take(rows))


SCENARIOS: Mapping[ScenarioName, Scenario] = {
    ScenarioName.MEAN_SHIFT: mean_shift,
    ScenarioName.SCALE: scale,
    ScenarioName.CATEGORY_MIX: category_mix,
    ScenarioName.MISSING_VALUES: missing_values,
    ScenarioName.TAIL_CONTAMINATION: tail_contamination,
    ScenarioName.CORRELATION_CHANGE: correlation_change,
}


def _draw(rows: Positions, expected: float, rng: np.random.Generator) -> Positions:
    """Draw so many of the rows without replacement, or all where there are fewer."""
    return rng.choice(rows, size=min(round(expected), len(rows)), replace=False)


def _floats(table: pa.Table, name: str) -> Floats:
    """Return a numeric column as float64, nulls as NaN."""
    return table[name].cast(pa.float64()).to_numpy().copy()


def _with_numbers(table: pa.Table, name: str, values: Floats) -> pa.Table:
    """Put numbers back in the column's own type: NaN as null, rounded and clipped if whole."""
    dtype = table.schema.field(name).type
    if pa.types.is_integer(dtype):
        limits = np.iinfo(str(dtype))  # Arrow's integers are named as numpy's
        values = np.clip(np.rint(values), limits.min, limits.max)
    return _with_column(table, name, pa.array(values, from_pandas=True).cast(dtype))


def _with_column(table: pa.Table, name: str, values: Column) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), values)
