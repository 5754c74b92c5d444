"""Formats that few batches have, sound, odd and damaged."""

from __future__ import annotations

import base64
import bz2
import datetime as dt
import gzip
import io
import lzma
import sys
import uuid
import zipfile
import zlib
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import openpyxl
import pyarrow as pa
import pyarrow.orc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import as_csv, parquet, table

from drift_checker.errors import NoBatchError
from drift_checker.tables import Batch, TableLimits, read_batch, within_memory
from drift_checker.tables.batch import MIXED_TYPE
from drift_checker.tables.chunks import chunked_table

DRAWN = table(40, seed=1)
CONTENT = pa.table(
    {name: DRAWN[name] for name in ("kind",)}
    | {
        # Workbooks keep 15 digits.
        name: np.round(DRAWN[name].to_numpy(), 9)
        for name in ("x", "y")
    }
)
OLD_WORKBOOK = zlib.decompress(
    base64.b85decode(
        "c-rk)J!n%=6#ni@()`e-NlnF8D4}50+C^Mk+NXkcvQ!sE1WjxPX-OqISO=}vjDp~#xD>j$R9&>9gKiE&MF&9;5"
        "*?ic1&21T=YH=#O>2h+G^pI~an3#OoO9njx#!&ba^LI4bY=EocNJ?egb-"
        "?894&P^B@_>CQV_f6X)$PHLY~Dxg?LO7*%HCiwpUS|L!Iv`96SiW5Dt74I*D@_nJgBvO~e7lkW)H_LE#E_MUzA"
        "qqv{|(L%xapK0Tk2@1y1h`Jnh#)CnxQBmH|#6(4tcX-h&s_c8mtr)D=g@lsdum7B`<jbMN2Y;NN3H1vd9F$c-"
        "paG_Wz<t8e~NCM~Z&C3E`gO&O`YxT|5D~SI4YJGGa{VgX9Ov5|P0x!$vx)Aace0~XAAV!iTJtveGx+pZ2(EBjg"
        "ZEDrJZDT#R3Lir|<ut20B|G!dy)SPL=SSUB)J$`)_ILDcItX~Us(VQ1BrS}CzWwC8$glCKTPb&wXQURT?Hlbh!"
        "l4=ZT&J~9#@R!>b+^~aJ47yjKC;kL{^afyd49NhDKr1hokg!q!kF~e*9-"
        ">KfVy*A<B1!z%B=nm<Xyk)1TiONV)x8zs~yWoP)w8icY1b|@mFj7FFOh9(wtZAuYSy?_IK9tcj%um{{HOiSsZd"
        "Y@JJhFU;2pzEG#T6EG#T6EG(K2W&Y)d%vmF1&Jt1cU1wRSW<Qhsw>XMPxh}}T^dO4TmN3;&{cJ`=1<z6&>=S%1"
        ")Ho)imoSbz;}~zae&sBv>VMCMJEnf$5^8k(S|f4(;qg}hAZos9"
    )
)
"""Of two columns, in the format of Excel 97."""


def arrow(content: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, content.schema, options=pa.ipc.IpcWriteOptions(**options)) as file:
        file.write_table(content)
    return sink.getvalue()


def arrow_stream(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, content.schema) as file:
        file.write_table(content)
    return sink.getvalue()


