"""A deployed stack, as a test sees it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest

from e2e.services import Airflow, Mlflow

ROOT = Path(__file__).resolve().parents[2]
MONITOR = "flights"
PORTS = ("board_port", "drifter_port", "mlflow_port", "airflow_port")
T = TypeVar("T")


def until(ask: Callable[[], T], seconds: float, what: str) -> T:
    """Ask again and again until the answer is true; without one, the test fails with `what`."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds:g} s: {what} (last answer: {answer!r})")
        time.sleep(0.2)


@dataclass(frozen=True)
class Played:
    """What a playbook did."""

    returncode: int
    output: str

    @property
    def changed(self) -> list[int]:
        """The number of changes in each recap."""
        return [int(count) for count in re.findall(r" changed=(\d+) ", self.output)]


def command(name: str, *arguments: str, inventory: str, settings: Mapping[str, Any]) -> list[str]:
    """Return the command that runs a playbook of the project."""
    return [
        *(str(Path(sys.executable).parent / "ansible-playbook"), name, *arguments),
        *("--inventory", f"inventory/{inventory}", "--extra-vars", json.dumps(settings)),
    ]


def play(name: str, *arguments: str, inventory: str, settings: Mapping[str, Any]) -> Played:
    """Run a playbook of the project, without a terminal."""
    ended = subprocess.run(
        command(name, *arguments, inventory=inventory, settings=settings),
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        # Under one that denies nothing: what is written says itself who may read it.
        umask=0,
    )
    return Played(ended.returncode, ended.stdout)


@dataclass(frozen=True)
class Stack:
    """A stack in a state directory and on ports of its own; `settings` are its extra variables."""

    state: Path
    settings: Mapping[str, Any]

    def playbook(self, name: str, *arguments: str, **settings: Any) -> Played:
        """Run a playbook of the project with the stack's settings, some of them changed."""
        return play(name, *arguments, inventory="local", settings={**self.settings, **settings})

    def succeed(self, name: str, *arguments: str, **settings: Any) -> Played:
        """Run a playbook that must succeed."""
        played = self.playbook(name, *arguments, **settings)
        assert played.returncode == 0, played.output
        return played

    def checker(self, *arguments: str, settings_file: Path | None = None) -> str:
        """Run a command of the deployed checker that must succeed; return what it prints.

        By its own settings, or by those of another file.
        """
        settings = settings_file or self.state / "etc/checker.env"
        command = self.state / "venvs/checker/bin/drift-checker"
        return subprocess.run(
            [str(command), "--settings", str(settings), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            umask=0o077,  # as the commands of a deployment have it
        ).stdout

    def supervisorctl(self, *arguments: str) -> None:
        """Give supervisor a command that must succeed."""
        command = [str(self.state / "venvs/supervisor/bin/supervisorctl")]
        command += ["--configuration", str(self.state / "etc/supervisord.conf"), *arguments]
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)

    def url(self, component: str, path: str = "") -> str:
        return f"http://127.0.0.1:{self.settings[f'{component}_port']}{path}"

    @property
    def airflow(self) -> Airflow:
        return Airflow(self.url("airflow"), "admin")

    @property
    def mlflow(self) -> Mlflow:
        return Mlflow(self.url("mlflow"))

    def records(self) -> dict[str, tuple[int, float]]:
        """Pid and start time of each program, as they are recorded."""
        found = {path.stem: json.loads(path.read_text()) for path in self._run.glob("*.json")}
        return {name: (record["pid"], record["started"]) for name, record in found.items()}

    def programs(self) -> dict[str, psutil.Process]:
        """The recorded processes, without supervisor itself."""
        return {
            name: psutil.Process(pid)
            for name, (pid, _) in self.records().items()
            if name != "supervisord"
        }

    @property
    def _run(self) -> Path:
        return self.state / "run"

    def processes(self) -> list[psutil.Process]:
        """Everything that runs for the stack: it works in the state directory or names it."""

        def is_ours(process: psutil.Process) -> bool:
            try:
                words = [process.cwd(), *process.cmdline()]
                return process.status() != psutil.STATUS_ZOMBIE and any(
                    str(self.state) in word for word in words
                )
            except psutil.Error:  # it ended, or it is another user's
                return False

        others = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        return [p for p in psutil.process_iter() if p.pid not in others and is_ours(p)]

    def open_ports(self) -> list[str]:
        """The ports of the stack on which something listens."""
        listening = {
            connection.laddr[1]
            for connection in psutil.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr
        }
        return [port for port in PORTS if self.settings[port] in listening]

    def is_up(self) -> bool:
        """Whether supervisor runs and every part is of use."""
        record = self.records().get("supervisord")
        return record is not None and psutil.pid_exists(record[0]) and self.is_healthy()

    def is_healthy(self) -> bool:
        """Whether every part answers."""
        try:
            return (
                httpx.get(self.url("drifter", "/readyz")).is_success
                and httpx.get(self.url("board", "/readyz")).is_success
                and httpx.get(self.url("mlflow", "/health")).is_success
                and self.airflow.is_healthy()
            )
        except httpx.TransportError:
            return False

    def result_folder(self, run: Mapping[str, Any], monitor: str = MONITOR) -> Path:
        """Where the result of a DAG run lies in the store."""
        date = f"{logical_date(run):%Y%m%dT%H%M%SZ}"
        return self.state / "data/store/results" / monitor / date

    def result(self, run: Mapping[str, Any], monitor: str = MONITOR) -> dict[str, Any]:
        """The stored result of a DAG run."""
        path = self.result_folder(run, monitor) / "result.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found

    def assert_one_result(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Assert that a DAG run came to one result and one run of MLflow; return the latter."""
        assert run["state"] == "success", run
        results = [path.name for path in self.result_folder(run).glob("result*.json")]
        assert results == ["result.json"]
        published = json.loads((self.result_folder(run) / "published.json").read_text())
        assert published["complete"]
        assert not list((self.state / "data/store/pending").rglob("*.json"))
        (tracked,) = self.mlflow.runs(MONITOR, logical_date(run))
        assert tracked["info"]["run_id"] == published["run_id"]
        assert tracked["info"]["status"] == "FINISHED"
        return tracked


def logical_date(run: Mapping[str, Any]) -> datetime:
    """What the checks of a DAG run are known by: one started by hand has no date of its own."""
    moment = datetime.fromisoformat(run["logical_date"] or run["run_after"])
    return moment.replace(microsecond=0)
