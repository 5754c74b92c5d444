"""The DAG that is started when an alarm opens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSkipException, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.utils.db import resetdb
from drift_checks.reaction import ReactionOperator
from fake_checker import FakeChecker
from test_drift_detection import TWO_SCHEDULES, Write, load

REACTING = TWO_SCHEDULES | {"on_drift_trigger_dag": "retrain"}
OPENED = {"monitor": "flights", "alarm": {"state": "opened", "id": "flights-20260101T000000Z"}}


class Task:
    """Stands in for the task instance: what the check left, and which DAGs there are."""

    map_index = 1

    def __init__(self, outcome: object, status: int | None = None) -> None:
        self.outcome, self.status = outcome, status

    def xcom_pull(self, *, task_ids: str, map_indexes: int) -> object:
        assert (task_ids, map_indexes) == ("check", 1)
        return self.outcome

    def get_dag(self, dag_id: str) -> None:
        assert dag_id == "retrain"
        if self.status is not None:
            detail = {"status_code": self.status}
            error = ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail=detail)
            raise AirflowRuntimeError(error)


@pytest.fixture
def database() -> Iterator[None]:
    """An empty database: Airflow trips over runs of a DAG that had another form before."""
    resetdb()
    yield
    resetdb()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[SimpleNamespace]:
    """What was asked of Airflow."""
    runs: list[SimpleNamespace] = []

    def execute(self: Any, _: object) -> None:
        runs.append(SimpleNamespace(id=self.trigger_run_id, conf=self.conf))

    monkeypatch.setattr(TriggerDagRunOperator, "execute", execute)
    return runs


def react(task: Task) -> None:
    context: Any = {"ti": task}
    ReactionOperator(task_id="react", trigger_dag_id="retrain").execute(context)


def test_the_run_is_named_after_the_alarm_and_knows_it(started: list[SimpleNamespace]) -> None:
    react(Task(OPENED))

    (run,) = started
    assert (run.id, run.conf) == ("alarm__flights-20260101T000000Z", OPENED)


def test_without_an_alarm_nothing_is_started(started: list[SimpleNamespace]) -> None:
    with pytest.raises(AirflowSkipException, match="no alarm was opened"):
        react(Task(None))
    assert started == []


def test_a_dag_that_is_not_there_is_named_and_fails_nothing(
    started: list[SimpleNamespace],
) -> None:
    with pytest.raises(AirflowSkipException, match="there is no DAG retrain"):
        react(Task(OPENED, status=404))
    with pytest.raises(AirflowRuntimeError):
        react(Task(OPENED, status=500))
    assert started == []


def states(dag_run: Any) -> dict[tuple[str, int], str]:
    return {
        (instance.task_id, instance.map_index): str(instance.state)
        for instance in dag_run.get_task_instances()
    }


def test_each_check_is_followed_by_its_own_reaction(
    monitors: Write, checker: FakeChecker, started: list[SimpleNamespace], database: None
) -> None:
    monitors(REACTING)
    bag = load()
    assert bag.import_errors == {}

    quiet = bag.dags["drift_detection"].test(logical_date=datetime(2026, 1, 1, tzinfo=UTC))

    assert quiet.state == "success"
    assert states(quiet) == {
        ("check", 0): "success",
        ("check", 1): "success",
        ("react", 0): "skipped",
        ("react", 1): "skipped",
    }
    assert sorted(call.split()[2] for call in checker.calls()) == ["flights", "weather"]
    assert started == []


def test_a_check_that_fails_fails_the_run_and_no_other_reaction(
    monitors: Write, checker: FakeChecker, database: None
) -> None:
    monitors(REACTING)
    checker.exits_with(2)

    failed = load().dags["drift_detection"].test(logical_date=datetime(2026, 1, 2, tzinfo=UTC))

    assert failed.state == "failed"
    assert {state for (task, _), state in states(failed).items() if task == "react"} == {
        "upstream_failed"
    }
