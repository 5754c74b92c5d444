"""What bytes are recognised as, and what is said of those that are not read."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from samples import as_csv, parquet, table

from drift_checker.errors import BadReferenceError, NoBatchError
from drift_checker.tables import (
    Batch,
    TableLimits,
    UnreadableError,
    count_values,
    read_batch,
    read_reference,
)
from drift_checker.tables.chunks import CsvTable, chunked_table
from drift_checker.tables.formats import format_of

CONTENT = table(50, seed=1)
CSV = as_csv(CONTENT)
JSON = b'[{"x": 1}, {"x": 2}]'
ARROW = (pa.compress(CSV, codec="zstd", asbytes=True), pa.compress(CSV, codec="lz4", asbytes=True))


def archive(files: dict[str, bytes]) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, data in files.items():
            writer.writestr(name, data)
    return sink.getvalue()


COMPRESSED = {
    "gz": gzip.compress(CSV),
    "GZ": gzip.compress(CSV[:100]) + gzip.compress(CSV[100:]),
    "zst": ARROW[0],
    "zst2": b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip" + ARROW[0],
    "bz2": bz2.compress(CSV),
    "xz": lzma.compress(CSV),
    "lz4": ARROW[1],
    "zip": archive({"t.csv": CSV}),
    "mac.zip": archive({"t.csv": CSV, "__MACOSX/t.csv": b"\x00"}),
    "zip.gz": gzip.compress(archive({"t.csv": CSV})),
}


@pytest.mark.parametrize("suffix", COMPRESSED)
@pytest.mark.parametrize("name", ["t.csv.{}", "T.CSV.{}", "t"])
def test_compressed_text_is_what_it_was(suffix: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name.format(suffix)
    path.write_bytes(COMPRESSED[suffix])
    batch = read_batch(path)
    assert batch.table == read_batch(CSV).table
    assert batch.untyped
    assert batch.digest != read_batch(CSV).digest
    chunked = chunked_table(path)
    assert list(chunked.types) == CONTENT.column_names
    assert sum(chunk.rows for chunk in chunked.chunks()) == CONTENT.num_rows
    assert count_values(path) > 0


@pytest.mark.parametrize("data", [parquet(CONTENT), JSON])
def test_any_format_may_be_compressed(data: bytes) -> None:
    for compressed in (
        gzip.compress(data),
        archive({"t": data}),
        gzip.compress(gzip.compress(data)),
    ):
        assert read_batch(compressed).table == read_batch(data).table


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_damaged_compression_is_named(suffix: str) -> None:
    data = COMPRESSED[suffix]
    fault = read_batch(data[: len(data) // 2]).faults[0]
    assert fault.fault == "unreadable"
    assert "damaged or cut off" in fault.detail
    assert "CSV" not in fault.detail


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_what_is_unpacked_is_bounded(suffix: str) -> None:
    with pytest.raises(NoBatchError, match="DRIFT_MAX_BODY_MB"):
        read_batch(COMPRESSED[suffix], limits=TableLimits(len(CSV) - 1))
    assert (
        read_batch(COMPRESSED[suffix], limits=TableLimits(len(CSV) + 1000)).rows == CONTENT.num_rows
    )


@pytest.mark.parametrize("suffix", ["gz", "GZ", "zst", "bz2", "xz", "lz4"])
def test_compressed_text_is_read_in_blocks(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_bytes(COMPRESSED[suffix])
    chunked = chunked_table(path)
    assert isinstance(chunked, CsvTable)
    assert chunked.digest == read_batch(path).digest
    (chunk,) = chunked.chunks()
    assert chunk.column("x").cast(pa.float64()) == CONTENT["x"].combine_chunks()
    path.write_bytes(COMPRESSED[suffix][:-6])
    cut_off = chunked_table(path)
    if isinstance(cut_off, Batch):  # where not even the first bytes can be unpacked
        assert cut_off.unreadable
    else:
        with pytest.raises(UnreadableError, match="damaged or cut off"):
            list(cut_off.chunks())


REFUSED = {
    "Feather file of version 1": b"FEA1\x00\x00\x00\x00",
    "Parquet file": b"PARE\x15\x04\x15\x10" + b"\x00" * 20 + b"PARE",
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "HDF5": b"\x89HDF\r\n\x1a\n\x00\x00",
    "netCDF": b"CDF\x01\x00\x00",
    "MATLAB": b"MATLAB 5.0 MAT-file, Platform: GLNXA64",
    "SQLite": b"SQLite format 3\x00\x10\x00",
    "DuckDB": b"\x01\x02\x03\x04\x05\x06\x07\x00DUCK\x40\x00",
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00",
    r"\.npy": b"\x93NUMPY\x01\x00v\x00{'descr'",
    r"\.npz": archive({"x.npy": b"\x93NUMPY", "y.npy": b"\x93NUMPY"}),
    r"\.rds": gzip.compress(b"X\n\x00\x00\x00\x03\x00\x04\x03\x01"),
    r"\.RData": gzip.compress(b"RDX3\nX\n\x00\x00\x00\x03"),
    "SAS data": bytes(12) + b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00\x09\xc7",
    "SAS transport": b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!",
    "Stata": b"<stata_dta><header><release>118</release>",
    "Stata data": b"\x72\x02\x01\x00\x05\x00\x0a\x00\x00\x00",
    "SPSS": b"$FL2@(#) SPSS DATA FILE",
    "PNG": b"\x89PNG\r\n\x1a\n\x00",
    "JPEG": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "GIF": b"GIF89a\x01\x00\x01\x00",
    "XML": b'<?xml version="1.0"?>\n<rows><row a="1"/></rows>',
    "XML document": b"<Error><Code>NoSuchKey</Code></Error>",
    "web page": b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC '-//W3C//DTD'>",
    r"web page \(HTML\)": b"<table><tr><td>1</td></tr></table>",
    "tar": b"t.csv".ljust(257, b"\x00") + b"ustar\x0000",
    "7-Zip": b"7z\xbc\xaf\x27\x1c\x00\x04",
    "Snappy": b"\xff\x06\x00\x00sNaPpY\x01",
    "rich-text": b"{\\rtf1\\ansi",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "PGP": b"-----BEGIN PGP MESSAGE-----\n",
    r"2 files \(a\.csv, b\.csv\)": archive({"a.csv": CSV, "b.csv": CSV}),
    "no file": archive({}),
    "Word": archive({"word/document.xml": b"<w/>"}),
    "Office file with a password": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    + bytes(600)
    + "EncryptedPackage".encode("utf-16-le"),
    "not known": bytes(range(256)),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("name", ["t", "t.csv", "t.parquet.bak"])
def test_what_is_not_read_is_named(what: str, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(REFUSED[what])
    with pytest.raises(NoBatchError, match=what):
        read_batch(tmp_path / name)
    with pytest.raises(NoBatchError, match=what):
        chunked_table(tmp_path / name)
    with pytest.raises(BadReferenceError, match=what):
        read_reference(tmp_path / name)
    count_values(tmp_path / name)


@pytest.mark.parametrize(
    "header",
    [
        b"ORCID,name", b"PAR1;PAR2", b"id,name,DUCK", b"<DATE>,<OPEN>", b"[id],[name]",
        b"GIF8,x", b"BZh9,x", b"ARROW1,b", b"version,x", b"x\x01y", b"II,MM", b"Obj,x", b"FEA1\tb",
    ],
)  # fmt: skip
def test_names_of_columns_are_no_magic(header: bytes) -> None:
    assert format_of(header + b"\n1,2\n3,4\n", "t.csv") == "csv"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_text_is_recognised_in_every_encoding(encoding: str) -> None:
    assert format_of('[{"x": 1}]'.encode(encoding)) == "json"
    assert format_of("name;x\nä;1\n".encode(encoding)) == "csv"
    with pytest.raises(NoBatchError, match="web page"):
        format_of("<!DOCTYPE html>".encode(encoding))


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("text/csv; charset=utf-8", "csv"),
        ("application/vnd.apache.parquet", "parquet"),
        ("application/x-ndjson", "json"),
        ("application/vnd.apache.arrow.stream", "arrow stream"),
        ("application/vnd.apache.arrow.file", "arrow"),
        ("avro/binary", "avro"),
        (".orc", "orc"),
        ("json_export.csv", "csv"),
        ("t.PARQUET.GZ", "parquet"),
        ("application/vnd.ms-excel", "csv"),
        ("", "csv"),
    ],
)
def test_a_name_tells_where_the_content_does_not(kind: str, expected: str) -> None:
    assert format_of(b"a,b\n1,2\n", kind) == expected


@pytest.mark.parametrize("name", ["t.csv", "t.parquet", "t.json", "t.xlsx", "t.csv.gz"])
@pytest.mark.parametrize("data", [b"", b" \n", gzip.compress(b"", mtime=0)])
def test_nothing_is_an_empty_batch(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    batch = read_batch(tmp_path / name)
    assert (batch.rows, batch.names, batch.faults) == (0, [], ())
    chunked = chunked_table(tmp_path / name)
    assert not chunked.types
    if isinstance(chunked, Batch):
        assert chunked == batch
