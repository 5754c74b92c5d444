"""A source that is one object of an S3, read as bytes."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import obstore
from obstore.store import S3Store

from drift_checker.config import Settings
from drift_checker.sources.request import Request
from drift_checker.sources.responses import BytesResponse, join_bytes, store_errors
from drift_checker.state import open_s3

_CHUNK_BYTES = 1 << 20


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
        return BytesResponse(join_bytes(map(bytes, chunks), settings, origin), origin)


def open_bucket(request: Request, settings: Settings) -> tuple[S3Store, str]:
    """Open the bucket of a source; returns it, and the key or prefix in it."""
    url = urlsplit(request.url or "")
    bucket = open_s3(request.access(settings), url.netloc, "", settings)
    return bucket, unquote(url.path).lstrip("/")