def orc(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(content, sink)
    return sink.getvalue()


def avro(content: pa.Table, codec: str = "deflate") -> bytes:
    types = {pa.float64(): "double", pa.string(): "string"}
    fields = [{"name": field.name, "type": ["null", types[field.type]]} for field in content.schema]
    return avro_of({"type": "record", "name": "r", "fields": fields}, content.to_pylist(), codec)


def avro_of(schema: Any, records: list[Any], codec: str = "null") -> bytes:
    sink = io.BytesIO()
    fastavro.writer(sink, schema, records, codec=codec)
    return sink.getvalue()


def xlsx(*sheets: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for rows in sheets:
        sheet = book.create_sheet()
        for row in rows:
            sheet.append(row)
    sink = io.BytesIO()
    book.save(sink)
    return sink.getvalue()


def workbook(content: pa.Table) -> bytes:
    rows = zip(*content.to_pydict().values(), strict=True)
    return xlsx([content.column_names, *map(list, rows)])


def archive(name: str, data: bytes) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(name, data)
    return sink.getvalue()


WRITERS = {
    "parquet": parquet,
    "arrow": arrow,
    "arrow, compressed": lambda content: arrow(content, compression="zstd"),
    "arrow stream": arrow_stream,
    "orc": orc,
    "avro": avro,
    "avro of Spark": lambda content: avro(content, "snappy"),
    "avro, zstandard": lambda content: avro(content, "zstandard"),
    "excel": workbook,
}


@pytest.mark.parametrize("name", ["t", "t.csv", "t.bin.gz"])
@pytest.mark.parametrize("writer", WRITERS)
def test_a_table_of_each_format(writer: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(WRITERS[writer](CONTENT))
    batch = read_batch(path)
    assert batch.table.to_pydict() == CONTENT.to_pydict()
    assert not batch.untyped
    if writer != "parquet":
        chunked = chunked_table(path)
        assert isinstance(chunked, Batch)
        assert chunked.table == batch.table


def test_what_an_extra_reads_is_named_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, data, what in (
        ("fastavro", avro(CONTENT), r"Avro file.*drift-checker\[avro\]"),
        ("python_calamine", workbook(CONTENT), r"Excel workbook.*drift-checker\[excel\]"),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(NoBatchError, match=what):
            read_batch(data)


# --- Arrow -------------------------------------------------------------------------------------

ARROW_TYPES = pa.table(
    {
        "view": pa.array(["a", None]).cast(pa.string_view()),
        "dictionary": pa.array(["a", "b"]).dictionary_encode(),
        "list": pa.array([[1.0, 2.0], None]),
        "time": pa.array([1, 2], pa.time32("s")),
        "decimal": pa.array([Decimal("1.5"), None], pa.decimal256(50, 3)),
        "uuid": pa.array([uuid.UUID(int=1).bytes, None], pa.uuid()),
        "runs": pa.RunEndEncodedArray.from_arrays([2], ["a"]),
        "null": pa.nulls(2),
        "large": pa.array([b"x", None], pa.large_binary()),
    }
)


@pytest.mark.parametrize("write", [arrow, arrow_stream])
def test_arrow_keeps_its_types(write: Any) -> None:
    read = read_batch(write(ARROW_TYPES)).table
    assert read.schema.types == ARROW_TYPES.schema.types
    assert read.to_pydict() == ARROW_TYPES.to_pydict()


def test_a_wrong_offset_is_not_followed() -> None:
    data = arrow(pa.table({"text": ["ab", "cd"]}))
    offsets = np.array([0, 2, 4], np.int32).tobytes()
    assert data.count(offsets) == 1
    wrong = np.array([0, 2, 1 << 28], np.int32).tobytes()
    (fault,) = read_batch(data.replace(offsets, wrong)).faults
    assert "Arrow IPC file is damaged" in fault.detail


@pytest.mark.parametrize("writer", ["parquet", "arrow", "arrow stream"])
def test_names_that_are_no_utf8_are_replaced(writer: str, tmp_path: Path) -> None:
    content = pa.table({"xAx": [1, 2], "yAy": [3, 4], "z": [5, 6]})
    path = tmp_path / "t"
    path.write_bytes(WRITERS[writer](content).replace(b"xAx", b"x\xffx").replace(b"yAy", b"y\xe9y"))
    batch = read_batch(path)
    assert batch.table.to_pydict() == {"x\ufffdx": [1, 2], "y\ufffdy": [3, 4], "z": [5, 6]}
    chunked = chunked_table(path)
    assert list(chunked.types) == batch.names
    chunks = [
        pa.table({name: chunk.column(name) for name in batch.names}) for chunk in chunked.chunks()
    ]
    assert pa.concat_tables(chunks) == batch.table


# --- Avro --------------------------------------------------------------------------------------


def test_avro_of_logical_types() -> None:
    logical = {
        "day": ("int", "date", dt.date(2026, 1, 1), pa.date32()),
        "at": ("long", "timestamp-micros", dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC), None),
        "clock": ("int", "time-millis", dt.time(1, 2), pa.time64("us")),
        "id": ("string", "uuid", uuid.UUID(int=7), pa.uuid()),
    }
    fields = [
        {"name": name, "type": ["null", {"type": type_, "logicalType": kind}]}
        for name, (type_, kind, _, _) in logical.items()
    ]
    decimal = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
    fields += [
        {"name": "price", "type": decimal},
        {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["A", "B"]}},
        {"name": "vector", "type": {"type": "array", "items": "float"}},
        {"name": "map", "type": {"type": "map", "values": "int"}},
        {"name": "either", "type": ["int", "string"]},
        {"name": "big", "type": "long"},
    ]
    row = {name: value for name, (_, _, value, _) in logical.items()}
    row |= {"price": Decimal("1.25"), "kind": "A", "vector": [0.5], "map": {"a": 1}, "big": 2**60}
    none = dict.fromkeys(logical)
    records = [row | {"either": 1}, row | none | {"either": "x"}]
    read = read_batch(avro_of({"type": "record", "name": "r", "fields": fields}, records)).table
    for name, (_, _, value, type_) in logical.items():
        assert read[name].to_pylist() == [value, None]
        assert type_ in {None, read[name].type}
    assert read["price"].to_pylist() == [Decimal("1.25")] * 2
    assert read["vector"].type == pa.list_(pa.float64())
    assert read["either"].type == MIXED_TYPE
    assert read["big"].type == pa.int64()
    assert read["kind"].to_pylist() == ["A", "A"]


def test_avro_without_records_has_names() -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "x", "type": "int"}]}
    batch = read_batch(avro_of(schema, []))
    assert (batch.names, batch.rows) == (["x"], 0)
    with pytest.raises(NoBatchError, match="no records"):
        read_batch(avro_of("int", [1, 2]))


