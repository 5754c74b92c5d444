"""Columns of the reference and of the batch brought to one type, so that they can be compared."""

from __future__ import annotations

import re
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from drift_checker.decision import Bools, Floats, Ints
from drift_checker.tables.batch import Batch, decode_dictionary
from drift_checker.tables.reading import MIXED_TYPE

ColumnKind = Literal["numeric", "categorical", "timestamp", "other"]

# What data tools write for a missing number.
_NO_NUMBER = r"^\s*(NA|N/A|#N/A|NaN|nan|null|NULL|None)?\s*$"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class MismatchError(Exception):
    """The batch's values are not of the reference's type: `changed_type` or `mixed_types`."""

    def __init__(self, fault: Literal["changed_type", "mixed_types"], detail: str) -> None:
        super().__init__(detail)
        self.fault, self.detail = fault, detail


def kind_of(type_: pa.DataType) -> ColumnKind:
    """Return how columns of a type are compared.

    Integers, floats, decimals and durations are numeric; text, booleans and dictionaries are
    categorical; dates and times are timestamps; all else (binary, nested) is not compared.
    """
    t = pa.types
    if t.is_integer(type_) or t.is_floating(type_) or t.is_decimal(type_) or t.is_duration(type_):
        return "numeric"
    if t.is_dictionary(type_) or t.is_boolean(type_) or is_text(type_):
        return "categorical"
    if t.is_temporal(type_):
        return "timestamp"
    return "other"


def reference_column(batch: Batch, name: str) -> pa.Array[Any]:
    """Return a column of the reference; the type of untyped text is inferred from its values.

    It is the first type of which all values are, and not all missing.
    """
    column = _column(batch, name)
    if not is_text(column.type):
        return column
    for type_ in candidate_types(column, untyped=batch.untyped):
        converted = parse_text(column, type_)
        if converted is not None and converted.null_count < len(converted):
            return converted
    return column


def candidate_types(column: pa.Array[Any], *, untyped: bool) -> tuple[pa.DataType, ...]:
    """Return the types that the text in a column may be of, by its first value, in order."""
    if _DATE.match(str(pc.first(column))):
        return (pa.timestamp("us"),)
    return (pa.int64(), pa.float64(), pa.bool_()) if untyped else ()


def parse_text(column: pa.Array[Any], type_: pa.DataType) -> pa.Array[Any] | None:
    """Return text converted to a type, or None where a value is not of the type."""
    try:
        return _parse(column, type_)
    except pa.ArrowInvalid:
        return None


def batch_column(batch: Batch, name: str, type_: pa.DataType) -> pa.Array[Any]:
    """Return a column of the batch in the kind of the reference's type.

    Raises:
        MismatchError: The column arrived in another type, or its values are of several.
    """
    return cast_to_kind(type_, _column(batch, name), untyped=batch.untyped)


def cast_to_kind(type_: pa.DataType, column: pa.Array[Any], *, untyped: bool) -> pa.Array[Any]:
    """Return values in the kind of a type; `untyped` text may hold values of any.

    Raises:
        MismatchError: They are of another type, or of several.
    """
    expected, arrived = kind_of(type_), kind_of(column.type)
    if column.type == MIXED_TYPE:
        raise MismatchError("mixed_types", _describe_mixed(column))
    if pa.types.is_null(column.type) or pa.types.is_null(type_):
        return column
    if is_text(column.type) and not is_text(type_) and expected != "other":
        if untyped or expected == "timestamp":
            return _parse_or_explain(column, type_)
        if not pa.types.is_dictionary(type_):
            raise MismatchError("changed_type", f"expected {type_}, arrived as text")
    same_category = expected != "categorical" or pa.types.is_boolean(
        column.type
    ) == pa.types.is_boolean(type_)
    if arrived != expected or not same_category:
        raise MismatchError("changed_type", f"expected {type_}, arrived as {column.type}")
    return column


def _column(batch: Batch, name: str) -> pa.Array[Any]:
    return decode_dictionary(batch.table.column(name).combine_chunks())


