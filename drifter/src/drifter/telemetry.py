"""Logs and metrics."""

import logging
import sys
import time

import structlog
from prometheus_client import (
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from drifter.batches import Batch, BatchRequest
from drifter.settings import Settings

PROBES = {"/healthz", "/readyz", "/metrics"}  # asked for every few seconds: logged at debug only

log = structlog.stdlib.get_logger("drifter")


def configure_logging(settings: Settings) -> None:
    """Send all logs to standard error, the server's own among them, in one format."""
    console = settings.log_format == "console" or (
        settings.log_format == "auto" and sys.stderr.isatty()
    )
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if console
        else [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render],
        )
    )
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


class Metrics:
    """What `/metrics` tells, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "drifter_requests", "Requests answered.", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "drifter_request_seconds",
            "Time from a request to the last byte of its answer.",
            ["path"],
            registry=self.registry,
        )
        self.batches = Counter(
            "drifter_batches",
            "Batches drawn, by the drift they carry.",
            ["mode", "scenario"],
            registry=self.registry,
        )
        self.rows = Counter(
            "drifter_rows", "Rows of these batches.", ["mode"], registry=self.registry
        )

    def count(self, request: BatchRequest, batch: Batch) -> None:
        """Count a batch and log it."""
        scenario = batch.truth.scenario or "none"
        self.batches.labels(request.mode, scenario).inc()
        self.rows.labels(request.mode).inc(batch.rows)
        log.info(
            "batch",
            mode=request.mode.value,
            rows=batch.rows,
            seed=request.seed,
            scenario=str(scenario),
            columns=list(batch.truth.columns),
        )


class Telemetry:
    """ASGI middleware that counts, times and logs each request, streamed answers to their end."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        status = 500

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, watch)
        finally:
            self._record(scope, status, time.perf_counter() - started)

    def _record(self, scope: Scope, status: int, seconds: float) -> None:
        # The route's path, not the client's: the number of time series stays small.
        path = getattr(scope.get("route"), "path", "other")
        self.metrics.requests.labels(path, status).inc()
        self.metrics.seconds.labels(path).observe(seconds)
        write = log.debug if path in PROBES else log.info
        write(
            "request",
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            status=status,
            seconds=round(seconds, 4),
        )
