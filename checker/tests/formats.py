"""Columns of every type in every format, and the tables of docs/formats.md.

`python checker/tests/formats.py` writes the tables anew.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import fastavro
import numpy as np
import openpyxl
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
from openpyxl.utils.exceptions import IllegalCharacterError

from drift_checker import Batch, Result, Verdict, compare
from drift_checker.errors import BadReferenceError
from drift_checker.tables import from_frame, read_batch

ROWS = 300
SHIFT = 1.5
"""In standard deviations: found in numbers of any type."""
PAGE = Path(__file__).parents[2] / "docs/formats.md"

Column: TypeAlias = "pa.Array[Any]"
Make: TypeAlias = Callable[[Any], Column]
"""A column of a type from normal numbers."""


def _ints(values: Any) -> Any:
    return np.clip(np.round(values * 10 + 60), 0, 120).astype(np.int64)


def _cast(type_: pa.DataType, *through: pa.DataType) -> Make:
    """Return columns of whole numbers as a type."""

    def make(values: Any) -> Column:
        column: Column = pa.array(_ints(values))
        for each in (*through, type_):
            column = column.cast(each)
        return column

    return make


def _decimals(type_: pa.DataType) -> Make:
    return lambda values: pa.array([Decimal(f"{x:.2f}") for x in values * 10], type_)


def _names(values: Any) -> list[str]:
    return [("low", "middle", "high")[int(x > -0.5) + int(x > 0.5)] for x in values]


def _texts(type_: pa.DataType) -> Make:
    return lambda values: pa.array(_names(values)).cast(type_)


_CLAUSES = [
    "the parcel came late",
    "the box was broken",
    "but",
    "they answered",
    "quickly",
    "thanks",
]


def _sentences(values: Any) -> Column:
    rng = np.random.default_rng(len(values))
    return pa.array([" ".join(rng.choice(_CLAUSES, rng.integers(4, 12))) for _ in values])


def _bytes(type_: pa.DataType) -> Make:
    def make(values: Any) -> Column:
        return pa.array([f"{x:04}".encode() for x in _ints(values)], pa.binary(4)).cast(type_)

    return make


def _vectors(type_: pa.DataType) -> Make:
    def make(values: Any) -> Column:
        noise = np.random.default_rng(len(values)).normal(size=(len(values), 8))
        return pa.array((noise + values[:, None]).tolist(), type_)

    return make


def _nested(type_: pa.DataType, value: Callable[[int], Any]) -> Make:
    return lambda values: pa.array([value(x) for x in _ints(values).tolist()], type_)


def _union(mode: str) -> Make:
    def make(values: Any) -> Column:
        number, text = pa.array(_ints(values)), pa.array(_names(values))
        which = pa.array([row % 2 for row in range(len(values))], pa.int8())
        if mode == "sparse":
            return pa.UnionArray.from_sparse(which, [number, text])
        rows = pa.array(range(len(values)), pa.int32())
        return pa.UnionArray.from_dense(which, rows, [number, text])

    return make


def _runs(make: Make) -> Make:
    return lambda values: pc.run_end_encode(make(values))


def _dictionary(make: Make) -> Make:
    return lambda values: make(values).dictionary_encode()


def _extension(type_: pa.DataType, storage: Make) -> Make:
    return lambda values: pa.ExtensionArray.from_storage(type_, storage(values))


def _uuids(values: Any) -> Column:
    storage = pa.array([UUID(int=row).bytes for row in range(len(values))], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


_MOMENT = 1_767_225_600
"""The second from which times go on."""


def _moments(type_: pa.TimestampType[Any, Any]) -> Make:
    return lambda values: (
        pa.array(_MOMENT + _ints(values) * 3600).cast(pa.timestamp("s")).cast(type_)
    )


def _times(type_: pa.DataType) -> Make:
    return lambda values: pa.array(_ints(values) * 600, pa.int32()).cast(pa.time32("s")).cast(type_)


def _spans(type_: pa.DataType) -> Make:
    return lambda values: pa.array(_ints(values)).cast(pa.duration("s")).cast(type_)


_ZONES = ("UTC", "Europe/Berlin")
_UNITS = ("s", "ms", "us", "ns")
TYPES: dict[str, Make] = {
    "bool": lambda values: pa.array(values > 0),
    **{
        str(type_): _cast(type_)
        for type_ in (
            *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
            *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        )
    },
    **{str(t): _cast(t, pa.float64()) for t in (pa.float16(), pa.float32(), pa.float64())},
    **{
        str(type_): _decimals(type_)
        for type_ in (
            *(pa.decimal32(9, 2), pa.decimal64(18, 2)),
            *(pa.decimal128(20, 2), pa.decimal256(50, 2)),
        )
    },
    "date32": _cast(pa.date32(), pa.int32()),
    "date64": _cast(pa.date64(), pa.int32(), pa.date32()),
    **{str(type_): _times(type_) for type_ in (pa.time32("s"), pa.time32("ms"))},
    **{str(type_): _times(type_) for type_ in (pa.time64("us"), pa.time64("ns"))},
    **{str(pa.timestamp(unit)): _moments(pa.timestamp(unit)) for unit in _UNITS},
    **{str(pa.timestamp("us", zone)): _moments(pa.timestamp("us", zone)) for zone in _ZONES},
    **{str(pa.duration(unit)): _spans(pa.duration(unit)) for unit in _UNITS},
    "month_day_nano_interval": _nested(pa.month_day_nano_interval(), lambda x: (0, x, 0)),
    **{f"{type_}": _texts(type_) for type_ in (pa.string(), pa.large_string(), pa.string_view())},
    "string, of sentences": _sentences,
    "dictionary of string": _dictionary(_texts(pa.string())),
    "dictionary of int64": _dictionary(_cast(pa.int64())),
    "dictionary of timestamp": _dictionary(_moments(pa.timestamp("us"))),
    "binary": _bytes(pa.binary()),
    "large_binary": _bytes(pa.large_binary()),
    "binary_view": _bytes(pa.binary_view()),
    "fixed_size_binary": _bytes(pa.binary(4)),
    "list of double": _vectors(pa.list_(pa.float64())),
    "list of int64": lambda values: pc.cast(
        _vectors(pa.list_(pa.float64()))(np.round(values)), pa.list_(pa.int64()), safe=False
    ),
    "large_list of float": _vectors(pa.large_list(pa.float32())),
    "list_view of double": _vectors(pa.list_view(pa.float64())),
    "fixed_size_list of float": _vectors(pa.list_(pa.float32(), 8)),
    "fixed_size_list of halffloat": _vectors(pa.list_(pa.float16(), 8)),
    "list of string": _nested(pa.list_(pa.string()), lambda x: ["a"] * (x % 4)),
    "struct": _nested(pa.struct([("a", pa.int64())]), lambda x: {"a": x}),
    "map": _nested(pa.map_(pa.string(), pa.int64()), lambda x: [("a", x)]),
    "dense_union": _union("dense"),
    "sparse_union": _union("sparse"),
    "run_end_encoded of double": _runs(_cast(pa.float64())),
    "run_end_encoded of string": _runs(_texts(pa.string())),
    "uuid": _uuids,
    "bool8": _extension(pa.bool8(), lambda values: pa.array((values > 0).astype(np.int8))),
    "json": _extension(pa.json_(), _nested(pa.string(), lambda x: json.dumps({"a": x}))),
    "opaque": _extension(pa.opaque(pa.string(), "point", "postgresql"), _texts(pa.string())),
    "fixed_shape_tensor": _extension(
        pa.fixed_shape_tensor(pa.float32(), [2, 4]), _vectors(pa.list_(pa.float32(), 8))
    ),
    "null": lambda values: pa.nulls(len(values)),
}
"""By name, what makes a column of each type of Arrow."""


@dataclass(frozen=True)
class Way:
    """How a table is written, and what was written is read."""

    write: Callable[[pa.Table], Any]
    read: Callable[[Any], Batch]


def _bytes_by(write: Callable[[pa.Table, Any], Any], kind: str) -> Way:
    def written(table: pa.Table) -> bytes:
        sink = io.BytesIO()
        write(table, sink)
        return sink.getvalue()

    return Way(written, lambda data: read_batch(data, kind))


def _stream(table: pa.Table, sink: Any) -> None:
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def _file(table: pa.Table, sink: Any) -> None:
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def _tsv(table: pa.Table, sink: Any) -> None:
    pa.csv.write_csv(table, sink, pa.csv.WriteOptions(delimiter="\t"))


def _records(table: pa.Table) -> list[dict[str, Any]]:
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: numbers, truth, text, lists and objects; all else is text."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case np.floating() | Decimal():
            return float(value)
        case list() | tuple():
            return [_plain(each) for each in value]
        case dict():
            return {str(key): _plain(each) for key, each in value.items()}
        case bytes():
            return value.decode("latin-1")
        case _:
            return str(value)


def _json(table: pa.Table, sink: Any) -> None:
    sink.write(json.dumps(_records(table)).encode())


def _json_lines(table: pa.Table, sink: Any) -> None:
    sink.write("".join(json.dumps(row) + "\n" for row in _records(table)).encode())


_AVRO: tuple[tuple[Callable[[pa.DataType], bool], Any], ...] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "long"),
    (pa.types.is_floating, "double"),
    (
        pa.types.is_decimal,
        {"type": "bytes", "logicalType": "decimal", "precision": 18, "scale": 2},
    ),
    (pa.types.is_date, {"type": "int", "logicalType": "date"}),
    (pa.types.is_time, {"type": "long", "logicalType": "time-micros"}),
    (pa.types.is_timestamp, {"type": "long", "logicalType": "timestamp-micros"}),
    (pa.types.is_string, "string"),
    (pa.types.is_binary, "bytes"),
    (
        lambda type_: pa.types.is_list(type_) and pa.types.is_floating(type_.value_type),
        {"type": "array", "items": "double"},
    ),
    (
        lambda type_: pa.types.is_list(type_) and pa.types.is_string(type_.value_type),
        {"type": "array", "items": "string"},
    ),
    (lambda type_: type_ == pa.uuid(), {"type": "string", "logicalType": "uuid"}),
    (pa.types.is_null, "null"),
    (pa.types.is_map, {"type": "map", "values": "long"}),
    (
        pa.types.is_struct,
        {"type": "record", "name": "inner", "fields": [{"name": "a", "type": "long"}]},
    ),
)
"""What Avro has of Arrow's types."""


