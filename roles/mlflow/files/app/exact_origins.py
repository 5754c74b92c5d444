"""MLflow's server as an app of its own, which pages of other origins may not ask.

MLflow takes what a page of any port of this machine sends, whatever `--cors-allowed-origins` says.
It finds this app by its entry point: `mlflow server --app-name exact-origins`, with this folder on
PYTHONPATH.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]


class ExactOrigins:
    """Refuses pages that are not of one of `origins`; what is no page names no origin."""

    def __init__(self, app: App, origins: Collection[str]) -> None:
        self._app = app
        self._origins = {origin.encode() for origin in origins}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer as ASGI asks for."""
        named = [value for name, value in scope.get("headers", ()) if name == b"origin"]
        if scope["type"] != "http" or self._origins.issuperset(named):
            await self._app(scope, receive, send)
            return
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        body = b"Pages of this origin may not ask this server; mlflow_allowed_hosts names others.\n"
        await send({"type": "http.response.body", "body": body})


def create_app() -> ExactOrigins:
    """Return MLflow's app, for the pages that `--cors-allowed-origins` names."""
    # Here, so that the rest can be tested without MLflow.
    from mlflow.server.fastapi_app import app  # noqa: PLC0415
    from mlflow.server.security_utils import get_allowed_origins_from_env  # noqa: PLC0415

    return ExactOrigins(app, get_allowed_origins_from_env() or [])
