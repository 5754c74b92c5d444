"""One check, started by the board or by hand; and what several checks of a run tell together."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowSkipException
from drift_checks.checks import CHECK
from drift_checks.command import came_to
from drift_checks.links import BoardLink
from fake_checker import FakeChecker
from jinja2 import Template
from test_drift_detection import run

DAGS = Path(__file__).resolve().parent.parent
DATE = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
MONITORS = {
    "check_schedule": "*/5 * * * *",
    "watch_schedule": "*/15 * * * *",
    "monitors": [{"name": "flights"}, {"name": "taxi"}, {"name": "sales", "current": "push"}],
}

Write = Callable[[object], Path]


def dag(name: str, dag_id: str | None = None) -> Any:
    bag = DagBag(str(DAGS / f"{name}.py"))
    assert bag.import_errors == {}
    return bag.dags[dag_id or name]


def context(**params: object) -> dict[str, Any]:
    by_hand = run(logical_date=None, run_after=DATE, run_type="manual")
    return by_hand | {"params": params}


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"logical_date": None, "trigger": "manual"}, f"{DATE.isoformat()} --trigger manual"),
        (
            {"logical_date": "2026-01-02T03:00:00Z", "trigger": "scheduled"},
            "2026-01-02T03:00:00Z --trigger scheduled",
        ),
    ],
)
def test_a_run_names_its_tick(
    monitors: Write, checker: FakeChecker, params: dict[str, Any], words: str
) -> None:
    monitors(MONITORS)
    now = dag("drift_check_now")
    assert now.schedule is None
    assert now.params.get_param("monitor").schema["enum"] == ["flights", "taxi", "sales"]
    task = now.get_task("check").unmap({"monitor": "sales"})
    task.execute(context(**params))
    (call,) = checker.calls()
    assert call.startswith(f"run --monitor sales --logical-date {words} --dag-run-id r1")


def test_pushed_monitors_are_on_no_schedule(monitors: Write) -> None:
    monitors(MONITORS)
    check = dag("drift_detection").get_task("check")
    assert check.expand_input.value["monitor"] == ["flights", "taxi"]


def test_several_checks_leave_telling_to_a_task_after_them(
    monitors: Write, checker: FakeChecker
) -> None:
    monitors(MONITORS)
    several = dag("drift_detection")
    assert several.get_task("check").downstream_task_ids == {"tell"}
    assert several.get_task("tell").trigger_rule == "all_done"
    several.get_task("check").unmap({"monitor": "taxi"}).execute(context())
    assert "--tell-later" in checker.calls()[0]

    monitors(MONITORS | {"monitors": [{"name": "flights"}]})
    assert dag("drift_detection").task_ids == ["check"]
    monitors(MONITORS | {"watch_schedule": None})
    assert dag("drift_detection").task_ids == ["check"]


@pytest.mark.parametrize("found", [None, [], [None, 0]])
def test_where_nothing_is_to_be_told_nothing_is_started(monitors: Write, found: object) -> None:
    monitors(MONITORS)
    tell = dag("drift_detection").get_task("tell")
    pulled = SimpleNamespace(xcom_pull=lambda **_: found)
    with pytest.raises(AirflowSkipException):
        tell._pre_execute_hook({"ti": pulled})
    some = SimpleNamespace(xcom_pull=lambda **_: [2])
    tell._pre_execute_hook({"ti": some})


def test_the_name_of_a_check_shows_its_verdict_and_a_link_leads_to_the_board(
    monitors: Write,
) -> None:
    monitors(MONITORS)
    template = Template(CHECK["map_index_template"])
    shown: dict[str, Any] = {"task": SimpleNamespace(monitor="flights")}
    assert template.render(shown) == "flights"
    pushed: dict[str, Any] = {}
    shown["ti"] = SimpleNamespace(xcom_push=lambda key, value: pushed.update({key: value}))
    page = "https://example.org/board/monitors/flights/ticks/20260102T030500Z"
    outcome = json.dumps(
        {"verdict": "drift", "events": 2, "alarm": {"state": "ongoing"}, "page": page}
    )
    assert came_to(outcome, shown) is None  # type: ignore[arg-type]
    assert template.render(shown) == "flights: drift"
    assert pushed == {"events": 2}
    assert BoardLink().get_link(shown["task"], ti_key=None) == page
    assert dag("drift_detection").get_task("check").operator_extra_links