def _avro(table: pa.Table, sink: Any) -> None:
    fields = []
    for field in table.schema:
        # Another width or encoding of a type is the same type in Avro: each is written once.
        types = [avro for is_type, avro in _AVRO if is_type(field.type)]
        if not types:
            raise pa.ArrowNotImplementedError(f"Avro has no {field.type}")
        fields.append(
            {"name": field.name, "type": types[0] if types[0] == "null" else ["null", types[0]]}
        )
    records = table.to_pylist()
    for row in records:
        row.update({name: dict(each) for name, each in row.items() if _is_pairs(table, name)})
    fastavro.writer(sink, {"type": "record", "name": "row", "fields": fields}, records)


def _is_pairs(table: pa.Table, name: str) -> bool:
    return bool(pa.types.is_map(table.schema.field(name).type))


def _excel(table: pa.Table, sink: Any) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(table.column_names)
    for row in zip(*(column.to_pylist() for column in table.columns), strict=True):
        sheet.append(row)
    book.save(sink)


def _polars(table: pa.Table) -> Any:
    if any(pa.types.is_decimal256(field.type) for field in table.schema):
        raise pa.ArrowNotImplementedError("polars has no decimal256")
    return pl.from_arrow(table)


FORMATS: dict[str, tuple[Way, ...]] = {
    "Parquet": (_bytes_by(pq.write_table, ".parquet"),),
    "Arrow IPC, Feather": (
        _bytes_by(_file, ".arrow"),
        _bytes_by(_stream, ".arrows"),
        _bytes_by(pyarrow.feather.write_feather, ".feather"),
    ),
    "ORC": (_bytes_by(pyarrow.orc.write_table, ".orc"),),
    "Avro": (_bytes_by(_avro, ".avro"),),
    "Excel": (_bytes_by(_excel, ".xlsx"),),
    "Arrow table": (Way(lambda table: table, from_frame),),
    "polars": (Way(_polars, from_frame),),
    "pandas": (Way(lambda table: table.to_pandas(), from_frame),),
    "CSV, TSV": (
        _bytes_by(pa.csv.write_csv, ".csv"),
        _bytes_by(_tsv, ".tsv"),
    ),
    "JSON": (_bytes_by(_json, ".json"), _bytes_by(_json_lines, ".jsonl")),
}
"""By name, what writes a table and reads it: ways of one name have the same outcome."""

