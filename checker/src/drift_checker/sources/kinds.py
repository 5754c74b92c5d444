"""The kinds of sources, and the one place where that of a source is chosen.

A new kind is a module with a `Source`, and its line in `_SOURCES`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from drift_checker.config import Monitor, ReferenceSource, Settings
from drift_checker.errors import BadReferenceError
from drift_checker.sources.databases import read_database
from drift_checker.sources.http import read_http
from drift_checker.sources.objects import read_file, read_object
from drift_checker.sources.request import Request
from drift_checker.sources.responses import Response
from drift_checker.tables import reference_errors


class Source(Protocol):
    """One kind of source: it responds to a request, with every wait and size bounded."""

    def __call__(self, request: Request, settings: Settings, /) -> Response:
        """Return what the source has.

        Raises:
            RejectedResponseError: It is no batch at all.
            ServiceAwayError: The source stayed away.
            UsageError: What reads this kind is not installed.
        """


def _read_files(request: Request, settings: Settings) -> Response:
    from drift_checker.sources.prefixes import read_files  # noqa: PLC0415  # Arrow's datasets

    return read_files(request, settings)


_SOURCES: Mapping[str, Source] = {
    "http": read_http,
    "https": read_http,
    "file": read_file,
    "s3": read_object,
    "postgresql": read_database,
    "duckdb": read_database,
}
"""By the scheme of the URL; for files of which there may be several there is `_read_files`."""


def request_batch(monitor: Monitor, logical_date: datetime, settings: Settings) -> Response:
    """Request the batch of one tick from the source of a monitor.

    Raises:
        RejectedResponseError: It responded with what is no batch at all.
        ServiceAwayError: It stayed away.
        UsageError: What reads it is not installed.
    """
    request = Request.of_tick(monitor, logical_date)
    return source_of(request)(request, settings)


def request_reference(reference: ReferenceSource, settings: Settings) -> Response:
    """Request a reference, and verify its checksum where one is set.

    Raises:
        BadReferenceError: There is none, or it is another.
        ServiceAwayError: Its source stayed away.
        UsageError: What reads it is not installed.
    """
    request = Request.of_reference(reference)
    with reference_errors():
        response = source_of(request)(request, settings)
    if reference.sha256 not in {None, response.digest}:
        raise BadReferenceError(
            f"{response.origin}: its SHA-256 is {response.digest}, "
            f"the monitors file says {reference.sha256}"
        )
    return response


def source_of(request: Request) -> Source:
    """Choose the kind of source that responds to a request."""
    return _read_files if request.several_files else _SOURCES[request.scheme]
