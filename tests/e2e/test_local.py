"""The stack on one machine: it reaches a verdict, keeps still, follows its settings, and stops."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from typing import Any

import jsonschema
import psutil
import pyarrow.parquet as pq
import pytest

from e2e.stack import MONITOR, ROOT, Played, Stack, until

COLUMNS = [
    name for name in pq.read_schema(ROOT / "data/reference.parquet").names if name != "time_hour"
]


def snapshot(stack: Stack) -> dict[str, Any]:
    """All configuration and every process."""
    files = [path for path in (stack.state / "etc").rglob("*") if path.is_file()]
    return {
        "files": {str(path): path.read_bytes() for path in files},
        "processes": stack.records(),
    }


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


def test_a_second_run_changes_nothing_and_check_mode_agrees(stack: Stack) -> None:
    runs = stack.airflow.dag_runs()

    assert stack.succeed("site.yml").changed == [0]
    assert stack.succeed("site.yml", "--check").changed == [0]

    assert stack.airflow.dag_runs() == runs


def test_check_mode_tells_of_a_change_and_makes_none(stack: Stack) -> None:
    before = snapshot(stack)

    assert stack.succeed("site.yml", "--check", drift_prob=1).changed != [0]

    assert snapshot(stack) == before


def test_the_run_of_mlflow_tells_what_was_found(
    tracked: dict[str, Any], first_run: dict[str, Any], stack: Stack
) -> None:
    result = stack.result(first_run)
    tags = {tag["key"]: tag["value"] for tag in tracked["data"]["tags"]}
    assert tags["monitor"] == MONITOR
    assert tags["logical_date"] == tracked["info"]["run_name"]
    assert tags["verdict"] == result["verdict"]
    assert tags["dag_run_id"] == first_run["dag_run_id"]

    metrics = {metric["key"]: metric["value"] for metric in tracked["data"]["metrics"]}
    assert metrics["rows"] == 1000
    assert metrics["drift.columns"] == len(result["drifted_columns"])
    for column in COLUMNS:
        assert 0 <= metrics[f"p_value.{column}"] <= 1
        assert f"score.{column}" in metrics


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


def test_the_status_shows_processes_and_verdicts(stack: Stack) -> None:
    shown = stack.succeed("playbooks/status.yml").output
    for name in stack.programs():
        assert name in shown
    last = json.loads(stack.checker("status", "--format", "json"))["monitors"]
    assert last[0]["run_url"] in shown


def test_settings_restart_only_what_depends_on_them(stack: Stack) -> None:
    start = stack.records()
    stack.succeed("site.yml", drift_prob=1)
    drifting = stack.records()
    assert {name for name in start if start[name] != drifting[name]} == {"drifter"}

    known = len(stack.airflow.dag_runs())
    stack.succeed("site.yml", drift_prob=1, check_schedule="* * * * *")
    assert stack.records() == drifting
    assert stack.airflow.dag()["timetable_summary"] == "* * * * *"

    # The next tick comes by itself.
    def ended() -> list[dict[str, Any]]:
        return [run for run in stack.airflow.dag_runs()[:-known] if run["end_date"]]

    scheduled = until(ended, 150, "a scheduled tick has ended")[-1]
    assert scheduled["run_type"] == "scheduled"
    stack.assert_one_result(scheduled)
    assert stack.result(scheduled)["truth"]["injected"]

    stack.succeed("site.yml")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("drift_prob", 1.2, ["drift_prob is 1.2", "from 0 to 1"]),
        ("check_schedule", "61 * * * *", ["check_schedule", "61 * * * *"]),
        (
            "monitors",
            [{"name": "flights", "curent": {"url": "http://127.0.0.1/"}}],
            ["monitors", "curent"],
        ),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_changes(
    stack: Stack, setting: str, value: object, named: list[str]
) -> None:
    before = snapshot(stack)

    refused = stack.playbook("site.yml", **{setting: value})

    assert refused.returncode != 0
    for word in named:
        assert word in refused.output
    assert "Traceback" not in refused.output
    assert refused.changed == [0]
    assert snapshot(stack) == before


def test_a_taken_port_is_named_and_nothing_changes(stack: Stack, taken_port: int) -> None:
    before = snapshot(stack)

    refused = stack.playbook("site.yml", mlflow_port=taken_port)

    assert refused.returncode != 0
    assert f"mlflow_port: port {taken_port} is taken by" in refused.output
    assert refused.changed == [0]
    assert snapshot(stack) == before


def test_teardown_stops_everything_and_keeps_the_history(stack: Stack) -> None:
    processes = stack.processes()
    runs = [run["dag_run_id"] for run in stack.airflow.dag_runs()]
    shown = stack.checker("status", "--format", "json")
    assert processes
    assert len(stack.open_ports()) == 3

    stack.succeed("teardown.yml")

    assert stack.processes() == []
    assert not [process for process in processes if psutil.pid_exists(process.pid)]
    assert stack.open_ports() == []

    again = stack.succeed("site.yml")
    assert [run["dag_run_id"] for run in stack.airflow.dag_runs()] == runs
    assert stack.checker("status", "--format", "json") == shown
    assert json.loads(shown)["monitors"][0]["run_url"] in again.output
