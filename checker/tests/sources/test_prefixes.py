"""Sources of several files: in a directory and in an S3, in partitions, with a selection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import obstore
import pyarrow as pa
import pyarrow.csv
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import LocalStore, S3Store
from samples import as_csv, parquet

from drift_checker.comparison import CompareSettings, compare_tables
from drift_checker.config import Monitor, Settings
from drift_checker.errors import ServiceAwayError
from drift_checker.references import StoredReference, versions
from drift_checker.sources import RejectedResponseError, fetch_batch, request_batch
from drift_checker.sources.responses import Response
from drift_checker.state import Store, open_s3

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
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    endpoint = "http://{}:{}".format(*server.get_host_and_port())
    for name, value in {"ENDPOINT": endpoint, "ACCESS_KEY": "k", "SECRET_KEY": "s"}.items():
        monkeypatch.setenv(f"DRIFT_SOURCE_LAKE_{name}", value)
    settings = request.getfixturevalue("settings")

    httpx.put(f"{endpoint}/lake").raise_for_status()
    store = open_s3(settings.source("lake"), "lake", "", settings)
    yield store, {"url": "s3://lake/sales/", "credentials": "lake"}
    server.stop()


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
    "second", [b"PAR1 and no more", parquet(pa.table({"at": ["x"], "x": ["y"]}))]
)
def test_a_damaged_file_makes_the_batch_unreadable(
    folder: Path, ask: Callable[..., Response], second: bytes
) -> None:
    (folder / "a.parquet").write_bytes(parquet(hour(1)))
    (folder / "b.parquet").write_bytes(second)
    found = ask({"path": str(folder)}).batch()
    assert [fault.fault for fault in found.faults] == ["unreadable"]


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
