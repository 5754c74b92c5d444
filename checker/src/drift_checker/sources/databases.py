"""Sources that are SQL queries: PostgreSQL and DuckDB, both by ADBC, which answers with Arrow.

The window of a tick is bound to the query, never written into it. A database is opened for reading
only: a query has its tables, and no files, no other databases, no extensions and no settings.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

import pyarrow as pa
import stamina

from drift_checker.config import WINDOW_PARAMETER, Limits, Settings, SourceAccess
from drift_checker.errors import ServiceAwayError, UsageError
from drift_checker.sources.request import Request, Window
from drift_checker.sources.responses import (
    RejectedResponseError,
    TableResponse,
    join_tables,
    table_response,
)

if TYPE_CHECKING:
    from adbc_driver_manager.dbapi import Connection, Cursor, Error

_FETCHED_ROWS = 1 << 16
_CONNECT_SECONDS = 5
# Classes of SQLSTATE that say nothing of the query: connection, rollback, resources, operator,
# system.
_TRANSIENT = ("08", "40", "53", "57", "58")
# A login that will be refused again. libpq hands on no SQLSTATE of a connection that did not come
# about, so these are the server's words; in another language they are taken for a server away.
_REFUSED = re.compile(
    r"authentication failed|no password supplied"
    r"|FATAL:.*(does not exist|no pg_hba\.conf entry|not permitted to log in|permission denied)"
)
# What a query may not do, in the words of both databases.
_NOT_READING = re.compile(
    r"disabled (by|through) configuration|configuration has been locked"
    r"|read-only (mode|transaction)|transaction read-write mode|multiple commands"
)
_READING = "a query only reads the tables of its database: no files, settings or extensions"


def read_database(request: Request, settings: Settings) -> TableResponse:
    """Run the query of a source.

    Raises:
        RejectedResponseError: The database takes no such query, or returns too much.
        ServiceAwayError: It stayed away.
        UsageError: The driver is not installed.
    """
    source, access = request.source, request.access(settings)
    url, query = source.database or "", source.query or ""
    return run_query(url, query, request.selection.window, access, settings)


def run_query(
    url: str, query: str, window: Window | None, access: SourceAccess, limits: Limits
) -> TableResponse:
    """Run a query, with the parameters of its window bound to it.

    Raises:
        RejectedResponseError: The database takes no such query, or returns too much.
        ServiceAwayError: It stayed away.
        UsageError: The driver is not installed.
    """
    numbered, values = _bind(query, window)
    for attempt in stamina.retry_context(
        on=ServiceAwayError, attempts=None, timeout=limits.retry_seconds
    ):
        with attempt:
            table = _read_table(url, numbered, values, access, limits)
            return table_response(_with_arrow_types(table, url), url)
    raise AssertionError("a retry either returns or raises")


def _bind(query: str, window: Window | None) -> tuple[str, list[datetime]]:
    """Number the parameters in the order in which they are first named."""
    moments = dict(zip(("window_start", "window_end"), window or (), strict=False))
    names = list(dict.fromkeys(WINDOW_PARAMETER.findall(query)))
    numbered = WINDOW_PARAMETER.sub(lambda match: f"${names.index(match[1]) + 1}", query)
    return numbered.rstrip().removesuffix(";"), [moments[name] for name in names]


def _read_table(
    url: str, query: str, values: Sequence[datetime], access: SourceAccess, limits: Limits
) -> pa.Table:
    postgresql = urlsplit(url).scheme == "postgresql"
    read = _read_postgresql if postgresql else _read_duckdb
    with closing(_connect(url, access, limits)) as connection, connection.cursor() as cursor:
        timer = Timer(limits.timeout_seconds, cursor.adbc_cancel)
        timer.start()
        try:
            with _query_errors(url, timer):
                return join_tables(read(cursor, query, values), limits, url)
        finally:
            timer.cancel()


def _connect(url: str, access: SourceAccess, limits: Limits) -> Connection:
    scheme = urlsplit(url).scheme
    try:
        from adbc_driver_manager import dbapi  # noqa: PLC0415  # an extra

        return _postgresql(url, access, limits) if scheme == "postgresql" else _duckdb(url)
    except ImportError as error:
        raise UsageError(f"{scheme} sources need 'drift-checker[{scheme}]'") from error
    except dbapi.Error as error:
        message = _message(error)
        kind = RejectedResponseError if _REFUSED.search(message) else ServiceAwayError
        raise kind(f"{url}: {message}") from error


def _postgresql(url: str, access: SourceAccess, limits: Limits) -> Connection:
    from adbc_driver_postgresql import dbapi  # noqa: PLC0415  # an extra

    connection: Connection = dbapi.connect(postgresql_login(url, access, limits))
    return connection


def _duckdb(url: str) -> Connection:
    from adbc_driver_duckdb import driver_path  # noqa: PLC0415  # an extra
    from adbc_driver_manager import dbapi  # noqa: PLC0415  # an extra

    path = Path(unquote(urlsplit(url).path))
    if not path.is_file():
        raise RejectedResponseError(f"{url}: there is no such file")
    return dbapi.connect(
        driver=driver_path(),
        entrypoint="duckdb_adbc_init",
        db_kwargs={
            "path": str(path),
            "access_mode": "READ_ONLY",
            # Read only is the database; by these, no file is read or written, nothing is downloaded
            # or loaded, and no query sets them otherwise.
            "enable_external_access": "false",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "lock_configuration": "true",
        },
    )


def postgresql_login(url: str, access: SourceAccess, limits: Limits) -> str:
    """Return the URL that the driver gets: with the login, and with what bounds its waits."""
    parts = urlsplit(url)
    password = access.password and access.password.get_secret_value()
    login = ":".join(quote(part, safe="") for part in (access.user, password) if part)
    settings = {
        "statement_timeout": f"{limits.timeout_seconds * 1000:.0f}",
        "default_transaction_read_only": "on",
        "timezone": "UTC",
    }
    parameters = {
        "connect_timeout": str(_CONNECT_SECONDS),
        "application_name": "drift-checker",
        **dict(parse_qsl(parts.query)),
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }
    server = f"{login}@{parts.netloc}" if login else parts.netloc
    query = urlencode(parameters, quote_via=quote)
    return urlunsplit((parts.scheme, server, parts.path, query, ""))


def _read_postgresql(cursor: Cursor, query: str, values: Sequence[datetime]) -> Iterator[pa.Table]:
    """Read some rows at a time: by a cursor of the server, since COPY takes no parameters."""
    cursor.adbc_statement.set_options(**{"adbc.postgresql.use_copy": "false"})
    cursor.execute(f"DECLARE batch NO SCROLL CURSOR FOR {query}", values or None)
    while True:
        cursor.execute(f"FETCH {_FETCHED_ROWS} FROM batch")
        table = cursor.fetch_arrow_table()
        yield table
        if table.num_rows < _FETCHED_ROWS:
            return


def _read_duckdb(cursor: Cursor, query: str, values: Sequence[datetime]) -> Iterator[pa.Table]:
    cursor.execute(query, values or None)
    reader = cursor.fetch_record_batch()
    yield reader.schema.empty_table()
    for batch in reader:
        yield pa.Table.from_batches([batch])


@contextmanager
def _query_errors(url: str, timer: Timer) -> Iterator[None]:
    from adbc_driver_manager import dbapi  # noqa: PLC0415  # an extra

    try:
        yield
    # What happens after the first rows is raised by Arrow.
    except (dbapi.Error, OSError, pa.ArrowException) as error:
        if timer.finished.is_set():
            raise ServiceAwayError(f"{url}: no answer within {timer.interval:g} s") from error
        transient = isinstance(error, dbapi.Error) and _is_transient(error)
        kind = ServiceAwayError if transient else RejectedResponseError
        raise kind(f"{url}: {_message(error)}") from error


def _is_transient(error: Error) -> bool:
    from adbc_driver_manager import AdbcStatusCode  # noqa: PLC0415  # an extra

    if error.sqlstate:
        return error.sqlstate.startswith(_TRANSIENT)
    return error.status_code in {AdbcStatusCode.IO, AdbcStatusCode.TIMEOUT}


def _message(error: Exception) -> str:
    """What went wrong in one line, without the query before it; of what is refused, why so."""
    text = str(error)
    message = " ".join((text.partition("ERROR:")[2] or text).split())
    return f"{message}; {_READING}" if _NOT_READING.search(message) else message


def _with_arrow_types(table: pa.Table, origin: str) -> pa.Table:
    """Bring types that only the database has to those that Arrow and Parquet have."""
    for position, field in enumerate(table.schema):
        if pa.types.is_interval(field.type):
            raise RejectedResponseError(
                f"{origin}: column {field.name!r} has the type {field.type}; "
                "let the query make a number of it"
            )
        if isinstance(field.type, pa.BaseExtensionType):
            table = table.set_column(position, field.name, _storage(table.column(position)))
    return table.replace_schema_metadata(None)


def _storage(column: pa.ChunkedArray[Any]) -> pa.ChunkedArray[Any]:
    type_: Any = column.type
    chunks: Any = column.chunks
    values = pa.chunked_array([chunk.storage for chunk in chunks], type_.storage_type)
    if getattr(type_, "type_name", None) == "numeric":
        return values.cast(pa.float64())
    return values