REFUSED = (
    *(pa.ArrowException, TypeError, ValueError, OverflowError, AttributeError, KeyError),
    *(NotImplementedError, pl.exceptions.PolarsError, OSError, IllegalCharacterError),
)
"""What writers raise of a type that the format does not have."""


@dataclass(frozen=True)
class Cell:
    """How a column of a type is compared that comes in a format.

    `kind` is that of the result, `-` where the format has no such type, `refused` where a reference
    is, since its values are of several types. `same` and `shifted` are
    the verdicts on the same data and on data that have moved.
    """

    kind: str
    same: Verdict | None = None
    shifted: Verdict | None = None

    @property
    def words(self) -> str:
        """What the page says."""
        words = {"-": "", "other": "*not compared*", "refused": "*refused*"}
        return words.get(self.kind, self.kind)


def column_of(make: Make, *, seed: int, shift: float = 0, rows: int = ROWS) -> pa.Table:
    """Return a table of a column `value`, and one beside it that does not move."""
    beside = np.random.default_rng(0).normal(size=rows)
    values = np.random.default_rng(seed).normal(shift, 1, rows)
    return pa.table({"value": make(values), "beside": beside})


def cell(make: Make, way: Way) -> Cell:
    """Return how a column is compared, by comparing it."""
    made = [column_of(make, seed=seed, shift=by) for seed, by in _SAMPLES]
    try:
        written = list(map(way.write, made))
    except REFUSED:
        return Cell("-")
    reference, shifted = map(way.read, written)
    try:
        return outcome(compare(reference, reference), compare(reference, shifted))
    except BadReferenceError:
        return Cell("refused")


