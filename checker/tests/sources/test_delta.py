"""Delta tables, read by their log: in a directory and in an S3, here and by a listing."""

from __future__ import annotations

import json
import struct
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from obstore.store import LocalStore, S3Store
from s3 import serve_lake

from drift_checker.config import Monitor, Settings
from drift_checker.errors import UsageError
from drift_checker.profiles.readers import read_here
from drift_checker.sources import RejectedResponseError, request_batch
from drift_checker.sources.folders import Prefix
from drift_checker.sources.listings import FileListing, list_files
from drift_checker.sources.prefixes import read_prefix
from drift_checker.sources.request import Selection
from drift_checker.tables import Batch

deltalake = pytest.importorskip("deltalake")

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
Write = Callable[..., None]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "orders"


def write(table: Path, content: dict[str, Any] | pa.Table, **options: Any) -> None:
    deltalake.write_deltalake(table, pa.table(content), **options)


def read(settings: Settings, table: Path, **selection: Any) -> Batch:
    prefix = Prefix(LocalStore(table), "", str(table))
    return read_prefix(prefix, Selection(**selection), settings).batch()


def listed(listing: FileListing) -> dict[str, list[Any]]:
    """The values of a listing, column by column, as Spark's workers read them."""
    found: dict[str, list[Any]] = {name: [] for name in listing.types}
    for chunk in listing.chunks():
        for name, values in found.items():
            values.extend(chunk.column(name).to_pylist())
    return found


def test_only_live_files_are_read(settings: Settings, table: Path) -> None:
    write(table, {"x": [1, 2], "k": ["a", "b"]})
    write(table, {"x": [3], "k": ["c"]}, mode="append")
    deltalake.DeltaTable(table).delete("x = 2")
    write(table, {"x": [4], "k": ["d"]}, mode="append")
    assert len(list(table.glob("*.parquet"))) > 3
    batch = read(settings, table)
    assert sorted(batch.table["x"].to_pylist()) == [1, 3, 4]
    assert not batch.faults
    listing = list_files(Prefix(LocalStore(table), "", str(table)), Selection(), read_here)
    assert listed(listing) == batch.table.to_pydict()


def test_a_log_with_a_checkpoint_and_without_its_first_commits(
    settings: Settings, table: Path
) -> None:
    for number in range(3):
        write(table, {"x": [number]}, mode="append")
    deltalake.DeltaTable(table).create_checkpoint()
    for commit in range(2):
        (table / "_delta_log" / f"{commit:020}.json").unlink()
    write(table, {"x": [7]}, mode="overwrite")
    write(table, {"x": [8]}, mode="append")
    assert sorted(read(settings, table).table["x"].to_pylist()) == [7, 8]


def test_partition_columns_have_the_types_of_the_log(settings: Settings, table: Path) -> None:
    days = [date(2026, 11, 22), date(2026, 11, 23), None]
    content = {"x": [1, 2, 3], "day": days, "shop": ["\u00e9/ %", "b", "c=d"]}
    write(table, content, partition_by=["day", "shop"])
    batch = read(settings, table)
    rows = sorted(batch.table.to_pylist(), key=lambda row: row["x"])
    assert rows == pa.table(content).to_pylist()
    assert batch.table.schema.field("day").type == pa.date32()
    assert batch.partition_keys == {"day", "shop"}
    window = (datetime(2026, 11, 23, tzinfo=UTC), DATE)
    assert read(settings, table, time="day", window=window).table["x"].to_pylist() == [2]
    assert read(settings, table, columns=("shop", "x")).names == ["shop", "x"]


def test_a_partition_of_a_table_has_its_live_files(settings: Settings, table: Path) -> None:
    write(table, {"x": [1, 2], "day": ["a", "b"]}, partition_by=["day"])
    deltalake.DeltaTable(table).delete("day = 'a'")
    write(table, {"x": [3], "day": ["a"]}, mode="append")
    prefix = Prefix(LocalStore(table / "day=a"), "", str(table / "day=a"))
    at_root = Prefix(LocalStore(table.parent), "orders/day=a/", "orders/day=a")
    for each in (at_root, prefix):
        assert read_prefix(each, Selection(), settings).batch().table["x"].to_pylist() == [3]


def test_columns_are_those_of_the_log(settings: Settings, table: Path) -> None:
    write(table, {"x": [1], "y": ["a"]})
    write(table, {"x": [2], "z": [0.5]}, mode="append", schema_mode="merge")
    batch = read(settings, table)
    assert sorted(batch.table.to_pylist(), key=lambda row: row["x"]) == [
        {"x": 1, "y": "a", "z": None},
        {"x": 2, "y": None, "z": 0.5},
    ]
    assert not batch.faults


# --- Written by hand: what deltalake does not write --------------------------------------------

_Z85 = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"


