"""The DAG that looks for silent monitors."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from airflow.utils.db import initdb
from drift_checks.pod import PartPodOperator
from fake_checker import FakeChecker
from test_drift_detection import TWO_SCHEDULES, Write, load
from test_pod import TEMPLATE

WATCHED = TWO_SCHEDULES | {"watch_schedule": "*/15 * * * *"}


def test_nobody_watches_where_nobody_is_told(monitors: Write) -> None:
    monitors(TWO_SCHEDULES)
    assert load("drift_watch").dags == {}


def test_silence_is_looked_for_on_a_schedule_of_its_own(
    monitors: Write, checker: FakeChecker
) -> None:
    monitors(WATCHED)
    dag = load("drift_watch").dags["drift_watch"]
    assert str(dag.schedule) == "*/15 * * * *"
    assert (dag.catchup, dag.max_active_runs) == (False, 1)
    # Those of the tag `drift` are run where a check is asked for.
    assert "drift" not in dag.tags

    initdb()
    ended = dag.test(logical_date=datetime(2026, 1, 1, tzinfo=UTC))

    assert ended.state == "success"
    assert checker.calls() == ["notify due"]


def test_on_kubernetes_it_is_a_pod(
    monitors: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = tmp_path / "checker.yml"
    template.write_text(yaml.safe_dump(TEMPLATE))
    monkeypatch.setenv("DRIFT_PLATFORM", "kubernetes")
    monkeypatch.setenv("DRIFT_POD_TEMPLATES", str(tmp_path))
    monitors(WATCHED)

    task = load("drift_watch").dags["drift_watch"].get_task("notify")

    assert isinstance(task, PartPodOperator)
    assert (task.arguments, task.pod_template_file) == (["notify", "due"], str(template))
