"""Columns of several files united: one type for what was written as several of one kind.

Writers choose types file by file: a column without a value is `null`, integers with a missing one
become floats, text is `string`, `large_string`, `string_view` or a dictionary. None of these says
anything of the values. What is of several kinds, such as text in one file and numbers in another,
is no column any more: it is left out, and a fault names the files.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute

from drift_checker.result import Fault, Severity
from drift_checker.tables import PARTITION_KEY, duplicate_column_faults, is_text
from drift_checker.tables.batch import MIXED_TYPE

Column: TypeAlias = "pa.ChunkedArray[Any]"

_compute: Any = pyarrow.compute

_INT_DIGITS = {8: 3, 16: 5, 32: 10, 64: 20}
"""Decimal digits that integers of so many bits may have."""
_DIGITS = {128: 38, 256: 76}
"""Decimal digits that decimals of so many bits may have."""
_EXACT_FLOATS = "integers beyond 2^53, which floats do not tell apart"


class SeveralTypesError(Exception):
    """The types of a column are of several kinds, or its values do not fit into one."""


def unite_types(types: Iterable[pa.DataType]) -> pa.DataType:
    """Return the type that holds the values of all types.

    Raises:
        SeveralTypesError: There is none.
    """
    none: pa.DataType = pa.null()
    return reduce(_unite, types, none)


def _unite(one: Any, other: Any) -> Any:
    if one == other or _is_empty(other):
        return one
    if _is_empty(one):
        return other
    if pa.types.is_dictionary(one) or pa.types.is_dictionary(other):
        values: Any = _unite(_values(one), _values(other))
        # Codes of numbers say that these are categories; those of text only save room.
        return values if is_text(values) and one != other else pa.dictionary(pa.int32(), values)
    one, other = _stored(one), _stored(other)
    if one == other:
        return one
    for unite in (_numbers, _texts, _times, _nested):
        united = unite(one, other)
        if united is not None:
            return united
    raise SeveralTypesError


def _is_empty(type_: pa.DataType) -> bool:
    return pa.types.is_null(type_) or (
        pa.types.is_dictionary(type_) and pa.types.is_null(type_.value_type)
    )


def _values(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _stored(type_: pa.DataType) -> pa.DataType:
    """Return what values are, less how runs or extensions wrap them."""
    if isinstance(type_, pa.BaseExtensionType):
        return _stored(type_.storage_type)
    return type_.value_type if pa.types.is_run_end_encoded(type_) else type_


def _numbers(one: Any, other: Any) -> Any:
    t, both = pa.types, (one, other)
    if not all(t.is_integer(a) or t.is_floating(a) or t.is_decimal(a) for a in both):
        return None
    if any(map(t.is_floating, both)):
        halves = all(t.is_floating(a) and a.bit_width <= 32 for a in both)  # noqa: PLR2004
        return pa.float32() if halves else pa.float64()
    if any(map(t.is_decimal, both)):
        return _decimals(one, other)
    if t.is_unsigned_integer(one) == t.is_unsigned_integer(other):
        return max(both, key=lambda each: int(each.bit_width))
    if pa.uint64() in both:
        return pa.decimal128(_INT_DIGITS[64], 0)
    return pa.int64()


def _decimals(one: Any, other: Any) -> pa.DataType:
    scales = [a.scale if pa.types.is_decimal(a) else 0 for a in (one, other)]
    wholes = [
        a.precision - a.scale if pa.types.is_decimal(a) else _INT_DIGITS[a.bit_width]
        for a in (one, other)
    ]
    scale, digits = max(scales), max(scales) + max(wholes)
    if digits <= _DIGITS[128]:
        return pa.decimal128(digits, scale)
    return pa.decimal256(digits, scale) if digits <= _DIGITS[256] else pa.float64()


def _texts(one: Any, other: Any) -> Any:
    t, both = pa.types, (one, other)
    if all(map(is_text, both)):
        return pa.large_string() if pa.large_string() in both else pa.string()

    def is_bytes(a: pa.DataType) -> bool:
        plain = t.is_binary(a) or t.is_large_binary(a) or t.is_binary_view(a)
        return plain or t.is_fixed_size_binary(a)

    if all(map(is_bytes, both)):
        return pa.large_binary() if pa.large_binary() in both else pa.binary()
    return None


def _times(one: Any, other: Any) -> Any:
    t, both = pa.types, (one, other)
    if all(map(t.is_date, both)):
        return pa.date32()
    if all(t.is_timestamp(a) or t.is_date(a) for a in both):
        stamps = list(filter(t.is_timestamp, both))
        units, zones = {a.unit for a in stamps}, {a.tz for a in stamps}
        # Times without a zone are UTC, and all zones tell the same moments.
        zone = zones.pop() if len(zones) == 1 else "UTC"
        return pa.timestamp(units.pop() if len(units) == 1 else "us", zone)
    if all(map(t.is_time, both)):
        return pa.time64("ns" if any(a.unit == "ns" for a in both) else "us")
    if all(map(t.is_duration, both)):
        finest = max(both, key=lambda each: ("s", "ms", "us", "ns").index(each.unit))
        return pa.duration(finest.unit)
    return None


def _nested(one: Any, other: Any) -> Any:
    if _is_list(one) and _is_list(other):
        values = _unite(one.value_type, other.value_type)
        large = pa.types.is_large_list(one) or pa.types.is_large_list(other)
        return pa.large_list(values) if large else pa.list_(values)
    if pa.types.is_struct(one) and pa.types.is_struct(other):
        fields = {own.name: own.type for own in one}
        for own in other:
            fields[own.name] = _unite(fields.get(own.name, pa.null()), own.type)
        return pa.struct(list(fields.items()))
    return None


def _is_list(type_: pa.DataType) -> bool:
    t = pa.types
    views = t.is_list_view(type_) or t.is_large_list_view(type_)
    return t.is_list(type_) or t.is_large_list(type_) or t.is_fixed_size_list(type_) or views


def as_type(column: Column, type_: pa.DataType) -> Column:
    """Return values in a type that holds them.

    Raises:
        pa.ArrowInvalid: Some do not fit: integers beyond 2^53 in floats, or out of range.
    """
    if column.type == type_:
        return column
    if column.null_count == len(column):
        return nulls(len(column), type_)
    column = _unwrapped(column)
    if pa.types.is_dictionary(type_):
        return as_type(column, type_.value_type).dictionary_encode().cast(type_)
    # Of times, what is lost is less than a microsecond.
    return column.cast(type_, safe=not pa.types.is_timestamp(type_))


def nulls(rows: int, type_: Any) -> Column:
    """Return a column without values."""
    return pa.chunked_array([pa.nulls(rows, type_)], type_)


def _unwrapped(column: Column) -> Column:
    """Return values as they are, without dictionaries, runs and extensions."""
    type_ = column.type
    if isinstance(type_, pa.BaseExtensionType):
        return _unwrapped(column.cast(type_.storage_type))
    if pa.types.is_run_end_encoded(type_):
        chunks = [_compute.run_end_decode(chunk) for chunk in column.chunks]
        return pa.chunked_array(chunks, type_.value_type)
    return column.cast(type_.value_type) if pa.types.is_dictionary(type_) else column


@dataclass(frozen=True)
class Part:
    """The selected rows of a file, in tables of its columns."""

    schema: pa.Schema
    tables: list[pa.Table] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(table.num_rows for table in self.tables)


def unite_tables(
    parts: Mapping[str, Part],
    *,
    order: Sequence[str] = (),
    without: Container[str] = (),
    columns: pa.Schema | None = None,
) -> tuple[pa.Table, tuple[Fault, ...]]:
    """Join the rows of several files, by their names.

    The columns are in the order of the first file that has them, and null where a file lacks
    them; `order` names all that there may be in another. Files of which no row is selected have
    no say, unless there are no others. Where a table's log says which `columns` it has, they are
    its own, and what a file lacks is no news.

    Returns the table, without the columns that cannot be united, and a fault for each of those;
    a note for each column that some of the files lack.
    """
    filled = {file: part for file, part in parts.items() if part.rows} or parts

    def type_of(name: str) -> pa.DataType:
        having = {file: part for file, part in filled.items() if name in part.schema.names}
        return _type_of(
            {file: [table.column(name) for table in part.tables] for file, part in having.items()},
            {file: _type(part.schema, name) for file, part in having.items()},
        )

    schemas = {file: part.schema for file, part in filled.items()}
    schema, faults = _unite_schemas(schemas, order, without, type_of)
    if columns is not None:
        schema, faults = of_table(columns, schema, faults)
    tables = [in_schema(table, schema) for part in parts.values() for table in part.tables]
    # Also the empty ones, which count in the digest as they always have.
    return pa.concat_tables([schema.empty_table(), *tables]), faults


def unite_schemas(
    schemas: Mapping[str, pa.Schema], *, order: Sequence[str] = (), without: Container[str] = ()
) -> tuple[pa.Schema, tuple[Fault, ...]]:
    """Do for the columns of files, by their names, what `unite_tables` does for their rows."""
    return _unite_schemas(
        schemas,
        order,
        without,
        lambda name: unite_types(
            _type(schema, name) for schema in schemas.values() if name in schema.names
        ),
    )


def _unite_schemas(
    schemas: Mapping[str, pa.Schema],
    order: Sequence[str],
    without: Container[str],
    type_of: Callable[[str], pa.DataType],
) -> tuple[pa.Schema, tuple[Fault, ...]]:
    fields: dict[str, pa.Field[Any]] = {}
    for schema in schemas.values():
        for own in schema:
            fields.setdefault(own.name, own)
    united, faults = [], []
    for name, own in fields.items():
        if name in without:
            continue
        lacking = [file for file, schema in schemas.items() if name not in schema.names]
        try:
            united.append(own.with_type(type_of(name)))
        except SeveralTypesError as error:
            types = {
                file: _type(schema, name)
                for file, schema in schemas.items()
                if name in schema.names
            }
            faults.append(_several_types(name, types, str(error)))
        else:
            if lacking:
                faults.append(_missing_in(name, lacking, len(schemas)))
    # Those of folders stand last, unless another order is asked for.
    united.sort(
        key=lambda own: order.index(own.name) if order else PARTITION_KEY in (own.metadata or {})
    )
    return pa.schema(united), tuple(faults)


def of_table(
    columns: pa.Schema, schema: pa.Schema, faults: Iterable[Fault]
) -> tuple[pa.Schema, tuple[Fault, ...]]:
    """Return the columns of a table whose log names them, and what is wrong with them."""
    wrong = tuple(fault for fault in faults if fault.severity is Severity.STRUCTURAL)
    left_out = {fault.column for fault in wrong}
    fields = [
        schema.field(own.name) if own.name in schema.names else own
        for own in columns
        if own.name not in left_out
    ]
    return pa.schema(fields), wrong


def _type(schema: pa.Schema, name: str) -> pa.DataType:
    type_: pa.DataType = schema.field(name).type
    return type_


def in_schema(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with the columns of a schema, null where it lacks them."""
    if not table.num_rows:
        return schema.empty_table()
    columns = [
        as_type(table.column(own.name), own.type)
        if own.name in table.column_names
        else nulls(table.num_rows, own.type)
        for own in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _type_of(
    columns: Mapping[str, Sequence[Column]], types: Mapping[str, pa.DataType]
) -> pa.DataType:
    """Return the type of a column's values; files without any say nothing, if need be."""
    try:
        return _fitting(columns, types)
    except SeveralTypesError:
        telling = {
            file: type_
            for file, type_ in types.items()
            if any(column.null_count < len(column) for column in columns[file])
        }
        if len(telling) == len(types):
            raise
        return _fitting(columns, telling)


def _fitting(
    columns: Mapping[str, Sequence[Column]], types: Mapping[str, pa.DataType]
) -> pa.DataType:
    type_ = unite_types(types.values())
    for file, own in types.items():
        if own == type_:
            continue
        try:
            for column in columns[file]:
                as_type(column, type_)
        except pa.ArrowException as error:
            whole = pa.types.is_integer(own) and pa.types.is_floating(type_)
            raise SeveralTypesError(_EXACT_FLOATS if whole else str(error)) from error
    return type_


def _several_types(name: str, types: Mapping[str, pa.DataType], why: str) -> Fault:
    files: dict[str, list[str]] = {}
    for file, type_ in types.items():
        words = "several types" if type_ == MIXED_TYPE else str(type_)
        files.setdefault("text" if is_text(type_) else words, []).append(file)
    told = "; ".join(f"{type_} in {some(each)}" for type_, each in files.items())
    because = f" ({why})" if why else ""
    return Fault(
        fault="mixed_types",
        severity=Severity.STRUCTURAL,
        column=name,
        detail=f"the files have it in types that are not of one kind: {told}{because}; "
        "write it in one type, or leave it out by naming the others in 'columns'",
    )


def _missing_in(name: str, files: Sequence[str], of: int) -> Fault:
    """Return a note that a column is null where files lack it."""
    return Fault(
        fault="missing_in_files",
        severity=Severity.NOTE,
        column=name,
        detail=f"{len(files)} of {of} files lack the column, where it is null: {some(files)}",
    )


def repeated_name_faults(names: Iterable[str]) -> tuple[Fault, ...]:
    """Return a fault for each name that a file has more than once."""
    return duplicate_column_faults([name for name in names for _ in range(2)])


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first names, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