def deletion_vector(rows: list[int]) -> dict[str, Any]:
    """Return what the log says of deleted rows: a roaring bitmap, in the letters of Z85."""
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16)
    bitmap = struct.pack("<IQI", 1681511377, 1, 0) + bitmap + struct.pack(f"<{len(rows)}H", *rows)
    size = len(bitmap)
    bitmap += bytes(-size % 4)
    text = ""
    for start in range(0, len(bitmap), 4):
        value = int.from_bytes(bitmap[start : start + 4], "big")
        text += "".join(_Z85[value // 85**place % 85] for place in range(4, -1, -1))
    return {
        "storageType": "i",
        "pathOrInlineDv": text,
        "sizeInBytes": size,
        "cardinality": len(rows),
    }


@pytest.fixture
def by_hand(table: Path) -> Write:
    table.joinpath("_delta_log").mkdir(parents=True)

    def written(
        features: list[str], files: dict[str, list[int]], physical: str, **configuration: str
    ) -> None:
        mapping = {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": physical}
        mapped = mapping if physical != "x" else {}
        field = {"name": "x", "type": "long", "nullable": True, "metadata": mapped}
        adds = []
        for number, (path, deleted) in enumerate(files.items()):
            values = pa.array(range(10 * number, 10 * number + 10))
            pq.write_table(pa.table({physical: values}), table / path, row_group_size=4)
            add: dict[str, Any] = {
                "path": path,
                "partitionValues": {},
                "size": (table / path).stat().st_size,
                "modificationTime": 1,
                "dataChange": True,
                "stats": '{"numRecords": 10}',
            }
            adds.append(
                {"add": add | ({"deletionVector": deletion_vector(deleted)} if deleted else {})}
            )
        protocol = {"minReaderVersion": 3, "minWriterVersion": 7}
        schema = json.dumps({"type": "struct", "fields": [field]})
        actions = [
            {"protocol": protocol | {"readerFeatures": features, "writerFeatures": features}},
            {
                "metaData": {
                    "id": "00000000-0000-4000-8000-000000000000",
                    "format": {"provider": "parquet", "options": {}},
                    "schemaString": schema,
                    "partitionColumns": [],
                    "configuration": configuration,
                }
            },
            *adds,
        ]
        lines = "".join(json.dumps(action) + "\n" for action in actions)
        (table / "_delta_log" / f"{0:020}.json").write_text(lines)

    return written


@pytest.mark.parametrize("physical", ["x", "col-7d3f"])
def test_deleted_rows_and_mapped_names(
    settings: Settings, table: Path, by_hand: Write, physical: str
) -> None:
    files = {"a.parquet": [2, 3, 7], "b.parquet": [], "c.parquet": [9]}
    by_hand(
        ["deletionVectors", "columnMapping"],
        files,
        physical,
        **{"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"}
        if physical != "x"
        else {},
    )
    left = [n for n in range(30) if n not in {2, 3, 7, 29}]
    assert read(settings, table).table.to_pydict() == {"x": left}
    listing = list_files(Prefix(LocalStore(table), "", str(table)), Selection(), read_here)
    assert listed(listing) == {"x": left}
    assert listing.rows == len(left)


def test_what_is_not_read_is_refused_by_name(
    settings: Settings, table: Path, by_hand: Write
) -> None:
    by_hand(["variantType"], {"a.parquet": []}, "x")
    with pytest.raises(RejectedResponseError, match="a Delta table that needs variantType"):
        read(settings, table)


def test_a_live_file_that_is_not_there(settings: Settings, table: Path) -> None:
    write(table, {"x": [1]})
    (gone,) = table.glob("*.parquet")
    gone.unlink()
    with pytest.raises(RejectedResponseError, match=f"names {gone.name}, which is not in"):
        read(settings, table)


def test_a_damaged_log_makes_the_batch_unreadable(settings: Settings, table: Path) -> None:
    write(table, {"x": [1]})
    (log,) = table.glob("_delta_log/*.json")
    log.write_bytes(log.read_bytes()[:-30])
    batch = read(settings, table)
    assert batch.unreadable
    assert "log of the Delta table is damaged" in batch.faults[0].detail


def test_without_the_extra(
    settings: Settings, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(table, {"x": [1]})
    monkeypatch.setitem(sys.modules, "deltalake", None)
    with pytest.raises(UsageError, match=r"is a Delta table.*drift-checker\[delta\]") as caught:
        read(settings, table)
    assert caught.value.exit_code == 2


def test_a_folder_of_tables_is_refused(settings: Settings, table: Path) -> None:
    write(table, {"x": [1]})
    with pytest.raises(RejectedResponseError, match="holds Delta tables, such as orders"):
        read(settings, table.parent)


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[S3Store]:
    with serve_lake(monkeypatch, settings) as store:
        yield store


def test_a_table_in_an_s3(settings: Settings, table: Path, lake: S3Store) -> None:
    content = {"x": [1, 2], "day": ["\u00e9 a", "b"]}
    write(table, content, partition_by=["day"])
    write(table, {"x": [3], "day": ["b"]}, mode="append")
    deltalake.DeltaTable(table).delete("x = 2")
    deltalake.DeltaTable(table).create_checkpoint()
    for file in table.rglob("*"):
        if file.is_file():
            obstore.put(lake, f"orders/{file.relative_to(table)}", file)
    source = {"url": "s3://lake/orders/", "credentials": "lake"}
    monitor = Monitor.model_validate({"name": "m", "current": source, "reference": {"path": "x"}})
    batch = request_batch(monitor, DATE, settings).batch()
    rows = sorted(batch.table.to_pylist(), key=lambda row: row["x"])
    assert rows == [{"x": 1, "day": "\u00e9 a"}, {"x": 3, "day": "b"}]
