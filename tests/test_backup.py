"""An archive holds what the local target knows, as it was, or is refused before any change."""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import pytest
import yaml
from conftest import ROOT, load

archive = load("roles/backup/files/archive.py")

VERSIONS = {"mlflow": "3.17.2"}
POINTER = "results/flights/latest.json"
OBJECTS = {POINTER: b"{}", "batches/flights/20261130T090000Z/current.parquet": b"PAR1" * 1000}


def files(folder: Path) -> dict[str, bytes]:
    return {name: path.read_bytes() for name, path in archive.walk(folder)}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state directory with a store, MLflow's database, and what is not to be kept."""
    state = tmp_path / "state"
    for name, content in OBJECTS.items():
        put(state, name, content)
    (state / "data/mlflow/artifacts/1").mkdir(parents=True)
    (state / "data/mlflow/artifacts/1/report.html").write_text("<p>report</p>")
    with closing(sqlite3.connect(state / "data/mlflow/mlflow.db")) as database, database:
        database.execute("CREATE TABLE runs (name TEXT)")
        database.execute("INSERT INTO runs VALUES ('first')")
    (state / "etc/secrets").mkdir(parents=True)
    (state / "etc/secrets/airflow_fernet_key").write_text("marker-of-a-secret")
    (state / "etc/checker.env").write_text("DRIFT_SOURCE_SHOP_PASSWORD=marker-of-a-secret")
    (state / "data/airflow").mkdir()
    (state / "data/airflow/airflow.db").write_text("marker-of-a-secret")
    return state


def put(state: Path, name: str, content: bytes) -> None:
    """Write an object as the store does: beside its place, and then moved there."""
    path = state / "data/store" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / f"{path.name}#1").write_bytes(content)
    (path.parent / f"{path.name}#1").replace(path)


def make(state: Path, path: Path, *, check: bool = False) -> bool:
    return bool(archive.make(state, "drift_prob: 0.1\n", VERSIONS, path, check=check))


def restore(path: Path, state: Path, *, check: bool = False) -> bool:
    return bool(archive.restore(path, state, VERSIONS, check=check))


@pytest.fixture
def kept(state: Path, tmp_path: Path) -> Path:
    path = tmp_path / "kept.tar.gz"
    assert make(state, path)
    return path


def test_what_is_brought_back_is_what_was_kept(state: Path, kept: Path, tmp_path: Path) -> None:
    assert restore(kept, tmp_path / "new")

    assert files(tmp_path / "new/data/store") == files(state / "data/store")
    assert files(tmp_path / "new/data/mlflow/artifacts") == files(state / "data/mlflow/artifacts")
    with closing(sqlite3.connect(tmp_path / "new/data/mlflow/mlflow.db")) as database:
        assert database.execute("SELECT name FROM runs").fetchall() == [("first",)]
    assert (tmp_path / "new/etc/settings-of-backup.yml").read_text() == "drift_prob: 0.1\n"


def test_an_archive_holds_no_secret(kept: Path) -> None:
    assert b"marker-of-a-secret" not in gzip.decompress(kept.read_bytes())


def test_settings_that_may_hold_secrets_are_not_kept() -> None:
    folder = ROOT / "group_vars/all"
    settings = yaml.safe_load((folder / "main.yml").read_text())
    names = yaml.safe_load((ROOT / "roles/backup/vars/main.yml").read_text())["__backup_names"]

    # Those of the machine that it runs on may differ where it is brought back.
    machine = {"state_dir", "drifter_port", "mlflow_port", "airflow_port"}
    machine |= {"board_port", "board_public_url"}
    assert set(names) == settings.keys() - machine
    assert not set(names) & yaml.safe_load((folder / "credentials.yml").read_text()).keys()


def test_the_same_is_written_once_and_restored_once(
    state: Path, kept: Path, tmp_path: Path
) -> None:
    before = kept.stat()
    assert not make(state, kept)
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    put(state, POINTER, b'{"verdict": "drift"}')
    assert make(state, kept)

    assert restore(kept, tmp_path / "new")
    put(tmp_path / "new", POINTER, b'{"verdict": "ok"}')
    assert not restore(kept, tmp_path / "new")
    assert files(tmp_path / "new/data/store")[POINTER] == b'{"verdict": "ok"}'


