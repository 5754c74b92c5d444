"""The rows that batches are drawn from, and the columns in which each scenario can show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from drifter.errors import SettingError
from drifter.scenarios import SCENARIOS, ScenarioName

# Groups of columns that a scenario can change together: one column, or a correlated pair.
Groups: TypeAlias = Sequence[tuple[str, ...]]
Column: TypeAlias = "pa.ChunkedArray[Any]"

MOST_COLUMNS = 2  # changed by one drift
MOST_FREQUENT = 0.8  # beyond this share, too few rows are left to make a category grow
CORRELATED = 0.3  # rank correlation below which there is little to break


@dataclass(frozen=True)
class Population:
    """A table of rows that can drift."""

    table: pa.Table

    @cached_property
    def groups(self) -> Mapping[ScenarioName, Groups]:
        """For each scenario, the groups of columns that it can change with effect."""
        return find_groups(self.table)

    @classmethod
    def load(cls, path: Path, variable: str) -> Population:
        """Read a Parquet file.

        Raises:
            SettingError: Not a Parquet file with rows, or with columns that CSV cannot hold;
                `variable` is the setting to name.
        """
        try:
            table = pq.read_table(path)
        except (OSError, pa.ArrowException) as error:
            raise SettingError(variable, path, f"name a readable Parquet file ({error}).") from None
        if table.num_rows == 0:
            raise SettingError(variable, path, "name a Parquet file with at least one row.")
        for field in table.schema:
            if not (_is_category(field.type) or _is_number(field.type) or _is_time(field.type)):
                raise SettingError(
                    variable,
                    path,
                    f"column {field.name} has type {field.type}; "
                    "numbers, text, booleans, dates and timestamps can be served.",
                )
        return cls(_plain(table))

    def times(self) -> Column | None:
        """Return the first timestamp column, or None."""
        for field in self.table.schema:
            if pa.types.is_timestamp(field.type):
                return self.table[field.name]
        return None

    def drift(
        self, scenario: ScenarioName, strength: float, rng: np.random.Generator
    ) -> tuple[pa.Table, tuple[str, ...]]:
        """Return the drifted table and the names of the columns that were drawn for it."""
        groups = self.groups[scenario]
        most = MOST_COLUMNS // len(groups[0])
        count = rng.integers(1, min(most, len(groups)), endpoint=True)
        drawn = sorted(rng.choice(len(groups), size=count, replace=False))
        columns = tuple(name for index in drawn for name in groups[index])
        return SCENARIOS[scenario](self.table, columns, strength, rng), columns


def find_groups(table: pa.Table) -> dict[ScenarioName, Groups]:
    """Return the groups of columns in which each scenario can show; timestamps never.

    Shift and scale need a column whose middle half is spread out, contamination a range to leave,
    a category's growth rows to grow from, missing values some to lose, and a change of correlation
    a correlated pair.
    """
    numbers = [field.name for field in table.schema if _is_number(field.type)]
    categories = [field.name for field in table.schema if _is_category(field.type)]
    spread = [name for name in numbers if _width(table[name], 0.25, 0.75) > 0]
    ranged = [name for name in numbers if _width(table[name], 0.001, 0.999) > 0]
    known = [name for name in numbers + categories if table[name].null_count < table.num_rows]
    mixed = [name for name in categories if 0 < _top_share(table[name]) <= MOST_FREQUENT]
    return {
        ScenarioName.MEAN_SHIFT: _single(spread),
        ScenarioName.SCALE: _single(spread),
        ScenarioName.CATEGORY_MIX: _single(mixed),
        ScenarioName.MISSING_VALUES: _single(known),
        ScenarioName.TAIL_CONTAMINATION: _single(ranged),
        ScenarioName.CORRELATION_CHANGE: _correlated_pairs(table.select(spread)),
    }


def _single(names: Sequence[str]) -> Groups:
    return [(name,) for name in names]


def _width(column: Column, low: float, high: float) -> float:
    values = column.drop_null().to_numpy()
    lower, upper = np.quantile(values, [low, high]) if len(values) else (0, 0)
    return float(upper - lower)


def _top_share(column: Column) -> float:
    counts = column.drop_null().value_counts().field("counts").to_numpy()
    return float(counts.max() / counts.sum()) if len(counts) else 0.0


def _correlated_pairs(table: pa.Table) -> Groups:
    """Return the pairs of numeric columns with a Spearman correlation of CORRELATED or more.

    A null takes the middle rank, which pulls the correlation towards nothing.
    """
    ranks = [(column_name, _mid_ranks(table[column_name])) for column_name in table.column_names]
    return [
        (one, other)
        for (one, ranks_one), (other, ranks_other) in combinations(ranks, 2)
        if abs(np.corrcoef(ranks_one, ranks_other)[0, 1]) >= CORRELATED
    ]


def _mid_ranks(column: Column) -> npt.NDArray[np.float64]:
    """Return the ranks of the values, ties sharing their mean rank."""
    values = column.to_numpy().astype(np.float64)
    _, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - counts / 2)[codes]
    return np.where(np.isnan(values), len(values) / 2, ranks)


def _plain(table: pa.Table) -> pa.Table:
    """Decode dictionaries, and cut nanoseconds, which JSON cannot hold, to microseconds."""
    schema = pa.schema([field.with_type(_plain_type(field.type)) for field in table.schema])
    return table.cast(schema, safe=False).combine_chunks()


def _plain_type(dtype: pa.DataType) -> pa.DataType:
    if isinstance(dtype, pa.DictionaryType):
        value_type: pa.DataType = dtype.value_type
        return value_type
    if isinstance(dtype, pa.TimestampType) and dtype.unit == "ns":
        return pa.timestamp("us", dtype.tz)
    return dtype


def _is_number(dtype: pa.DataType) -> bool:
    return pa.types.is_integer(dtype) or pa.types.is_floating(dtype)


def _is_category(dtype: pa.DataType) -> bool:
    if isinstance(dtype, pa.DictionaryType):
        dtype = dtype.value_type
    return (
        pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_boolean(dtype)
    )


def _is_time(dtype: pa.DataType) -> bool:
    return pa.types.is_timestamp(dtype) or pa.types.is_date(dtype)
