from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# Each core has a test already; threads of BLAS beside them wait for each other, at full speed.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import hypothesis
import pytest
from deployment import Deployment, write_settings
from web import FakeMlflow, Web

from drift_checker.config import Monitors, Settings, load_monitors, load_settings

# No test depends on the time that it takes, or the imports of its first example. `make test` takes
# few examples, `make test-long` all.
untimed = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("untimed", **untimed)
hypothesis.settings.register_profile("few", max_examples=20, **untimed)
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("DRIFT_", "AWS_"))]:
        monkeypatch.delenv(name)


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().serve() as server:
        yield server


@pytest.fixture
def mlflow() -> Iterator[FakeMlflow]:
    with FakeMlflow().serve() as server:
        yield server


@pytest.fixture
def env_file(tmp_path: Path, web: Web, mlflow: FakeMlflow) -> Path:
    """Settings of a deployment whose source answers at `/data` with a batch without drift."""
    return write_settings(tmp_path, web, mlflow)


@pytest.fixture
def settings(env_file: Path) -> Settings:
    return load_settings(env_file)


@pytest.fixture
def monitors(settings: Settings) -> Monitors:
    return load_monitors(settings.monitors_file)


@pytest.fixture
def deployment(env_file: Path, settings: Settings, monitors: Monitors) -> Deployment:
    return Deployment(env_file, settings, monitors)