_SAMPLES = ((1, 0.0), (2, SHIFT))


def outcome(same: Result, shifted: Result) -> Cell:
    """Return what two comparisons say of the column."""
    kinds = {column.name: column.kind for column in same.columns}
    return Cell(kinds["value"], same.verdict, shifted.verdict)


def cells(name: str, names: Iterable[str] = tuple(FORMATS)) -> dict[str, set[Cell]]:
    """Return the outcomes of a type by format, one where all ways of a format agree."""
    return {format_: {cell(TYPES[name], way) for way in FORMATS[format_]} for format_ in names}


def types_line(name: str, found: dict[str, set[Cell]]) -> str:
    """Return the line of a type in the table of types and formats."""
    return _line([f"`{name}`", *(min(each.words for each in found[one]) for one in found)])


def _types_table() -> str:
    lines = [_line(["type", *FORMATS]), _line(["---"] * (1 + len(FORMATS)))]
    return "\n".join([*lines, *(types_line(name, cells(name)) for name in TYPES)])


@dataclass(frozen=True)
class TextForm:
    """How a number, or the moment that it stands for, is written as text."""

    write: Callable[[float], str]


def _grouped(gap: str, point: str = ".") -> Callable[[float], str]:
    return lambda x: f"{1000 * x:,.2f}".replace(".", "#").replace(",", gap).replace("#", point)


def _signed(form: Callable[[str], str]) -> Callable[[float], str]:
    """Return numbers around zero, of which the negative ones are written by a function."""
    return lambda x: form(f"{100 - x:.2f}") if x < 100 else f"{x - 100:.2f}"


NUMBERS: dict[str, TextForm] = {
    "`105.25`": TextForm(lambda x: f"{x:.2f}"),
    "`105`": TextForm(lambda x: f"{10 * x:.0f}"),
    "` 105.25`, `105.25 `": TextForm(lambda x: f"{x:10.2f} "),
    "`+105.25`": TextForm(lambda x: f"{x:+.2f}"),
    "`1.0525e+02`": TextForm(lambda x: f"{x:.5e}"),
    "`1.0525E2`": TextForm(lambda x: f"{x:.5E}".replace("E+0", "E")),
    "`.5`": TextForm(lambda x: f"{x / 1000:.5f}".lstrip("0")),
    "`5.`": TextForm(lambda x: f"{10 * x:.0f}."),
    "`105,25`": TextForm(lambda x: f"{x:.2f}".replace(".", ",")),
    "`1,052.50`": TextForm(_grouped(",")),
    "`1.052,50`": TextForm(_grouped(".", ",")),
    "`1 052.50`": TextForm(_grouped(" ")),
    "`1 052,50`": TextForm(_grouped(" ", ",")),
    "`1\u00a0052,50` (no-break space)": TextForm(_grouped("\u00a0", ",")),
    "`1\u202f052,50` (narrow no-break space)": TextForm(_grouped("\u202f", ",")),
    "`1'052.50`": TextForm(_grouped("'")),
    "`1\u2019052.50`": TextForm(_grouped("\u2019")),
    "`105.25%`": TextForm(lambda x: f"{x:.2f}%"),
    "`105.25 %`": TextForm(lambda x: f"{x:.2f} %"),
    "`105,25 %`": TextForm(lambda x: f"{x:.2f} %".replace(".", ",")),
    "`$105.25`": TextForm(lambda x: f"${x:.2f}"),
    "`$1,052.50`": TextForm(lambda x: "$" + _grouped(",")(x)),
    "`€ 105,25`": TextForm(lambda x: f"€ {x:.2f}".replace(".", ",")),
    "`105,25 €`": TextForm(lambda x: f"{x:.2f} €".replace(".", ",")),
    "`£105.25`": TextForm(lambda x: f"£{x:.2f}"),
    "`USD 105.25`": TextForm(lambda x: f"USD {x:.2f}"),
    "`105.25 EUR`": TextForm(lambda x: f"{x:.2f} EUR"),
    "`-5.25`": TextForm(_signed(lambda text: f"-{text}")),
    "`(5.25)`": TextForm(_signed(lambda text: f"({text})")),
    "`5.25-`": TextForm(_signed(lambda text: f"{text}-")),
    "`\u22125.25` (minus sign)": TextForm(_signed(lambda text: f"\u2212{text}")),
}
"""Textual forms of numbers, by an example."""


