"""The stack on one machine keeps still, follows its settings, refuses wrong ones, and stops."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from e2e.stack import Stack, until


def snapshot(stack: Stack) -> dict[str, Any]:
    """All configuration and every process."""
    files = [path for path in (stack.state / "etc").rglob("*") if path.is_file()]
    return {
        "files": {str(path): path.read_bytes() for path in files},
        "processes": stack.records(),
    }


def test_a_second_run_changes_nothing_and_check_mode_agrees(stack: Stack) -> None:
    runs = stack.airflow.dag_runs()

    assert stack.succeed("site.yml").changed == [0]
    assert stack.succeed("site.yml", "--check").changed == [0]

    assert stack.airflow.dag_runs() == runs


def test_check_mode_tells_of_a_change_and_makes_none(stack: Stack) -> None:
    before = snapshot(stack)

    assert stack.succeed("site.yml", "--check", drift_prob=1).changed != [0]

    assert snapshot(stack) == before


def test_what_is_kept_is_for_its_owner_alone(stack: Stack) -> None:
    """The stack is deployed under a umask that denies nothing, and has run a check."""
    found = [stack.state, *(path for path in stack.state.iterdir() if path.name != "venvs")]
    found += [path for top in found[1:] for path in top.rglob("*")]
    assert any(path.is_socket() for path in found)

    assert not [path for path in found if not path.is_symlink() and path.stat().st_mode & 0o077]


def test_other_pages_and_names_are_refused(stack: Stack) -> None:
    """A page of another port of this machine, and one whose name was made to lead here."""
    search = stack.url("mlflow", "/ajax-api/2.0/mlflow/experiments/search")

    def status(url: str, **headers: str) -> int:
        return httpx.post(url, json={"max_results": 1}, headers=headers).status_code

    for host in ("localhost", "127.0.0.1"):
        own = f"{host}:{stack.settings['mlflow_port']}"
        assert status(search, host=own, origin=f"http://{own}") == 200
        assert status(search, host=f"{host}:1") == 403
        assert status(search, origin=f"http://{host}:1") == 403
    assert status(search, host="rebound.example") == 403
    data = stack.url("drifter", "/api/v1/data?rows=1")
    assert httpx.get(data, headers={"host": "rebound.example"}).status_code == 400
    assert httpx.get(data, headers={"host": "localhost:1"}).status_code == 200


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
        ("drift_prob", 1.2, ["-e: drift_prob: allowed: 1 or less (got 1.2)"]),
        ("check_schedule", "61 * * * *", ["-e: check_schedule: allowed: a cron", "61 * * * *"]),
        (
            "monitors",
            [{"name": "flights", "curent": {"url": "http://127.0.0.1/"}}],
            ["-e: monitors[0].curent: unknown key; did you mean current?"],
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
    assert len(stack.open_ports()) == 4

    stack.succeed("teardown.yml")

    assert stack.processes() == []
    assert not [process for process in processes if psutil.pid_exists(process.pid)]
    assert stack.open_ports() == []

    again = stack.succeed("site.yml")
    assert [run["dag_run_id"] for run in stack.airflow.dag_runs()] == runs
    assert stack.checker("status", "--format", "json") == shown
    assert json.loads(shown)["monitors"][0]["run_url"] in again.output
