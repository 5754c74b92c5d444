"""The rows that batches are drawn from, and the columns in which each scenario can show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from drifter.errors import SettingError
from drifter.scenarios import SCENARIOS, ScenarioName

# Groups of columns that a scenario can change together: one column, or a correlated pair.
Groups: TypeAlias = Sequence[tuple[str, ...]]

MOST_COLUMNS = 2  # changed by one drift
MOST_FREQUENT = 0.8  # beyond this share, too few rows are left to make a category grow
CORRELATED = 0.3  # rank correlation below which there is little to break


@dataclass(frozen=True)
class Population:
    """A table, and for each scenario the groups of columns that it can change with effect."""

    table: pa.Table
    groups: Mapping[ScenarioName, Groups]

    @classmethod
    def of(cls, table: pa.Table) -> "Population":
        """Return the population of a table's rows."""
        return cls(table, find_groups(table))

    @classmethod
    def load(cls, path: Path, variable: str) -> "Population":
        """Read a Parquet file.

        Raises:
            SettingError: Not a Parquet file with rows, or with columns that CSV cannot hold;
                `variable` is the setting to name.
        """
        try:
            table = pq.read_table(path, memory_map=False)
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
        return cls.of(_plain(table))

    def times(self) -> pa.ChunkedArray | None:
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
    a category's growth rows to grow from, and a change of correlation a correlated pair.
    """
    numbers = [field.name for field in table.schema if _is_number(field.type)]
    categories = [field.name for field in table.schema if _is_category(field.type)]
    spread = [name for name in numbers if _width(table[name], 0.25, 0.75) > 0]
    ranged = [name for name in numbers if _width(table[name], 0.001, 0.999) > 0]
    mixed = [name for name in categories if 0 < _top_share(table[name]) <= MOST_FREQUENT]
    return {
        ScenarioName.MEAN_SHIFT: _single(spread),
        ScenarioName.SCALE: _single(spread),
        ScenarioName.CATEGORY_MIX: _single(mixed),
        ScenarioName.MISSING_VALUES: _single([*numbers, *categories]),
        ScenarioName.TAIL_CONTAMINATION: _single(ranged),
        ScenarioName.CORRELATION_CHANGE: _correlated_pairs(table.select(spread)),
    }


def _single(names: Sequence[str]) -> Groups:
    return [(name,) for name in names]


def _width(column: pa.ChunkedArray, low: float, high: float) -> float:
    quantiles = pc.quantile(column, q=[low, high]).to_pylist()
    return 0.0 if None in quantiles else quantiles[1] - quantiles[0]


def _top_share(column: pa.ChunkedArray) -> float:
    counts = column.drop_null().value_counts().field("counts").to_numpy()
    return float(counts.max() / counts.sum()) if len(counts) else 0.0


def _correlated_pairs(table: pa.Table) -> Groups:
    """Return the pairs of numeric columns with a Spearman correlation of CORRELATED or more.

    A null takes the middle rank, which pulls the correlation towards nothing.
    """
    if table.num_columns < 2:  # noqa: PLR2004  a pair
        return []
    ranks = np.stack(
        [
            np.where(column.is_valid().to_numpy(), pc.rank_quantile(column).to_numpy(), 0.5)
            for column in table.columns
        ]
    )
    correlation = np.abs(np.corrcoef(ranks))
    pairs = combinations(range(table.num_columns), 2)
    names = table.column_names
    return [(names[i], names[j]) for i, j in pairs if correlation[i, j] >= CORRELATED]


def _plain(table: pa.Table) -> pa.Table:
    """Decode dictionaries, and cut nanoseconds, which JSON cannot hold, to microseconds."""
    schema = pa.schema([field.with_type(_plain_type(field.type)) for field in table.schema])
    return table.cast(schema, safe=False).combine_chunks()


def _plain_type(dtype: pa.DataType) -> pa.DataType:
    if isinstance(dtype, pa.DictionaryType):
        return dtype.value_type
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
