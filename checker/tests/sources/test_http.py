from __future__ import annotations

import gzip
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import TypeAlias

import httpx
import pytest
from web import PATIENCE, Web

from drift_checker.config import Monitor, ReferenceSource, Settings
from drift_checker.config.clients import BoundedClient
from drift_checker.errors import BadReferenceError, ServiceAwayError
from drift_checker.sources import (
    BytesResponse,
    RejectedResponseError,
    request_batch,
    request_reference,
)
from drift_checker.sources.responses import EVIDENCE_BYTES

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def ask(settings: Settings) -> Callable[..., BytesResponse]:
    def asked(current: dict[str, object], **changes: float) -> BytesResponse:
        monitor = Monitor.model_validate(
            {"name": "m", "current": current, "reference": {"path": "x"}}
        )
        response = request_batch(monitor, DATE, settings.model_copy(update=changes))
        assert isinstance(response, BytesResponse)
        return response

    return asked


def test_an_answer(web: Web, ask: Callable[..., BytesResponse]) -> None:
    url = web.answer(
        "/a.csv", b"x\n1\n", content_type="text/csv", headers={"X-Drift-Injected": "true"}
    )

    body = ask({"url": url + "?rows=3", "params": {"at": "{logical_date:%Y%m%d}"}})

    assert (body.data, body.content_type) == (b"x\n1\n", "text/csv")
    assert body.headers["x-drift-injected"] == "true"
    assert web.requests == ["/a.csv?rows=3&at=20261123"]


@pytest.mark.parametrize("status", [400, 401, 404, 422])
def test_a_refusal_is_no_batch_and_not_asked_again(
    web: Web, ask: Callable[..., BytesResponse], status: int
) -> None:
    url = web.answer("/", b"because", status=status)

    with pytest.raises(RejectedResponseError, match=f"HTTP {status}") as caught:
        ask({"url": url})

    assert caught.value.evidence == b"because"
    assert len(web.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_source_in_trouble_is_asked_again(
    web: Web, ask: Callable[..., BytesResponse], status: int
) -> None:
    url = web.answer("/", status=status)

    with pytest.raises(ServiceAwayError, match=f"HTTP {status}"):
        ask({"url": url}, retry_seconds=2)

    assert len(web.requests) > 1


def test_a_source_that_comes_back(web: Web, ask: Callable[..., BytesResponse]) -> None:
    url = web.answer("/", status=503)
    busy = web.routes["/"]

    def once(handler: BaseHTTPRequestHandler) -> None:
        web.answer("/", b"here")
        busy(handler)

    web.routes["/"] = once
    assert ask({"url": url}, retry_seconds=30).data == b"here"


def test_a_redirect_loop(web: Web, ask: Callable[..., BytesResponse]) -> None:
    url = web.answer("/", status=302, headers={"Location": "/"})

    with pytest.raises(RejectedResponseError, match="redirect"):
        ask({"url": url})


def test_a_redirect_to_another_protocol(web: Web, ask: Callable[..., BytesResponse]) -> None:
    url = web.answer("/", status=302, headers={"Location": "file:///etc/hostname"})

    with pytest.raises(RejectedResponseError):
        ask({"url": url})


def test_nobody_there(ask: Callable[..., BytesResponse]) -> None:
    with pytest.raises(ServiceAwayError, match=r"127\.0\.0\.1:1"):
        ask({"url": "http://127.0.0.1:1/"})


Dripping: TypeAlias = Callable[[BaseHTTPRequestHandler, Event], None]


def _stall(handler: BaseHTTPRequestHandler, end: Event) -> None:
    handler.send_response(200)
    handler.end_headers()
    end.wait(PATIENCE)


def _send_slowly(handler: BaseHTTPRequestHandler, end: Event, piece: bytes) -> None:
    while not end.wait(0.02):
        try:
            handler.wfile.write(piece)
        except OSError:
            return


def _drip_body(handler: BaseHTTPRequestHandler, end: Event) -> None:
    handler.send_response(200)
    handler.end_headers()
    _send_slowly(handler, end, b".")


def _drip_chunks(handler: BaseHTTPRequestHandler, end: Event) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    _send_slowly(handler, end, b"1\r\n.\r\n")


def _drip_status(handler: BaseHTTPRequestHandler, end: Event) -> None:
    handler.wfile.write(b"HTTP/1.1 200 O")
    _send_slowly(handler, end, b"K")


def _drip_headers(handler: BaseHTTPRequestHandler, end: Event) -> None:
    handler.send_response(200)
    handler.flush_headers()
    _send_slowly(handler, end, b"X-Long: 1\r\n")


def _redirect_slowly(handler: BaseHTTPRequestHandler, end: Event) -> None:
    end.wait(0.2)
    handler.send_response(302)
    handler.send_header("Location", "/")
    handler.send_header("Content-Length", "0")
    handler.end_headers()


@pytest.mark.parametrize(
    "behaviour",
    [_stall, _drip_body, _drip_chunks, _drip_status, _drip_headers, _redirect_slowly],
)
def test_a_source_that_takes_too_long(
    web: Web, ask: Callable[..., BytesResponse], behaviour: Dripping
) -> None:
    """The time is of the whole exchange, not of each read or each redirect.

    A body without a length ends where its connection does, but not where we end it.
    """
    end = Event()
    web.routes["/"] = lambda handler: behaviour(handler, end)
    start = time.monotonic()
    try:
        with pytest.raises(ServiceAwayError, match=r"no whole answer within 0\.5 s"):
            ask({"url": web.url + "/"}, timeout_seconds=0.5, retry_seconds=0.1)
        assert time.monotonic() - start < PATIENCE / 10
    finally:
        end.set()


def test_a_connection_that_was_cut_off_is_not_used_again(web: Web) -> None:
    end = Event()
    web.routes["/slow"] = lambda handler: _drip_body(handler, end)
    quick = web.answer("/quick", b"here")
    with BoundedClient(0.3) as client:
        assert client.get(quick).content == b"here"
        with pytest.raises(httpx.ReadTimeout):
            client.get(web.url + "/slow")
        end.set()
        assert client.get(quick).content == b"here"


def _gzipped(web: Web, body: bytes, encoding: str = "gzip") -> str:
    return web.answer("/", body, headers={"Content-Encoding": encoding})


def test_a_compressed_answer(web: Web, ask: Callable[..., BytesResponse]) -> None:
    body = bytes(range(256)) * 20_000
    url = _gzipped(web, gzip.compress(body))

    response = ask({"url": url})

    assert (response.data, response.digest) == (body, sha256(body).hexdigest())


def test_a_compressed_answer_over_the_limit(web: Web, ask: Callable[..., BytesResponse]) -> None:
    """It is decoded no further than to the limit."""
    url = _gzipped(web, gzip.compress(bytes(64 << 20)))
    tracemalloc.start()
    try:
        with pytest.raises(RejectedResponseError, match="DRIFT_MAX_BODY_MB=2"):
            ask({"url": url}, max_body_mb=2)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (b"x", "br", "encoded as 'br', and gzip was asked for"),
        (b"x", "zstd", "encoded as 'zstd', and gzip was asked for"),
        (b"no gzip", "gzip", "incorrect header check"),
        (gzip.compress(b"x" * 1000, mtime=0)[:-9], "gzip", "cut off"),
    ],
)
def test_an_encoding_that_is_not_read(
    web: Web, ask: Callable[..., BytesResponse], body: bytes, encoding: str, said: str
) -> None:
    with pytest.raises(RejectedResponseError, match=said):
        ask({"url": _gzipped(web, body, encoding)})