def test_check_mode_tells_the_same_and_changes_nothing(state: Path, tmp_path: Path) -> None:
    path = tmp_path / "kept.tar.gz"
    before = sorted(tmp_path.rglob("*"))

    assert make(state, path, check=True)
    assert sorted(tmp_path.rglob("*")) == before

    make(state, path)
    assert not make(state, path, check=True)
    assert restore(path, tmp_path / "new", check=True)
    assert not (tmp_path / "new").exists()


def test_nothing_is_overwritten(kept: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new/mine").write_text("mine")

    with pytest.raises(archive.ArchiveError, match="is not empty"):
        restore(kept, tmp_path / "new")

    assert files(tmp_path / "new") == {"mine": b"mine"}


def rewrite(path: Path, change: str) -> None:
    """Write the archive `path` again, with one fault."""
    with tarfile.open(path) as tar:
        contents = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    pointer = f"data/store/{POINTER}"
    if change == "missing":
        del contents[pointer]
    elif change == "other content":
        contents[pointer] = b"[]"
    elif change == "a way out":
        manifest = contents["manifest.json"]
        contents["manifest.json"] = manifest.replace(b"data/store", b"../../../store")
    elif change == "one more":
        contents["data/store/more"] = b""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if name == pointer and change == "a link":
                member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/hostname", 0
            tar.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize("change", ["missing", "other content", "a link", "a way out", "one more"])
def test_an_archive_that_is_not_what_its_manifest_says_is_refused(
    kept: Path, tmp_path: Path, change: str
) -> None:
    rewrite(kept, change)

    with pytest.raises(archive.ArchiveError, match="damaged"):
        restore(kept, tmp_path / "new")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.tar.gz", "state"]


@pytest.mark.parametrize("part", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["cut", "flipped"])
def test_a_damaged_archive_is_refused(kept: Path, tmp_path: Path, part: float, kind: str) -> None:
    content = bytearray(kept.read_bytes())
    # The header of the compression holds the name of the file, which says nothing.
    place = max(int(len(content) * part), 0 if kind == "cut" else 100)
    if kind == "cut":
        del content[place:]
    else:
        content[place] ^= 0xFF
    kept.write_bytes(content)

    with pytest.raises(archive.ArchiveError, match="damaged"):
        restore(kept, tmp_path / "new")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept.tar.gz", "state"]


def test_an_archive_of_a_newer_mlflow_is_refused(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(archive.ArchiveError, match=r"mlflow 3\.17\.2, and this is 3\.9\.1"):
        archive.restore(kept, tmp_path / "new", {"mlflow": "3.9.1"}, check=False)


def test_a_damaged_database_is_told_and_the_backup_before_stays(state: Path, kept: Path) -> None:
    before = kept.read_bytes()
    (state / "data/mlflow/mlflow.db").write_bytes(b"no database" * 1000)

    with pytest.raises(archive.ArchiveError, match=r"mlflow\.db is damaged"):
        make(state, kept)

    assert kept.read_bytes() == before
    assert not list((state / "data").glob(".backup-*"))


def test_a_pointer_is_kept_with_what_it_names(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While objects are linked, a result comes, in a folder seen already, and then its pointer."""
    link = os.link

    def link_and_tick(source: Path, target: Path) -> None:
        if source.name == "latest.json" and not (state / "data/store/a/result.json").exists():
            put(state, "a/result.json", b"new")
            put(state, POINTER, b"a/result.json")
        link(source, target)

    monkeypatch.setattr(archive.os, "link", link_and_tick)
    make(state, tmp_path / "kept.tar.gz")
    monkeypatch.undo()
    restore(tmp_path / "kept.tar.gz", tmp_path / "new")

    store = files(tmp_path / "new/data/store")
    assert store[POINTER] == b"a/result.json"
    assert store["a/result.json"] == b"new"


def test_only_the_owner_may_read_what_is_kept_and_brought_back(state: Path, tmp_path: Path) -> None:
    path, new = tmp_path / "backups/kept.tar.gz", tmp_path / "new"
    for action, place in (("make", state), ("restore", new)):
        done = subprocess.run(
            [
                *(sys.executable, ROOT / "roles/backup/files/archive.py", action, path),
                *("--state", place, "--versions", json.dumps(VERSIONS)),
            ],
            input="{}",
            capture_output=True,
            text=True,
            check=True,
            umask=0,
        )
        assert json.loads(done.stdout) == {"changed": True, "archive": str(path)}

    for found in [path.parent, path, new, *new.rglob("*")]:
        assert not stat.S_IMODE(found.stat().st_mode) & 0o077, found
