"""Sources of several files: in a directory and in an S3, in partitions, with a selection."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import obstore
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import pytest
from obstore.store import LocalStore, S3Store
from s3 import serve_lake
from samples import as_csv, parquet

from drift_checker.comparison import CompareSettings, compare_tables
from drift_checker.config import Monitor, Settings
from drift_checker.errors import BadReferenceError, ServiceAwayError
from drift_checker.profiles.readers import read_here
from drift_checker.references import StoredReference, versions
from drift_checker.result import Severity
from drift_checker.sources import (
    RejectedResponseError,
    fetch_batch,
    folders,
    prefixes,
    request_batch,
)
from drift_checker.sources.folders import Prefix
from drift_checker.sources.listings import list_files
from drift_checker.sources.prefixes import read_prefix
from drift_checker.sources.request import Selection
from drift_checker.sources.responses import Response
from drift_checker.state import Store, as_parquet
from drift_checker.tables import Batch, raise_for_faults

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOURS = 24


def hour(number: int, *, zone: str | None = None, rows: int = 60) -> pa.Table:
    """A row a minute, in an hour of the day before `DATE` and of that day."""
    start = DATE.replace(hour=0) - timedelta(days=1) + timedelta(hours=number)
    minutes = [start + timedelta(minutes=n) for n in range(rows)]
    values = [moment.replace(tzinfo=UTC if zone else None) for moment in minutes]
    return pa.table(
        {
            "at": pa.array(values, pa.timestamp("ms", zone)),
            "x": pa.array(np.random.default_rng(number).normal(size=rows)),
            "hour": pa.array([number] * rows),
        }
    )


@pytest.fixture(params=["directory", "s3"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[LocalStore | S3Store, dict[str, Any]]]:
    """A store, and what a monitor names its prefix `sales` by."""
    if request.param == "directory":
        folder = tmp_path / "lake"
        yield LocalStore(folder, mkdir=True), {"url": (folder / "sales").as_uri() + "/"}
        return
    with serve_lake(monkeypatch, request.getfixturevalue("settings")) as store:
        yield store, {"url": "s3://lake/sales/", "credentials": "lake"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"


@pytest.fixture
def ask(settings: Settings) -> Callable[..., Response]:
    def asked(current: dict[str, Any], **changes: float) -> Response:
        monitor = Monitor.model_validate(
            {"name": "m", "current": current, "reference": {"path": "x"}}
        )
        return request_batch(monitor, DATE, settings.model_copy(update=changes))

    return asked


def in_partitions(store: LocalStore | S3Store) -> None:
    for number in range(33):
        day = "2026-11-22" if number < HOURS else "2026-11-23"
        key = f"sales/day={day}/region={'eu' if number % 2 else 'us'}/{number:02}.parquet"
        obstore.put(store, key, parquet(hour(number)))
    obstore.put(store, "sales/day=2026-11-22/_SUCCESS", b"")
    obstore.put(store, "sales/_temporary/day=2026-11-23/x.parquet", b"half written")
    obstore.put(store, "sales-of-others/day=2026-11-23/x.parquet", b"not ours")


def test_a_window_of_a_partitioned_prefix(place: Any, ask: Callable[..., Response]) -> None:
    store, source = place
    in_partitions(store)

    found = ask({**source, "time": "at", "window": "90m"}).batch()

    assert found.names == ["at", "x", "hour", "day", "region"]
    assert found.table["hour"].to_pylist() == [31] * 30 + [32] * 60
    assert set(found.table["region"].to_pylist()) == {"eu", "us"}
    assert set(found.table["day"].to_pylist()) == {"2026-11-23"}
    assert found.table["at"][-1].as_py() == DATE.replace(hour=8, minute=59, tzinfo=None)


def test_columns_are_selected(place: Any, ask: Callable[..., Response]) -> None:
    store, source = place
    in_partitions(store)
    whole = ask({**source, "columns": ["region", "x", "gone"]}).batch()
    assert (whole.names, whole.rows) == (["region", "x"], 33 * 60)
    day = {**source, "url": source["url"] + "day={logical_date:%Y-%m-%d}/"}
    assert ask(day).batch().names == ["at", "x", "hour", "region"]
    assert ask(day).batch().rows == 9 * 60


@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_times_with_and_without_a_zone(
    folder: Path, ask: Callable[..., Response], zone: str | None
) -> None:
    for number in (31, 32):
        (folder / f"{number}.parquet").write_bytes(parquet(hour(number, zone=zone)))
    found = ask({"path": str(folder), "time": "at", "window": "1h"}).batch()
    assert found.table["hour"].to_pylist() == [32] * 60


def test_dates_count_as_their_midnight(folder: Path, ask: Callable[..., Response]) -> None:
    table = hour(0)
    days = table["at"].cast(pa.date32())
    for number in range(3):
        moved = pa.array([d.as_py() + timedelta(days=number) for d in days])
        file = folder / f"{number}.parquet"
        file.write_bytes(parquet(table.set_column(0, "at", moved)))
    found = ask({"path": str(folder), "time": "at", "window": "1d"}).batch()
    assert {day.as_py().isoformat() for day in found.table["at"]} == {"2026-11-23"}


def test_csv_is_read_as_text_by_its_header(folder: Path, ask: Callable[..., Response]) -> None:
    for number in (31, 32):
        (folder / f"{number}.csv").write_bytes(as_csv(hour(number)))
    found = ask({"path": str(folder), "time": "at", "window": "1h"}).batch()
    assert found.untyped
    assert found.table["hour"].to_pylist() == ["32"] * 60


def test_one_file_has_a_window_too(folder: Path, ask: Callable[..., Response]) -> None:
    file = folder / "all.parquet"
    file.write_bytes(parquet(pa.concat_tables([hour(31), hour(32)])))
    source = {"path": str(file), "time": "at", "window": "10m", "columns": ["x"]}
    found = ask(source).batch()
    assert (found.names, found.rows) == (["x"], 10)


def test_names_of_parquet_that_are_no_unicode(folder: Path, ask: Callable[..., Response]) -> None:
    table = pa.table({"xQQ": [1.5, 2.5], "y": [1, 2]})
    (folder / "a.parquet").write_bytes(parquet(table).replace(b"xQQ", b"x\xff\xfe"))
    assert ask({"path": str(folder)}).batch().names == ["x\ufffd\ufffd", "y"]


def test_a_row_group_at_a_time_is_held(folder: Path, ask: Callable[..., Response]) -> None:
    for number in range(33):
        (folder / f"{number}.parquet").write_bytes(parquet(hour(number, rows=20_000)))
    before = pa.total_allocated_bytes()
    pa.default_memory_pool()
    found = ask({"path": str(folder), "time": "at", "window": "1h"}, max_body_mb=2).batch()
    held = pa.total_allocated_bytes() - before
    assert found.rows > 60
    assert held < 4 * found.table.nbytes + (1 << 20)
    with pytest.raises(RejectedResponseError, match="DRIFT_MAX_BODY_MB=2"):
        ask({"path": str(folder) + "/"}, max_body_mb=2)
    with pytest.raises(RejectedResponseError, match="more than DRIFT_MAX_ROWS=9"):
        ask({"path": str(folder) + "/"}, max_rows=9)


@pytest.mark.parametrize(
    ("files", "more", "said"),
    [
        ({}, {}, "neither .parquet nor .csv"),
        ({"a.parquet": parquet(hour(1)), "b.csv": b"x\n"}, {}, "both .parquet and .csv"),
        ({"a.parquet": parquet(hour(1))}, {"time": "t", "window": "1h"}, "no column 't' of times"),
        ({"a.parquet": parquet(hour(1))}, {"time": "x", "window": "1h"}, "type double, no time"),
    ],
)
def test_what_is_no_batch(
    folder: Path, ask: Callable[..., Response], files: Any, more: Any, said: str
) -> None:
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "kept").mkdir()
    with pytest.raises(RejectedResponseError, match=said) as caught:
        ask({"path": str(folder), **more})
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("b.parquet", b"PAR1 and no more"),
        ("b.parquet", parquet(hour(1))[:-50]),
        ("b.pq", b"x,y\n1,2\n"),
    ],
)
def test_a_damaged_file_makes_the_batch_unreadable(
    folder: Path, ask: Callable[..., Response], name: str, data: bytes
) -> None:
    (folder / "a.parquet").write_bytes(parquet(hour(1)))
    (folder / name).write_bytes(data)
    found = ask({"path": str(folder)}).batch()
    assert [fault.fault for fault in found.faults] == ["unreadable"]
    assert f"A file is damaged: {name}: " in found.faults[0].detail


def test_a_column_of_several_types_is_left_out_and_the_others_are_read(
    folder: Path, ask: Callable[..., Response]
) -> None:
    (folder / "a.parquet").write_bytes(parquet(hour(1)))
    second = hour(2).set_column(1, "x", pa.array([str(n) for n in range(60)]))
    (folder / "b.parquet").write_bytes(parquet(second))
    found = ask({"path": str(folder)}).batch()
    assert found.names == ["at", "hour"]
    assert found.table["hour"].to_pylist() == [1] * 60 + [2] * 60
    (fault,) = found.faults
    assert (fault.fault, fault.column) == ("mixed_types", "x")
    assert "double in a.parquet; text in b.parquet" in fault.detail
    with pytest.raises(BadReferenceError, match="; text in b"):
        raise_for_faults(found.faults)


def test_what_files_lack_is_null_and_a_note(folder: Path, ask: Callable[..., Response]) -> None:
    (folder / "a.parquet").write_bytes(parquet(hour(1)))
    (folder / "b.parquet").write_bytes(parquet(hour(2).drop_columns(["x"])))
    more = (
        hour(3).set_column(1, "x", pa.array(range(60), pa.int8())).append_column("z", [["a"] * 60])
    )
    (folder / "c.parquet").write_bytes(parquet(more))
    found = ask({"path": str(folder)}).batch()
    assert found.names == ["at", "x", "hour", "z"]
    assert found.table["x"].to_pylist()[60:] == [None] * 60 + list(range(60))
    assert found.table["z"].null_count == 120
    assert [(each.fault, each.column, each.severity) for each in found.faults] == [
        ("missing_in_files", "x", Severity.NOTE),
        ("missing_in_files", "z", Severity.NOTE),
    ]
    assert "1 of 3 files lack the column, where it is null: b.parquet" in found.faults[0].detail
    raise_for_faults(found.faults)


def test_names_that_a_file_has_twice_are_left_out(
    folder: Path, ask: Callable[..., Response]
) -> None:
    twice = pa.table([pa.array([1, 2]), pa.array([3, 4]), pa.array(["a", "b"])], ["x", "x", "k"])
    (folder / "a.parquet").write_bytes(parquet(pa.table({"x": [0], "k": ["c"]})))
    (folder / "b.parquet").write_bytes(parquet(twice))
    found = ask({"path": str(folder)}).batch()
    assert found.table.to_pydict() == {"k": ["c", "a", "b"]}
    assert [(each.fault, each.column) for each in found.faults] == [("duplicate_column", "x")]


def as_arrow(content: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    pyarrow.feather.write_feather(content, sink, **options)
    return sink.getvalue()


def as_orc(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    pyarrow.orc.write_table(content, sink)
    return sink.getvalue()


def as_lines(content: pa.Table) -> bytes:
    rows = content.set_column(0, "at", content["at"].cast(pa.string())).to_pylist()
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("{}.PARQUET", parquet),
        ("{}.pq", parquet),
        ("{}.snappy.parquet", parquet),
        ("{}.feather", as_arrow),
        ("{}.Arrow", as_arrow),
        ("{}.ipc", partial(as_arrow, compression="zstd")),
        ("{}.orc", as_orc),
        ("{}.csv", as_csv),
        ("{}.CSV", as_csv),
        ("{}.jsonl", as_lines),
        ("{}.ndjson", as_lines),
        ("{}.JSON", lambda content: b"[" + b",".join(as_lines(content).splitlines()) + b"]"),
        ("{}", parquet),
        ("part-{}", as_orc),
        ("{}.csv.gz", lambda content: gzip.compress(as_csv(content))),
        ("{}.CSV.GZ", lambda content: gzip.compress(as_csv(content))),
        ("{}.csv.bz2", lambda content: bz2.compress(as_csv(content))),
        ("{}.csv.zst", lambda content: pa.Codec("zstd").compress(as_csv(content), asbytes=True)),
        ("{}.csv.xz", lambda content: lzma.compress(as_csv(content))),
        ("{}.jsonl.gz", lambda content: gzip.compress(as_lines(content))),
        ("{}.parquet.gzip", parquet),
        ("{}.parquet.gz", lambda content: gzip.compress(parquet(content))),
        ("{}.csv", parquet),
        ("{}.csv", lambda content: gzip.compress(as_csv(content))),
        ("{}_0.dat", parquet),
    ],
)
def test_formats_of_files(
    folder: Path, ask: Callable[..., Response], name: str, written: Callable[[pa.Table], bytes]
) -> None:
    for number in (31, 32):
        file = folder / f"day={number}" / name.format(number)
        file.parent.mkdir()
        file.write_bytes(written(hour(number)))
    (folder / "_SUCCESS").write_bytes(b"")
    (folder / "README.txt").write_bytes(b"What lies here.")
    (folder / "day=31" / ".31.parquet.crc").write_bytes(b"crc")
    found = ask({"path": str(folder), "time": "at", "window": "1h", "columns": ["hour", "day"]})
    batch = found.batch()
    assert [str(value) for value in batch.table["hour"]] in (["32"] * 60, ["32.0"] * 60)
    assert set(batch.table["day"].to_pylist()) == {"32"}
    assert batch.partition_keys == {"day"}
    assert not batch.faults


@pytest.mark.parametrize(
    ("others", "left_out"),
    [
        (["b.zip"], ["b.zip"]),
        (["b.xml", "sub/c.log"], ["b.xml", "sub/c.log"]),
        (["schema.json", "notes.txt"], ["notes.txt", "schema.json"]),
        (["README", "README.md", "_SUCCESS", ".x.parquet.crc", "LICENSE", "a.sha256"], []),
        (["_b.zip", "_temporary/c.zip", "docs/d.pdf"], []),
    ],
)
def test_other_files_are_named_unless_they_are_no_data(
    folder: Path, ask: Callable[..., Response], others: list[str], left_out: list[str]
) -> None:
    (folder / "a.parquet").write_bytes(parquet(hour(1)))
    for name in others:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"something")
    found = ask({"path": str(folder)}).batch()
    assert found.rows == 60
    assert [fault.fault for fault in found.faults] == (["files_left_out"] if left_out else [])
    for fault in found.faults:
        assert fault.severity is Severity.NOTE
        assert fault.detail.endswith(": " + ", ".join(left_out))


def test_partitions_are_decoded_and_may_be_without_a_value(
    folder: Path, ask: Callable[..., Response]
) -> None:
    for part in ("kind=a%2Fb", "kind=__HIVE_DEFAULT_PARTITION__", "_kind=c", "kind=%C3%A9 x"):
        (folder / part).mkdir()
        (folder / part / "x.parquet").write_bytes(parquet(pa.table({"x": [1]})))
    found = ask({"path": str(folder), "columns": ["kind", "_kind"]}).batch()
    assert found.table["kind"].to_pylist() == [None, "\u00e9 x", None, "a/b"]
    assert found.table["_kind"].to_pylist() == ["c", None, None, None]
    assert found.partition_keys == {"kind", "_kind"}


def test_a_window_by_a_partition(folder: Path, ask: Callable[..., Response]) -> None:
    for day in ("2026-11-22", "2026-11-23", "__HIVE_DEFAULT_PARTITION__"):
        (folder / f"day={day}").mkdir()
        (folder / f"day={day}" / "x.parquet").write_bytes(parquet(pa.table({"d": [day]})))
    found = ask({"path": str(folder), "time": "day", "window": "1d"}).batch()
    assert found.table.to_pydict() == {"d": ["2026-11-23"], "day": ["2026-11-23"]}


@pytest.mark.parametrize(
    "form",
    ["%d.%m.%Y %H:%M:%S", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S+00:00"],
)
@pytest.mark.parametrize("written", [parquet, as_csv])
def test_a_window_by_times_as_text(
    folder: Path, ask: Callable[..., Response], form: str, written: Callable[[pa.Table], bytes]
) -> None:
    suffix = "parquet" if written is parquet else "csv"
    for number in (31, 32):
        table = hour(number)
        texts = [moment.as_py().strftime(form) for moment in table["at"]]
        data = written(table.set_column(0, "at", pa.array([*texts[:-1], None], pa.string())))
        (folder / f"{number}.{suffix}").write_bytes(data)
    found = ask({"path": str(folder), "time": "at", "window": "1h", "columns": ["hour"]}).batch()
    assert [str(value) for value in found.table["hour"]] == ["32"] * 59


def test_text_that_is_no_time_is_told_with_its_file(
    folder: Path, ask: Callable[..., Response]
) -> None:
    (folder / "a.parquet").write_bytes(parquet(pa.table({"at": ["yesterday"], "x": [1]})))
    found = ask({"path": str(folder), "time": "at", "window": "1h"}).batch()
    assert found.unreadable
    assert "a.parquet: not all values are times" in found.faults[0].detail


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("metadata/00000-8e6d.metadata.json", "a table of Apache Iceberg"),
        ("orders/metadata/v1.metadata.json", "a table of Apache Iceberg"),
        (".hoodie/hoodie.properties", "a table of Apache Hudi"),
    ],
)
def test_tables_with_a_log_of_their_own_are_refused_by_name(
    folder: Path, ask: Callable[..., Response], file: str, said: str
) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "a.parquet").write_bytes(parquet(hour(1)))
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_bytes(b"{}")
    with pytest.raises(RejectedResponseError, match=said):
        ask({"path": str(folder)})


def plain_rows(first: int, rows: int) -> pa.Table:
    start = datetime(2026, 11, 23, tzinfo=UTC)
    numbers = range(first, first + rows)
    times = [start + timedelta(seconds=n) for n in numbers]
    return pa.table(
        {
            "at": pa.array(times, pa.timestamp("ms", "UTC")),
            "x": pa.array([n % 97 / 8 for n in numbers]),
            "kind": pa.array([None if n % 11 == 0 else "abc"[n % 3] for n in numbers]),
            "coded": pa.array(["de"[n % 2] for n in numbers]).dictionary_encode(),
        }
    )


@pytest.mark.parametrize(
    ("name", "source", "digest"),
    [
        ("{}.parquet", {}, "4a82ee723bbd6350"),
        ("{}.parquet", {"time": "at", "window": "4h"}, "7fa6f6c251b02a88"),
        ("{}.parquet", {"columns": ["kind", "x"]}, "401679ae3f1d4eda"),
        ("region={}/x.parquet", {}, "a9447d652bc3376b"),
        ("region={}/x.parquet", {"time": "at", "window": "4h"}, "0ef2780f3acd44bd"),
        ("region={}/x.csv", {}, "c63cd15fc24a8ee4"),
        ("region={}/x.csv", {"columns": ["kind", "x"]}, "fb3d496d4d8ed958"),
    ],
)
def test_digests_are_those_of_0_1_0(
    folder: Path, ask: Callable[..., Response], name: str, source: Any, digest: str
) -> None:
    """A reference that was fitted by an earlier build is found again by its digest."""
    for number, region in enumerate(("__HIVE_DEFAULT_PARTITION__", "eu", "us")):
        rows = plain_rows(number * 14_000, 14_000)
        file = folder / name.format(region if "=" in name else number)
        file.parent.mkdir(exist_ok=True)
        if file.suffix == ".csv":
            file.write_bytes(as_csv(rows.drop_columns(["coded"])))
        else:
            pq.write_table(rows, file, row_group_size=5000)
    assert ask({"path": str(folder), **source}).batch().digest.startswith(digest)


def test_a_folder_that_is_not_there_and_a_bucket_that_is_away(
    place: Any, ask: Callable[..., Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, source = place
    if not source["url"].startswith("s3"):
        with pytest.raises(RejectedResponseError):
            ask(source)
        return
    monkeypatch.setenv("DRIFT_SOURCE_LAKE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ServiceAwayError):
        ask(source)


def test_a_tick_keeps_its_rows(place: Any, settings: Settings) -> None:
    store, source = place
    in_partitions(store)
    monitor = Monitor.model_validate(
        {
            "name": "m",
            "current": {**source, "time": "at", "window": "4h", "columns": ["x", "region"]},
            "reference": {**source, "columns": ["x", "region"]},
        }
    )
    kept = Store(settings)
    fitted = versions.fit_reference(kept, monitor, settings)
    assert not versions.fit_reference(kept, monitor, settings).changed
    assert fitted.rows == 33 * 60

    first = fetch_batch(kept, monitor, DATE, settings)
    obstore.put(store, "sales/day=2026-11-23/region=eu/late.parquet", parquet(hour(32)))
    again = fetch_batch(kept, monitor, DATE, settings)

    assert again.batch.table.equals(first.batch.table)
    assert again.batch.digest == first.batch.digest
    options = CompareSettings()
    sides = StoredReference(kept, "m", options).pair_with(again.batch)
    assert compare_tables(sides, options).verdict == "ok"


def test_a_file_that_has_gone_is_named(
    place: Any, ask: Callable[..., Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, source = place
    in_partitions(store)
    listed = folders.list_prefix

    def gone(prefix: Any) -> Any:
        found = listed(prefix)
        obstore.delete(store, str(found.files[1].key))
        return found

    monkeypatch.setattr(prefixes, "list_prefix", gone)
    with pytest.raises(RejectedResponseError, match="day=2026-11-22/region=eu/03"):
        ask(source)


def test_partition_keys_stay_known_in_the_store(folder: Path, ask: Callable[..., Response]) -> None:
    (folder / "day=a").mkdir()
    (folder / "day=a" / "x.parquet").write_bytes(parquet(hour(1)))
    table = ask({"path": str(folder)}).batch().table
    again = pq.ParquetFile(pa.BufferReader(as_parquet(table))).read()
    assert Batch(again, "").partition_keys == {"day"}


def as_arrow_stream(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, content.schema) as stream:
        stream.write_table(content)
    return sink.getvalue()


def zipped(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("hour.csv", as_csv(content))
    return sink.getvalue()


@pytest.mark.parametrize(
    "files",
    [
        {"a.csv": as_csv, "b.csv.gz": lambda content: gzip.compress(as_csv(content))},
        {"a.CSV": as_csv, "b.tsv": lambda content: as_csv(content).replace(b",", b"\t")},
        {"a.csv": lambda content: as_csv(content).replace(b",", b";"), "b.csv": as_csv},
        {"a.csv": lambda content: as_csv(content).decode().encode("utf-16"), "b.csv": as_csv},
        {"a.csv.zip": zipped, "b.csv": as_csv},
        {"a.arrows": as_arrow_stream, "b.arrows": as_arrow_stream},
        {"a.parquet": parquet, "b.pq": parquet},
        {"a.txt": as_csv, "b.txt": as_csv},
    ],
)
def test_files_of_one_kind_are_read_together(
    folder: Path, ask: Callable[..., Response], files: Any
) -> None:
    for number, (name, written) in enumerate(files.items()):
        (folder / name).write_bytes(written(hour(number)))
    found = ask({"path": str(folder), "columns": ["hour"]}).batch()
    assert list(map(str, found.table["hour"].to_pylist())) == ["0"] * 60 + ["1"] * 60
    assert not found.faults


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("a.csv.gz", "b.parquet"), "both .parquet and .csv files, such as b.parquet and a.csv.gz"),
        (("a.jsonl", "b.csv"), "both .csv and .jsonl"),
        (
            ("a.xml", "b.sqlite"),
            "nor other files of a format that is read; there are a.xml, b.sqlite",
        ),
    ],
)
def test_several_formats_are_named(
    folder: Path, ask: Callable[..., Response], names: Any, said: str
) -> None:
    for name in names:
        (folder / name).write_bytes(b"something")
    with pytest.raises(RejectedResponseError) as caught:
        ask({"path": str(folder)})
    assert said in str(caught.value)


def test_a_listing_has_the_columns_and_rows_of_the_whole(folder: Path, settings: Settings) -> None:
    (folder / "k=a").mkdir()
    (folder / "k=a" / "0.parquet").write_bytes(parquet(hour(0).append_column("n", pa.nulls(60))))
    text = hour(1).set_column(1, "x", hour(1)["x"].cast(pa.float32()))
    (folder / "1.parquet").write_bytes(parquet(text.append_column("n", [["s"] * 60])))
    (folder / "2.parquet").write_bytes(parquet(hour(2).set_column(2, "hour", [["2"] * 60])))
    prefix = Prefix(LocalStore(folder), "", str(folder))
    whole = read_prefix(prefix, Selection(), settings).batch()
    listing = list_files(prefix, Selection(), read_here)
    assert listing.schema.equals(whole.table.schema, check_metadata=True)
    assert (listing.faults, listing.rows) == (whole.faults, whole.rows)
    assert listing.partition_keys == {"k"}
    for name in whole.names:
        values = [value for chunk in listing.chunks() for value in chunk.column(name).to_pylist()]
        assert values == whole.table[name].to_pylist()
    assert [each.fault for each in whole.faults] == ["mixed_types", *["missing_in_files"] * 2]