def _moment(form: str) -> Callable[[float], str]:
    def write(x: float) -> str:
        moment = dt.datetime(2025, 11, 1, 8, 30, 15, 123456, tzinfo=dt.UTC)
        return (moment + dt.timedelta(hours=round(x * 10))).strftime(form)

    return write


TIMES: dict[str, TextForm] = {
    f"`{dt.datetime(2025, 12, 31, 20, 30, 15, 123456, tzinfo=dt.UTC).strftime(form)}`": TextForm(
        _moment(form)
    )
    for form in (
        *("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f"),
        *("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%f1Z"),
        *("%Y-%m-%dT%H:%M:%S.%f789Z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S+01:00"),
        *("%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y.%m.%d", "%Y%m%d", "%Y%m%dT%H%M%SZ"),
        *("%d/%m/%Y", "%d/%m/%Y %H:%M", "%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d-%m-%Y"),
        *("%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p", "%d-%b-%Y", "%d %b %Y", "%b %d, %Y", "%b %d %Y"),
        *("%a, %d %b %Y %H:%M:%S GMT", "%H:%M", "%H:%M:%S"),
    )
}
"""Textual forms of times, by an example."""


def _delimited(gap: str) -> Callable[[pa.Table, Any], None]:
    def write(table: pa.Table, sink: Any) -> None:
        text = io.TextIOWrapper(sink, "utf-8", newline="", write_through=True)
        writer = csv.writer(text, delimiter=gap, lineterminator="\n")
        writer.writerow(table.column_names)
        writer.writerows(zip(*(each.to_pylist() for each in table.columns), strict=True))
        text.detach()

    return write


TEXT_FORMATS: dict[str, Way] = {
    "CSV": _bytes_by(_delimited(","), ".csv"),
    "CSV with `;`": _bytes_by(_delimited(";"), ".csv"),
    "TSV": _bytes_by(_delimited("\t"), ".tsv"),
    "text in JSON": _bytes_by(_json, ".json"),
    "text in Parquet": _bytes_by(pq.write_table, ".parquet"),
}
"""By name, formats in which a number may be text."""


def text_cells(form: TextForm) -> dict[str, Cell]:
    """Return the outcomes of a textual form by format."""

    def make(values: Any) -> Column:
        return pa.array([form.write(x) for x in (100 + 10 * values).tolist()], pa.string())

    return {name: cell(make, way) for name, way in TEXT_FORMATS.items()}


def text_line(name: str, found: dict[str, Cell]) -> str:
    """Return the line of a textual form."""
    return _line([name, *(one.words for one in found.values())])


def _text_table(forms: dict[str, TextForm]) -> str:
    lines = [_line(["written as", *TEXT_FORMATS]), _line(["---"] * (1 + len(TEXT_FORMATS)))]
    return "\n".join([*lines, *(text_line(name, text_cells(forms[name])) for name in forms)])


def _line(words: list[str]) -> str:
    return f"| {' | '.join(words)} |"


def words_of(line: str) -> list[str]:
    """Return the cells of a line."""
    return line.removeprefix("| ").removesuffix(" |").split(" | ")


def tables() -> dict[str, str]:
    """Return the tables of the page by their names."""
    return {
        "types": _types_table(),
        "numbers as text": _text_table(NUMBERS),
        "times as text": _text_table(TIMES),
    }


def sizes() -> dict[str, int]:
    """Return how many lines each table has."""
    return {
        "types": 2 + len(TYPES),
        "numbers as text": 2 + len(NUMBERS),
        "times as text": 2 + len(TIMES),
    }


def table_of(page: str, name: str) -> str:
    """Return a table of the page."""
    return page.split(f"<!-- {name} -->\n")[1].split(f"\n<!-- end of {name} -->", maxsplit=1)[0]


def replaced(page: str, name: str, table: str) -> str:
    """Return the page with one of its tables."""
    begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
    before, rest = page.split(begin)
    return before + begin + table + end + rest.split(end)[1]


def main() -> None:
    """Write the tables into the page."""
    page = PAGE.read_text("utf-8")
    for name, table in tables().items():
        page = replaced(page, name, table)
    PAGE.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
