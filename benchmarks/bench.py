"""What the benchmarks share: where they work, environments, and the stack."""

from __future__ import annotations

import json
import shutil
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import Cost, Word, run

PROJECT = Path(__file__).resolve().parent.parent
PYTHON = Path(sys.executable).resolve()
"""The interpreter that all environments are made for: not that of an environment itself."""
UV = Path(sys.prefix, "bin", "uv")

MONITOR = "flights"
SETTINGS = {
    # No tick of the schedule may fall into a measurement, and every tick has to do the same work:
    # only the first makes a report.
    "check_schedule": "0 0 1 1 *",
    "drift_prob": 0,
}


class Bench:
    """A directory and a range of ports, and what is built there.

    `repeat` overrides how often each benchmark repeats its measurement.
    """

    def __init__(self, directory: Path, first_port: int, repeat: int | None = None) -> None:
        self.directory = directory
        self._first_port = first_port
        self._repeat = repeat
        self.stack = Stack(self)

    def port(self, place: int) -> int:
        """A port of the range."""
        return self._first_port + place

    def log(self, name: str) -> Path:
        """Where the output of a command goes."""
        logs = self.directory / "log"
        logs.mkdir(exist_ok=True)
        return logs / f"{name}.log"

    def empty(self, name: str) -> Path:
        """A new, empty directory."""
        path = self.directory / name
        if path.exists():
            shutil.rmtree(path)
        path.mkdir(parents=True)
        return path

    def clone(self, name: str) -> Path:
        """A fresh clone of the project as it was committed."""
        path = self.empty(name)
        run(["git", "clone", "--quiet", PROJECT, path], self.log("clone"), directory=PROJECT)
        return path

    def times(self, default: int) -> range:
        """How often to repeat a measurement."""
        return range(self._repeat or default)

    @cached_property
    def naive(self) -> Path:
        """The environment of the naive run: the whole of mlflow, and Evidently."""
        target = self.directory / "naive-venv"
        self.install_requirements(PROJECT / "benchmarks" / "requirements.txt", target)
        return target

    def install_requirements(self, requirements: Path, target: Path) -> Cost:
        """Install locked requirements into a new environment, as the role `virtualenv` does."""
        venv = self._uv("venv", "--clear", "--python", PYTHON, target)
        python = target / "bin" / "python"
        options: list[Word] = ["--require-hashes", "--compile-bytecode", "--python", python]
        sync = self._uv("pip", "sync", *options, requirements)
        return Cost(venv.wall + sync.wall, venv.cpu + sync.cpu)

    def install_project(self, project: Path, target: Path, *extras: str) -> Cost:
        """Install a locked package into a new environment, as the role `virtualenv` does."""
        command: list[Word] = [
            "sync",
            "--frozen",
            "--no-dev",
            "--no-editable",
            "--compile-bytecode",
        ]
        command += ["--python", PYTHON, "--project", project]
        command += [f"--extra={extra}" for extra in extras]
        return self._uv(*command, settings={"UV_PROJECT_ENVIRONMENT": str(target)})

    def _uv(self, *words: Word, settings: dict[str, str] | None = None) -> Cost:
        command = [UV, words[0], "--quiet", *words[1:]]
        return run(command, self.log("uv"), directory=self.directory, settings=settings)


class Stack:
    """The whole stack, deployed by `make up` from a fresh clone; ended by `remove`."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._project = bench.directory / "stack"
        self.state = bench.directory / "state"
        self.drifter_url, self.mlflow_url, self.airflow_url = (
            f"http://127.0.0.1:{bench.port(place)}" for place in range(3)
        )

    def make_anew(self) -> Cost:
        """Remove what there is, and make the stack from nothing; the cost is that of `make up`.

        Raises:
            RuntimeError: `make up` failed, or reached no verdict.
        """
        self.remove()
        self._bench.clone(self._project.name)
        ports = ("drifter_port", "mlflow_port", "airflow_port", "board_port")
        settings = {
            **SETTINGS,
            **{name: self._bench.port(place) for place, name in enumerate(ports)},
            "state_dir": str(self.state),
        }
        self._settings.write_text(json.dumps(settings))
        cost = self._make("up")
        if not list(self.state.glob("data/store/results/*/*/result.json")):
            raise RuntimeError("`make up` reached no verdict")
        return cost

    def ensure_up(self) -> None:
        """Start the stack, made anew where there is none."""
        if self.state.exists():
            self._make("up")
        else:
            self.make_anew()

    def change(self, **settings: Any) -> None:
        """Deploy the running stack with some settings changed."""
        before = json.loads(self._settings.read_text())
        self._settings.write_text(json.dumps(before | settings))
        self._make("up")

    def down(self) -> None:
        """Stop the stack, and keep it."""
        self._make("down")

    def remove(self) -> None:
        """Stop the stack and remove all of it."""
        if self.state.exists():
            self._make("purge")

    def programs(self) -> dict[str, psutil.Process]:
        """The running programs by name; `supervisord` is the parent of all others."""
        records = sorted((self.state / "run").glob("*.json"))
        return {r.stem: psutil.Process(json.loads(r.read_text())["pid"]) for r in records}

    @property
    def checker(self) -> list[Word]:
        """The command `drift-checker` with the stack's settings."""
        command = self.state / "venvs" / "checker" / "bin" / "drift-checker"
        return [command, "--settings", self.state / "etc" / "checker.env"]

    @property
    def _settings(self) -> Path:
        return self._bench.directory / "settings.json"

    def _make(self, target: str) -> Cost:
        command = ["make", target, f"PYTHON={PYTHON}", f"ARGS=-e @{self._settings}"]
        return run(command, self._bench.log(f"make-{target}"), directory=self._project)
