"""The deployed stack keeps what the settings promise, and no more."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from e2e.stack import MONITOR, Stack

FIRST = datetime(2026, 2, 1, tzinfo=UTC)
MOMENT = 1 / 86_400
"""A second, in days."""
OWNED = ["metrics", "latest_metrics", "params", "tags"]
"""The tables of MLflow with what belongs to one run."""
OTHERS = f"""select run_uuid from runs join experiments using (experiment_id)
    where experiments.name != 'drift/{MONITOR}'"""  # noqa: S608  a name of the tests
"""The runs of each monitor over time, which stay, and of monitors that another test had."""


def rows(database: Path, query: str) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {str(row[0]) for row in connection.execute(query)}


def test_maintenance_leaves_what_is_promised_and_nothing_else(stack: Stack) -> None:
    dates = [FIRST + timedelta(days=n) for n in range(4)]
    for date in dates:
        stack.checker("run", "--monitor", MONITOR, "--logical-date", date.isoformat())
    check = stack.airflow.wait(stack.airflow.trigger())
    latest = {stack.assert_one_result(check)["info"]["run_id"]}
    ticks = {stack.result_folder(check).name}
    # Another test may have left an alarm open: the tick that opened it stays as well.
    (shown,) = json.loads(stack.checker("status", "--format", "json"))["monitors"]
    if shown["open_alarm"]:
        since = datetime.fromisoformat(shown["open_alarm"]["since"])
        ticks.add(f"{since:%Y%m%dT%H%M%SZ}")
        latest |= {run["info"]["run_id"] for run in stack.mlflow.runs(MONITOR, since)}
    try:
        stack.succeed("site.yml", checker_retention_days=MOMENT, airflow_retention_days=MOMENT)
        run = stack.airflow.wait(stack.airflow.trigger("drift_maintenance"))
    finally:
        stack.succeed("site.yml")

    assert run["state"] == "success"
    data = stack.state / "data"
    for kind in ("batches", "results"):
        assert {path.name for path in (data / "store" / kind / MONITOR).glob("2*")} == ticks
    assert list((data / "store/reference" / MONITOR).glob("*/data.parquet"))

    mlflow = data / "mlflow/mlflow.db"
    others = rows(mlflow, OTHERS)
    assert rows(mlflow, "select run_uuid from runs") - others == latest
    for table in OWNED:
        of = rows(mlflow, f"select run_uuid from {table}")  # noqa: S608  a name from above
        assert of - others <= latest, table
    assert rows(mlflow, "select destination_id from inputs") - others == latest
    inputs = rows(mlflow, "select input_uuid from inputs")
    assert rows(mlflow, "select input_uuid from input_tags") == inputs
    sources = rows(mlflow, "select source_id from inputs")
    assert rows(mlflow, "select dataset_uuid from datasets") == sources
    kept = {path.name for path in (data / "mlflow/artifacts").glob("*/*")}
    assert kept - others == latest

    airflow = data / "airflow/airflow.db"
    kept = rows(airflow, "select run_id from dag_run")
    assert check["dag_run_id"] not in kept
    assert rows(airflow, "select distinct run_id from task_instance") <= kept
    logs = {path.name for path in (data / "airflow/logs").glob("dag_id=*/run_id=*")}
    assert f"run_id={check['dag_run_id']}" not in logs