# --- Excel -------------------------------------------------------------------------------------


def test_the_first_sheet_with_rows_and_its_first_row() -> None:
    noon = dt.datetime(2026, 1, 1, 12)  # noqa: DTZ001  sheets know no zone
    day = dt.date(2026, 1, 2)
    rows = [
        [],
        ["n", "x", "text", "at", "day", "flag", None, 2024, "mixed", None],
        [1, 1.5, "a", noon, day, True, 7, 1, 1, None],
        [None] * 10,
        [2, None, "b", dt.datetime(2026, 1, 3), day, False, None, 2, "y", None],  # noqa: DTZ001
    ]
    read = read_batch(xlsx([], rows, [["other"], [1]])).table
    assert read.column_names == ["n", "x", "text", "at", "day", "flag", "column 7", "2024", "mixed"]
    assert read["n"].to_pylist() == [1, 2]
    assert read["n"].type == pa.int64()
    assert read["x"].to_pylist() == [1.5, None]
    assert read["at"].to_pylist() == [noon, dt.datetime(2026, 1, 3)]  # noqa: DTZ001
    assert read["day"].type == pa.date32()
    assert read["flag"].to_pylist() == [True, False]
    assert read["column 7"].to_pylist() == [7, None]
    assert read["mixed"].type == MIXED_TYPE


def test_workbooks_without_rows() -> None:
    assert read_batch(xlsx([], [])).rows == 0
    assert read_batch(xlsx([["a", "b"]])).names == ["a", "b"]
    assert read_batch(xlsx([["a", "a", "b"], [1, 2, 3]])).faults[0].fault == "duplicate_column"


@pytest.mark.parametrize("name", ["t.xls", "t.xlsx", "t.csv"])
def test_a_renamed_text_is_text(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(as_csv(CONTENT))
    assert read_batch(tmp_path / name).names == CONTENT.column_names


def test_an_old_workbook() -> None:
    batch = read_batch(OLD_WORKBOOK)
    assert batch.table.to_pydict() == {"a": [1, 2], "b": ["x", "y"]}


# --- Damage ------------------------------------------------------------------------------------

SOUND = {
    **{name: write(CONTENT) for name, write in WRITERS.items()},
    "old workbook": OLD_WORKBOOK,
    "json lines": b'{"x": 1, "y": "a"}\n{"x": 2, "y": null}\n{"x": 3.5}\n',
    "csv": as_csv(CONTENT),
    "json": str(CONTENT.to_pylist()).replace("'", '"').encode(),
    "nested json": b'{"data": [{"x": [1, 2], "y": {"z": null}}, {"x": [], "y": {}}]}',
    "gzip": gzip.compress(as_csv(CONTENT)),
    "bz2": bz2.compress(as_csv(CONTENT)),
    "xz": lzma.compress(as_csv(CONTENT)),
    "zstd": pa.compress(as_csv(CONTENT), codec="zstd", asbytes=True),
    "lz4": pa.compress(as_csv(CONTENT), codec="lz4", asbytes=True),
    "zip": archive("t.csv", as_csv(CONTENT)),
    "parquet in gzip": gzip.compress(parquet(CONTENT)),
}
DAMAGED = st.tuples(
    st.sampled_from(sorted(SOUND)),
    st.floats(0, 1),
    st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4),
)


