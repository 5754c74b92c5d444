"""A source that is a single file, or one object of an S3, read as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import S3Store

from drift_checker.config import Settings
from drift_checker.sources.request import Request
from drift_checker.sources.responses import (
    BytesResponse,
    RejectedResponseError,
    join_bytes,
    store_errors,
    table_limits,
)
from drift_checker.state import open_s3
from drift_checker.tables import open_regular

_CHUNK_BYTES = 1 << 20


def read_file(request: Request, settings: Settings) -> BytesResponse:
    """Read a file.

    Raises:
        RejectedResponseError: It is not there, or no regular file, or too large.
    """
    path = request.path
    with path_errors(path), open_regular(path) as file:
        chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
        data = join_bytes(chunks, settings, str(path))
        return BytesResponse(data, str(path), limits=table_limits(settings))


@contextmanager
def path_errors(path: Path) -> Iterator[None]:
    """Name a path in what goes wrong with it.

    Raises:
        RejectedResponseError: It cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise RejectedResponseError(f"{path}: {error.strerror or error}") from error


def read_object(request: Request, settings: Settings) -> BytesResponse:
    """Read an object.

    Raises:
        RejectedResponseError: It is not there, or not for us, or too large.
        ServiceAwayError: The S3 stayed away.
    """
    bucket, key = open_bucket(request, settings)
    origin = request.url or ""
    with store_errors(origin):
        chunks = obstore.get(bucket, key).stream(min_chunk_size=_CHUNK_BYTES)
        data = join_bytes(map(bytes, chunks), settings, origin)
        return BytesResponse(data, origin, limits=table_limits(settings))


def open_bucket(request: Request, settings: Settings) -> tuple[S3Store, str]:
    """Open the bucket of a source; returns it, and the key or prefix in it."""
    url = urlsplit(request.url or "")
    bucket = open_s3(request.access(settings), url.netloc, "", settings)
    return bucket, unquote(url.path).lstrip("/")
