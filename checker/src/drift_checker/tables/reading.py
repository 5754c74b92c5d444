"""Reading a batch or a reference: CSV, Parquet or JSON records into an Arrow table.

CSV carries no types, so its columns are read as text and converted when they meet the
reference (see `columns`). Whatever is wrong with a batch becomes a `Fault`, so that a verdict is
always reached; only a response that is no batch at all raises `NoBatchError`.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from drift_checker.errors import BadReferenceError, NoBatchError
from drift_checker.result import Fault, Severity
from drift_checker.tables.batch import Batch, UnreadableError

_PARQUET_MAGIC = b"PAR1"
HEAD_BYTES = 512
"""The first bytes of a file, by which its format is recognised."""


def read_batch(data: bytes | Path, content_type: str | None = None) -> Batch:
    """Read a batch from its bytes or from a file.

    The format is recognised by the content itself, then by `content_type` or the file's suffix.

    Raises:
        NoBatchError: The content is a web page or JSON that holds no records.
        OSError: The file cannot be read.
    """
    if isinstance(data, Path):
        content_type = content_type or data.suffix
        data = data.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    raise_for_no_batch(data, content_type)
    try:
        table, untyped = _parse(data, content_type or "")
    except UnreadableError as error:
        return Batch(empty_table(), digest, (error.fault,))
    table, faults = _without_duplicates(table)
    return Batch(table, digest, faults, untyped=untyped)


def read_reference(path: Path) -> Batch:
    """Read a reference; unlike a batch, it has to be sound.

    Raises:
        BadReferenceError: It is missing, unreadable, empty or names a column twice.
    """
    return as_reference(lambda: read_batch(path))


def as_reference(read: Callable[[], Batch]) -> Batch:
    """Read what has to be sound, by whatever function.

    Raises:
        BadReferenceError: It is missing, unreadable, empty or names a column twice.
    """
    with reference_errors():
        batch = read()
    raise_for_faults(batch.faults)
    if not batch.rows:
        raise _unusable("it has no rows")
    return batch


def raise_for_faults(faults: Sequence[Fault]) -> None:
    """Refuse a reference that was read with faults.

    Raises:
        BadReferenceError: There are some.
    """
    if faults:
        raise _unusable(faults[0].detail)


def _unusable(detail: str) -> BadReferenceError:
    return BadReferenceError(f"The reference cannot be used: {detail}.")


@contextmanager
def reference_errors() -> Iterator[None]:
    """Raise what is wrong with a reference's file or response as an error of the reference.

    Raises:
        BadReferenceError: It is not there, rejected or unreadable.
    """
    try:
        yield
    except (OSError, NoBatchError, UnreadableError) as error:
        raise BadReferenceError(f"The reference cannot be read: {error}") from error


@contextmanager
def unreadable_where(raised: tuple[type[Exception], ...], damage: str) -> Iterator[None]:
    """Raise what a library raises of damaged bytes as an error that says what is damaged.

    Raises:
        UnreadableError: They cannot be read.
    """
    try:
        yield
    except raised as error:
        raise UnreadableError(f"{damage}: {error}") from error


parquet_errors = partial(
    unreadable_where, (pa.ArrowException, OSError), "The Parquet file is damaged or cut off"
)
csv_errors = partial(
    unreadable_where, (csv.Error, UnicodeDecodeError, pa.ArrowInvalid), "The CSV file is broken"
)


def from_frame(frame: Any) -> Batch:
    """Return a pandas data frame, an Arrow table or any frame with the Arrow stream protocol.

    The digest is that of the table as an Arrow stream.
    """
    if hasattr(frame, "iloc"):
        names = [str(name) for name in frame.columns]
        columns = [_series(frame.iloc[:, index]) for index in range(len(names))]
        frame = pa.table(columns, names=names)
    table, faults = _without_duplicates(pa.table(frame))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return Batch(table, hashlib.sha256(sink.getvalue()).hexdigest(), faults)


def _series(series: Any) -> pa.Array[Any]:
    try:
        column: pa.Array[Any] = pa.array(series, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return _json_column([None if value != value else value for value in series])  # noqa: PLR0124
    return column


def raise_for_no_batch(data: bytes, content_type: str | None = None) -> None:
    """Refuse a web page, whatever its type says.

    Raises:
        NoBatchError: The content is one.
    """
    head = data[:HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<!doctype html", b"<html")) or "html" in (content_type or ""):
        raise NoBatchError("The source answered with a web page (HTML), not with a batch.")


def _parse(data: bytes, content_type: str) -> tuple[pa.Table, bool]:
    match format_of(data[:HEAD_BYTES], content_type):
        case "parquet":
            return _parse_parquet(data), False
        case "json":
            return _parse_json(data), False
        case "csv":
            return _parse_csv(data), True


def format_of(head: bytes, content_type: str) -> Literal["parquet", "json", "csv"]:
    """Return the format by the first bytes, then by a content type or a suffix."""
    kind = content_type.lower()
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    if head[:4] == _PARQUET_MAGIC or "parquet" in kind:
        return "parquet"
    return "json" if start in (b"[", b"{") or "json" in kind else "csv"


def _parse_parquet(data: bytes) -> pa.Table:
    with parquet_errors():
        return pa.parquet.ParquetFile(pa.BufferReader(data)).read(use_threads=False)


def _parse_csv(data: bytes) -> pa.Table:
    if not data.strip():
        return empty_table()
    with csv_errors():
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
        names = next(csv.reader(text, strict=True))
        return pa.csv.read_csv(io.BytesIO(data), **csv_options(len(names))).rename_columns(names)


def csv_options(columns: int, block_bytes: int | None = None) -> dict[str, Any]:
    """Return how Arrow reads so many columns of a CSV file with a header: as text.

    The columns are named by their numbers, since names in the file may be repeated.
    """
    numbered = [str(index) for index in range(columns)]
    return {
        "read_options": pa.csv.ReadOptions(
            column_names=numbered,
            skip_rows_after_names=1,
            use_threads=False,
            block_size=block_bytes,
        ),
        "parse_options": pa.csv.ParseOptions(newlines_in_values=True),
        "convert_options": pa.csv.ConvertOptions(
            column_types=dict.fromkeys(numbered, pa.string()),
            strings_can_be_null=True,
            null_values=[""],
        ),
    }


def _parse_json(data: bytes) -> pa.Table:
    try:
        records = _records(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"The JSON is broken: {error}") from error
    names = list(dict.fromkeys(name for record in records for name in record))
    columns = [[record.get(name) for record in records] for name in names]
    return pa.Table.from_arrays([_json_column(values) for values in columns], names=names)


def _records(data: bytes) -> list[dict[str, Any]]:
    text = data.decode("utf-8-sig")
    try:
        records = json.loads(text)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
        records = [json.loads(line) for line in text.splitlines() if line.strip()]
    if isinstance(records, list) and all(isinstance(record, dict) for record in records):
        return records
    raise NoBatchError(
        "The source answered with JSON that is no list of records "
        '(expected: [{"column": value, …}, …]).'
    )


def _json_column(values: list[Any]) -> pa.Array[Any]:
    """Return an array of the values' one type, or of `MIXED_TYPE` if there are several."""
    # All values of one Python type are of one kind.
    kinds = {_json_kind(value) for value in {type(value): value for value in values}.values()}
    kinds.discard("null")
    if len(kinds) > 1:
        names = [None if value is None else _json_kind(value) for value in values]
        return pa.StructArray.from_arrays(
            [_texts(names), _texts([_json_text(value) for value in values])],
            fields=list(MIXED_TYPE),
            mask=None,
        )
    match kinds.pop() if kinds else "null":
        case "text":
            return _texts(values)
        case "boolean":
            return _texts([_json_text(value) for value in values]).cast(pa.bool_())
        case "number":
            return _numbers(values)
        case "nested":
            return _texts([_json_text(value) for value in values]).cast(pa.binary())
        case _:
            return pa.nulls(len(values))