def damage(sound: bytes, end: float, flips: list[tuple[float, int]]) -> bytes:
    data = bytearray(sound[: round(end * len(sound))])
    for place, bits in flips if data else ():
        data[min(int(place * len(data)), len(data) - 1)] ^= bits
    return bytes(data)


def read_or_refuse(data: bytes, name: str = "") -> None:
    limits = TableLimits(1 << 24)
    with suppress(NoBatchError):
        # As a source's answer is read: a damaged length may ask for any amount of memory.
        batch = within_memory(partial(read_batch, data, name, limits=limits), limits.unpacked)
        assert all(fault.detail for fault in batch.faults)
        batch.table.validate()


@given(DAMAGED)
def test_damage_ends_in_a_batch_or_in_words(damaged: Any) -> None:
    name, end, flips = damaged
    read_or_refuse(damage(SOUND[name], end, flips))


@pytest.mark.long
@settings(max_examples=3000)
@given(DAMAGED, st.sampled_from(["", "t.csv", "t.json", "t.parquet", "t.avro", "t.xlsx", "t.orc"]))
def test_damage_under_every_name(damaged: Any, named: str) -> None:
    name, end, flips = damaged
    read_or_refuse(damage(SOUND[name], end, flips), named)
    read_or_refuse(damage(SOUND[name], 1, flips), named)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("writer", WRITERS)
def test_what_is_cut_off_is_named(writer: str, share: float) -> None:
    data = WRITERS[writer](CONTENT)
    batch = read_batch(data[: int(share * len(data))])
    assert batch.unreadable
    assert batch.faults[0].detail.startswith("The ")
    assert "is damaged or cut off" in batch.faults[0].detail
    assert "CSV" not in batch.faults[0].detail


@pytest.mark.parametrize("writer", ["parquet", "orc"])
@pytest.mark.parametrize("encoded", [True, False])
def test_text_that_is_no_utf8_is_replaced(writer: str, encoded: bool, tmp_path: Path) -> None:  # noqa: FBT001
    texts = pa.array(["caXe", "caYe", None, "x"])
    content = pa.table(
        {"text": texts.dictionary_encode() if encoded and writer == "parquet" else texts}
    )
    data = WRITERS[writer](content).replace(b"caXe", b"ca\xe9e").replace(b"caYe", b"ca\xffe")
    (tmp_path / "t").write_bytes(data)
    expected = ["ca\ufffde", "ca\ufffde", None, "x"]
    assert read_batch(data).table["text"].to_pylist() == expected
    (chunk,) = chunked_table(tmp_path / "t").chunks()
    assert chunk.column("text").to_pylist() == expected


def open_document(kind: str) -> bytes:
    space = "urn:oasis:names:tc:opendocument:xmlns"
    spaces = " ".join(f'xmlns:{name}="{space}:{name}:1.0"' for name in ("office", "table", "text"))
    cells = (
        f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
        f'<table:table-cell office:value-type="float" office:value="{number}"/>'
        for text, number in (("a", 2024), ("x", 1), ("y", 2.5))
    )
    rows = "".join(f"<table:table-row>{both}</table:table-row>" for both in cells)
    body = f'<office:{kind}><table:table table:name="s">{rows}</table:table></office:{kind}>'
    content = f"<office:body>{body}</office:body>"
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        file.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="{space}:manifest:1.0"/>')
        file.writestr(
            "content.xml", f"<office:document-content {spaces}>{content}</office:document-content>"
        )
    return sink.getvalue()


def test_documents_of_libreoffice() -> None:
    read = read_batch(open_document("spreadsheet")).table
    assert read.to_pydict() == {"a": ["x", "y"], "2024": [1.0, 2.5]}
    with pytest.raises(NoBatchError, match="LibreOffice"):
        read_batch(open_document("text"))
