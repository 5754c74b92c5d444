"""The HTTP interface."""

from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from fastapi.staticfiles import StaticFiles
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.middleware.trustedhost import TrustedHostMiddleware

from drifter.batches import DEFAULT_ROWS, BatchRequest, Drifter, Mode
from drifter.errors import RequestError
from drifter.formats import MEDIA_TYPES, encode
from drifter.settings import Settings
from drifter.telemetry import Metrics, Telemetry


class Problem(BaseModel):
    """Why a request was refused, and what to do."""

    detail: str


class Ready(BaseModel):
    """The rows that are loaded."""

    base_rows: int
    stream_rows: int


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "schema": {"type": "string"}}


BATCH_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The batch. Its headers tell the truth about it.",
        "content": {
            "application/json": {"schema": {"type": "array", "items": {"type": "object"}}},
            "text/csv": {"schema": {"type": "string"}},
            "application/vnd.apache.parquet": {"schema": {"type": "string", "format": "binary"}},
        },
        "headers": {
            "X-Drift-Injected": _text("`true` if a drift was injected, else `false`."),
            "X-Drift-Scenario": _text("Which; only if one was injected."),
            "X-Drift-Columns": _text(
                "The columns it changed, percent-encoded, separated by commas; only if injected."
            ),
            "X-Drift-Seed": _text("The seed with which the same answer can be had again."),
            "X-Drift-At": _text("When the replayed window ends; only with `mode=replay`."),
        },
    },
    403: {"model": Problem, "description": "The request names a drift and may not."},
    422: {"model": Problem, "description": "A parameter is unknown or out of its bounds."},
}


def create_app(settings: Settings) -> FastAPI:
    """Return the service, its data loaded.

    Raises:
        SettingError: A file that the settings name is not what it should be.
    """
    drifter = Drifter.load(settings)
    metrics = Metrics()
    app = FastAPI(
        title="Drifter",
        version=version("drifter"),
        # Their pages load from the internet; /docs is made below, of files that are installed.
        docs_url=None,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        summary="Batches of data, now and then with a known drift.",
        description="So that drift detection can be scored, each answer says in its headers "
        "whether a drift was injected, which one, and into which columns.",
    )
    # A page elsewhere whose name was made to lead here would read what this machine alone may (DNS
    # rebinding): it asks by its own name.
    app.add_middleware(
        TrustedHostMiddleware, allowed_hosts=settings.allowed_hosts, www_redirect=False
    )
    app.add_middleware(Telemetry, metrics=metrics)
    app.mount("/swagger", StaticFiles(packages=[("fastapi_swagger", "resources")]))

    class BoundedRequest(BatchRequest):
        rows: int = Field(
            default=min(DEFAULT_ROWS, settings.max_rows),
            ge=1,
            le=settings.max_rows,
            description="Number of rows.",
        )

    @app.exception_handler(RequestError)
    def refuse(_: Request, error: RequestError) -> JSONResponse:
        return JSONResponse({"detail": error.detail}, status_code=error.status)

    @app.exception_handler(RequestValidationError)
    def explain(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = [
            f"{'.'.join(str(part) for part in problem['loc'][1:])}: {problem['msg']} "
            f"(got {problem['input']!r})"
            for problem in error.errors()
        ]
        return JSONResponse({"detail": "; ".join(problems)}, status_code=422)

    @app.get(
        "/api/v1/data",
        summary="A batch of rows",
        response_class=StreamingResponse,
        responses=BATCH_RESPONSES,
    )
    def data(request: Annotated[BoundedRequest, Query()]) -> StreamingResponse:
        """Answer a batch; every parameter may be left out."""
        batch = drifter.draw(request)
        metrics.count(request, batch)
        headers = batch.truth.headers() | {"X-Drift-Seed": str(request.seed)}
        if request.mode is Mode.REPLAY:
            headers["X-Drift-At"] = request.at.isoformat()
        return StreamingResponse(
            encode(request.format, batch.table.schema, batch.chunks()),
            media_type=MEDIA_TYPES[request.format],
            headers=headers,
        )

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title="Drifter",
            swagger_js_url="/swagger/swagger-ui-bundle.js",
            swagger_css_url="/swagger/swagger-ui.css",
            swagger_favicon_url="/swagger/favicon-32x32.png",
            # By default what is shown is sent to a validator in the internet.
            swagger_ui_parameters={"validatorUrl": None},
        )

    @app.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", summary="Whether data can be served")
    async def readyz() -> Ready:
        return Ready(
            base_rows=drifter.base.table.num_rows, stream_rows=drifter.stream.table.num_rows
        )

    @app.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
    async def metrics_page() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return app
