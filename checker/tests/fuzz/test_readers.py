"""Damaged files of every format end in a batch with a fault or in a documented error, and no more.

A file that damaged bytes would let crash the process itself is of no format that is read
(`docs/decisions/0044-formats-that-crash.md`).
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import fastavro
import openpyxl
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from fuzz.damage import bounded, damaged
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import as_csv, table

from drift_checker import CompareSettings, compare
from drift_checker.errors import BadReferenceError, NoBatchError
from drift_checker.tables import TableLimits, from_frame, read_batch

MOST_BYTES = 4 << 20
"""As many as a batch may have once it is unpacked; a thousand times what is given here."""
SETTINGS = CompareSettings(min_rows=2)


def _content() -> pa.Table:
    """A column of each kind, in few rows, for damage to meet what gives a file its structure."""
    rows = 12
    moments = pa.array([1_767_225_600 + 60 * row for row in range(rows)], pa.timestamp("s"))
    numbers = pa.array([*range(rows - 1), None], pa.int32())
    content = table(rows, seed=1)
    return content.append_column("at", moments).append_column("n", numbers)


CONTENT = _content()
ENCODED = CONTENT.append_column("code", CONTENT["kind"].combine_chunks().dictionary_encode())
RECORDS = json.loads(json.dumps(CONTENT.to_pylist(), default=str))
REFERENCE = from_frame(_content())


def written(write: Callable[[Any], Any]) -> bytes:
    """Return what a function writes into a file."""
    sink = io.BytesIO()
    write(sink)
    return sink.getvalue()


def _ipc(new: Any) -> bytes:
    def write(sink: io.BytesIO) -> None:
        with new(sink, ENCODED.schema) as file:
            file.write_table(ENCODED)

    return written(write)


def _avro() -> bytes:
    types: dict[str, Any] = dict.fromkeys(CONTENT.column_names, "string")
    types |= {"x": "double", "y": "double", "n": ["null", "int"]}
    fields = [{"name": name, "type": type_} for name, type_ in types.items()]
    schema = {"type": "record", "name": "row", "fields": fields}
    return written(lambda sink: fastavro.writer(sink, schema, RECORDS))


def _excel() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in [CONTENT.column_names, *(list(record.values()) for record in CONTENT.to_pylist())]:
        sheet.append(row)
    return written(book.save)


def _zip() -> bytes:
    def write(sink: io.BytesIO) -> None:
        with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("batch.csv", as_csv(CONTENT))

    return written(write)


def _compressed(codec: Literal["zstd", "lz4"]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(as_csv(CONTENT))
    return sink.getvalue().to_pybytes()


FILES = {
    "csv": as_csv(CONTENT),
    "json": json.dumps(RECORDS).encode(),
    "json lines": "\n".join(map(json.dumps, RECORDS)).encode(),
    "json of columns": json.dumps(
        {name: [r[name] for r in RECORDS] for name in RECORDS[0]}
    ).encode(),
    "parquet": written(lambda sink: pq.write_table(ENCODED, sink)),
    "parquet, plain": written(
        lambda sink: pq.write_table(CONTENT, sink, compression="none", use_dictionary=False)
    ),
    "arrow": _ipc(pa.ipc.new_file),
    "arrow stream": _ipc(pa.ipc.new_stream),
    "orc": written(lambda sink: pa.orc.write_table(CONTENT, sink)),
    "avro": _avro(),
    "excel": _excel(),
}
PACKED = {
    "zip": _zip(),
    "gzip": gzip.compress(as_csv(CONTENT)),
    "bz2": bz2.compress(as_csv(CONTENT)),
    "xz": lzma.compress(as_csv(CONTENT)),
    "zstd": _compressed("zstd"),
    "lz4": _compressed("lz4"),
}


def judged(data: bytes, kind: str = "") -> str:
    """Read a batch and compare it with the reference, as a tick does; return what came of it."""
    with bounded():
        try:
            batch = read_batch(data, kind, limits=TableLimits(MOST_BYTES))
            result = compare(REFERENCE, batch, settings=SETTINGS)
        except NoBatchError:
            return "no batch"
        except BadReferenceError as error:
            if "no column in common" not in str(error):
                raise
            return "other columns"
        said = result.model_dump_json()
        json.loads(said, parse_constant=pytest.fail)
        said.encode()
    return result.verdict


@pytest.mark.parametrize("name", [*FILES, *PACKED])
def test_files_are_judged(name: str) -> None:
    assert judged((FILES | PACKED)[name]) == "ok"


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "corpus/batches").iterdir()), ids=lambda path: path.name
)
def test_what_was_found_once(path: Path) -> None:
    judged(path.read_bytes(), path.name)


@pytest.mark.long
@pytest.mark.parametrize("name", FILES)
@given(st.data())
@settings(max_examples=1500)
def test_damaged_files(name: str, data: st.DataObject) -> None:
    judged(data.draw(damaged(FILES[name], [*FILES.values(), *PACKED.values()])))


@pytest.mark.long
@pytest.mark.parametrize("name", PACKED)
@given(st.data())
@settings(max_examples=300)
def test_damaged_compressed_files(name: str, data: st.DataObject) -> None:
    judged(data.draw(damaged(PACKED[name], [*FILES.values(), *PACKED.values()])))


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
_names = st.sampled_from(("x", "kind", "n", "data", "columns", "rows", "index", "")) | st.text(
    max_size=4
)


@pytest.mark.long
@given(st.lists(st.dictionaries(_names, _values, max_size=5), max_size=8) | _values)
@settings(max_examples=1000)
def test_any_json(document: Any) -> None:
    judged(json.dumps(document).encode())


@pytest.mark.long
@given(
    st.lists(st.lists(st.text(max_size=6) | st.floats().map(str), max_size=5), max_size=8),
    st.sampled_from((",", ";", "\t", "|", " ")),
    st.sampled_from(("\n", "\r\n", "\r")),
    st.sampled_from(("utf-8", "utf-16", "utf-8-sig")),
)
@settings(max_examples=1000)
def test_any_delimited_text(rows: list[list[str]], gap: str, end: str, encoding: str) -> None:
    judged(end.join(map(gap.join, rows)).encode(encoding, "surrogatepass"), "text/csv")
