"""Logs on stderr: for people on a terminal, as JSON anywhere else."""

from __future__ import annotations

import logging
import os
import sys

import structlog

from drift_checker.errors import UsageError


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
    renderers: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if log_format == "console"
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
