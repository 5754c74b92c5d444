"""The object store: a directory or a bucket of any S3, behind one small interface.

Keys are relative, with `/` between their parts. Writes are atomic: a reader sees a whole object or
none. A write that has returned survives the loss of power.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, S3Store

from drift_checker.config import S3Access, Settings
from drift_checker.errors import ServiceAwayError

if TYPE_CHECKING:
    from obstore.store import S3Config

PAGE = 1000
"""Objects that are listed or removed in one request; an S3 takes no more."""


class Entry(NamedTuple):
    """One listed object; `size` in bytes."""

    key: str
    size: int
    modified: datetime


class Store:
    """Objects by key. Every method raises `ServiceAwayError` when the store stays away."""

    def __init__(self, settings: Settings) -> None:
        self.url = settings.store_url.rstrip("/")
        self._directory: Path | None = None
        self._store: LocalStore | S3Store
        self._tidy: LocalStore | S3Store
        parts = urlsplit(self.url)
        if parts.scheme == "file":
            self._directory = Path(unquote(parts.path))
            with self._reachable():
                self._store = LocalStore(self._directory, mkdir=True)
                # Not for every deletion: a folder that goes may be needed again at once.
                self._tidy = LocalStore(self._directory, automatic_cleanup=True)
        else:
            prefix = parts.path.strip("/")
            self._store = self._tidy = open_s3(settings.s3, parts.netloc, prefix, settings)

    def url_of(self, key: str) -> str:
        """The URL of an object, for people and tags."""
        return f"{self.url}/{key}"

    def get(self, key: str, *, max_size: float = math.inf) -> bytes | None:
        """The object's bytes, or None where there is none or it is larger than so many bytes."""
        with self._reachable(), suppress(FileNotFoundError):
            response = obstore.get(self._store, key)
            return bytes(response.bytes()) if response.meta["size"] <= max_size else None
        return None

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        with self._reachable(), suppress(FileNotFoundError):
            obstore.head(self._store, key)
            return True
        return False

    def put(self, key: str, data: bytes | Path) -> None:
        """Write an object, replacing any that is there; a path is streamed."""
        with self._reachable():
            obstore.put(self._store, key, data)
            self._settle(key)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Write an object unless there is one; of several writers exactly one gets True."""
        with self._reachable():
            try:
                obstore.put(self._store, key, data, mode="create")
            except AlreadyExistsError:
                return False
            self._settle(key)
            return True

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is no error."""
        with self._reachable(), suppress(FileNotFoundError):
            obstore.delete(self._store, key)

    def list(self, prefix: str) -> list[Entry]:
        """All objects below a prefix (whole parts of a key), sorted by key.

        Only for prefixes that do not grow with history.
        """
        with self._reachable():
            objects = obstore.list(self._store, prefix).collect()
        return sorted(map(_entry, objects))

    def walk(self, prefix: str) -> Iterator[Entry]:
        """All objects below a prefix, a page at a time and in no order; for whole histories."""
        with self._reachable():
            for page in obstore.list(self._store, prefix, chunk_size=PAGE):
                yield from map(_entry, page)

    def folders(self, prefix: str) -> tuple[str, ...]:
        """What the keys below a prefix go on with, up to their next `/`, sorted."""
        with self._reachable():
            listing = obstore.list_with_delimiter(self._store, prefix)
        return tuple(sorted(path.rpartition("/")[2] for path in listing["common_prefixes"]))

    def delete_all(self, keys: Sequence[str]) -> None:
        """Remove objects, of a directory also the folders that become empty."""
        with self._reachable():
            try:
                obstore.delete(self._tidy, keys)
            except FileNotFoundError:  # somebody else removes them too
                for key in keys:
                    with suppress(FileNotFoundError):
                        obstore.delete(self._tidy, key)

    def unfinished(self) -> Iterator[Entry]:
        """What uploads that were killed have left in a directory, where no list shows it.

        An S3 has a lifecycle for them, and MinIO removes them after a day.
        """
        if self._directory is None:
            return
        with self._reachable():
            for path in self._directory.rglob("*#*"):
                status = path.stat()
                modified = datetime.fromtimestamp(status.st_mtime, UTC)
                yield Entry(str(path.relative_to(self._directory)), status.st_size, modified)

    def discard_unfinished(self, key: str) -> None:
        """Remove what `unfinished` has found."""
        if self._directory is not None:
            with self._reachable():
                (self._directory / key).unlink(missing_ok=True)

    def _settle(self, key: str) -> None:
        """Bring a written file and the names that lead to it to the disk."""
        if self._directory is None:
            return
        path = self._directory / key
        for part in (path, *path.relative_to(self._directory).parents):
            handle = os.open(self._directory / part, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError) as error:
            raise ServiceAwayError(f"DRIFT_STORE_URL={self.url}: {first_line(error)}") from error


def _entry(listed: obstore.ObjectMeta) -> Entry:
    return Entry(listed["path"], listed["size"], listed["last_modified"])


def first_line(error: Exception) -> str:
    """What went wrong; the further lines are the library's own account of itself."""
    return str(error).partition("\n")[0]


def open_s3(access: S3Access, bucket: str, prefix: str, settings: Settings) -> S3Store:
    """Open a bucket, or what lies below a prefix of it, with bounded waits and retries."""
    config: S3Config = {"region": access.region}
    if access.endpoint:
        config["endpoint"] = access.endpoint
    if access.access_key and access.secret_key:
        config["access_key_id"] = access.access_key
        config["secret_access_key"] = access.secret_key.get_secret_value()
    else:
        config["skip_signature"] = True
    return S3Store(
        bucket,
        prefix=prefix or None,
        config=config,
        client_options={
            "allow_http": True,
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=settings.timeout_seconds),
        },
        retry_config={
            # As many as fit the time: a store that restarts is away for longer than a few of them.
            "max_retries": 100,
            "backoff": {"max_backoff": timedelta(seconds=5)},
            "retry_timeout": timedelta(seconds=settings.retry_seconds),
        },
    )