def to_floats(values: pa.Array[Any]) -> Floats:
    """Return numbers as floats (rows,), nulls as NaN; durations in the unit of their type."""
    if pa.types.is_duration(values.type):
        values = values.cast(pa.int64())
    present: Floats = as_numpy(values.drop_null().cast(pa.float64(), safe=False))
    if not values.null_count:
        return present
    numbers = np.full(len(values), np.nan)
    numbers[valid_mask(values)] = present
    return numbers


def encode_categories(*columns: pa.Array[Any]) -> tuple[list[str], list[Ints]]:
    """Return the categories of all columns, and the codes of each column's rows (rows,).

    A row's code is the index of its category, or -1 where it has none.
    """
    texts = pa.concat_arrays([column.cast(pa.string()) for column in columns]).dictionary_encode()
    codes = np.full(len(texts), -1, dtype=np.int64)
    codes[valid_mask(texts)] = as_numpy(texts.indices.drop_null())
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return list(map(str, texts.dictionary.to_pylist())), np.split(codes, ends)


def valid_mask(values: pa.Array[Any]) -> Bools:
    """Return which rows have a value (rows,)."""
    return np.asarray(as_numpy(values.is_valid().cast(pa.uint8())) > 0)


def as_numpy(values: pa.Array[Any]) -> NDArray[Any]:
    """Return values without nulls as they lie in memory."""
    # Array.to_numpy() would import pandas, which costs more than the rest of a comparison.
    return np.from_dlpack(values)


def is_text(type_: pa.DataType) -> bool:
    """Return whether a type is text."""
    return bool(
        pa.types.is_string(type_)
        or pa.types.is_large_string(type_)
        or pa.types.is_string_view(type_)
    )


def _parse(column: pa.Array[Any], type_: pa.DataType) -> pa.Array[Any]:
    """Convert text; raises `pa.ArrowInvalid` if a value is not of the type."""
    if kind_of(type_) == "numeric":
        return _parse_numbers(column, type_)
    if pa.types.is_timestamp(type_):
        return _parse_times(column)
    return column.cast(type_)


def _parse_numbers(column: pa.Array[Any], type_: pa.DataType) -> pa.Array[Any]:
    try:
        return column.cast(type_)
    except pa.ArrowInvalid:
        missing = pc.match_substring_regex(column, _NO_NUMBER)
        present: pa.Array[Any] = pc.if_else(missing, pa.nulls(len(column), column.type), column)
        return present.cast(type_)


def _parse_times(column: pa.Array[Any]) -> pa.Array[Any]:
    """Parse ISO 8601, with or without a zone; without one, UTC."""
    try:
        return column.cast(pa.timestamp("us"))
    except pa.ArrowInvalid:
        return column.cast(pa.timestamp("us", tz="UTC"))


def _parse_or_explain(column: pa.Array[Any], type_: pa.DataType) -> pa.Array[Any]:
    type_ = pa.float64() if kind_of(type_) == "numeric" else type_
    try:
        return _parse(column, type_)
    except pa.ArrowInvalid:
        pass
    values = column.drop_null()
    failing, example = 0, ""
    for row in range(len(values)):
        try:
            _parse(values.slice(row, 1), type_)
        except pa.ArrowInvalid:
            failing += 1
            example = example or str(values[row])
    if failing == len(values):
        raise MismatchError(
            "changed_type", f"expected {type_}, arrived as text, such as {example!r}"
        )
    raise MismatchError(
        "mixed_types", f"{failing} of {len(values)} values are not {type_}, such as {example!r}"
    )


def _describe_mixed(column: pa.Array[Any]) -> str:
    examples: dict[str, str] = {}
    for value in filter(None, column.to_pylist()):
        if value["kind"] is not None:
            examples.setdefault(value["kind"], value["json"])
    return "values of several types: " + ", ".join(
        f"{kind} such as {example}" for kind, example in sorted(examples.items())
    )
