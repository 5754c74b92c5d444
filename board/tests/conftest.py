from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient
from stored import NOW, MonitorFeed, feeds, write

from drift_board.actions import Actions
from drift_board.airflow import Airflow
from drift_board.app import create_app
from drift_board.board import Board
from drift_board.settings import Settings, load
from drift_checker.errors import ServiceAwayError
from drift_checker.state import Store

TOKEN = "a-token-of-the-tests"  # noqa: S105  of the tests alone
PATIENCE_SECONDS = 60
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--images", help="folder for the pictures that the documents show")


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("DRIFT_"):
            monkeypatch.delenv(name)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Deployment:
    """A store with the monitors of `feeds`, and a board that reads it."""

    folder: Path
    store: Store
    settings: Settings
    clock: Clock = field(default_factory=Clock)
    board: Board | None = None

    def app(self) -> FastAPI:
        app = create_app(self.settings, now=self.clock)
        self.board = app.state.board
        return app

    def client(self, **more: Any) -> TestClient:
        return TestClient(self.app(), base_url="http://localhost", **more)

    def fresh(self) -> None:
        """Let the board look again, as it does after some seconds."""
        assert self.board is not None
        self.clock.now += timedelta(seconds=1)
        self.board.refresh()


def deploy(
    folder: Path, monkeypatch: pytest.MonkeyPatch, made: list[MonitorFeed], **variables: str
) -> Deployment:
    file = folder / "monitors.yml"
    environment = {
        "STORE_URL": f"file://{folder}/store",
        "MLFLOW_URL": "http://127.0.0.1:5000",
        "MONITORS_FILE": str(file),
        "BOARD_TOKEN": TOKEN,
        **variables,
    }
    for name, value in environment.items():
        monkeypatch.setenv(f"DRIFT_{name}", value)
    settings = load()
    store = Store(settings.checker)
    (folder / "reference.parquet").touch()
    write(store, folder, made)
    return Deployment(folder, store, settings)


@contextmanager
def served(deployment: Deployment) -> Iterator[str]:
    """Serve a board at an address of its own while the block runs."""
    config = uvicorn.Config(deployment.app(), port=0, log_level="warning", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        ends = time.monotonic() + PATIENCE_SECONDS
        while not server.started:
            assert thread.is_alive()
            assert time.monotonic() < ends
            time.sleep(0.05)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(PATIENCE_SECONDS)


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    return deploy(tmp_path, monkeypatch, feeds())


@pytest.fixture
def client(deployment: Deployment) -> Iterator[TestClient]:
    with deployment.client(follow_redirects=False) as client:
        yield client


@pytest.fixture
def preview(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a preview of an acceptance shows, in place of the checker's command."""
    shown = {
        "text": "taxi: 99aa would become\nthe reference",
        "changed": True,
        "before": {"version": "3f2a"},
        "after": {"version": "99aa"},
        "ticks": [{"logical_date": "2026-11-30T18:00:00Z"}],
    }

    async def show(*_: Any, **__: Any) -> dict[str, Any]:
        return shown

    monkeypatch.setattr(Actions, "preview", show)
    return shown


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], str | None]]:
    """The runs that Airflow is asked for."""
    asked: list[tuple[dict[str, Any], str | None]] = []

    def check(_: Airflow, conf: dict[str, Any], run_id: str | None = None) -> str:
        asked.append((conf, run_id))
        return run_id or "manual__1"

    monkeypatch.setattr(Airflow, "check", check)
    return asked


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the store is asked, by method; `away` makes it stay away."""
    counts: Counter[str] = Counter()
    for name in ("get", "list", "exists", "put_if_absent"):
        method = getattr(Store, name)

        def counted(self: Store, *args: Any, _name: str = name, _method: Any = method) -> Any:
            if counts["away"]:
                raise ServiceAwayError("DRIFT_STORE_URL: gone")
            counts[_name] += 1
            return _method(self, *args)

        monkeypatch.setattr(Store, name, counted)
    return counts
