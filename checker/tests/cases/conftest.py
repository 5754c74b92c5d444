"""Files as the world writes them, compared and checked as a user does: by the command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from click.testing import CliRunner
from web import FakeMlflow

from drift_checker.cli import main

HOUR = "2026-11-23T{:02}:00:00Z"


@dataclass(frozen=True)
class Outcome:
    """What a user sees: the exit code, the result if there is one, and all that was printed."""

    code: int
    result: dict[str, Any] | None
    output: str

    @property
    def verdict(self) -> str:
        """The verdict, which has to be there."""
        assert self.result is not None, self.output
        return str(self.result["verdict"])

    @property
    def rows(self) -> int:
        """The rows of the batch."""
        assert self.result is not None, self.output
        return int(self.result["current"]["rows"])

    @property
    def faults(self) -> list[str]:
        """The names of the faults."""
        assert self.result is not None, self.output
        return [one["fault"] for one in self.result["faults"]]

    @property
    def drifted(self) -> list[str]:
        """The columns that drifted."""
        assert self.result is not None, self.output
        return list(self.result["drifted_columns"])

    def kind(self, column: str) -> str:
        """The kind of a column."""
        assert self.result is not None, self.output
        return str({one["name"]: one["kind"] for one in self.result["columns"]}[column])

    @property
    def told(self) -> str:
        """All that is said, in one text."""
        return self.output if self.result is None else json.dumps(self.result)

    @property
    def summary(self) -> str:
        """What is said first."""
        return str(self.result["explanation"]["summary"]) if self.result else self.output


Compared: TypeAlias = Callable[..., Outcome]


def invoke(*arguments: str) -> Any:
    """Run the command; a traceback is raised in the test."""
    done = CliRunner().invoke(main, list(arguments), catch_exceptions=False)
    assert "Traceback" not in done.output
    return done


@pytest.fixture
def compared(tmp_path: Path) -> Compared:
    """Compares two files, `(name, content)`, or the same again; options may follow."""

    def compare(reference: tuple[str, bytes], current: tuple[str, bytes], *more: str) -> Outcome:
        paths = []
        for part, (name, content) in (("before", reference), ("after", current)):
            (tmp_path / part).mkdir(exist_ok=True)
            paths.append(tmp_path / part / name)
            paths[-1].write_bytes(content)
        done = invoke("compare", *map(str, paths), "--format", "json", *more)
        result = json.loads(done.stdout) if done.stdout.startswith("{") else None
        return Outcome(done.exit_code, result, done.output)

    return compare


class Feed:
    """A monitor of files in a folder, with a store and an MLflow."""

    def __init__(self, folder: Path, mlflow: FakeMlflow) -> None:
        self.folder = folder
        (folder / "checker.env").write_text(
            f"DRIFT_STORE_URL={(folder / 'store').as_uri()}\n"
            f"DRIFT_MLFLOW_URL={mlflow.url}\n"
            f"DRIFT_MONITORS_FILE={folder}/monitors.yml\n"
            "DRIFT_REPORT=never\nDRIFT_RETRY_SECONDS=0.2\n"
        )

    def put(self, name: str, content: bytes) -> None:
        """Write a file below the folder."""
        place = self.folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def fit(self, monitor: str) -> Any:
        """Name the monitor's settings, and put its reference in force."""
        text = f'check_schedule: "0 * * * *"\nmonitors:\n  - name: m\n{monitor}'
        (self.folder / "monitors.yml").write_text(text)
        return self._command("baseline", "fit", "--all")

    def tick(self, hour: int) -> Outcome:
        """Check once, as scheduled."""
        done = self._command(
            *("run", "--monitor", "m", "--logical-date", HOUR.format(hour)),
            *("--trigger", "scheduled"),
        )
        stored = self.folder / f"store/results/m/20261123T{hour:02}0000Z/result.json"
        result = json.loads(stored.read_text()) if stored.exists() else None
        return Outcome(done.exit_code, result, done.output)

    def _command(self, *arguments: str) -> Any:
        return invoke("--settings", str(self.folder / "checker.env"), *arguments)


@pytest.fixture
def feed(tmp_path: Path, mlflow: FakeMlflow, monkeypatch: pytest.MonkeyPatch) -> Feed:
    """A monitor whose paths are those of a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return Feed(tmp_path, mlflow)
