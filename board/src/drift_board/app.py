"""The service: what answers which address."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI, Response
from starlette.middleware.trustedhost import TrustedHostMiddleware

from drift_board.settings import Settings
from drift_board.telemetry import Telemetry
from drift_checker.errors import ServiceAwayError
from drift_checker.state import Store, keys


def create_app(settings: Settings) -> FastAPI:
    """Return the service; it asks nothing of the store before it is asked."""
    store = Store(settings.checker)
    app = FastAPI(
        title="Drift board", version=version("drift-board"), docs_url=None, redoc_url=None
    )
    # A page elsewhere whose name was made to lead here would read what this machine alone may (DNS
    # rebinding): it asks by its own name.
    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=settings.board.hosts, www_redirect=False
    )
    app.add_middleware(Telemetry)

    @app.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Whether the store answers")
    def readyz(response: Response) -> dict[str, str]:
        try:
            store.exists(keys.latest("readyz"))
        except ServiceAwayError as error:
            response.status_code = 503
            return {"status": "away", "detail": str(error)}
        return {"status": "ok"}

    return app
