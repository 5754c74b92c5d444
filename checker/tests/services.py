"""Services that a test may kill, or make slow: a real MLflow, and a gate before any other."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
from web import SERIES

MLFLOW = os.environ.get("DRIFT_TEST_MLFLOW")
"""MLflow's command."""
PATIENCE = 120
"""Seconds that MLflow's first start may take on a busy machine."""


class Service(Protocol):
    """What can be killed, and started again with what it had kept, at the same address."""

    def kill(self) -> None: ...

    def start(self) -> None: ...


class MlflowServer:
    """A real MLflow, with all that it keeps in a folder; not yet started."""

    def __init__(self, folder: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder

    def start(self) -> None:
        command = [str(MLFLOW), "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db"]
        command += ["--artifacts-destination", f"{self.folder}/artifacts"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.url}/health").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        self.kill()
        raise AssertionError((self.folder / "log").read_text())

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    @contextmanager
    def serve(self) -> Iterator[MlflowServer]:
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def get(self, path: str, **query: str) -> dict[str, Any]:
        return self._content(httpx.get(f"{self.url}/api/2.0/mlflow/{path}", params=query))

    def post(self, path: str, **body: object) -> dict[str, Any]:
        return self._content(httpx.post(f"{self.url}/api/2.0/mlflow/{path}", json=body))

    @staticmethod
    def _content(response: httpx.Response) -> dict[str, Any]:
        content: dict[str, Any] = response.raise_for_status().json()
        return content

    @property
    def active(self) -> list[dict[str, Any]]:
        """The runs of ticks and drills that are not deleted, as the fake has them."""
        return self._runs("drift/%")

    @property
    def series(self) -> list[dict[str, Any]]:
        """The runs that have all ticks of a monitor, with the points of the metric `rows`."""
        runs = self._runs(SERIES)
        for run in runs:
            metrics = self.get("metrics/get-history", run_id=run["id"], metric_key="rows")
            run["points"] = [
                [point[name] for name in ("key", "value", "timestamp", "step")]
                for point in metrics.get("metrics", [])
            ]
        return runs

    def _runs(self, experiments: str) -> list[dict[str, Any]]:
        found = self.post("experiments/search", filter=f"name LIKE '{experiments}'", max_results=10)
        ids = [experiment["experiment_id"] for experiment in found.get("experiments", [])]
        runs = self.post("runs/search", experiment_ids=ids).get("runs", []) if ids else []
        return [
            {
                "id": run["info"]["run_id"],
                "name": run["info"]["run_name"],
                "status": run["info"]["status"],
                "tags": {tag["key"]: tag["value"] for tag in run["data"].get("tags", [])},
            }
            for run in runs
        ]


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


class Gate:
    """Stands before a service, at an address of its own; `delay` makes its answers slow.

    To who asks, a process that was killed is connections that end and a port that refuses. What it
    had taken is kept, as on the disk of a real one.
    """

    def __init__(self, service_url: str) -> None:
        parts = urlsplit(service_url)
        self._service = (str(parts.hostname), parts.port)
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.delay = 0.0
        """Seconds before each piece of an answer, of up to 64 KiB."""
        self._open: set[socket.socket] = set()

    def start(self) -> None:
        listener = self._listener = socket.create_server(("127.0.0.1", self._port))
        self._open.add(listener)
        Thread(target=self._accept, args=(listener,), daemon=True).start()

    def kill(self) -> None:
        for each in [self._listener, *self._open]:
            _end(each)
        self._listener.close()
        self._open.clear()

    @contextmanager
    def serve(self) -> Iterator[Gate]:
        self.start()
        try:
            yield self
        finally:
            self.kill()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):  # it was killed
            while True:
                client, _ = listener.accept()
                service = socket.create_connection(self._service)
                self._open |= {client, service}
                Thread(target=_pass_on, args=(client, service, lambda: None), daemon=True).start()
                Thread(target=_pass_on, args=(service, client, self._wait), daemon=True).start()

    def _wait(self) -> None:
        time.sleep(self.delay)


def _pass_on(one: socket.socket, other: socket.socket, wait: Callable[[], None]) -> None:
    with suppress(OSError), one:
        while piece := one.recv(1 << 16):
            wait()
            other.sendall(piece)
    _end(other)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
