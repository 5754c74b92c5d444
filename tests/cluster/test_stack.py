"""The stack does what it is for, and stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from e2e.stack import MONITOR, logical_date, until

from cluster.cluster import Cluster, key

INTERVAL_SECONDS = 300
"""Of the schedule."""


def test_every_pod_is_ready(deployed: Cluster) -> None:
    # Those of checks come and go: they run to their end, and the tests of ticks look at that.
    servers = deployed.get("pods", "--selector=app.kubernetes.io/component!=checker")
    pods = [pod for pod in servers if pod["status"]["phase"] != "Succeeded"]

    assert {pod["metadata"]["labels"]["app.kubernetes.io/component"] for pod in pods} >= {
        "airflow", "board", "drifter", "minio", "mlflow", "postgres",
    }  # fmt: skip
    for pod in pods:
        ready = {item["type"]: item["status"] for item in pod["status"]["conditions"]}["Ready"]
        assert ready == "True", pod["metadata"]["name"]


def test_a_scheduled_tick_leaves_its_verdict_everywhere(deployed: Cluster) -> None:
    now = datetime.now(UTC)
    with deployed.airflow() as airflow:

        def scheduled() -> list[dict[str, Any]]:
            runs = [run for run in airflow.dag_runs() if run["run_type"] == "scheduled"]
            return [run for run in runs if logical_date(run) > now]

        (run, *_) = until(scheduled, INTERVAL_SECONDS + 60, "the next scheduled tick is there")
        run = airflow.wait(run)

    tracked = deployed.assert_one_result(run)
    tags = {tag["key"]: tag["value"] for tag in tracked["data"]["tags"]}
    assert f"store/batches/{key(run)}/current.parquet" in deployed.objects("store/batches/")
    assert deployed.result(run)["verdict"] == tags["verdict"]


def test_the_first_tick_has_a_report(deployed: Cluster) -> None:
    results = deployed.objects(f"store/results/{MONITOR}/")
    first = min(name.split("/")[3] for name in results)

    assert f"store/results/{MONITOR}/{first}/report.html" in results


def test_a_second_run_changes_nothing(deployed: Cluster) -> None:
    played = deployed.succeed("site.yml")

    assert set(played.changed) == {0}, played.output
