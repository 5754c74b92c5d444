"""Which kind of source reads what a monitors file names, and what one is asked for."""

from __future__ import annotations

import gzip
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import obstore
import pytest
from click.testing import CliRunner
from s3 import serve_lake
from samples import parquet, table

from drift_checker import compare
from drift_checker.cli import main
from drift_checker.config import Monitor, ReferenceSource, Settings
from drift_checker.errors import BadReferenceError, ServiceAwayError
from drift_checker.sources import RejectedResponseError, request_batch, request_reference
from drift_checker.sources.kinds import source_of
from drift_checker.sources.request import Request
from drift_checker.sources.responses import BytesResponse

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def monitor(**current: Any) -> Monitor:
    return Monitor.model_validate({"name": "m", "current": current, "reference": {"path": "x"}})


@pytest.mark.parametrize(
    ("current", "kind"),
    [
        ({"url": "http://shop/orders"}, "read_http"),
        ({"url": "https://shop/orders/"}, "read_http"),
        ({"url": "s3://lake/orders.parquet"}, "read_object"),
        ({"url": "s3://lake/orders/"}, "read_files"),
        ({"url": "s3://lake/orders.parquet", "columns": ["x"]}, "read_files"),
        ({"path": "orders.parquet"}, "read_file"),
        ({"url": "file:///lake/orders.parquet"}, "read_file"),
        ({"url": "file:///lake/orders/"}, "read_files"),
        ({"url": "file:///"}, "read_files"),
        ({"path": "orders.parquet", "time": "at", "window": "1h"}, "read_files"),
        ({"path": "/"}, "read_files"),
        ({"database": "postgresql://db/shop", "query": "SELECT 1"}, "read_database"),
        ({"database": "duckdb:///shop", "query": "SELECT 1"}, "read_database"),
    ],
)
def test_the_kind_of_a_source(current: dict[str, Any], kind: str) -> None:
    source = source_of(Request.of_tick(monitor(**current), DATE))
    assert getattr(source, "__name__", "").strip("_") == kind


def test_a_request_of_a_tick_is_filled_in() -> None:
    params = {"at": "{logical_date:%H%M}", "rows": 3}
    asked = Request.of_tick(monitor(url="http://shop/{logical_date:%Y}", params=params), DATE)
    assert (asked.url, dict(asked.params)) == ("http://shop/2026", {"at": "0900", "rows": "3"})

    query = "SELECT * FROM orders WHERE at >= :window_start"
    timed = monitor(database="duckdb:///shop", query=query, window="1h")
    assert Request.of_tick(timed, DATE).selection.window == (DATE - timedelta(hours=1), DATE)


@pytest.fixture
def lake(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Iterator[str]:
    """A bucket with one object."""
    with serve_lake(monkeypatch, settings) as store:
        obstore.put(store, "a b/orders.parquet", parquet(table(30, seed=1)))
        yield "s3://lake/a%20b/orders.parquet"


def test_an_object_is_read_as_bytes(
    lake: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = {"url": lake, "credentials": "lake"}

    response = request_batch(monitor(**source), DATE, settings)

    assert isinstance(response, BytesResponse)
    assert (response.data, response.content_type) == (parquet(table(30, seed=1)), ".parquet")
    assert response.batch().rows == 30
    reference = ReferenceSource.model_validate(source | {"sha256": response.digest})
    assert request_reference(reference, settings) == response
    small = settings.model_copy(update={"max_body_mb": 0.0001})
    with pytest.raises(RejectedResponseError, match="DRIFT_MAX_BODY_MB=0"):
        request_batch(monitor(**source), DATE, small)
    gone = source | {"url": lake + "x"}
    with pytest.raises(RejectedResponseError, match="s3://lake/a%20b"):
        request_batch(monitor(**gone), DATE, settings)
    with pytest.raises(BadReferenceError, match="The reference cannot be read"):
        request_reference(ReferenceSource.model_validate(gone), settings)
    monkeypatch.setenv("DRIFT_SOURCE_LAKE_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ServiceAwayError):
        request_batch(monitor(**source), DATE, settings)


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path))


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (_pipe, "orders.csv: is a pipe, and no regular file"),
        (_socket, "orders.csv: is a socket, and no regular file"),
        (_device, "orders.csv: is a device, and no regular file"),
    ],
)
def test_a_path_that_is_no_regular_file(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    settings: Settings,
    make: Callable[[Path], None],
    said: str,
) -> None:
    """It is refused at once, as batch, reference, and by the command that compares files."""
    monkeypatch.chdir(tmp_path)  # the name of a socket may have some 100 characters
    make(Path("orders.csv"))
    path = str(tmp_path / "orders.csv")

    some_columns: dict[str, Any] = {"path": path, "columns": ["x"]}
    for source in ({"path": path}, some_columns):
        with pytest.raises(RejectedResponseError, match=said) as caught:
            request_batch(monitor(**source), DATE, settings)
        assert caught.value.exit_code == 3
        with pytest.raises(BadReferenceError, match=said):
            request_reference(ReferenceSource.model_validate(source), settings)
    with pytest.raises(BadReferenceError, match="no regular file"):
        compare(tmp_path / "orders.csv", table(60, seed=1))
    with pytest.raises(OSError, match="no regular file"):
        compare(table(60, seed=1), tmp_path / "orders.csv")
    ended = CliRunner().invoke(main, ["compare", path, path])
    assert (ended.exit_code, "no regular file" in ended.output) == (2, True)


def test_pipes_and_devices_below_a_prefix_are_no_data(tmp_path: Path, settings: Settings) -> None:
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "a.csv").write_bytes(b"x\n1\n")
    _pipe(tmp_path / "lake" / "b.csv")
    _device(tmp_path / "lake" / "c.csv")
    response = request_batch(monitor(path=str(tmp_path / "lake")), DATE, settings)
    assert response.batch().rows == 1


@pytest.mark.parametrize(
    ("link", "target", "said"),
    [("loop", "..", "loop found"), ("self.csv", "self.csv", "Too many levels of symbolic links")],
)
def test_links_that_lead_back(
    tmp_path: Path, settings: Settings, link: str, target: str, said: str
) -> None:
    folder = tmp_path / "lake" / "day=1"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_bytes(b"x\n1\n")
    (folder / link).symlink_to(target)
    with pytest.raises(RejectedResponseError, match=said) as caught:
        request_batch(monitor(path=str(tmp_path / "lake")), DATE, settings)
    assert caught.value.exit_code == 3


def test_a_file_that_is_no_table_is_evidence(tmp_path: Path, settings: Settings) -> None:
    page = tmp_path / "orders.html"
    page.write_bytes(b"<html>")
    response = request_batch(monitor(path=str(page)), DATE, settings)
    with pytest.raises(RejectedResponseError) as caught:
        response.batch()
    assert caught.value.evidence == b"<html>"


def test_a_compressed_file_has_the_limit_of_a_body(tmp_path: Path, settings: Settings) -> None:
    path = tmp_path / "orders.json.gz"
    path.write_bytes(gzip.compress(b"[" + b'{"x": 1},' * 300_000 + b'{"x": 1}]'))
    response = request_batch(monitor(path=str(path)), DATE, settings)
    assert response.content_type == ".json.gz"
    assert response.batch().rows == 300_001
    small = settings.model_copy(update={"max_body_mb": 1})
    with pytest.raises(RejectedResponseError, match=r"more than 1 MiB .* DRIFT_MAX_BODY_MB"):
        request_batch(monitor(path=str(path)), DATE, small).batch()
