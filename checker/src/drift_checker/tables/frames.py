"""Data frames of any library as Arrow tables, column by column where Arrow cannot take the whole.

A column that cannot be brought to Arrow is of a `foreign_type`, which says why it is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from drift_checker.errors import UsageError
from drift_checker.tables.values import clean_text, column_of, foreign_column

_REFUSED = (pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError, KeyError)
"""What Arrow raises of a column, or of a frame, that it has no type for."""


def table_of(frame: Any) -> pa.Table:
    """Return a table of the columns of a frame, in their order, whatever their names.

    A frame is one of pandas or polars, a relation of DuckDB, a table or batches of Arrow, what
    has the Arrow stream or the interchange protocol, a mapping of columns or a list of records.

    Raises:
        UsageError: It is nothing of these.
    """
    if hasattr(frame, "iloc"):
        series = [frame.iloc[:, at] for at in range(len(frame.columns))]
        return _joined([str(name) for name in frame.columns], series, _pandas_column)
    if type(frame).__name__ == "LazyFrame":
        frame = frame.collect()
    if isinstance(frame, Mapping):
        return _joined([str(name) for name in frame], list(frame.values()), _column)
    if isinstance(frame, list) and all(isinstance(record, dict) for record in frame):
        names = list(dict.fromkeys(name for record in frame for name in record))
        values = [[record.get(name) for record in frame] for name in names]
        return _joined([str(name) for name in names], values, column_of)
    return _arrow_table(frame)


def _arrow_table(frame: Any) -> pa.Table:
    try:
        return pa.table(frame)
    except _REFUSED as error:
        refused = error
    if hasattr(frame, "get_columns"):  # of polars, with a type that Arrow does not have
        columns = frame.get_columns()
        return _joined([column.name for column in columns], columns, _polars_column)
    try:
        if hasattr(frame, "toArrow"):  # of Spark
            return pa.table(frame.toArrow())
        if hasattr(frame, "__dataframe__"):
            from pyarrow import interchange  # noqa: PLC0415  # seldom needed

            table: pa.Table = interchange.from_dataframe(frame)  # type: ignore[attr-defined]  # of its stubs
            return table
    except _REFUSED as error:
        refused = error
    raise UsageError(
        f"{type(frame).__name__} is no table; give a data frame or an Arrow table: {refused}"
    ) from refused


def _joined(names: list[str], columns: Sequence[Any], read: Callable[[Any], Any]) -> pa.Table:
    arrays = [read(column) for column in columns]
    if len({len(array) for array in arrays}) > 1:
        sizes = ", ".join(f"{name} {len(one)}" for name, one in zip(names, arrays, strict=True))
        raise UsageError(f"The columns of the table differ in length: {sizes}")
    return pa.Table.from_arrays(arrays, names=list(map(clean_text, names)))


def _pandas_column(series: Any) -> Any:
    import pandas as pd  # noqa: PLC0415  # there, since the frame is one of it

    match series.dtype:
        case pd.PeriodDtype():
            series = series.dt.to_timestamp()
        case pd.IntervalDtype():
            series = series.astype(str).where(series.notna())
        case pd.SparseDtype():
            series = series.sparse.to_dense()
        case pd.CategoricalDtype(categories=categories):
            return _pandas_categories(series, categories)
    if series.dtype == object:  # Arrow would take the type of the first value
        return _column_of_objects(series, _missing(series))
    try:
        return pa.array(series, from_pandas=True)
    except _REFUSED:
        return _column_of_objects(series, _missing(series))


def _pandas_categories(series: Any, categories: Any) -> pa.Array[Any]:
    """Return categories; those that are neither numbers nor times nor text, as text."""
    codes = pa.array(series.cat.codes.to_numpy(), mask=series.isna().to_numpy())
    values = categories.to_series()
    column = None if hasattr(categories, "closed") else _pandas_column(values)
    if column is None or pa.types.is_nested(column.type):
        column = column_of([str(value) for value in categories])
    return pa.DictionaryArray.from_arrays(codes, column)


def _missing(series: Any) -> list[bool]:
    """Return which values are missing; of a signalling NaN pandas cannot say it."""
    try:
        missing: list[bool] = series.isna().to_numpy().tolist()
    except ArithmeticError:
        missing = [value is None for value in series]
    return missing


def _polars_column(column: Any) -> Any:
    try:
        return pa.table(column.to_frame()).column(0)
    except _REFUSED:
        return _column_of_objects(column.to_list(), column.is_null().to_list())


def _column(values: Any) -> Any:
    """Return the column of a mapping: an array, or a sequence of values."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    try:
        return pa.array(values)
    except _REFUSED:
        return column_of(list(values))


def _column_of_objects(values: Any, missing: Sequence[bool]) -> pa.Array[Any]:
    present = [None if null else value for value, null in zip(values, missing, strict=True)]
    try:
        return column_of(present)
    except _REFUSED:
        name = next(type(value).__name__ for value in present if value is not None)
        return foreign_column(name, missing)
