"""A source that is a single file, read as bytes."""

from __future__ import annotations

from drift_checker.config import Settings
from drift_checker.sources.request import Request
from drift_checker.sources.responses import BytesResponse, RejectedResponseError, join_bytes

_CHUNK_BYTES = 1 << 20


def read_file(request: Request, settings: Settings) -> BytesResponse:
    """Read a file.

    Raises:
        RejectedResponseError: It is not there, or cannot be read, or is too large.
    """
    path = request.path
    try:
        with path.open("rb") as file:
            chunks = iter(lambda: file.read(_CHUNK_BYTES), b"")
            return BytesResponse(join_bytes(chunks, settings, str(path)), str(path))
    except OSError as error:
        raise RejectedResponseError(f"{path}: {error.strerror or error}") from error
