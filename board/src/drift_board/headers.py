"""What each answer says to a browser, and which requests of one are none of ours."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drift_board.errors import Problem, problem_response

_SAFE = {"GET", "HEAD", "OPTIONS"}
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_POLICIES = {
    # Swagger UI writes styles, and FastAPI's page for it begins with a script of its own.
    "/docs": _POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
        "script-src 'self'", "script-src 'self' 'unsafe-inline'"
    )
}


class OwnPages:
    """ASGI middleware: only pages of ours may change something, and no other may hold them."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["method"] not in _SAFE and not _from_here(headers):
            answer = problem_response(
                Problem(403, "a page of another origin may not change anything here")
            )
            await answer(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = MutableHeaders(scope=message)
                own["Content-Security-Policy"] = _POLICIES.get(scope["path"], _POLICY)
                own["X-Content-Type-Options"] = "nosniff"
                own["Referrer-Policy"] = "same-origin"
                own.setdefault("Cache-Control", "no-store")
            await send(message)

        await self.app(scope, receive, guarded)


def _from_here(headers: Headers) -> bool:
    """Whether a request is of a page of ours, or of no page at all."""
    origin = headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc == headers.get("host")
    return headers.get("sec-fetch-site", "none") in {"same-origin", "none"}
