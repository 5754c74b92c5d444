"""Sources that are asked by HTTP(S)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from http import HTTPStatus
from types import MappingProxyType

import httpx
import stamina

from drift_checker.config import Limits, Settings, SourceAccess, authorities
from drift_checker.errors import ServiceAwayError
from drift_checker.sources.request import Request
from drift_checker.sources.responses import (
    BytesResponse,
    RejectedResponseError,
    join_bytes,
    most_bytes,
)

MAX_REDIRECTS = 5


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
    deadline = time.monotonic() + limits.timeout_seconds
    with client.stream("GET", url) as response:
        status = f"HTTP {response.status_code} {response.reason_phrase}"
        if response.status_code == HTTPStatus.TOO_MANY_REQUESTS or response.is_server_error:
            raise _BusyError(status)
        data = join_bytes(_chunks_until(deadline, response), limits, url)
    if not response.is_success:
        raise RejectedResponseError(f"{url}: {status}", data)
    return BytesResponse(data, url, response.headers, most_bytes(limits))


def _chunks_until(deadline: float, response: httpx.Response) -> Iterator[bytes]:
    """The chunks of a response; a source that drips for ever is one that stays away."""
    for chunk in response.iter_bytes():
        if time.monotonic() > deadline:
            raise httpx.ReadTimeout("the answer took too long", request=response.request)
        yield chunk


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
