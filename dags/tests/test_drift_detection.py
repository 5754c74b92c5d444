"""The DAGs that a monitors file makes, and what the checker's exit code means to Airflow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.utils.db import initdb
from fake_checker import FakeChecker

DAGS = Path(__file__).resolve().parent.parent

DATE = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)

Write = Callable[[object], Path]

TWO_SCHEDULES = {
    "check_schedule": "*/5 * * * *",
    "monitors": [
        {"name": "flights", "current": {"url": "http://source"}, "columns": {"target": "delay"}},
        {"name": "weather", "schedule": "*/5 * * * *"},
        {"name": "prices", "schedule": "0 6 * * *"},
    ],
}

# As tests/test_roles.py has it, because `site.yml` waits for it.
TAG = "monitors-adf5508f05f6"


def load(name: str = "drift_detection") -> DagBag:
    return DagBag(str(DAGS / f"{name}.py"))


def check(bag: DagBag, dag_id: str) -> Any:
    """Returns the mapped task of a DAG."""
    return bag.dags[dag_id].get_task("check")


def operator(bag: DagBag, **values: object) -> Any:
    """Returns the check of a monitor, as Airflow makes it for one element of the mapping."""
    return check(bag, "drift_detection").unmap({"monitor": "flights", **values})


def run(**values: object) -> dict[str, Any]:
    """Returns the part of a task's context that the operator reads."""
    fields = {"logical_date": DATE, "run_after": DATE, "run_type": "scheduled", "run_id": "r1"}
    task = {"dag_id": "drift_detection", "run_id": "r1", "task_id": "check", "map_index": 0}
    return {
        "dag_run": SimpleNamespace(**fields | values),
        "ti": SimpleNamespace(**task),
        "task": SimpleNamespace(),
    }


def test_monitors_share_a_dag_unless_their_schedule_differs(monitors: Write) -> None:
    monitors(TWO_SCHEDULES)
    bag = load()

    assert bag.import_errors == {}
    found: dict[str, object] = {
        dag_id: (dag.schedule, check(bag, dag_id).expand_input.value["monitor"])
        for dag_id, dag in bag.dags.items()
    }
    assert found == {
        "drift_detection": ("*/5 * * * *", ["flights", "weather"]),
        "drift_detection__prices": ("0 6 * * *", ["prices"]),
    }


def test_dags_run_one_tick_at_a_time_and_from_the_start(monitors: Write) -> None:
    monitors(TWO_SCHEDULES)
    bag = load()
    for dag_id, dag in bag.dags.items():
        assert dag.max_active_runs == 1
        assert dag.catchup is False
        assert dag.is_paused_upon_creation is False
        assert dag.tags == {"drift", TAG}
        assert check(bag, dag_id).partial_kwargs["retries"] >= 3
        assert check(bag, dag_id).partial_kwargs["execution_timeout"] is not None


def test_only_schedules_of_their_own_make_no_empty_dag(monitors: Write) -> None:
    monitors(TWO_SCHEDULES | {"monitors": [{"name": "prices", "schedule": "@daily"}]})
    assert list(load().dags) == ["drift_detection__prices"]


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("check_schedule: [", "line 1"),
        ("", "valid dictionary"),
        ({"monitors": [{"name": "flights"}]}, "check_schedule"),
        ({"check_schedule": "*/5 * * * *", "monitors": []}, "monitors"),
        ({"check_schedule": "*/5 * * * *", "monitors": [{"url": "x"}]}, "monitors.0.name"),
        ({"check_schedule": "every day", "monitors": [{"name": "flights"}]}, "check_schedule"),
        (
            {"check_schedule": "@hourly", "monitors": [{"name": "a", "schedule": "99 * * * *"}]},
            "monitors.0.schedule",
        ),
    ],
)
def test_wrong_file_is_an_import_error_that_names_file_and_key(
    monitors: Write, content: object, key: str
) -> None:
    path = monitors(content)
    bag = load()

    assert bag.dags == {}
    (error,) = bag.import_errors.values()
    assert str(path) in error
    assert key in error


def test_checker_is_told_monitor_and_tick(monitors: Write, checker: FakeChecker) -> None:
    monitors(TWO_SCHEDULES)
    operator(load()).execute(run())

    (call,) = checker.calls()
    assert call.startswith(
        "run --monitor flights"
        f" --logical-date {DATE.isoformat()} --trigger scheduled --dag-run-id r1"
        " --task-page dags/drift_detection/runs/r1/tasks/check/mapped/0 --outcome /"
    )


def test_run_by_hand_takes_its_run_after(monitors: Write, checker: FakeChecker) -> None:
    monitors(TWO_SCHEDULES)
    operator(load()).execute(run(logical_date=None, run_type="manual"))

    (call,) = checker.calls()
    assert f"--logical-date {DATE.isoformat()} --trigger manual" in call


@pytest.mark.parametrize("code", [2, 3])
def test_hopeless_exit_codes_are_not_retried(
    monitors: Write, checker: FakeChecker, code: int
) -> None:
    monitors(TWO_SCHEDULES)
    checker.exits_with(code)
    with pytest.raises(AirflowFailException, match=f"ended with {code}: "):
        operator(load()).execute(run())


@pytest.mark.parametrize("code", [1, 4])
def test_other_exit_codes_are_retried(monitors: Write, checker: FakeChecker, code: int) -> None:
    monitors(TWO_SCHEDULES)
    checker.exits_with(code)
    with pytest.raises(AirflowException, match=f"ended with {code}$") as caught:
        operator(load()).execute(run())
    assert not isinstance(caught.value, AirflowFailException)


def test_killed_task_ends_its_checker(monitors: Write, checker: FakeChecker) -> None:
    monitors(TWO_SCHEDULES)
    task = operator(load())
    checker.command.write_text("#!/bin/sh\necho started\nexec sleep 60\n")

    class KillAtFirstLine:
        """Takes the place of the hook's log; it gets each line of the checker's output."""

        def info(self, *message: object) -> None:
            if message[-1] == "started":
                task.on_kill()

    task._subprocess._log = KillAtFirstLine()
    with pytest.raises(AirflowException, match=r"ended with -15$"):
        task.execute(run())


def test_airflow_runs_the_checks_of_all_monitors(monitors: Write, checker: FakeChecker) -> None:
    monitors(TWO_SCHEDULES)
    initdb()
    dag_run = load().dags["drift_detection"].test(logical_date=datetime(2026, 1, 1, tzinfo=UTC))

    assert dag_run.state == "success"
    checks = {task.rendered_map_index: task.state for task in dag_run.get_task_instances()}
    assert checks == {"flights": "success", "weather": "success"}
    assert len(checker.calls()) == 2
