"""Logs on stderr: for people on a terminal, as JSON anywhere else."""

from __future__ import annotations

import logging
import os
import sys

import structlog

from drift_checker.errors import UsageError
from drift_checker.escape import lines, one_line


def configure_logs(level: str) -> None:
    """Send logs of `level` and above to stderr, in the format that `DRIFT_LOG_FORMAT` names.

    Raises:
        UsageError: The variable says neither `json` nor `console`.
    """
    log_format = os.environ.get("DRIFT_LOG_FORMAT") or (
        "console" if sys.stderr.isatty() else "json"
    )
    if log_format not in {"json", "console"}:
        raise UsageError(f"DRIFT_LOG_FORMAT={log_format!r}: allowed: json, console")
    # JSON has its own escapes, which leave nothing but ASCII.
    renderers: list[structlog.typing.Processor] = (
        [
            _for_terminal,
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
        ]
        if log_format == "console"
        else [structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _for_terminal(
    logger: structlog.typing.WrappedLogger,  # noqa: ARG001  structlog's signature
    method: str,  # noqa: ARG001
    event: structlog.typing.EventDict,
) -> structlog.typing.EventDict:
    """Keep what an entry says from steering the terminal; a traceback has lines, the rest none."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = lines(value) if key == "exception" else one_line(value)
    return event
