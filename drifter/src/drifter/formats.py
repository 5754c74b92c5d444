"""Writing a batch as JSON, CSV or Parquet, a chunk at a time."""

import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pydantic_core import to_json

from drifter.batches import Format

MEDIA_TYPES: Mapping[Format, str] = {
    Format.JSON: "application/json",
    Format.CSV: "text/csv; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def encode(form: Format, schema: pa.Schema, chunks: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Yield the bytes of a batch.

    JSON is an array of records with ISO 8601 times; NaN and infinity, which JSON lacks, are null.
    CSV has a header line, and empty fields for nulls. Parquet has a row group for each chunk.
    """
    if form is Format.JSON:
        return _json(chunks)
    sink = _Sink()
    if form is Format.CSV:
        return _written(pyarrow.csv.CSVWriter(sink, schema), sink, chunks)
    return _written(pq.ParquetWriter(sink, schema), sink, chunks)


def _json(chunks: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    before = b"["
    for chunk in chunks:
        yield before + to_json(chunk.to_pylist(), inf_nan_mode="null")[1:-1]
        before = b","
    yield b"]"


class _Writer(Protocol):
    def write(self, chunk: pa.RecordBatch) -> None: ...
    def close(self) -> None: ...


def _written(writer: _Writer, sink: "_Sink", chunks: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    for chunk in chunks:
        writer.write(chunk)
        yield sink.drain()
    writer.close()
    yield sink.drain()


class _Sink(io.BytesIO):
    """What a writer has written since it was last drained."""

    def drain(self) -> bytes:
        written = self.getvalue()
        self.seek(0)
        self.truncate()
        return written
