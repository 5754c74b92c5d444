from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from s3 import serve_s3

from drift_checker.config import load_settings
from drift_checker.config.monitors import NAME
from drift_checker.errors import ServiceAwayError, UsageError
from drift_checker.state import Store, keys


@pytest.fixture(scope="session")
def s3() -> Iterator[str]:
    with serve_s3("bucket") as url:
        yield url


@pytest.fixture(params=["file", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    url = f"file://{tmp_path}/a%20b"
    if request.param == "s3":
        url = f"s3://bucket/{tmp_path.name}"
        monkeypatch.setenv("DRIFT_S3_ENDPOINT", request.getfixturevalue("s3"))
        monkeypatch.setenv("DRIFT_S3_ACCESS_KEY", "key")
        monkeypatch.setenv("DRIFT_S3_SECRET_KEY", "secret")
    return open_store(monkeypatch, url)


def open_store(monkeypatch: pytest.MonkeyPatch, url: str) -> Store:
    monkeypatch.setenv("DRIFT_STORE_URL", url)
    monkeypatch.setenv("DRIFT_MLFLOW_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("DRIFT_MONITORS_FILE", "none")
    monkeypatch.setenv("DRIFT_RETRY_SECONDS", "0.2")
    return Store(load_settings())


def test_what_is_put_is_there(store: Store, tmp_path: Path) -> None:
    assert store.get("a/b") is None
    assert not store.exists("a/b")
    store.put("a/b", b"1")
    store.put("a/b", b"22")
    file = tmp_path / "file"
    file.write_bytes(b"333")
    store.put("a/c/d", file)
    store.put("aa/b", b"")

    assert store.get("a/b") == b"22"
    assert store.exists("a/b")
    assert [(entry.key, entry.size) for entry in store.list("a")] == [("a/b", 2), ("a/c/d", 3)]
    assert store.list("nothing/here") == []
    assert store.get("a/b", max_size=2) == b"22"
    assert store.get("a/b", max_size=1) is None
    assert store.get("none", max_size=1) is None


def test_what_is_deleted_is_gone(store: Store) -> None:
    store.put("a", b"1")
    store.delete("a")
    store.delete("a")
    assert not store.exists("a")


def test_whole_histories_are_walked_and_removed(store: Store) -> None:
    keys_ = [f"a/{number % 3}/{number}" for number in range(1, 1100)]
    for key in keys_:
        store.put_if_absent(key, b"1")
    store.put("b/1", b"22")

    assert sorted(entry.key for entry in store.walk("a")) == sorted(keys_)
    assert [(entry.key, entry.size) for entry in store.walk("b")] == [("b/1", 2)]
    assert store.folders("a") == ("0", "1", "2")
    assert store.folders("none") == ()

    store.delete_all(keys_[:1000])
    store.delete_all(keys_)  # somebody else was faster with most of them
    assert list(store.walk("a")) == []
    assert store.folders("a") == ()
    assert store.exists("b/1")


def test_only_the_first_puts(store: Store) -> None:
    assert store.put_if_absent("a", b"1")
    assert not store.put_if_absent("a", b"2")
    assert store.get("a") == b"1"


def test_of_many_at_once_one_puts(store: Store) -> None:
    start, won = Barrier(8), []

    def race(number: int) -> None:
        start.wait()
        if store.put_if_absent("a", str(number).encode()):
            won.append(number)

    threads = [Thread(target=race, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert store.get("a") == str(won[0]).encode()


def test_a_store_that_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFT_S3_ENDPOINT", "http://127.0.0.1:1")
    store = open_store(monkeypatch, "s3://bucket/prefix")

    with pytest.raises(ServiceAwayError, match="DRIFT_STORE_URL=s3://bucket/prefix"):
        store.get("a")


def test_a_directory_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ServiceAwayError, match="DRIFT_STORE_URL"):
        open_store(monkeypatch, f"file://{tmp_path}/file/store")


@pytest.mark.parametrize("url", ["file://relative", "relative", "gs://b", "s3://", "s3://u:p@b"])
def test_urls_that_are_no_store(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(UsageError, match=r"DRIFT_STORE_URL=.*allowed: file:///"):
        open_store(monkeypatch, url)


moments = st.datetimes(timezones=st.timezones()).filter(lambda moment: moment.year > 1900)


@given(name=st.from_regex(NAME, fullmatch=True), moment=moments)
def test_keys_name_monitor_and_date(name: str, moment: datetime) -> None:
    place, monitor, date, file = keys.result(name, moment).split("/")
    assert (place, monitor, file) == ("results", name, "result.json")
    assert len(date) == len("YYYYMMDDTHHMMSSZ")
    assert date.isalnum()
