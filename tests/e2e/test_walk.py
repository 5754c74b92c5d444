"""A short walk of the running stack: it starts, checks, finds drift, and stops."""

from __future__ import annotations

import io
import json
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import jsonschema
import psutil
import pyarrow.parquet as pq
import pytest

from e2e.stack import MONITOR, PORTS, ROOT, Played, Stack

COLUMNS = [
    name for name in pq.read_schema(ROOT / "data/reference.parquet").names if name != "time_hour"
]


@pytest.fixture
def first_run(stack: Stack) -> dict[str, Any]:
    """The DAG run that reached the first verdict."""
    return stack.airflow.dag_runs()[-1]


@pytest.fixture
def tracked(stack: Stack, first_run: dict[str, Any]) -> dict[str, Any]:
    """What MLflow holds of the first run."""
    return stack.assert_one_result(first_run)


def test_site_shows_a_verdict_that_was_reached_through_airflow(
    deployed: Played, first_run: dict[str, Any], stack: Stack
) -> None:
    assert first_run["state"] == "success"
    verdict = stack.result(first_run)["verdict"]
    assert any(
        MONITOR in line and verdict in line and stack.url("mlflow") in line
        for line in deployed.output.splitlines()
    )
    assert stack.url("airflow") in deployed.output


def test_the_run_of_mlflow_tells_what_was_found(
    tracked: dict[str, Any], first_run: dict[str, Any], stack: Stack
) -> None:
    result = stack.result(first_run)
    tags = {tag["key"]: tag["value"] for tag in tracked["data"]["tags"]}
    assert tags["monitor"] == MONITOR
    date = datetime.fromisoformat(tags["logical_date"])
    assert tracked["info"]["run_name"].startswith(f"{date:%Y-%m-%d %H:%M}")
    assert tags["verdict"] == result["verdict"]
    assert tags["dag_run_id"] == first_run["dag_run_id"]

    metrics = {metric["key"]: metric["value"] for metric in tracked["data"]["metrics"]}
    assert metrics["rows"] == 1000
    assert metrics["drift.columns"] == len(result["drifted_columns"])
    for column in COLUMNS:
        assert 0 <= metrics[f"p_value.{column}"] <= 1
        assert f"score.{column}" in metrics


def test_airflow_the_board_and_mlflow_lead_to_each_other(
    tracked: dict[str, Any], first_run: dict[str, Any], stack: Stack
) -> None:
    task = stack.airflow.task(first_run)
    assert task is not None
    verdict = stack.result(first_run)["verdict"]
    assert task["rendered_map_index"] == f"{MONITOR}: {verdict}"
    page = stack.airflow.links(task)["Board"]
    assert page.startswith(stack.url("board", f"/monitors/{MONITOR}/ticks/"))

    shown = httpx.get(page).text
    log = f"/dags/{task['dag_id']}/runs/{quote(task['dag_run_id'], safe='')}/tasks/check/mapped/0"
    assert f'href="{stack.url("airflow", log)}"' in shown
    run = f"/#/experiments/{tracked['info']['experiment_id']}/runs/{tracked['info']['run_id']}?"
    assert stack.url("mlflow", run) in shown


def test_the_run_of_mlflow_names_its_two_datasets(
    tracked: dict[str, Any], first_run: dict[str, Any], stack: Stack
) -> None:
    result = stack.result(first_run)
    digests = {
        entry["tags"][0]["value"]: entry["dataset"]["digest"]
        for entry in tracked["inputs"]["dataset_inputs"]
    }
    assert set(digests) == {"reference", "current"}
    assert result["reference"]["version"].startswith(digests["reference"])
    assert result["current"]["digest"].startswith(digests["current"])


def test_the_run_of_mlflow_holds_result_report_and_data(
    tracked: dict[str, Any], first_run: dict[str, Any], stack: Stack
) -> None:
    assert set(stack.mlflow.artifacts(tracked)) == {
        "result.json",
        "report.html",
        "current.parquet",
    }
    result = json.loads(stack.mlflow.artifact(tracked, "result.json"))
    assert result == stack.result(first_run)
    schema = ROOT / "checker/src/drift_checker/result.schema.json"
    jsonschema.validate(result, json.loads(schema.read_text()))
    assert b"<html" in stack.mlflow.artifact(tracked, "report.html")
    batch = pq.read_table(io.BytesIO(stack.mlflow.artifact(tracked, "current.parquet")))
    assert batch.num_rows == 1000
    assert set(COLUMNS) <= set(batch.column_names)


def test_a_tick_started_through_the_rest_interface_reaches_a_verdict(stack: Stack) -> None:
    started = stack.airflow.trigger()
    assert started["logical_date"] is None

    stack.assert_one_result(stack.airflow.wait(started))


def test_a_drifted_batch_is_told(stack: Stack) -> None:
    settings: dict[str, Any] = {"drift_prob": 1, "drift_scenarios": ["mean_shift"]}
    stack.succeed("site.yml", **settings)

    shown = stack.succeed("playbooks/check.yml", **settings).output

    run = stack.airflow.dag_runs()[0]
    tracked = stack.assert_one_result(run)
    result = stack.result(run)
    assert result["truth"]["injected"]
    assert result["verdict"] == "drift"
    assert set(result["truth"]["columns"]) <= set(result["drifted_columns"])
    tags = {tag["key"]: tag["value"] for tag in tracked["data"]["tags"]}
    assert f"{MONITOR}: drift at {tags['logical_date']}" in " ".join(shown.split())


def test_down_stops_everything(stack: Stack) -> None:
    processes = stack.processes()
    assert processes
    assert len(stack.open_ports()) == len(PORTS)

    stack.succeed("teardown.yml", remove_data=False)

    assert not [process for process in processes if psutil.pid_exists(process.pid)]
    assert stack.processes() == []
    assert stack.open_ports() == []
    assert (stack.state / "data/store/results" / MONITOR).is_dir()