# Stands for a column whose values are of several types: the name of the type, the value as JSON.
MIXED_TYPE = pa.struct([("kind", pa.string()), ("json", pa.string())])


def _texts(values: list[str | None]) -> pa.Array[Any]:
    # pa.array() would import pandas, which costs more than the rest of a check.
    builder = pa.lib.StringBuilder()
    builder.append_values(values)
    texts: pa.Array[Any] = builder.finish()
    return texts


def _numbers(values: list[float | None]) -> pa.Array[Any]:
    """Return numbers as Arrow holds them, without a detour through pandas or text."""
    valid = np.fromiter((value is not None for value in values), np.bool_, len(values))
    numbers = np.fromiter(map(_float, values), np.float64, len(values))
    bits = np.packbits(valid, bitorder="little")
    buffers: list[pa.Buffer | None] = [
        pa.py_buffer(bits.tobytes()),
        pa.py_buffer(numbers.tobytes()),
    ]
    return pa.Array.from_buffers(pa.float64(), len(values), buffers)


def _float(value: float | None) -> float:
    try:
        return float(value or 0)
    except OverflowError:  # an integer of more than 308 digits
        return math.inf if value and value > 0 else -math.inf


def _json_text(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _json_kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "text"
        case _:
            return "nested"


def _without_duplicates(table: pa.Table) -> tuple[pa.Table, tuple[Fault, ...]]:
    """Drop the columns whose name is not theirs alone."""
    faults = duplicate_column_faults(table.column_names)
    repeated = {fault.column for fault in faults}
    unique = [i for i, name in enumerate(table.column_names) if name not in repeated]
    return (table.select(unique) if repeated else table), faults


def duplicate_column_faults(names: list[str]) -> tuple[Fault, ...]:
    """Return a fault for each name that is there more than once."""
    return tuple(
        _structural("duplicate_column", name, f"column {name!r} is there more than once")
        for name, times in Counter(names).items()
        if times > 1
    )


def empty_table() -> pa.Table:
    """Return a table without columns, of what cannot be read."""
    return pa.schema([]).empty_table()


def _structural(fault: str, column: str | None, detail: str) -> Fault:
    return Fault(fault=fault, severity=Severity.STRUCTURAL, column=column, detail=detail)
