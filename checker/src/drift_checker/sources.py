"""Sources: where batches and references are read from, with every wait and size bounded."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import obstore
import stamina
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from drift_checker.errors import BadReferenceError, NoBatchError, ServiceAwayError
from drift_checker.monitors import Monitor, Reference, Source
from drift_checker.settings import Limits, Settings, SourceAccess
from drift_checker.store import first_line, open_s3

MAX_REDIRECTS = 5
EVIDENCE_BYTES = 64 * 1024
"""As much of an answer that is no batch as is kept; enough to read an error page."""
_CHUNK = 1 << 20


class RejectedAnswerError(NoBatchError):
    """The source answered with what is no batch; `evidence` is the head of the answer."""

    def __init__(self, message: str, evidence: bytes = b"") -> None:
        super().__init__(message)
        self.evidence = evidence[:EVIDENCE_BYTES]


class _BusyError(Exception):
    """The source asks to be asked again."""


@dataclass(frozen=True)
class Body:
    """What a source answered with; `origin` is the URL or path that was asked."""

    data: bytes
    origin: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The type that the source states or the name suggests, such as `text/csv` or `.csv`."""
        return self.headers.get("content-type") or Path(urlsplit(self.origin).path).suffix


def ask_for_batch(monitor: Monitor, logical_date: datetime, settings: Settings) -> Body:
    """Ask the source of a monitor for the batch of one tick.

    Raises:
        RejectedAnswerError: it answered with what is no batch at all.
        ServiceAwayError: it stayed away.
    """
    source = monitor.current
    url = source.url and monitor.fill(source.url, logical_date)
    params = {key: monitor.fill(value, logical_date) for key, value in source.params.items()}
    return _ask(source, url, params, settings)


def ask(url: str, limits: Limits) -> Body:
    """Ask an http(s) URL that belongs to no monitor.

    Raises:
        RejectedAnswerError: it answered with what is no batch at all.
        ServiceAwayError: it stayed away.
    """
    access = SourceAccess.model_construct()
    return _ask_http(url, {}, access, int(limits.max_body_mb * (1 << 20)), limits)


def ask_for_reference(reference: Reference, settings: Settings) -> Body:
    """Ask for a reference, and verify its checksum where one is set.

    Raises:
        BadReferenceError: there is none, or it is another.
        ServiceAwayError: its source stayed away.
    """
    try:
        body = _ask(reference, reference.url, {}, settings)
    except RejectedAnswerError as error:
        raise BadReferenceError(f"The reference cannot be read: {error}") from error
    digest = sha256(body.data).hexdigest()
    if reference.sha256 not in {None, digest}:
        raise BadReferenceError(
            f"{body.origin}: its SHA-256 is {digest}, the monitors file says {reference.sha256}"
        )
    return body


def _ask(source: Source, url: str | None, params: Mapping[str, str], settings: Settings) -> Body:
    limit = int(settings.max_body_mb * (1 << 20))
    if url is None:
        return _ask_file(source.path or Path(), limit)
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _ask_file(Path(unquote(parts.path)), limit)
    access = (
        settings.source(source.credentials)
        if source.credentials
        else SourceAccess.model_construct()
    )
    if parts.scheme == "s3":
        return _ask_s3(url, access, limit, settings)
    return _ask_http(url, params, access, limit, settings)


def _gather(chunks: Iterable[bytes], limit: int, origin: str) -> bytes:
    """Join the chunks of an answer of at most `limit` bytes."""
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        if len(gathered) > limit:
            raise RejectedAnswerError(
                f"{origin} answered with more than DRIFT_MAX_BODY_MB={limit / (1 << 20):g}",
                bytes(gathered[:EVIDENCE_BYTES]),
            )
    return bytes(gathered)


def _ask_file(path: Path, limit: int) -> Body:
    try:
        with path.open("rb") as file:
            data = _gather(iter(lambda: file.read(_CHUNK), b""), limit, str(path))
    except OSError as error:
        raise RejectedAnswerError(f"{path}: {error.strerror or error}") from error
    return Body(data, str(path))


def _ask_s3(url: str, access: SourceAccess, limit: int, settings: Settings) -> Body:
    parts = urlsplit(url)
    store = open_s3(access, parts.netloc, "", settings)
    try:
        answer = obstore.get(store, unquote(parts.path).lstrip("/"))
        return Body(_gather(map(bytes, answer.stream(min_chunk_size=_CHUNK)), limit, url), url)
    except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError) as error:
        raise RejectedAnswerError(f"{url}: {first_line(error)}") from error
    except BaseError as error:
        raise ServiceAwayError(f"{url}: {first_line(error)}") from error


def _ask_http(
    url: str, params: Mapping[str, str], access: SourceAccess, limit: int, limits: Limits
) -> Body:
    origin = str(httpx.URL(url).copy_merge_params(params))
    with httpx.Client(
        auth=_auth(access),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        timeout=limits.timeout_seconds,
    ) as client:
        try:
            for attempt in stamina.retry_context(
                on=_is_away, attempts=None, timeout=limits.retry_seconds
            ):
                with attempt:
                    return _get(client, origin, limit, limits.timeout_seconds)
        except _BusyError as error:
            raise ServiceAwayError(f"{origin}: {error}") from error
        except httpx.RequestError as error:
            reason = f"{origin}: {error or type(error).__name__}"
            raise (ServiceAwayError if _is_away(error) else RejectedAnswerError)(reason) from error
    raise AssertionError("a retry either returns or raises")


def _is_away(error: Exception) -> bool:
    # A redirect to a protocol that is none of ours will be the same when asked again.
    return isinstance(error, httpx.TransportError | _BusyError) and not isinstance(
        error, httpx.UnsupportedProtocol
    )


def _get(client: httpx.Client, url: str, limit: int, seconds: float) -> Body:
    deadline = time.monotonic() + seconds
    with client.stream("GET", url) as response:
        status = f"HTTP {response.status_code} {response.reason_phrase}"
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
            raise _BusyError(status)
        data = _gather(_until(deadline, response), limit, url)
    if not response.is_success:
        raise RejectedAnswerError(f"{url}: {status}", data)
    return Body(data, url, response.headers)


def _until(deadline: float, response: httpx.Response) -> Iterator[bytes]:
    """The answer's chunks; a source that drips for ever is one that stays away."""
    for chunk in response.iter_bytes():
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long", request=response.request)
        yield chunk


def _auth(access: SourceAccess) -> httpx.Auth | None:
    if access.user and access.password:
        return httpx.BasicAuth(access.user, access.password.get_secret_value())
    if access.token:
        return _BearerAuth(access.token.get_secret_value())
    return None


class _BearerAuth(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._header = f"Bearer {token}"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = self._header
        yield request
