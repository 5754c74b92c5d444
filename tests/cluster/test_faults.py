"""Parts are killed in the middle of a tick; it ends with one result and one run all the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from e2e.services import TICK_SECONDS, Airflow
from e2e.stack import until

from cluster.cluster import Cluster

READY_SECONDS = {
    "deployment/airflow-scheduler": 300,
    "deployment/airflow-triggerer": 300,
    "deployment/airflow-api-server": 300,
    "deployment/airflow-dag-processor": 300,
    "deployment/board": 120,
    "deployment/mlflow": 300,
    "statefulset/minio": 120,
    "statefulset/postgres": 120,
}
"""What is killed, and the seconds within which another pod of it is ready."""

CHECKS = "--selector=app.kubernetes.io/name=checker"


def kill(cluster: Cluster, selector: str) -> None:
    """Kill pods without a chance to tidy up."""
    cluster.kubectl("delete", "pods", selector, "--force", "--grace-period=0")


def checks(cluster: Cluster, *phases: str) -> list[dict[str, Any]]:
    """The pods of checks that are in one of the phases."""
    return [pod for pod in cluster.get("pods", CHECKS) if pod["status"]["phase"] in phases]


def wait_for_quiet(airflow: Airflow) -> None:
    """Wait until no tick of the schedule is under way."""
    until(
        lambda: not any(run["state"] in {"queued", "running"} for run in airflow.dag_runs()),
        TICK_SECONDS,
        "no tick is under way",
    )


def assert_ends_well(cluster: Cluster, run: dict[str, Any]) -> None:
    """Assert that a tick ends with one result and one MLflow run, and leaves no pod running."""
    with cluster.airflow() as airflow:

        def ended() -> Mapping[str, Any]:
            try:
                return airflow.wait(run)
            except httpx.HTTPError:  # Airflow has lost its database, or just found it again
                return {}

        tracked = cluster.assert_one_result(until(ended, TICK_SECONDS, "the tick has ended"))
    assert tracked["info"]["lifecycle_stage"] == "active"
    assert checks(cluster, "Pending", "Running") == []


@contextmanager
def waiting_check(cluster: Cluster) -> Iterator[dict[str, Any]]:
    """A tick whose check is under way and waits for the Drifter, which comes back afterwards."""
    with cluster.airflow() as airflow:
        wait_for_quiet(airflow)
    cluster.kubectl("scale", "deployment/drifter", "--replicas=0")
    try:
        cluster.kubectl("wait", "pods", "--selector=app.kubernetes.io/name=drifter", "--for=delete")
        with cluster.airflow() as airflow:
            run = airflow.trigger()
        until(lambda: checks(cluster, "Running"), 120, "the check runs")
        yield run
    finally:
        cluster.kubectl("scale", "deployment/drifter", "--replicas=1")


@pytest.mark.parametrize("part", READY_SECONDS)
def test_a_part_is_killed_in_the_middle_of_a_tick(deployed: Cluster, part: str) -> None:
    with waiting_check(deployed) as run:
        kill(deployed, f"--selector=app.kubernetes.io/name={part.rpartition('/')[2]}")

    deployed.kubectl("rollout", "status", part, f"--timeout={READY_SECONDS[part]}s")
    assert_ends_well(deployed, run)


def test_the_check_is_killed(deployed: Cluster) -> None:
    with waiting_check(deployed) as run:
        kill(deployed, CHECKS)

    assert_ends_well(deployed, run)


def test_the_drifter_is_killed_while_a_check_starts(deployed: Cluster) -> None:
    with deployed.airflow() as airflow:
        wait_for_quiet(airflow)
        run = airflow.trigger()
    until(lambda: checks(deployed, "Pending", "Running"), 120, "the check has a pod")
    kill(deployed, "--selector=app.kubernetes.io/name=drifter")

    assert_ends_well(deployed, run)
