"""Python values as Arrow columns: those of JSON, and what spreadsheets and frames hold besides.

Arrow's own conversion, `pa.array()`, imports pandas, which costs more than the rest of a
comparison; it is left to types that JSON does not have.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa

from drift_checker.decision import Bools
from drift_checker.tables.batch import MIXED_TYPE, foreign_type
from drift_checker.tables.limits import raise_for_depth

_NOT_CONVERTED = (pa.ArrowException, TypeError, ValueError, OverflowError)
"""What Arrow and numpy raise of values that they have no type for."""


def column_of(values: Sequence[Any]) -> pa.Array[Any]:
    """Return an array of the values' one type, or of `MIXED_TYPE` if there are several.

    None is null. Integers stay exact: of 64 bits, as decimals of up to 76 digits, beyond as text.
    Among floats they are floats. A list of numbers stays one, other lists and objects are binary:
    their JSON. What Arrow has no type for is of a `foreign_type`.
    """
    types = set(map(type, values))
    types.discard(type(None))
    for kinds, read in _READERS:
        if types <= kinds:
            return read(values)
    return _mixed(values) if types <= _JSON_TYPES else _column_of_objects(values)


def unmixed(column: pa.Array[Any], missing: Collection[str]) -> pa.Array[Any]:
    """Return a column of `MIXED_TYPE` without what stands for no value in it.

    It is of one type where the values that are left are.
    """
    rows = column.to_pylist()
    if not missing or not {row["kind"] for row in rows if row} <= {None, *_JSON_KINDS}:
        return column
    values = [row and _loaded(row["json"]) for row in rows]
    return column_of(
        [None if type(value) is str and value.strip() in missing else value for value in values]
    )


def codes_of(column: pa.Array[Any]) -> pa.Array[Any]:
    """Return a column of `MIXED_TYPE` as text, if it has but text and numbers; else as it is."""
    rows = column.to_pylist()
    if not {row["kind"] for row in rows if row} <= {None, "number", "text"}:
        return column
    values = [row and _loaded(row["json"]) for row in rows]
    return _texts([None if value is None else str(value) for value in values])


def _loaded(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def clean_text(text: str) -> str:
    """Return text in which a surrogate that has lost its half is U+FFFD, since UTF-8 has none."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _texts(values: Sequence[str | None]) -> pa.Array[Any]:
    builder = pa.lib.StringBuilder()
    try:
        builder.append_values(values)
    except UnicodeEncodeError:
        builder = pa.lib.StringBuilder()
        builder.append_values([None if text is None else clean_text(text) for text in values])
    texts: pa.Array[Any] = builder.finish()
    return texts


def _booleans(values: Sequence[bool | None]) -> pa.Array[Any]:
    return _texts([_json(value) for value in values]).cast(pa.bool_())


def _numbers(values: Sequence[float | None]) -> pa.Array[Any]:
    """Return floats, or integers if of the floats all are NaN, which then stands for null."""
    if all(math.isnan(value) for value in values if isinstance(value, float)):
        whole = [None if isinstance(value, float) else value for value in values]
        if any(value is not None for value in whole):
            return _integers(whole)
    return _floats(values)


def _floats(values: Sequence[Any]) -> pa.Array[Any]:
    try:
        numbers = np.fromiter([value or 0 for value in values], np.float64, len(values))
    except (OverflowError, ValueError):
        numbers = np.fromiter(map(_float, values), np.float64, len(values))
    return _from_numpy(numbers, values)


def _integers(values: Sequence[int | None]) -> pa.Array[Any]:
    present = [value or 0 for value in values]
    for width in (np.int64, np.uint64):
        try:
            return _from_numpy(np.fromiter(present, width, len(values)), values)
        except OverflowError:
            continue
    largest = max(map(abs, present))
    if largest < 10**38:
        return pa.array(values, pa.decimal128(38))
    if largest < 10**76:
        return pa.array(values, pa.decimal256(76))
    return _texts([None if value is None else _digits(value) for value in values])


def _digits(value: int) -> str:
    try:
        return str(value)
    except (
        ValueError
    ):  # Python writes no more than 4,300 digits, but any number of hexadecimal ones.
        return hex(value)


def _from_numpy(numbers: Any, values: Sequence[Any]) -> pa.Array[Any]:
    """Return numbers as they lie in memory; those of a None are null."""
    valid = None
    if None in values:
        valid = _bits(np.fromiter((value is not None for value in values), np.bool_, len(values)))
    buffers = [valid, pa.py_buffer(numbers.tobytes())]
    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(values), buffers)


