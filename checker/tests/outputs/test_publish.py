"""Publishing to a real MLflow: its command is named by DRIFT_TEST_MLFLOW."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import parquet, table
from services import MLFLOW, PATIENCE, MlflowServer
from web import Web

from drift_checker.config import Settings, load_monitors, load_settings
from drift_checker.errors import ServiceAwayError, UsageError
from drift_checker.outputs import publish_all
from drift_checker.outputs.mlflow import MAX_NAME, MlflowClient, escape_column
from drift_checker.references import versions
from drift_checker.result import Verdict
from drift_checker.state import Store
from drift_checker.ticks import Tick, run_tick

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MlflowServer]:
    if not MLFLOW:
        pytest.skip("DRIFT_TEST_MLFLOW does not name MLflow's command")
    with MlflowServer(tmp_path_factory.mktemp("mlflow")).serve() as server:
        yield server


@pytest.fixture
def real(env_file: Path, server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("DRIFT_MLFLOW_URL", server.url)
    monkeypatch.setenv("DRIFT_RETRY_SECONDS", "0.2")
    return load_settings(env_file)


@pytest.mark.long
@pytest.mark.mlflow
def test_a_run_of_a_real_mlflow(
    real: Settings, server: MlflowServer, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = "100 % größer/kleiner: ja\\nein?"
    names = ["x", odd, "kind"]
    web.answer("/data", parquet(table(300, seed=2, shift=2).rename_columns(names)))
    reference = real.monitors_file.parent / "reference.parquet"
    reference.write_bytes(parquet(table(1000, seed=1).rename_columns(names)))
    monitors = load_monitors(real.monitors_file)
    versions.fit_reference(Store(real), monitors.get("m"), real)
    tick = Tick(monitors.get("m"), DATE, "scheduled", "scheduled__1")

    # Killed in the middle, and back: the half-made run is completed.
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "log_inputs", lambda *_: server.kill())
        with pytest.raises(ServiceAwayError):
            run_tick(real, monitors, tick)
    server.start()
    result, published = run_tick(real, monitors, tick)
    assert run_tick(real, monitors, tick) == (result, published)

    assert result.verdict is Verdict.DRIFT
    runs = server.post("runs/search", experiment_ids=["1"])["runs"]
    (only,) = runs
    assert only["info"]["run_name"].startswith("2026-11-23 09:00 drift: ")
    assert only["info"]["status"] == "FINISHED"
    assert f"/#/experiments/1/runs/{only['info']['run_id']}?" in published.url
    tags = {tag["key"]: tag["value"] for tag in only["data"]["tags"]}
    assert tags["monitor"] == "m"
    assert tags["logical_date"] == "2026-11-23T09:00:00Z"
    assert tags["verdict"] == "drift"
    assert tags["dag_run_id"] == "scheduled__1"
    metrics = {metric["key"] for metric in only["data"]["metrics"]}
    assert {f"p_value.{escape_column(name)}" for name in names} <= metrics
    assert {"rows", "drift.share", "drift.columns", "seconds.fetch"} <= metrics
    inputs = {
        dataset["tags"][0]["value"]: dataset["dataset"]["digest"]
        for dataset in only["inputs"]["dataset_inputs"]
    }
    assert inputs == {
        "reference": result.reference.version,
        "current": result.current.digest[:36],
    }
    files = httpx.get(
        f"{server.url}/api/2.0/mlflow/artifacts/list", params={"run_id": only["info"]["run_id"]}
    ).json()["files"]
    assert {"result.json", "current.parquet"} <= {file["path"] for file in files}


@pytest.mark.long
@pytest.mark.mlflow
def test_a_database_that_is_lost_is_made_anew(
    real: Settings, server: MlflowServer, web: Web
) -> None:
    monitors = load_monitors(real.monitors_file)
    versions.fit_reference(Store(real), monitors.get("m"), real)
    for number in range(3):
        web.answer("/data", parquet(table(300, seed=number, shift=number)))
        tick = Tick(monitors.get("m"), DATE + timedelta(minutes=5 * number), "scheduled", "s__1")
        run_tick(real, monitors, tick)
    before = said(server)
    assert len(before) == 3

    server.kill()
    (server.folder / "mlflow.db").unlink()
    shutil.rmtree(server.folder / "artifacts")
    server.start()
    with MlflowClient(real) as mlflow:
        assert publish_all(Store(real), mlflow) == (3, 0)
        assert said(server) == before
        assert publish_all(Store(real), mlflow) == (0, 3)
    assert said(server) == before


def said(server: MlflowServer) -> dict[str, object]:
    """What MLflow says of each run of the monitor, but for its id and its place."""
    experiment = httpx.get(
        f"{server.url}/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": "drift/m"},
    ).json()["experiment"]["experiment_id"]
    runs = server.post("runs/search", experiment_ids=[experiment])["runs"]
    said: dict[str, object] = {}
    for run in runs:
        files = httpx.get(
            f"{server.url}/api/2.0/mlflow/artifacts/list", params={"run_id": run["info"]["run_id"]}
        ).json()["files"]
        said[run["info"]["run_name"]] = {
            "status": run["info"]["status"],
            "metrics": sorted(run["data"]["metrics"], key=lambda metric: metric["key"]),
            "tags": sorted((tag["key"], tag["value"]) for tag in run["data"]["tags"]),
            "inputs": sorted(
                (each["tags"][0]["value"], each["dataset"]["digest"])
                for each in run["inputs"]["dataset_inputs"]
            ),
            "files": sorted((file["path"], file["file_size"]) for file in files),
        }
    return said


@pytest.mark.long
@pytest.mark.mlflow
def test_an_experiment_that_was_deleted_is_restored(real: Settings, server: MlflowServer) -> None:
    with MlflowClient(real) as mlflow:
        made = mlflow.experiment("drift/gone")
        server.post("experiments/delete", experiment_id=made)
        assert mlflow.experiment("drift/gone") == made


def test_an_mlflow_that_drips_is_away(settings: Settings, web: Web) -> None:
    """One byte of a header now and then is no answer, however long it goes on."""
    impatient = settings.model_copy(
        update={"mlflow_url": web.url, "timeout_seconds": 0.3, "retry_seconds": 0.1}
    )
    start = time.monotonic()
    with (
        web.dripping("/api/2.0/mlflow/experiments/get-by-name"),
        MlflowClient(impatient) as tracking,
    ):
        with pytest.raises(ServiceAwayError, match=r"MLFLOW_URL=.*no whole answer within 0\.3 s"):
            tracking.experiment("drift/m")
        assert time.monotonic() - start < PATIENCE / 20


def test_what_is_no_mlflow_is_named(settings: Settings, web: Web) -> None:
    settings = settings.model_copy(update={"mlflow_url": web.url})
    with MlflowClient(settings) as mlflow, pytest.raises(UsageError, match="DRIFT_MLFLOW_URL"):
        mlflow.experiment("drift/m")


columns = st.text(max_size=300)


@given(columns, columns)
def test_escaping_keeps_names_apart_and_within_what_mlflow_takes(one: str, other: str) -> None:
    assert (escape_column(one) == escape_column(other)) == (one == other)
    assert re.fullmatch(r"[A-Za-z0-9_.: -]*", escape_column(one))
    assert len(escape_column(one)) <= MAX_NAME


def test_escaping_by_example() -> None:
    assert escape_column("dep_delay") == "dep_delay"
    assert escape_column("a/b:ü") == "a:2fb:3a:c3:bc"
    assert escape_column("x" * 201) == "x" * 182 + "::" + sha256(b"x" * 201).hexdigest()[:16]
