"""All ticks of a monitor are one run of MLflow, whatever is killed or lost on the way."""

from __future__ import annotations

from datetime import timedelta

import pytest
from deployment import DATE, Deployment
from web import PATIENCE, FakeMlflow

from drift_checker.outputs import MlflowClient, publish_all, publish_pending
from drift_checker.state import keys


def points(mlflow: FakeMlflow, metric: str) -> list[tuple[int, int]]:
    """Time in milliseconds and step of each point of a metric, in order."""
    (run,) = mlflow.series
    assert run["name"] == "m"
    return sorted((time, step) for name, _, time, step in run["points"] if name == metric)


def expected(ticks: int) -> list[tuple[int, int]]:
    minutes = [int(DATE.timestamp()) // 60 + 5 * tick for tick in range(ticks)]
    return [(60_000 * minute, minute) for minute in minutes]


def test_each_tick_is_a_point_by_its_logical_date(
    deployment: Deployment, mlflow: FakeMlflow
) -> None:
    for tick in range(3):
        deployment.run(DATE + timedelta(minutes=5 * tick), "scheduled")

    for metric in ("rows", "drift.score", "p_value.x", "score.x"):
        assert points(mlflow, metric) == expected(3)
    # The run is looked for once, and then known.
    assert mlflow.calls["runs/create"] == 3 + 1


@pytest.mark.parametrize("lost", ["run", "record", "both"])
def test_what_is_lost_is_made_anew(deployment: Deployment, mlflow: FakeMlflow, lost: str) -> None:
    deployment.run(DATE, "scheduled")
    if lost != "run":
        deployment.store.delete(keys.series("m"))
    if lost != "record":
        mlflow.series[0]["stage"] = "deleted"

    deployment.run(DATE + timedelta(minutes=5), "scheduled")

    assert points(mlflow, "rows") == expected(2)[0 if lost == "record" else 1 :]
    with MlflowClient(deployment.settings) as client:
        assert publish_all(deployment.store, client) == (0, 2)


def test_publishing_all_again_fills_a_run_that_was_lost(
    deployment: Deployment, mlflow: FakeMlflow
) -> None:
    for tick in range(3):
        deployment.run(DATE + timedelta(minutes=5 * tick), "scheduled")
    mlflow.series[0]["stage"] = "deleted"

    with MlflowClient(deployment.settings) as client:
        assert publish_all(deployment.store, client) == (0, 3)
        assert points(mlflow, "rows") == expected(3)
        assert publish_all(deployment.store, client) == (0, 3)
    assert points(mlflow, "rows") == expected(3)


@pytest.mark.parametrize("after", [0, 1])
def test_killed_between_a_run_and_its_record(
    deployment: Deployment, mlflow: FakeMlflow, after: int
) -> None:
    """The run of the tick is made first, that of the series second."""
    mlflow.stop_at("runs/create", after=after)
    child = deployment.start()
    try:
        assert mlflow.reached.wait(PATIENCE), child.communicate()
    finally:
        child.kill()
        child.communicate()
    mlflow.release()

    with MlflowClient(deployment.settings) as client:
        publish_pending(deployment.store, client)

    assert len(points(mlflow, "rows")) == len(mlflow.active) == 1


def test_a_list_of_runs_shows_what_matters(deployment: Deployment, mlflow: FakeMlflow) -> None:
    deployment.run(DATE, "scheduled")

    for experiment in mlflow.experiments.values():
        (tag,) = mlflow.experiment_tags[experiment]
        assert tag["key"] == "mlflow.sharedViewState.drift"
        assert "tags.`verdict`" in tag["value"]
    (run,) = mlflow.active
    assert run["name"].startswith("2026-11-23 09:00 ok: no drift and no fault")
    with MlflowClient(deployment.settings) as client:
        url = client.url_of_experiment("1")
    assert url == (
        f"{mlflow.url}/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey=drift"
    )


def test_an_older_experiment_gets_the_view(deployment: Deployment, mlflow: FakeMlflow) -> None:
    mlflow.experiments["drift/m"] = "1"
    mlflow.experiment_tags["1"] = []

    for tick in range(2):
        deployment.run(DATE + timedelta(minutes=5 * tick), "scheduled")

    assert len(mlflow.experiment_tags["1"]) == 1
    assert mlflow.calls["experiments/set-experiment-tag"] == 1