def _bits(valid: Bools) -> pa.Buffer:
    return pa.py_buffer(np.packbits(valid, bitorder="little").tobytes())


def _float(value: Any) -> float:
    try:
        return float(value or 0)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value > 0 else -math.inf
    except ValueError:  # a signalling NaN of a decimal
        return math.nan


def _nested(values: Sequence[Any]) -> pa.Array[Any]:
    """Return lists of numbers as such, and all else as its JSON."""
    lists = [value for value in values if value is not None]
    if all(
        type(value) is list and {type(item) for item in value} <= _LISTED for value in lists
    ) and any(lists):
        items = [item for value in lists for item in value]
        ends = accumulate((len(value or ()) for value in values), initial=0)
        offsets = np.fromiter(ends, np.int64, len(values) + 1)
        valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
        return pa.Array.from_buffers(
            pa.large_list(pa.float64()),
            len(values),
            [_bits(valid), pa.py_buffer(offsets.tobytes())],
            children=[_floats(items)],
        ).cast(pa.list_(pa.float64()))
    raise_for_depth(values, _inner_values)
    return _texts([_json(value) for value in values]).cast(pa.binary())


def _nulls(values: Sequence[Any]) -> pa.Array[Any]:
    return pa.nulls(len(values))


def _inner_values(value: Any) -> Iterable[Any]:
    inner = value.values() if isinstance(value, dict) else value
    return [each for each in inner if isinstance(each, dict | list)]


def _mixed(values: Sequence[Any]) -> pa.Array[Any]:
    raise_for_depth(values, _inner_values)
    kinds = [None if value is None else _kind(value) for value in values]
    texts = _texts([_json(value) for value in values])
    return pa.StructArray.from_arrays([_texts(kinds), texts], fields=list(MIXED_TYPE), mask=None)


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, default=str, skipkeys=True)


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "text"
        case list() | dict():
            return "nested"
        case date():
            return "date"
        case _:
            return type(value).__name__


def _column_of_objects(values: Sequence[Any]) -> pa.Array[Any]:
    """Return values that JSON does not have: dates, decimals, scalars of numpy, objects."""
    values = [_plain(value) for value in values]
    present = [value for value in values if value is not None]
    if set(map(type, present)) <= _JSON_TYPES:
        return column_of(values)
    if all(isinstance(value, date) for value in present):
        values = _dates(values)
    elif all(isinstance(value, Decimal | float | int) for value in present) and any(
        isinstance(value, float) for value in present
    ):
        return _floats(values)
    elif len({_kind(value) for value in present}) > 1:
        return _mixed(values)
    try:
        column: pa.Array[Any] = pa.array(values)
    except _NOT_CONVERTED:
        return foreign_column(type(present[0]).__name__, [value is None for value in values])
    return column


def _plain(value: Any) -> Any:
    """Return a scalar of numpy as one of Python."""
    if isinstance(value, np.floating):
        return float(value)  # also the long ones, whose item() is themselves
    return value.item() if isinstance(value, np.generic) else value


def _dates(values: Sequence[date | None]) -> list[date | None]:
    """Return dates as midnights where there are times besides; Arrow would drop the times."""
    if not any(isinstance(value, datetime) for value in values):
        return list(values)
    return [
        value
        if value is None or isinstance(value, datetime)
        else datetime(value.year, value.month, value.day)  # noqa: DTZ001  as its neighbours
        for value in values
    ]


def foreign_column(name: str, missing: Sequence[bool]) -> pa.Array[Any]:
    """Return a column of values of a type that Arrow does not have; `missing` (rows,) are null."""
    type_ = foreign_type(name)
    valid = ~np.fromiter(missing, np.bool_, len(missing))
    nulls = pa.nulls(len(missing))
    return pa.Array.from_buffers(type_, len(missing), [_bits(valid)], children=[nulls])


_LISTED = frozenset({int, float, type(None)})
_JSON_KINDS = frozenset({"boolean", "number", "text", "nested"})
_JSON_TYPES = frozenset({str, bool, int, float, list, dict})
_READERS: tuple[tuple[frozenset[type], Callable[[Sequence[Any]], pa.Array[Any]]], ...] = (
    (frozenset(), _nulls),
    (frozenset({str}), _texts),
    (frozenset({bool}), _booleans),
    (frozenset({int}), _integers),
    (frozenset({int, float}), _numbers),
    (frozenset({list, dict}), _nested),
)
"""The types of Python that make one type of Arrow; the first that has all of a column."""
