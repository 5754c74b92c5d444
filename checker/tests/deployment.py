"""A deployment as a test sees it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from samples import parquet, table
from services import Gate, MlflowServer
from web import FakeMlflow, Web

from drift_checker.cli import main
from drift_checker.config import Monitors, Settings
from drift_checker.references import versions
from drift_checker.result import Result
from drift_checker.state import Store
from drift_checker.ticks import Tick, Trigger, run_tick

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MONITORS = """
check_schedule: "*/5 * * * *"
monitors:
  - name: m
    current: {url: "%s", params: {seed: "{seed}", at: "{logical_date}"}}
    reference: {path: reference.parquet}
"""


def write_settings(
    folder: Path, web: Web, mlflow: FakeMlflow | MlflowServer | Gate, **other: object
) -> Path:
    """Write the settings of a deployment whose source answers with a batch without drift.

    Args:
        folder: Where they, the reference and the store are.
        web: The source.
        mlflow: Where it publishes.
        other: `DRIFT_*` variables that are set otherwise, by their names.
    """
    url = web.answer("/data", parquet(table(300, seed=2)), headers={"X-Drift-Injected": "false"})
    (folder / "reference.parquet").write_bytes(parquet(table(1000, seed=1)))
    (folder / "monitors.yml").write_text(MONITORS % url)
    env = folder / "checker.env"
    settings = {
        "DRIFT_STORE_URL": f"file://{folder}/store",
        "DRIFT_MLFLOW_URL": mlflow.url,
        "DRIFT_MONITORS_FILE": f"{folder}/monitors.yml",
        "DRIFT_REPORT": "never",
        "DRIFT_TIMEOUT_SECONDS": 30,
        "DRIFT_RETRY_SECONDS": 0.2,
    } | other
    env.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return env


class Deployment:
    """A store with a reference, a source, a fake MLflow, and the settings that lead to them."""

    def __init__(self, env_file: Path, settings: Settings, monitors: Monitors) -> None:
        self.env_file, self.settings, self.monitors = env_file, settings, monitors
        self.store = Store(settings)
        self.monitor = monitors.get("m")
        versions.fit_reference(self.store, self.monitor, settings)

    def run(self, date: datetime = DATE, trigger: Trigger = "manual", **options: Any) -> Result:
        tick = Tick(self.monitor, date, trigger, "manual__1")
        return run_tick(self.settings, self.monitors, tick, **options)[0]

    def start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", "from drift_checker.cli import main; main()"]
        command += ["--settings", str(self.env_file), "run", "--monitor", "m"]
        command += ["--logical-date", DATE.isoformat()]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def cli(self, *arguments: str) -> Any:
        return CliRunner().invoke(main, ["--settings", str(self.env_file), *arguments])

    def results(self) -> list[str]:
        return [entry.key for entry in self.store.list("results") if "/result" in entry.key]


class Site:
    """A monitor with a reference, its source, a fake MLflow, and the settings that lead to them."""

    def __init__(
        self, env_file: Path, settings: Settings, monitors: Monitors, web: Web, mlflow: FakeMlflow
    ) -> None:
        self.env_file, self.settings, self.monitors = env_file, settings, monitors
        self.web, self.mlflow = web, mlflow
        self.store = Store(settings)
        self.monitor = monitors.get("m")
        versions.fit_reference(self.store, self.monitor, settings)
