"""HTTP with a bound that holds: of a whole exchange, whatever the other side sends meanwhile.

The timeouts of httpx are those of single reads: who sends a byte now and then is waited for
without end, be it in headers or in a body. Imported by its path, since httpx takes long.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from threading import Timer
from typing import Any, cast

import httpx

from drift_checker.config.tls import authorities

_CONNECTED = ("connect_tcp.complete", "start_tls.complete")
"""How httpcore calls the events that say by which socket it speaks."""


class BoundedClient(httpx.Client):
    """A client each of whose requests takes at most so many seconds, from its start to its end.

    Redirects and the reading of the body are part of it; a request that is sent again is another.
    What cannot be cut off in between, the look-up of a name and each attempt to connect, has the
    same bound by itself.

    Raises:
        httpx.ReadTimeout: Of each request, and while its body is read: it took longer.
    """

    def __init__(self, seconds: float, **options: Any) -> None:
        """Open it; `options` are those of `httpx.Client`."""
        super().__init__(timeout=seconds, verify=authorities(), **options)
        self._seconds = seconds
        self._sockets: list[socket.socket] = []
        """Of all connections; one that is kept is used again by the next request."""

    def send(
        self, request: httpx.Request, *, stream: bool = False, **options: Any
    ) -> httpx.Response:
        """Send a request; one that is not streamed has its body when it returns."""
        exchange = _Exchange(request, self._seconds, self._sockets)
        try:
            response = super().send(request, stream=True, **options)
        except httpx.TransportError as error:
            exchange.end()
            exchange.raise_if_late(error)
            raise
        except BaseException:
            exchange.end()
            raise
        response.stream = _BoundedStream(cast("httpx.SyncByteStream", response.stream), exchange)
        if not stream:
            try:
                response.read()
            finally:
                response.close()
        return response


class _Exchange:
    """A request and its response; when its time is over, its connection is shut down."""

    def __init__(
        self, request: httpx.Request, seconds: float, sockets: list[socket.socket]
    ) -> None:
        self._request, self._seconds, self._sockets = request, seconds, sockets
        self._late = False
        request.extensions = {**request.extensions, "trace": self._trace}
        self._timer = Timer(seconds, self._cut_off)
        self._timer.daemon = True
        self._timer.start()

    def _trace(self, event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_CONNECTED):
            opened = info["return_value"].get_extra_info("socket")
            self._sockets[:] = [*(s for s in self._sockets if s.fileno() != -1), opened]
            if self._late:
                self._cut_off()

    def _cut_off(self) -> None:
        self._late = True
        for each in self._sockets:
            with suppress(OSError):  # it is closed, or has gone over to TLS
                each.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Let it go on for as long as it likes."""
        self._timer.cancel()

    def raise_if_late(self, error: Exception | None = None) -> None:
        """Say that it took too long, whatever came of that.

        Raises:
            httpx.ReadTimeout: It did.
        """
        # One read may take as long as the whole: it may be told of first.
        if self._late or isinstance(error, httpx.ReadTimeout):
            message = f"no whole answer within {self._seconds:g} s"
            raise httpx.ReadTimeout(message, request=self._request) from error


class _BoundedStream(httpx.SyncByteStream):
    """The body of a response; what is cut off is not taken for its end."""

    def __init__(self, stream: httpx.SyncByteStream, exchange: _Exchange) -> None:
        self._stream, self._exchange = stream, exchange

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except httpx.TransportError as error:
            self._exchange.raise_if_late(error)
            raise
        self._exchange.raise_if_late()

    def close(self) -> None:
        self._exchange.end()
        self._stream.close()
