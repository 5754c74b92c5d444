import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import hypothesis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import stamina
from fastapi.testclient import TestClient

from drifter import Settings, create_app

# No test depends on the time it takes.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

DATA = Path(__file__).parents[2] / "data"
COMMAND = Path(sys.executable).with_name("drifter")
URL = "/api/v1/data"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("DRIFT_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def base() -> pa.Table:
    return pq.read_table(DATA / "base.parquet")


@pytest.fixture(scope="session")
def reference() -> pa.Table:
    return pq.read_table(DATA / "reference.parquet")


@pytest.fixture(scope="session")
def stream() -> pa.Table:
    return pq.read_table(DATA / "stream.parquet")


def demo_settings(**changes: Any) -> Settings:
    paths = {"base_path": DATA / "base.parquet", "stream_path": DATA / "stream.parquet"}
    return Settings(**(paths | changes))


@pytest.fixture(scope="session")
def serve() -> Callable[..., TestClient]:
    """Return a client of a service with the demo data and the given settings."""
    return lambda **changes: TestClient(
        create_app(demo_settings(**changes)), base_url="http://localhost"
    )


@pytest.fixture(scope="session")
def client(serve: Callable[..., TestClient]) -> TestClient:
    return serve(allow_override=True)


def environment(**settings: object) -> dict[str, str]:
    """Return the environment of a command: nothing but the given settings and the demo data."""
    paths = {"BASE_PATH": DATA / "base.parquet", "STREAM_PATH": DATA / "stream.parquet"}
    return {f"DRIFT_{name}": str(value) for name, value in (paths | settings).items()}


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port: int = listener.getsockname()[1]
        return port


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str


@pytest.fixture
def server() -> Iterator[Server]:
    """The real command, answering."""
    port = free_port()
    with subprocess.Popen(
        [COMMAND],
        env=environment(PORT=port, PROB=1, MAX_ROWS=500_000),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            for attempt in stamina.retry_context(
                on=httpx2.ConnectError, attempts=None, timeout=30, wait_max=0.2
            ):
                with attempt:
                    httpx2.get(f"{url}/readyz").raise_for_status()
            yield Server(process, url)
        finally:
            process.kill()
