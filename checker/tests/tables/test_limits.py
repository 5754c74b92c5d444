"""How large a table may be once it is decoded: of each format, in bounded memory."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zlib
from collections.abc import Callable

import fastavro
import numpy as np
import pyarrow as pa
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

from drift_checker.tables import TableLimits, TooLargeError, read_batch
from drift_checker.tables.formats import unreadable_where
from drift_checker.tables.limits import MAX_DEPTH, within_memory
from drift_checker.tables.values import column_of

MIB = 1 << 20
ROWS = 200_000
EQUAL = pa.table({f"c{at}": pa.array(np.zeros(ROWS)) for at in range(10)})
"""15 MiB, of which writers make some kilobytes."""
LIMITS = TableLimits(4 * MIB, 4 * MIB, 1_000_000, 1_000)


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def _ipc(compression: str) -> Callable[[pa.Table], bytes]:
    def written(table: pa.Table) -> bytes:
        sink = io.BytesIO()
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_file(sink, table.schema, options=options) as stream:
            stream.write_table(table)
        return sink.getvalue()

    return written


def _orc(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pa.orc.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _avro(table: pa.Table) -> bytes:
    fields = [{"name": name, "type": "double"} for name in table.column_names]
    sink = io.BytesIO()
    record = dict.fromkeys(table.column_names, 0.0)
    records = (record for _ in range(table.num_rows))
    schema = {"type": "record", "name": "r", "fields": fields}
    fastavro.writer(sink, schema, records, codec="deflate")
    return sink.getvalue()


WRITERS = {
    "parquet": _parquet,
    "zstd.arrow": _ipc("zstd"),
    "lz4.arrow": _ipc("lz4"),
    "orc": _orc,
    "avro": _avro,
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_what_is_decoded_is_bounded(suffix: str) -> None:
    """Some kilobytes stand for more than a table may have."""
    data = WRITERS[suffix](EQUAL)
    assert len(data) < LIMITS.unpacked / 4

    with pytest.raises(TooLargeError, match="DRIFT_MAX_BODY_MB") as caught:
        within_memory(lambda: read_batch(data, f"t.{suffix}", limits=LIMITS), LIMITS.unpacked)
    assert (caught.value.fault.fault, caught.value.fault.severity) == ("too_large", "structural")

    few = WRITERS[suffix](EQUAL.slice(0, 5_000))
    assert read_batch(few, f"t.{suffix}", limits=LIMITS).rows == 5_000
    assert read_batch(data, f"t.{suffix}").rows == ROWS, "what is compared by hand has no limits"


def test_a_file_that_says_that_it_is_large_is_not_decoded() -> None:
    """By its metadata: its columns are damaged, and would not be decoded."""
    table = pa.table({"x": np.random.default_rng(1).normal(size=ROWS)})
    data = bytearray(_parquet(table))
    data[4:10_000] = bytes(9_996)
    few_bytes = TableLimits(MIB, MIB)
    with pytest.raises(TooLargeError, match="more than 1 MiB once unpacked"):
        read_batch(bytes(data), "t.parquet", limits=few_bytes)
    assert "damaged" in read_batch(bytes(data), "t.parquet").faults[0].detail


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (_parquet(pa.table({"x": pa.nulls(2_001)})), "t.parquet"),
        (b"x\n" + b"1\n" * 2_001, "t.csv"),
        (json.dumps([{"x": 1}] * 2_001).encode(), "t.json"),
        (gzip.compress(b"x\n" + b"1\n" * 2_001, mtime=0), "t.csv.gz"),
        (_orc(pa.table({"x": np.zeros(2_001)})), "t.orc"),
    ],
    ids=["parquet", "csv", "json", "gzip", "orc"],
)
def test_rows_are_bounded(data: bytes, name: str) -> None:
    with pytest.raises(TooLargeError, match=r"2,001 rows, more than DRIFT_MAX_ROWS=2000"):
        read_batch(data, name, limits=TableLimits(rows=2_000))
    assert read_batch(data, name, limits=TableLimits(rows=2_001)).rows == 2_001


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (_parquet(pa.table({f"c{at}": [1] for at in range(21)})), "t.parquet"),
        (b",".join(b"c%d" % at for at in range(21)) + b"\n" + b",".join([b"1"] * 21), "t.csv"),
        (json.dumps([{f"c{at}": 1 for at in range(21)}]).encode(), "t.json"),
    ],
    ids=["parquet", "csv", "json"],
)
def test_columns_are_bounded(data: bytes, name: str) -> None:
    with pytest.raises(TooLargeError, match=r"21 columns, more than DRIFT_MAX_COLUMNS=20"):
        read_batch(data, name, limits=TableLimits(columns=20))
    assert len(read_batch(data, name, limits=TableLimits(columns=21)).names) == 21


def _nested(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 400, 5_000, 100_000])
def test_nesting_of_json_is_bounded(levels: int) -> None:
    data = b'[{"x": ' + b"[" * levels + b"]" * levels + b"}]"
    assert f"more than {MAX_DEPTH} levels" in read_batch(data, "t.json").faults[0].detail
    mixed = data[:-1] + b', {"x": 1}]'
    assert f"more than {MAX_DEPTH} levels" in read_batch(mixed, "t.json").faults[0].detail


def test_nesting_that_is_allowed() -> None:
    data = json.dumps([{"x": _nested(MAX_DEPTH)}]).encode()
    assert read_batch(data, "t.json").faults == ()
    assert column_of([_nested(MAX_DEPTH)]).type == pa.binary()


def test_nesting_of_typed_formats_is_bounded() -> None:
    def table(levels: int) -> pa.Table:
        type_: pa.DataType = pa.int64()
        for _ in range(levels):
            type_ = pa.struct([("a", type_)])
        return pa.table({"x": pa.nulls(3, type_)})

    assert read_batch(_parquet(table(MAX_DEPTH)), "t.parquet").faults == ()
    (fault,) = read_batch(_parquet(table(MAX_DEPTH + 1)), "t.parquet").faults
    assert f"more than {MAX_DEPTH} levels" in fault.detail


_READ = """
import resource, sys
import pyarrow as pa
from drift_checker.tables import TooLargeError, read_batch, within_memory
limit = 7 << 20
before = resource.getrlimit(resource.RLIMIT_DATA)
data = {
    "lists": b'{"x": [' + b"[]," * 2_300_000 + b"[]]}",
    "records": b"[" + b'{"x": 1},' * 760_000 + b'{"x": 1}]',
}[sys.argv[1]]
assert len(data) < limit
try:
    within_memory(lambda: read_batch(data, "t.json"), limit)
except TooLargeError as error:
    print(error)
assert resource.getrlimit(resource.RLIMIT_DATA) == before
assert pa.default_memory_pool().backend_name != "system"
assert within_memory(lambda: read_batch(b'[{"x": 1}]', "t.json"), limit).rows == 1
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone bounds memory")
@pytest.mark.parametrize("kind", ["lists", "records"])
def test_json_takes_bounded_memory(kind: str) -> None:
    """Text of a few bytes a value becomes objects of many: the memory counts, not the text.

    In a process of its own, which has not kept what others have freed.
    """
    command = [sys.executable, "-c", _READ, kind]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "takes more than the 116 MiB of memory that DRIFT_MAX_BODY_MB=7 allows" in ended.stdout


@pytest.mark.parametrize(
    "error", [zlib.error("Error -4 while decompressing data"), OSError("std::bad_alloc")]
)
def test_no_memory_is_no_damage(error: Exception) -> None:
    """Libraries say in words of their own that an allocation failed."""
    with pytest.raises(MemoryError), unreadable_where((zlib.error, OSError), "It is damaged"):
        raise error


def test_memory_is_bounded_where_the_platform_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drift_checker.tables.limits._data_bytes", lambda: None)
    assert within_memory(lambda: 7, 1) == 7
