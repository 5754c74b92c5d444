"""The DAG by which a drill goes through Airflow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.utils.db import initdb
from fake_checker import FakeChecker
from test_drift_detection import TWO_SCHEDULES

DAGS = Path(__file__).resolve().parent.parent


def test_every_monitor_is_drilled_once_and_only_when_asked(
    monitors: Callable[[object], Path], checker: FakeChecker
) -> None:
    monitors(TWO_SCHEDULES)
    bag = DagBag(str(DAGS / "drift_drill.py"))
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    schedule: object = dag.schedule
    assert schedule is None
    assert dag.max_active_runs == 1
    # By this tag the checks are found that a person asks for.
    assert "drift" not in dag.tags

    initdb()
    assert dag.test().state == "success"
    assert sorted(checker.calls()) == [
        f"drill --monitor={name} --short" for name in ("flights", "prices", "weather")
    ]
