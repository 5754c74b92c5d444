"""Names and text of tables as UTF-8, also where a writer put other bytes.

Parquet, ORC and Arrow say that their text is UTF-8, and do not see to it. Arrow passes on what it
finds, and raises an error wherever a value becomes one of Python. Nor does it look whether the
codes of a dictionary have a value.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from drift_checker.tables.formats import unreadable_where


def with_unicode(table: pa.Table) -> pa.Table:
    """Return a table in which U+FFFD stands for what is no UTF-8 in names and text.

    Raises:
        UnreadableError: Codes of a dictionary have no value in it.
    """
    table = with_unicode_names(table)
    for at, field in enumerate(table.schema):
        if not _may_be_text(field.type):
            continue
        column = table.column(at)
        chunks = [unicode_text(chunk) for chunk in column.chunks]
        if any(new is not old for new, old in zip(chunks, column.chunks, strict=True)):
            table = table.set_column(at, field.name, pa.chunked_array(chunks, field.type))
    return table


def with_unicode_names(table: pa.Table) -> pa.Table:
    """Return a table in whose columns' names U+FFFD stands for what is no UTF-8."""
    try:
        table.column_names  # noqa: B018  raises
    except UnicodeDecodeError:
        names = [_field_name(table.schema, at) for at in range(table.num_columns)]
        return table.rename_columns(names)
    return table


def unicode_text(column: pa.Array[Any]) -> pa.Array[Any]:
    """Return text in which U+FFFD stands for what is no UTF-8; all other columns as they are.

    Raises:
        UnreadableError: Codes of a dictionary have no value in it.
    """
    if not _may_be_text(column.type):
        return column
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        column = _replaced(column)
    return column


def _replaced(column: pa.Array[Any]) -> pa.Array[Any]:
    if isinstance(column, pa.DictionaryArray):
        with unreadable_where((pa.ArrowIndexError,), "A column is damaged"):
            # Of its values, two may be one by now.
            values = _replaced(column.dictionary).take(column.indices)
        encoded: pa.Array[Any] = values.dictionary_encode().cast(column.type)
        return encoded
    binary = column.cast(pa.large_binary()).to_pylist()
    texts = [None if value is None else value.decode(errors="replace") for value in binary]
    replaced: pa.Array[Any] = pa.array(texts, column.type)
    return replaced


def _may_be_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    t = pa.types
    return bool(t.is_string(type_) or t.is_large_string(type_) or t.is_string_view(type_))


def _field_name(schema: pa.Schema, at: int) -> str:
    try:
        return str(schema.field(at).name)
    except UnicodeDecodeError as error:
        return error.object.decode(errors="replace")
