"""The service: what answers which address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, PlainTextResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.routing import Match, Route

from drift_board.actions import Actions
from drift_board.airflow import Airflow
from drift_board.api import api_router, problems
from drift_board.board import Board
from drift_board.errors import Problem, problem_response
from drift_board.guard import Guard
from drift_board.headers import OwnPages
from drift_board.lookup import Lookup
from drift_board.metrics import Metrics
from drift_board.pages import Pages, Services, pages_router
from drift_board.reader import MonitorsFile, Reader
from drift_board.settings import Settings
from drift_board.telemetry import Telemetry
from drift_checker.errors import DriftCheckerError, ServiceAwayError
from drift_checker.state import Store, keys
from drift_checker.wording import STYLE

_OWN_STYLE = Path(__file__).with_name("static") / "board.css"
THREADS = 8
"""Pages that are written at a time."""
_MACHINES = ("/api/", "/metrics", "/healthz", "/readyz", "/openapi.json")


def create_app(
    settings: Settings, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> FastAPI:
    """Return the service; it asks nothing of the store before it is asked.

    Raises:
        UsageError: The monitors file is wrong.
    """
    own = settings.board
    store = Store(settings.checker)
    reader = Reader(store, MonitorsFile(settings.checker.monitors_file))
    board = Board(reader, own.board_refresh_seconds, now=now)
    lookup = Lookup(store, board, own.board_refresh_seconds)
    guard = Guard(own.token)
    actions = Actions(store, board, Airflow(own), lookup.kept, settings.file)
    services = Services(own, board, lookup, actions, guard)
    pages, metrics = Pages(services), Metrics(board)
    app = FastAPI(
        lifespan=_few_threads,
        title="Drift board",
        version=version("drift-board"),
        # Their pages load from the internet; /docs is made below, of files that are installed.
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        summary="What is drifting, since when, and how much.",
        description="Who changes something sends the board's token as `Authorization: Bearer`. "
        "Errors are `application/problem+json`.",
    )
    app.state.board = board
    # Each stands around those before it.
    app.add_middleware(GZipMiddleware, minimum_size=1000, compresslevel=5)
    app.add_middleware(OwnPages)
    # A page elsewhere whose name was made to lead here would read what this machine alone may (DNS
    # rebinding): it asks by its own name.
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=own.hosts, www_redirect=False)
    app.add_middleware(Telemetry)

    app.include_router(pages_router(services, pages))
    app.include_router(api_router(services, settings.checker))
    _refusals(app, pages)
    _documents(app)
    _service(app, store, metrics)
    return app


@asynccontextmanager
async def _few_threads(_: FastAPI) -> AsyncIterator[None]:
    """Two cores write no more pages at once, and each thread keeps memory of its own."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


def _refusals(app: FastAPI, pages: Pages) -> None:
    """Answer whatever is refused: a machine by a problem, a person by a page."""

    def answer(request: Request, problem: Problem) -> Response:
        if request.url.path.startswith(_MACHINES):
            return problem_response(problem)
        return pages.problem(request, problem)

    @app.exception_handler(Problem)
    async def refuse(request: Request, problem: Problem) -> Response:
        return await run_in_threadpool(answer, request, problem)

    @app.exception_handler(DriftCheckerError)
    async def refuse_known(request: Request, error: DriftCheckerError) -> Response:
        return await run_in_threadpool(answer, request, Problem.of(error))

    @app.exception_handler(HTTPException)
    async def refuse_http(request: Request, error: HTTPException) -> Response:
        problem = Problem(error.status_code, str(error.detail))
        response = await run_in_threadpool(answer, request, problem)
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            # Starlette names those of the first route of the path alone.
            response.headers["Allow"] = ", ".join(sorted(_methods(request)))
        return response

    @app.exception_handler(RequestValidationError)
    async def explain(request: Request, error: RequestValidationError) -> Response:
        told = [
            f"{'.'.join(str(part) for part in each['loc'][1:]) or each['loc'][0]}: {each['msg']}"
            for each in error.errors()
        ]
        return answer(request, Problem(422, "; ".join(told)))


def _methods(request: Request) -> set[str]:
    """All methods that the path of a request takes."""
    routes = (route for route in request.app.routes if isinstance(route, Route))
    matching = (route for route in routes if route.matches(request.scope)[0] is not Match.NONE)
    return {method for route in matching for method in route.methods or ()}


def _documents(app: FastAPI) -> None:
    """Serve what pages are made of, and the documents of the API, without the internet."""
    app.mount("/swagger", StaticFiles(packages=[("fastapi_swagger", "resources")]))
    app.mount("/static", StaticFiles(packages=[("drift_board", "static")]))
    # The page of a tick is the checker's; ours goes on from its style.
    style = f"{STYLE}\n{_OWN_STYLE.read_text('utf-8')}"

    @app.get("/style.css", include_in_schema=False)
    async def stylesheet() -> Response:
        headers = {"Cache-Control": "max-age=60"}
        return Response(style, media_type="text/css", headers=headers)

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Drift board",
            swagger_js_url="/swagger/swagger-ui-bundle.js",
            swagger_css_url="/swagger/swagger-ui.css",
            swagger_favicon_url="/swagger/favicon-32x32.png",
            # By default what is shown is sent to a validator in the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )


def _service(app: FastAPI, store: Store, metrics: Metrics) -> None:
    """Say how the board itself is."""

    @app.get("/healthz", summary="Whether the process answers", tags=["service"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get(
        "/readyz",
        summary="Whether the store answers",
        tags=["service"],
        responses=problems(503),
    )
    def readyz() -> dict[str, str]:
        try:
            store.exists(keys.latest("readyz"))
        except ServiceAwayError as error:
            raise Problem(503, str(error)) from None
        return {"status": "ok"}

    @app.get(
        "/metrics",
        summary="Metrics for Prometheus",
        tags=["service"],
        response_class=PlainTextResponse,
        responses=problems(503),
    )
    def metrics_page() -> Response:
        return metrics.page()
