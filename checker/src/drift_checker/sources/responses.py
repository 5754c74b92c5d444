"""What a source responds with: bytes that are a table, or a table that was read part by part."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, TypeAlias
from urllib.parse import urlsplit

import pyarrow as pa
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from drift_checker.config import Limits
from drift_checker.errors import NoBatchError, ServiceAwayError
from drift_checker.state import first_line
from drift_checker.tables import (
    NO_LIMITS,
    Batch,
    TableLimits,
    TooLargeError,
    from_frame,
    read_batch,
    within_memory,
)

EVIDENCE_BYTES = 64 * 1024
"""As much of a response that is no batch as is kept; enough to read an error page."""

_ENDLESS = re.compile(r"File system loop found|Too many levels of symbolic links")
"""Of links in a directory that lead back to where they are."""


class RejectedResponseError(NoBatchError):
    """The source responded with what is no batch; `evidence` is the head of the response."""

    def __init__(self, message: str, evidence: bytes = b"") -> None:
        super().__init__(message)
        self.evidence = evidence[:EVIDENCE_BYTES]


@dataclass(frozen=True)
class BytesResponse:
    """The bytes of a file or an object, or those that came by HTTP, with its headers.

    `origin` is where they came from, without any login.
    """

    data: bytes
    origin: str
    headers: Mapping[str, str] = field(default_factory=dict)
    limits: TableLimits = NO_LIMITS
    """How large the table may be that they stand for."""

    @property
    def content_type(self) -> str:
        """The type that the source states or the name suggests, such as `text/csv` or `.csv`."""
        suffixes = Path(urlsplit(self.origin).path).suffixes[-2:]  # the last may be a compression's
        return self.headers.get("content-type") or "".join(suffixes)

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self.data)

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the bytes."""
        return sha256(self.data).hexdigest()

    @property
    def evidence(self) -> bytes:
        """The first bytes, for people to look at."""
        return self.data[:EVIDENCE_BYTES]

    def batch(self) -> Batch:
        """Read the bytes.

        Raises:
            RejectedResponseError: They are no table.
            TooLargeResponseError: They are one that is larger than it may be.
        """
        read = partial(read_batch, self.data, self.content_type, limits=self.limits)
        try:
            return read() if self.limits is NO_LIMITS else within_memory(read, self.limits.unpacked)
        except TooLargeError as error:
            raise TooLargeResponseError(error, self) from error
        except NoBatchError as error:
            raise RejectedResponseError(str(error), self.evidence) from error


@dataclass(frozen=True)
class TableResponse:
    """A table that was read from several files or from a database."""

    table: Batch
    origin: str
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})
    content_type: ClassVar[str] = "application/vnd.apache.arrow.stream"
    """Arrow's, as it lies in memory."""
    evidence: ClassVar[bytes] = b""
    """There is nothing that is no table."""

    @property
    def size(self) -> int:
        """The bytes that the table takes in memory."""
        return int(self.table.table.nbytes)

    @property
    def digest(self) -> str:
        """The SHA-256 of the table as an Arrow stream."""
        return self.table.digest

    def batch(self) -> Batch:
        """Return the table."""
        return self.table


class TooLargeResponseError(RejectedResponseError):
    """The source responded with more than a batch may be; `response` is as much as was read."""

    def __init__(self, error: TooLargeError, response: BytesResponse) -> None:
        super().__init__(str(error), response.evidence)
        self.fault, self.response = error.fault, response


Response: TypeAlias = BytesResponse | TableResponse
"""What a source responds with."""


def most_bytes(limits: Limits) -> int:
    """Return how many bytes a body may have."""
    return int(limits.max_body_mb * (1 << 20))


def table_limits(limits: Limits) -> TableLimits:
    """Return how large a table may be: as many bytes as a body, and so many rows and columns."""
    return TableLimits(most_bytes(limits), most_bytes(limits), limits.max_rows, limits.max_columns)


def join_bytes(chunks: Iterable[bytes], limits: Limits, origin: str) -> bytes:
    """Join the chunks of a response.

    Raises:
        TooLargeResponseError: They are more than a body may have bytes.
    """
    joined = bytearray()
    for chunk in chunks:
        joined += chunk
        if len(joined) > most_bytes(limits):
            raise too_large_response(
                f"{origin} answered with more than DRIFT_MAX_BODY_MB={limits.max_body_mb:g}; "
                "ask for fewer rows or columns, or allow more",
                origin,
                bytes(joined[:EVIDENCE_BYTES]),
            )
    return bytes(joined)


def too_large_response(message: str, origin: str, head: bytes = b"") -> TooLargeResponseError:
    """Return the error of a response of which no more than its head was read."""
    return TooLargeResponseError(TooLargeError(message), BytesResponse(head, origin))


def join_tables(tables: Iterable[pa.Table], limits: Limits, origin: str) -> pa.Table:
    """Join tables of one schema, of which there is at least one, within the limits of a source.

    Raises:
        TooLargeResponseError: They have too many rows, or take more memory than a body has bytes.
        ServiceAwayError: They take more time than a response may.
    """
    return pa.concat_tables(bounded_tables(tables, limits, origin))


def bounded_tables(tables: Iterable[pa.Table], limits: Limits, origin: str) -> Iterator[pa.Table]:
    """Pass on tables that are kept, within the limits of a source.

    Raises:
        TooLargeResponseError: They have too many rows, or take more memory than a body has bytes.
        ServiceAwayError: They take more time than a response may.
    """
    deadline = time.monotonic() + limits.timeout_seconds
    size = rows = 0
    for table in tables:
        size += table.nbytes
        rows += table.num_rows
        if size > most_bytes(limits):
            raise too_large_response(
                f"{origin} has more rows than fit into DRIFT_MAX_BODY_MB={limits.max_body_mb:g}; "
                "ask for fewer columns, or for less time",
                origin,
            )
        try:
            table_limits(limits).raise_for_shape(rows, table.num_columns)
        except TooLargeError as error:
            raise too_large_response(f"{origin}: {error}", origin) from error
        if time.monotonic() > deadline:
            raise ServiceAwayError(
                f"{origin}: reading took longer than "
                f"DRIFT_TIMEOUT_SECONDS={limits.timeout_seconds:g}"
            )
        yield table


def table_response(table: pa.Table, origin: str, *, untyped: bool = False) -> TableResponse:
    """Return a table as a response; what is in the columns of `untyped` text, the values tell."""
    return TableResponse(replace(from_frame(table), untyped=untyped), origin)


@contextmanager
def store_errors(origin: str) -> Iterator[None]:
    """Tell what a store refuses from a store that stays away.

    Raises:
        RejectedResponseError: It has no such object, or not for us, or its folders have no end.
        ServiceAwayError: It stayed away.
    """
    try:
        yield
    except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError) as error:
        raise RejectedResponseError(f"{origin}: {first_line(error)}") from error
    except BaseError as error:
        endless = _ENDLESS.search(str(error))
        kind = RejectedResponseError if endless else ServiceAwayError
        raise kind(f"{origin}: {first_line(error)}") from error
