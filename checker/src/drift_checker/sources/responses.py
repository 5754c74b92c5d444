"""What a source answers with: bytes that are a table, or rows that were read one by one."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Protocol, TypeAlias
from urllib.parse import urlsplit

import pyarrow as pa
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError

from drift_checker.config.settings import Limits
from drift_checker.errors import NoBatchError, ServiceAwayError
from drift_checker.state.store import first_line
from drift_checker.tables import Batch, from_frame, read_batch

EVIDENCE_BYTES = 64 * 1024
"""As much of an answer that is no batch as is kept; enough to read an error page."""

Window: TypeAlias = tuple[datetime, datetime]
"""The rows of a tick: from the first moment on, and before the second."""


class RejectedResponseError(NoBatchError):
    """The source answered with what is no batch; `evidence` is the head of the answer."""

    def __init__(self, message: str, evidence: bytes = b"") -> None:
        super().__init__(message)
        self.evidence = evidence[:EVIDENCE_BYTES]


class Response(Protocol):
    """An answer of whatever kind."""

    @property
    def origin(self) -> str:
        """What was asked, without any login."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of HTTP, none of others."""

    @property
    def content_type(self) -> str:
        """The type that the source states or the name suggests, such as `text/csv` or `.csv`."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def digest(self) -> str:
        """The SHA-256 of what arrived."""

    @property
    def evidence(self) -> bytes:
        """The head of what arrived, for people to look at."""

    def batch(self) -> Batch:
        """Return it as a batch.

        Raises:
            NoBatchError: It is none.
        """


@dataclass(frozen=True)
class BytesResponse:
    """The bytes of a file, or of an answer by HTTP."""

    data: bytes
    origin: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content_type(self) -> str:
        """The type that the source states or the name suggests, such as `text/csv` or `.csv`."""
        return self.headers.get("content-type") or Path(urlsplit(self.origin).path).suffix

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
        """The first bytes."""
        return self.data[:EVIDENCE_BYTES]

    def batch(self) -> Batch:
        """Read the bytes."""
        return read_batch(self.data, self.content_type)


@dataclass(frozen=True)
class TableResponse:
    """A table that was read from several files or from a database."""

    table: Batch
    origin: str

    @property
    def headers(self) -> Mapping[str, str]:
        """There are none."""
        return {}

    @property
    def content_type(self) -> str:
        """Arrow's, as it lies in memory."""
        return "application/vnd.apache.arrow.stream"

    @property
    def size(self) -> int:
        """What the table takes in memory."""
        return int(self.table.table.nbytes)

    @property
    def digest(self) -> str:
        """The SHA-256 of the table as an Arrow stream."""
        return self.table.digest

    @property
    def evidence(self) -> bytes:
        """There is nothing that is no table."""
        return b""

    def batch(self) -> Batch:
        """Return the table."""
        return self.table


def gather(tables: Iterable[pa.Table], limits: Limits, origin: str) -> pa.Table:
    """Join tables of one schema, of which there is at least one, within the limits of a source.

    Raises:
        RejectedAnswerError: They take more memory than a body may have bytes.
        ServiceAwayError: They take more time than an answer may.
    """
    deadline = time.monotonic() + limits.timeout_seconds
    gathered, size = [], 0
    for table in tables:
        gathered.append(table)
        size += table.nbytes
        if size > limits.max_body_mb * (1 << 20):
            raise RejectedResponseError(
                f"{origin} has more rows than fit into DRIFT_MAX_BODY_MB={limits.max_body_mb:g}; "
                "ask for fewer columns, or for less time"
            )
        if time.monotonic() > deadline:
            raise ServiceAwayError(
                f"{origin}: reading took longer than "
                f"DRIFT_TIMEOUT_SECONDS={limits.timeout_seconds:g}"
            )
    return pa.concat_tables(gathered)


def rows(table: pa.Table, origin: str, *, untyped: bool = False) -> TableResponse:
    """Return a table as the answer of a source; of `untyped` text, types are still to be told."""
    batch = from_frame(table)
    return TableResponse(Batch(batch.table, batch.digest, batch.faults, untyped=untyped), origin)


@contextmanager
def asked(origin: str) -> Iterator[None]:
    """Tell what a store refuses from a store that stays away.

    Raises:
        RejectedAnswerError: It has no such object, or not for us.
        ServiceAwayError: It stayed away.
    """
    try:
        yield
    except (FileNotFoundError, PermissionDeniedError, UnauthenticatedError) as error:
        raise RejectedResponseError(f"{origin}: {first_line(error)}") from error
    except BaseError as error:
        raise ServiceAwayError(f"{origin}: {first_line(error)}") from error
