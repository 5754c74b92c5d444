"""Sources that are asked by HTTP(S)."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from types import MappingProxyType

import httpx
import stamina

from drift_checker.config import Limits, Settings, SourceAccess
from drift_checker.config.clients import BoundedClient
from drift_checker.errors import ServiceAwayError
from drift_checker.sources.request import Request
from drift_checker.sources.responses import (
    BytesResponse,
    RejectedResponseError,
    join_bytes,
    table_limits,
)

MAX_REDIRECTS = 5
_DECODED_BYTES = 1 << 20
"""Of a compressed response, decoded at a time."""


class _BusyError(Exception):
    """The source asks to be asked again."""


def read_http(request: Request, settings: Settings) -> BytesResponse:
    """Get the URL of a source with its parameters.

    Raises:
        RejectedResponseError: It responded with what is no batch at all.
        ServiceAwayError: It stayed away.
    """
    access = request.access(settings)
    return read_url(request.url or "", settings, params=request.params, access=access)


def read_url(
    address: str,
    limits: Limits,
    *,
    params: Mapping[str, str] = MappingProxyType({}),
    access: SourceAccess | None = None,
) -> BytesResponse:
    """Get a URL, also one that belongs to no monitor.

    Raises:
        RejectedResponseError: It responded with what is no batch at all.
        ServiceAwayError: It stayed away.
    """
    url = str(httpx.URL(address).copy_merge_params(params))
    with BoundedClient(
        limits.timeout_seconds,
        auth=_auth(access),
        follow_redirects=True,
        max_redirects=MAX_REDIRECTS,
        # What else a source may know is decoded by no library in bounded pieces.
        headers={"Accept-Encoding": "gzip"},
    ) as client:
        try:
            for attempt in stamina.retry_context(
                on=_is_away, attempts=None, timeout=limits.retry_seconds
            ):
                with attempt:
                    return _get(client, url, limits)
        except _BusyError as error:
            raise ServiceAwayError(f"{url}: {error}") from error
        except httpx.RequestError as error:
            reason = f"{url}: {error or type(error).__name__}"
            raise (ServiceAwayError if _is_away(error) else RejectedResponseError)(
                reason
            ) from error
    raise AssertionError("a retry either returns or raises")


def _is_away(error: Exception) -> bool:
    # A redirect to a protocol that is none of ours will be the same when asked again.
    return isinstance(error, httpx.TransportError | _BusyError) and not isinstance(
        error, httpx.UnsupportedProtocol
    )


def _get(client: httpx.Client, url: str, limits: Limits) -> BytesResponse:
    with client.stream("GET", url) as response:
        status = f"HTTP {response.status_code} {response.reason_phrase}"
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
            raise _BusyError(status)
        data = join_bytes(_decoded(response), limits, url)
    if not response.is_success:
        raise RejectedResponseError(f"{url}: {status}", data)
    return BytesResponse(data, url, response.headers, table_limits(limits))


def _decoded(response: httpx.Response) -> Iterable[bytes]:
    """Yield the body in pieces of bounded size, whatever a few compressed bytes stand for."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding in {"identity", ""}:
        return response.iter_raw()
    if encoding in {"gzip", "x-gzip"}:
        return _unzipped(response)
    raise httpx.DecodingError(
        f"the answer is encoded as {encoding[:40]!r}, and gzip was asked for",
        request=response.request,
    )


def _unzipped(response: httpx.Response) -> Iterator[bytes]:
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    empty = True
    try:
        for chunk in response.iter_raw():
            left, empty = chunk, False
            while left and not decoder.eof:
                yield decoder.decompress(left, _DECODED_BYTES)
                left = decoder.unconsumed_tail
        yield decoder.flush()
    except zlib.error as error:
        raise httpx.DecodingError(str(error), request=response.request) from error
    if not (decoder.eof or empty):
        raise httpx.DecodingError("the gzip data are cut off", request=response.request)


def _auth(
    access: SourceAccess | None,
) -> httpx.Auth | Callable[[httpx.Request], httpx.Request] | None:
    if access is None:
        return None
    if access.user and access.password:
        return httpx.BasicAuth(access.user, access.password.get_secret_value())
    if access.token:
        return partial(_add_token, access.token.get_secret_value())
    return None


def _add_token(token: str, request: httpx.Request) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token}"
    return request
