"""Keeps what the local target knows in one archive, while it runs, and brings it back.

In an archive stand `manifest.json`, which tells of every other file its size and its SHA-256, and
the files at their paths below the state directory. `make` links the store's objects before it reads
them: an object is replaced and never written into, so a link holds it as it was. `restore` unpacks
beside the state directory, and moves the whole to its place once all of it has proved to be what
the manifest says.

Both print what they did as JSON; what cannot be done ends with exit code 1 and a sentence.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import sqlite3
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

FORMAT = 1
"""Raised when an older `restore` could not read what a newer `make` writes."""

MANIFEST = "manifest.json"
STORE = Path("data/store")
MLFLOW = Path("data/mlflow")
DATABASE = MLFLOW / "mlflow.db"
SETTINGS = Path("etc/settings-of-backup.yml")
STAMP = Path("etc/restored.json")
"""Below a restored state directory, which archive it is from."""

PASSES = 10
"""How often new objects are looked for; a tick takes far longer than a pass."""

CHUNK_BYTES = 1 << 20
READ_ERRORS = (tarfile.TarError, EOFError, zlib.error, OSError, ValueError, KeyError, TypeError)
"""What reading an archive with any byte changed may raise."""


class ArchiveError(Exception):
    """What was asked for cannot be done; the message says why, and what to do."""


def make(
    state: Path, settings: str, versions: dict[str, str], archive: Path, *, check: bool
) -> bool:
    """Write an archive of `state`; return whether `archive` did not hold the same already.

    Raises:
        ArchiveError: There is nothing to keep, MLflow's database is damaged, or the archive cannot
            be written.
    """
    if not (state / STORE).is_dir():
        raise ArchiveError(
            f"{state / STORE} is no directory: there is no store to keep. Nothing was written."
        )
    with snapshot(state) as folder:
        (folder / SETTINGS).parent.mkdir(parents=True)
        (folder / SETTINGS).write_text(settings)
        files = {
            name: {"size": path.stat().st_size, "sha256": digest(path)}
            for name, path in walk(folder)
        }
        kept = {"format": FORMAT, "versions": versions, "files": files}
        if archive.exists() and _without_time(_manifest_or_none(archive)) == kept:
            return False
        if not check:
            manifest = {**kept, "made": datetime.now(UTC).isoformat(timespec="seconds")}
            _write(archive, manifest, folder)
    return True


@contextmanager
def snapshot(state: Path) -> Iterator[Path]:
    """Hold what is to be kept as it is now, in a folder that is gone afterwards.

    The store comes before MLflow: what is published in between is marked as pending in the
    snapshot, and is published again once it is brought back, which changes nothing. The other way
    round it would be missing.
    """
    for left in (state / "data").glob(".backup-*"):  # of one that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=state / "data") as name:
        folder = Path(name)
        link_new(state / STORE, folder / STORE)
        if (state / DATABASE).exists():
            (folder / MLFLOW).mkdir(parents=True)
            copy_database(state / DATABASE, folder / DATABASE)
            link_new(state / MLFLOW / "artifacts", folder / MLFLOW / "artifacts")
        yield folder


def link_new(source: Path, target: Path) -> None:
    """Link all files below `source` into `target`.

    A pointer that a pass has linked names only what was there before it, which that pass finds, or
    the next one.
    """
    for _ in range(PASSES):
        new = 0
        for name, path in walk(source):
            link = target / name
            # An object that is being written has a number after its name.
            if link.exists() or re.search(r"#\d+$", name):
                continue
            link.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # it was removed since it was seen
                os.link(path, link)
                new += 1
        if not new:
            return


def copy_database(source: Path, target: Path) -> None:
    """Copy a database of SQLite that others write to.

    Raises:
        ArchiveError: It is damaged.
    """
    try:
        with closing(sqlite3.connect(source)) as database, closing(sqlite3.connect(target)) as copy:
            database.backup(copy)
            (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        verdict = str(error)
    if verdict != "ok":
        raise ArchiveError(
            f"{source} is damaged ({verdict}). Nothing was written. Move it aside, and have the "
            "checker publish everything to a new one (docs/operations.md)."
        )


def walk(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files below `folder`, sorted, by their paths in it."""
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                yield path.relative_to(folder).as_posix(), path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(archive: Path, manifest: dict[str, Any], folder: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    new = archive.with_name(f".{archive.name}.new")
    try:
        # Batches and artifacts are compressed already: more than this takes time and gains little.
        with tarfile.open(new, "w:gz", compresslevel=3) as tar:
            content = json.dumps(manifest, indent=1).encode()
            tar.addfile(_member(MANIFEST, len(content)), io.BytesIO(content))
            for name, facts in manifest["files"].items():
                with (folder / name).open("rb") as file:
                    tar.addfile(_member(name, facts["size"]), file)
        with new.open("rb") as file:
            os.fsync(file.fileno())
        # Artifacts, unlike objects, are written in place, perhaps since their digest was taken.
        _read(new, None)
        new.replace(archive)
    except READ_ERRORS as error:
        raise ArchiveError(
            f"{archive} was not written: {error}. What was there before is as it was; try again."
        ) from error
    finally:
        new.unlink(missing_ok=True)


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def restore(archive: Path, state: Path, versions: dict[str, str], *, check: bool) -> bool:
    """Unpack `archive` as the new state directory; return whether that was not done before.

    Raises:
        ArchiveError: The archive is damaged or of a newer version, or `state` holds something else.
            Nothing was changed.
    """
    manifest = read_manifest(archive)
    _refuse_newer(archive, manifest["versions"], versions)
    identity = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    with suppress(OSError, ValueError):
        if json.loads((state / STAMP).read_text())["manifest"] == identity:
            return False
    if state.exists() and (not state.is_dir() or any(state.iterdir())):
        raise ArchiveError(
            f"{state} is not empty, and nothing is overwritten. Move it aside, or remove it by "
            "`make purge`, and try again."
        )
    if check:
        verify(archive)
        return True
    state.parent.mkdir(parents=True, exist_ok=True)
    for left in state.parent.glob(f".{state.name}-restoring-*"):  # of one that was killed
        shutil.rmtree(left)
    with tempfile.TemporaryDirectory(prefix=f".{state.name}-restoring-", dir=state.parent) as name:
        folder = Path(name, "state")
        folder.mkdir()
        verify(archive, folder)
        (folder / STAMP).parent.mkdir(exist_ok=True)
        stamp = {
            "archive": archive.name,
            "manifest": identity,
            "restored": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        (folder / STAMP).write_text(json.dumps(stamp))
        folder.rename(state)
    return True


def read_manifest(archive: Path) -> dict[str, Any]:
    """Return the manifest of an archive.

    Raises:
        ArchiveError: There is none, or it is no such archive, or one of another format.
    """
    if not archive.is_file():
        raise ArchiveError(
            f"{archive} is no file; name an archive of `make backup`: -e backup_file=PATH."
        )
    try:
        with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            manifest = _manifest(tar)
    except READ_ERRORS as error:
        raise _damaged(archive, error) from error
    if manifest["format"] != FORMAT:
        raise ArchiveError(
            f"{archive} is of format {manifest['format']}; this version reads {FORMAT}. "
            "Nothing was changed."
        )
    return manifest


def verify(archive: Path, folder: Path | None = None) -> None:
    """Read all of an archive, into `folder` where one is given, and compare it with its manifest.

    Raises:
        ArchiveError: A file is missing, is not in the manifest, or differs from what that says.
    """
    try:
        _read(archive, folder)
    except READ_ERRORS as error:
        raise _damaged(archive, error) from error


def _damaged(archive: Path, error: Exception) -> ArchiveError:
    return ArchiveError(
        f"{archive} is damaged, or no archive of `make backup`: {error}. Nothing was changed."
    )


def _read(archive: Path, folder: Path | None) -> None:
    with gzip.open(archive) as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
        expected = _manifest(tar)["files"]
        while (member := tar.next()) is not None:
            facts = expected.pop(member.name, None)
            if facts is None:
                raise ValueError(f"{member.name} is not in its manifest")
            if _copy(_content(tar, member), folder and folder / member.name) != facts["sha256"]:
                raise ValueError(f"{member.name} is not what its manifest says")
        if expected:
            raise ValueError(
                f"{len(expected)} files are missing, {next(iter(expected))} among them"
            )
        while stream.read(CHUNK_BYTES):  # up to the checksum of the whole
            pass


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    member = tar.next()
    if member is None or member.name != MANIFEST:
        raise ValueError(f"it does not begin with {MANIFEST}")
    manifest: dict[str, Any] = json.load(_content(tar, member))
    for key, kind in {"format": int, "versions": dict, "files": dict}.items():
        if not isinstance(manifest[key], kind):
            raise TypeError(f"its manifest has no {key}")
    for name in manifest["files"]:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"{name!r} leads out of the state directory")
    return manifest


def _copy(content: IO[bytes], path: Path | None) -> str:
    """Read `content`, and write it to `path` where one is given; return its SHA-256."""
    found = hashlib.sha256()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
    with Path(path or os.devnull).open("wb") as file:
        while chunk := content.read(CHUNK_BYTES):
            found.update(chunk)
            file.write(chunk)
    return found.hexdigest()


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise ValueError(f"{member.name} is no regular file")
    return content


def _refuse_newer(archive: Path, theirs: dict[str, str], ours: dict[str, str]) -> None:
    for name, version in ours.items():
        if _numbers(theirs.get(name, "0")) > _numbers(version):
            raise ArchiveError(
                f"{archive} is of {name} {theirs[name]}, and this is {version}, which cannot read "
                "what a newer one wrote. Take the version of the project that made it, or a newer "
                "one. Nothing was changed."
            )


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def _manifest_or_none(archive: Path) -> dict[str, Any] | None:
    try:
        return read_manifest(archive)
    except ArchiveError:
        return None


def _without_time(manifest: dict[str, Any] | None) -> dict[str, Any] | None:
    return manifest and {name: value for name, value in manifest.items() if name != "made"}


def main() -> None:
    """Read the command line; the settings to be kept come on standard input."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("action", choices=["make", "restore"])
    parser.add_argument("archive", type=Path)
    parser.add_argument(
        "--state", type=Path, required=True, help="the state directory of the stack"
    )
    parser.add_argument(
        "--versions", type=json.loads, required=True, help="what is installed, as a JSON object"
    )
    parser.add_argument(
        "--check", action="store_true", help="say what would be done, and do nothing"
    )
    arguments = parser.parse_args()
    os.umask(0o077)
    archive, state = arguments.archive.absolute(), arguments.state.absolute()
    try:
        if arguments.action == "make":
            changed = make(
                state, sys.stdin.read(), arguments.versions, archive, check=arguments.check
            )
        else:
            changed = restore(archive, state, arguments.versions, check=arguments.check)
    except (ArchiveError, OSError) as error:
        sys.exit(str(error))
    print(json.dumps({"changed": changed, "archive": str(archive)}))


if __name__ == "__main__":
    main()
