"""Sources: where batches and references are read from, with every wait and size bounded."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

import httpx
import obstore
import stamina
from obstore.store import LocalStore, S3Store

from drift_checker.config.monitors import BatchSource, Monitor, ReferenceSource, SourceSettings
from drift_checker.config.settings import Limits, Settings, SourceAccess
from drift_checker.config.tls import authorities
from drift_checker.errors import BadReferenceError, ServiceAwayError
from drift_checker.sources.responses import (
    EVIDENCE_BYTES,
    BytesResponse,
    RejectedResponseError,
    Response,
    TableResponse,
    Window,
    asked,
)
from drift_checker.state.store import open_s3
from drift_checker.tables import UnreadableError

if TYPE_CHECKING:
    from drift_checker.profiles import Reader
    from drift_checker.sources.files import Files

MAX_REDIRECTS = 5
_CHUNK = 1 << 20


class _BusyError(Exception):
    """The source asks to be asked again."""


def ask_for_batch(monitor: Monitor, logical_date: datetime, settings: Settings) -> Response:
    """Ask the source of a monitor for the batch of one tick.

    Raises:
        RejectedAnswerError: it answered with what is no batch at all.
        ServiceAwayError: it stayed away.
    """
    source = monitor.current
    url = source.url and monitor.fill(source.url, logical_date)
    window = _window(source, logical_date)
    if found := _ask_for_rows(source, url, source.time, window, settings):
        return found
    params = {key: monitor.fill(value, logical_date) for key, value in source.params.items()}
    return _ask(source, url, params, settings)


def ask(url: str, limits: Limits) -> BytesResponse:
    """Ask an http(s) URL that belongs to no monitor.

    Raises:
        RejectedAnswerError: it answered with what is no batch at all.
        ServiceAwayError: it stayed away.
    """
    access = SourceAccess.model_construct()
    return _ask_http(url, {}, access, int(limits.max_body_mb * (1 << 20)), limits)


def ask_for_reference(reference: ReferenceSource, settings: Settings) -> Response:
    """Ask for a reference, and verify its checksum where one is set.

    Raises:
        BadReferenceError: there is none, or it is another.
        ServiceAwayError: its source stayed away.
    """
    try:
        answer = _ask_for_rows(reference, reference.url, None, None, settings) or _ask(
            reference, reference.url, {}, settings
        )
    except RejectedResponseError as error:
        raise BadReferenceError(f"The reference cannot be read: {error}") from error
    if reference.sha256 not in {None, answer.digest}:
        raise BadReferenceError(
            f"{answer.origin}: its SHA-256 is {answer.digest}, "
            f"the monitors file says {reference.sha256}"
        )
    return answer


def _ask_for_rows(
    source: SourceSettings,
    url: str | None,
    time: str | None,
    window: Window | None,
    settings: Settings,
) -> TableResponse | None:
    """Ask a database, or files of which there may be several; None of any other source."""
    if source.database and source.query:
        from drift_checker.sources.databases import ask_database  # noqa: PLC0415  # of few monitors

        access = _access(source, settings)
        return ask_database(source.database, source.query, window, access, settings)
    place = source.path or Path(unquote(urlsplit(url or "").path))
    several = (url or "").endswith("/") or (source.of_files and not _is_s3(url) and place.is_dir())
    if not (source.of_files and (several or source.columns or time)):
        return None
    from drift_checker.sources.folders import Selection, ask_folder  # noqa: PLC0415  # of few monitors

    below = _below(source, url, settings)
    with asked(below.origin):
        selection = Selection(source.columns, time, window)
        return ask_folder(below.store, below.prefix, selection, settings, below.origin)


class _Below(NamedTuple):
    """The files of a source: those of a store whose keys begin with a prefix."""

    store: LocalStore | S3Store
    prefix: str
    origin: str


def _below(source: SourceSettings, url: str | None, settings: Settings) -> _Below:
    if url and _is_s3(url):
        parts = urlsplit(url)
        store = open_s3(_access(source, settings), parts.netloc, "", settings)
        return _Below(store, unquote(parts.path).lstrip("/"), url)
    place = source.path or Path(unquote(urlsplit(url or "").path))
    folder, prefix = (place, "") if place.is_dir() else (place.parent, place.name)
    with asked(str(place)):
        return _Below(LocalStore(folder), prefix, str(place))


def files_of_tick(
    monitor: Monitor, logical_date: datetime, settings: Settings, read: Reader
) -> Files:
    """List the files of one tick, to be read where they lie.

    Raises:
        RejectedAnswerError: There are none, or of several formats, or without the column of times.
        ServiceAwayError: The store stayed away.
        UnreadableError: A file is damaged, or has other types than the first.
    """
    from drift_checker.sources.files import list_files  # noqa: PLC0415  # of few monitors
    from drift_checker.sources.folders import Selection  # noqa: PLC0415

    source = monitor.current
    url = source.url and monitor.fill(source.url, logical_date)
    below = _below(source, url, settings)
    selection = Selection(source.columns, source.time, _window(source, logical_date))
    return list_files(below.store, below.prefix, selection, below.origin, read)


def files_of_reference(reference: ReferenceSource, settings: Settings, read: Reader) -> Files:
    """List the files of a reference, to be read where they lie.

    Raises:
        BadReferenceError: There are none, or they are damaged.
        ServiceAwayError: Their store stayed away.
    """
    from drift_checker.sources.files import list_files  # noqa: PLC0415  # of few monitors
    from drift_checker.sources.folders import Selection  # noqa: PLC0415

    try:
        below = _below(reference, reference.url, settings)
        selection = Selection(reference.columns)
        return list_files(below.store, below.prefix, selection, below.origin, read)
    except (RejectedResponseError, UnreadableError) as error:
        raise BadReferenceError(f"The reference cannot be read: {error}") from error


def _window(source: BatchSource, logical_date: datetime) -> Window | None:
    return (logical_date - source.window, logical_date) if source.window else None


def _is_s3(url: str | None) -> bool:
    return urlsplit(url or "").scheme == "s3"


def _ask(
    source: SourceSettings, url: str | None, params: Mapping[str, str], settings: Settings
) -> BytesResponse:
    limit = int(settings.max_body_mb * (1 << 20))
    if url is None:
        return _ask_file(source.path or Path(), limit)
    parts = urlsplit(url)
    if parts.scheme == "file":
        return _ask_file(Path(unquote(parts.path)), limit)
    access = _access(source, settings)
    if parts.scheme == "s3":
        return _ask_s3(url, access, limit, settings)
    return _ask_http(url, params, access, limit, settings)


def _access(source: SourceSettings, settings: Settings) -> SourceAccess:
    name = source.credentials
    return settings.source(name) if name else SourceAccess.model_construct()


def _gather(chunks: Iterable[bytes], limit: int, origin: str) -> bytes:
    """Join the chunks of an answer of at most `limit` bytes."""
    gathered = bytearray()
    for chunk in chunks:
        gathered += chunk
        if len(gathered) > limit:
            raise RejectedResponseError(
                f"{origin} answered with more than DRIFT_MAX_BODY_MB={limit / (1 << 20):g}",
                bytes(gathered[:EVIDENCE_BYTES]),
            )
    return bytes(gathered)


def _ask_file(path: Path, limit: int) -> BytesResponse:
    try:
        with path.open("rb") as file:
            data = _gather(iter(lambda: file.read(_CHUNK), b""), limit, str(path))
    except OSError as error:
        raise RejectedResponseError(f"{path}: {error.strerror or error}") from error
    return BytesResponse(data, str(path))


def _ask_s3(url: str, access: SourceAccess, limit: int, settings: Settings) -> BytesResponse:
    parts = urlsplit(url)
    store = open_s3(access, parts.netloc, "", settings)
    with asked(url):
        answer = obstore.get(store, unquote(parts.path).lstrip("/"))
        return BytesResponse(
            _gather(map(bytes, answer.stream(min_chunk_size=_CHUNK)), limit, url), url
        )


def _ask_http(
    url: str, params: Mapping[str, str], access: SourceAccess, limit: int, limits: Limits
) -> BytesResponse:
    origin = str(httpx.URL(url).copy_merge_params(params))
    with httpx.Client(
        auth=_auth(access),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        timeout=limits.timeout_seconds,
        verify=authorities(),
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
            raise (ServiceAwayError if _is_away(error) else RejectedResponseError)(
                reason
            ) from error
    raise AssertionError("a retry either returns or raises")


def _is_away(error: Exception) -> bool:
    # A redirect to a protocol that is none of ours will be the same when asked again.
    return isinstance(error, httpx.TransportError | _BusyError) and not isinstance(
        error, httpx.UnsupportedProtocol
    )


def _get(client: httpx.Client, url: str, limit: int, seconds: float) -> BytesResponse:
    deadline = time.monotonic() + seconds
    with client.stream("GET", url) as response:
        status = f"HTTP {response.status_code} {response.reason_phrase}"
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
            raise _BusyError(status)
        data = _gather(_until(deadline, response), limit, url)
    if not response.is_success:
        raise RejectedResponseError(f"{url}: {status}", data)
    return BytesResponse(data, url, response.headers)


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
