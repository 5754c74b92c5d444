"""Tables that are read in chunks hold what the same tables hold in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from samples import as_csv, parquet, table

from drift_checker.errors import BadReferenceError, NoBatchError
from drift_checker.tables import (
    Batch,
    UnreadableError,
    count_values,
    from_frame,
    read_batch,
)
from drift_checker.tables.chunks import (
    ChunkedTable,
    CsvTable,
    ParquetTable,
    chunked_reference,
    chunked_table,
)

CONTENT = table(3000, seed=1)


def whole(chunked: ChunkedTable) -> pa.Table:
    """Put the chunks together, which have to be numbered on."""
    parts = []
    rows = 0
    for chunk in chunked.chunks():
        assert chunk.first == rows
        columns = {name: chunk.column(name) for name in chunked.types}
        assert all(len(column) == chunk.rows for column in columns.values())
        parts.append(pa.table(columns))
        rows += chunk.rows
    return pa.concat_tables(parts).combine_chunks()


def write_parquet(path: Path, content: pa.Table) -> Path:
    pq.write_table(content, path / "t.parquet", row_group_size=700)
    return path / "t.parquet"


def write_csv(path: Path, content: pa.Table) -> Path:
    (path / "t.csv").write_bytes(as_csv(content))
    return path / "t.csv"


def test_row_groups_of_a_parquet_file(tmp_path: Path) -> None:
    chunked = chunked_table(write_parquet(tmp_path, CONTENT))
    assert isinstance(chunked, ParquetTable)
    assert len(list(chunked.chunks())) == 5
    assert whole(chunked).equals(CONTENT.combine_chunks())
    assert (chunked.rows, chunked.untyped, chunked.faults) == (3000, False, ())
    assert dict(chunked.types) == dict(zip(CONTENT.schema.names, CONTENT.schema.types, strict=True))


def test_blocks_of_a_csv_file(tmp_path: Path) -> None:
    rows = 600_000
    content = pa.table({"n": np.arange(rows), "text": [f"é {n}" for n in range(rows)]})
    path = write_csv(tmp_path, content)
    chunked = chunked_table(path)
    assert isinstance(chunked, CsvTable)
    assert len(list(chunked.chunks())) > 1
    assert whole(chunked).equals(read_batch(path).table.combine_chunks())
    assert (chunked.rows, chunked.untyped) == (None, True)


def test_slices_of_a_table_in_memory() -> None:
    content = pa.table({"n": np.arange(600_000)})
    chunked = chunked_table(from_frame(content))
    assert isinstance(chunked, Batch)
    assert [chunk.rows for chunk in chunked.chunks()] == [1 << 18, 1 << 18, 600_000 - (1 << 19)]
    assert whole(chunked).equals(content.combine_chunks())


@pytest.mark.parametrize("write", [write_parquet, write_csv])
def test_the_digest_is_that_of_the_bytes(
    write: Callable[[Path, pa.Table], Path], tmp_path: Path
) -> None:
    path = write(tmp_path, CONTENT)
    assert chunked_table(path).digest == read_batch(path).digest
    assert chunked_table(read_batch(path)).digest == read_batch(path).digest


def test_dictionaries_stay_what_they_are(tmp_path: Path) -> None:
    content = pa.table({"kind": CONTENT["kind"].dictionary_encode()})
    for source in (write_parquet(tmp_path, content), from_frame(content)):
        chunked = chunked_table(source)
        assert pa.types.is_dictionary(chunked.types["kind"])
        assert whole(chunked)["kind"].type == chunked.types["kind"]
        assert whole(chunked)["kind"].to_pylist() == CONTENT["kind"].to_pylist()


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_name_of_several_columns_is_none_of_theirs(name: str, tmp_path: Path) -> None:
    content = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], ["x", "y", "x"])
    data = b"x,y,x\n1,2,3\n" if name == "t.csv" else parquet(content)
    (tmp_path / name).write_bytes(data)
    chunked = chunked_table(tmp_path / name)
    assert list(chunked.types) == ["y"]
    assert [(fault.fault, fault.column) for fault in chunked.faults] == [("duplicate_column", "x")]
    assert whole(chunked)["y"].cast(pa.int64()).to_pylist() == [2]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("t.parquet", parquet(CONTENT)[:-20]),
        ("t.parquet", b"PAR1"),
        ("t.csv", b"x,y\n1,2\n3,4,5\n"),
        ("t.csv", b"x\xff,y\n1,2\n"),
    ],
)
def test_what_is_damaged_is_unreadable(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    chunked = chunked_table(tmp_path / name)
    with pytest.raises(UnreadableError):
        whole(chunked)


def test_json_is_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(b'[{"x": 1}]')
    assert isinstance(chunked_table(tmp_path / "t.json"), Batch)


def test_no_table_at_all(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"<html></html>")
    with pytest.raises(NoBatchError):
        chunked_table(tmp_path / "t.csv")
    with pytest.raises(BadReferenceError):
        chunked_reference(tmp_path / "t.csv")
    with pytest.raises(BadReferenceError):
        chunked_reference(tmp_path / "nothing")


def test_values_are_counted_before_they_are_read(tmp_path: Path) -> None:
    assert count_values(from_frame(CONTENT)) == 9000
    assert count_values(write_parquet(tmp_path, CONTENT)) == 9000
    path = write_csv(tmp_path, CONTENT)
    assert count_values(path) == path.stat().st_size // 8
    (tmp_path / "t.parquet").write_bytes(b"PAR1")
    (tmp_path / "t.csv").write_bytes(b"<html></html>")
    for name in ("t.parquet", "t.csv", "nothing"):
        assert count_values(tmp_path / name) == 0
