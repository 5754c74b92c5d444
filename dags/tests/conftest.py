"""The DAG file under a real Airflow of its own, with a fake checker."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from fake_checker import FakeChecker

DAGS = Path(__file__).resolve().parent.parent

# Airflow reads its settings when it is imported.
_home = tempfile.TemporaryDirectory(prefix="airflow-")
for name in [name for name in os.environ if name.startswith(("AIRFLOW_", "DRIFT_"))]:
    del os.environ[name]
os.environ |= {
    "AIRFLOW_HOME": _home.name,
    "AIRFLOW_CONFIG": "/dev/null",
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{_home.name}/airflow.db",
    "DRIFT_MAINTENANCE_SCHEDULE": "15 3 * * *",
    "DRIFT_RETENTION_DAYS": "30",
}


@pytest.fixture
def checker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeChecker:
    monkeypatch.setenv("DRIFT_COMMANDS", str(tmp_path))
    return FakeChecker(tmp_path)


@pytest.fixture
def monitors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], Path]:
    """Returns what writes the monitors file: text as it is, anything else as YAML."""
    path = tmp_path / "monitors.yml"
    monkeypatch.setenv("DRIFT_MONITORS_FILE", str(path))

    def write(content: object) -> Path:
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    return write
