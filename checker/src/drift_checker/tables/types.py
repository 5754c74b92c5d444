"""Arrow's types: of which kind a column is by its type, and its values in the plainest type.

There are many ways to store the same values: views, dictionaries, run ends, widths, units, zones.
What is compared are the values, so that all of them are brought to few types first.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.tables.batch import foreign_name

ColumnKind: TypeAlias = Literal["numeric", "categorical", "timestamp", "text", "vector", "other"]
"""How a column is compared: by its distribution, by the shares of its values, not at all since it
moves on with time, or by columns that are derived from it."""

_MOMENT = pa.timestamp("us")
_TIME_OF_DAY = pa.time64("us")
_MOST_SECONDS = (1 << 63) // 1_000_000
"""From the epoch, as `timestamp[us]` holds them."""


_IN_DICTIONARIES: dict[ColumnKind, ColumnKind] = {"numeric": "categorical", "vector": "other"}
"""What values of some kinds are where they are those of a dictionary."""


def kind_of(type_: pa.DataType) -> ColumnKind:  # noqa: PLR0911  # a table of types
    """Return how columns of a type are compared, as far as the type tells.

    Integers, floats, decimals and durations are numeric; text, booleans, UUIDs and dictionaries of
    these and of numbers are categorical; dates and times are timestamps; lists of numbers are
    vectors; all else (binary, nested) is not compared.
    """
    t = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        named = {"arrow.uuid": "categorical", "arrow.bool8": "categorical", "arrow.json": "other"}
        return named.get(type_.extension_name) or kind_of(type_.storage_type)  # type: ignore[return-value]
    if t.is_run_end_encoded(type_):
        return kind_of(type_.value_type)
    if t.is_integer(type_) or t.is_floating(type_) or t.is_decimal(type_) or t.is_duration(type_):
        return "numeric"
    if t.is_dictionary(type_):
        inner = kind_of(type_.value_type)
        return _IN_DICTIONARIES.get(inner, inner)
    if t.is_boolean(type_) or is_text(type_):
        return "categorical"
    if t.is_temporal(type_) and not t.is_interval(type_):
        return "timestamp"
    return "vector" if _is_list(type_) and _is_number(type_) else "other"


def is_text(type_: pa.DataType) -> bool:
    """Return whether a type is text."""
    t = pa.types
    return bool(t.is_string(type_) or t.is_large_string(type_) or t.is_string_view(type_))


def holds_text(type_: pa.DataType) -> bool:
    """Return whether the values of a type are text, however they are stored."""
    t = pa.types
    if t.is_dictionary(type_) or t.is_run_end_encoded(type_):
        type_ = type_.value_type
    return is_text(type_)


def type_words(type_: pa.DataType) -> str:
    """Say what values of a type are, in whatever width or unit they are stored."""
    t = pa.types
    words = {
        t.is_integer: "whole numbers",
        t.is_floating: "numbers",
        t.is_decimal: "numbers",
        t.is_duration: "durations",
        t.is_boolean: "booleans",
        is_text: "text",
        t.is_dictionary: "a dictionary",
        t.is_time: "times of day",
        t.is_temporal: "dates or times",
        _is_list: "lists",
    }
    return next((word for is_type, word in words.items() if is_type(type_)), str(type_))


def describe_type(type_: pa.DataType) -> str:
    """Say in a few words what values of a type are that is not compared."""
    t = pa.types
    if isinstance(type_, pa.BaseExtensionType):
        return f"values of the type {type_.extension_name}"
    if foreign := foreign_name(type_):
        return f"values of the type {foreign}, which Arrow does not have,"
    if t.is_null(type_):
        return "no values at all (type null)"
    if t.is_interval(type_):
        return f"calendar intervals ({type_})"
    if t.is_nested(type_):
        return f"nested values ({_cut(str(type_))})"
    return f"binary values ({type_})"


def plain(column: pa.Array[Any]) -> pa.Array[Any]:  # noqa: PLR0911  # a table of types
    """Return the same values in the plainest type that holds them.

    Of dictionaries and run ends, the values; text as `string`, also UUIDs; integers and floats as
    they are; decimals as `int64` where they are whole and fit, else as `double`; durations as
    they are; dates and moments as `timestamp[us]` in UTC, cut to the microsecond, null beyond its
    range; times of day as `time64[us]`. All else stays as it is.
    """
    t, type_ = pa.types, column.type
    if isinstance(column, pa.ExtensionArray):
        return _plain_extension(column)
    if t.is_dictionary(type_):
        return plain(_decode_dictionary(column))
    if t.is_run_end_encoded(type_):
        return plain(_decode_runs(column))
    if t.is_large_string(type_) or t.is_string_view(type_):
        return column.cast(pa.string())
    if t.is_decimal(type_):
        return _plain_decimal(column)
    if t.is_date(type_) or t.is_timestamp(type_):
        return _moments(column)
    return column.cast(_TIME_OF_DAY, safe=False) if t.is_time(type_) else column


def _plain_extension(column: Any) -> pa.Array[Any]:
    match column.type.extension_name:
        case "arrow.uuid":
            builder = pa.lib.StringBuilder()
            builder.append_values(
                [each and _uuid_text(each) for each in column.storage.to_pylist()]
            )
            texts: pa.Array[Any] = builder.finish()
            return texts
        case "arrow.bool8":
            booleans: pa.Array[Any] = column.storage.cast(pa.bool_())
            return booleans
        case "arrow.json":
            documents: pa.Array[Any] = column.storage.cast(pa.binary())
            return documents
        case _:
            return plain(column.storage)


def _uuid_text(value: bytes) -> str:
    digits = value.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _decode_dictionary(column: Any) -> pa.Array[Any]:
    # Likewise of dictionaries.
    values = plain(column.dictionary)
    codes: Any = pa.DictionaryArray.from_arrays(column.indices, values, safe=False)
    decoded: pa.Array[Any] = codes.dictionary_decode()
    return decoded


def _decode_runs(column: Any) -> pa.Array[Any]:
    # Arrow decodes runs of fewer types than it has: those of the plainest ones it does.
    ends, values = column.run_ends, plain(column.values)
    whole = pa.RunEndEncodedArray.from_arrays(ends, values)
    decoded: pa.Array[Any] = pc.run_end_decode(whole)  # type: ignore[attr-defined]  # not in its stubs
    return decoded.slice(column.offset, len(column))


def _plain_decimal(column: pa.Array[Any]) -> pa.Array[Any]:
    if column.type.scale <= 0:
        try:
            return column.cast(pa.int64())
        except pa.ArrowInvalid:  # of more than 18 digits
            pass
    return column.cast(pa.float64(), safe=False)


def _moments(column: pa.Array[Any]) -> pa.Array[Any]:
    """Return dates and moments in microseconds since the epoch."""
    zone = getattr(column.type, "tz", None)
    naive = column.cast(pa.timestamp(column.type.unit)) if zone else column
    if str(naive.type) == "timestamp[ns]":
        return naive.cast(_MOMENT, safe=False)
    try:
        return naive.cast(_MOMENT)
    except pa.ArrowInvalid:
        pass
    seconds = naive.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    within = pc.less(pc.abs(seconds), pa.scalar(_MOST_SECONDS))
    moments: pa.Array[Any] = pc.if_else(within, naive, pa.scalar(None, naive.type))
    return moments.cast(_MOMENT)


def _is_list(type_: pa.DataType) -> bool:
    t = pa.types
    lists = (t.is_list, t.is_large_list, t.is_fixed_size_list, t.is_list_view, t.is_large_list_view)
    return any(is_list(type_) for is_list in lists)


def _is_number(list_: Any) -> bool:
    inner = list_.value_type
    return bool(pa.types.is_integer(inner) or pa.types.is_floating(inner))


def _cut(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[:most]}…"