def test_a_body_over_the_limit(web: Web, ask: Callable[..., BytesResponse]) -> None:
    url = web.answer("/", b"x" * (1 << 20))

    with pytest.raises(RejectedResponseError, match=r"DRIFT_MAX_BODY_MB=0\.5") as caught:
        ask({"url": url}, max_body_mb=0.5)

    assert caught.value.evidence == b"x" * EVIDENCE_BYTES


def test_a_body_cut_short(web: Web, ask: Callable[..., BytesResponse]) -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"only this")

    web.routes["/"] = cut
    with pytest.raises(ServiceAwayError):
        ask({"url": web.url + "/"})


@pytest.mark.parametrize("scheme", ["path", "url"])
def test_a_file(tmp_path: Path, ask: Callable[..., BytesResponse], scheme: str) -> None:
    file = tmp_path / "a b.csv"
    file.write_bytes(b"x\n1\n")
    place = {"path": str(file)} if scheme == "path" else {"url": file.as_uri()}

    body = ask(place)

    assert (body.data, body.content_type) == (b"x\n1\n", ".csv")


def test_a_file_that_is_not_there(tmp_path: Path, ask: Callable[..., BytesResponse]) -> None:
    with pytest.raises(RejectedResponseError, match="No such file"):
        ask({"path": str(tmp_path / "none")})


@pytest.mark.parametrize(
    ("variables", "sent"),
    [
        ({"USER": "u", "PASSWORD": "p"}, "Basic dTpw"),
        ({"TOKEN": "t"}, "Bearer t"),
    ],
)
def test_credentials(
    web: Web,
    ask: Callable[..., BytesResponse],
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    sent: str,
) -> None:
    seen: list[str | None] = []
    url = web.answer("/", b"x")
    answer = web.routes["/"]

    def look(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        answer(handler)

    web.routes["/"] = look
    for name, value in variables.items():
        monkeypatch.setenv(f"DRIFT_SOURCE_SHOP_{name}", value)

    ask({"url": url, "credentials": "shop"})
    ask({"url": url})

    assert seen == [sent, None]


def test_the_checksum_of_a_reference(web: Web, settings: Settings) -> None:
    url = web.answer("/r", b"rows")
    right = sha256(b"rows").hexdigest()

    assert request_reference(ReferenceSource(url=url, sha256=right), settings).digest == right
    with pytest.raises(BadReferenceError, match=right):
        request_reference(ReferenceSource(url=url, sha256="0" * 64), settings)
    with pytest.raises(BadReferenceError, match="HTTP 404"):
        request_reference(ReferenceSource(url=web.url + "/none"), settings)
