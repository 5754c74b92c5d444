"""A lasting shift: one alarm, told once, until what is seen now is accepted as the reference."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pyarrow.parquet as pq
import pytest

from e2e.conftest import QUIET
from e2e.stack import MONITOR, ROOT, Stack, until

TICK_SECONDS = 240
"""How long a tick of every minute may take to come and to end, on a machine that does much else."""
LASTING = {
    "name": MONITOR,
    "current": {
        "url": "{{ drifter_url }}/api/v1/data",
        # Of summer, where the reference is of winter.
        "params": {"mode": "replay", "at": "2013-07-15T00:00:00Z", "rows": 1000},
    },
    "reference": {"path": str(ROOT / "data/reference.parquet")},
    "columns": {"timestamp": "time_hour", "target": "arr_delay"},
    "sampling": "iid",
}


@pytest.fixture
def hook() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address for notifications, and what arrived there."""
    arrived: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # a name of http.server
            arrived.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"json://127.0.0.1:{server.server_port}/hook", arrived
    server.shutdown()
    server.server_close()


class Ticks:
    """The scheduled ticks of a stack after a moment."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.known = {run["dag_run_id"] for run in stack.airflow.dag_runs()}

    def ended(self) -> list[dict[str, Any]]:
        """Runs that have ended, the oldest first."""
        runs = self.stack.airflow.dag_runs()[::-1]
        new = [run for run in runs if run["dag_run_id"] not in self.known and run["end_date"]]
        return [run for run in new if run["run_type"] == "scheduled"]

    def wait(self, count: int) -> list[dict[str, Any]]:
        """The results of the first so many."""

        def enough() -> list[dict[str, Any]]:
            ended = self.ended()
            return ended if len(ended) >= count else []

        runs = until(enough, TICK_SECONDS * count, f"{count} scheduled ticks have ended")[:count]
        for run in runs:
            self.stack.assert_one_result(run)
        return [self.stack.result(run) for run in runs]


def alarms(arrived: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What was told of alarms; the schedule that came with the test makes the monitor silent."""
    return [told for told in arrived if "-alarm_" in told["message"]]


def versions(stack: Stack) -> list[str]:
    """Every version that was in force, the present one last."""
    shown = json.loads(stack.checker("baseline", "show", "--all", "--format", "json"))
    return [entry["version"] for entry in shown[MONITOR]["history"]]


def test_a_lasting_shift_is_told_once_until_it_is_accepted(
    stack: Stack, hook: tuple[str, list[dict[str, Any]]]
) -> None:
    url, arrived = hook
    settings: dict[str, Any] = {
        "monitors": [LASTING],
        "check_schedule": "* * * * *",
        "watch_schedule": QUIET,
        "notification_urls": [url],
        "on_drift_trigger_dag": "drift_watch",
    }
    ticks = Ticks(stack)
    stack.succeed("site.yml", **settings)

    found = ticks.wait(3)
    assert [result["verdict"] for result in found] == ["drift"] * 3
    assert [result["alarm"]["state"] for result in found] == ["opened", "ongoing", "ongoing"]
    alarm = found[0]["alarm"]
    assert {result["alarm"]["id"] for result in found} == {alarm["id"]}
    (opened,) = alarms(arrived)
    assert opened["message"].endswith(f"{alarm['id']}-alarm_opened")
    assert "temp: median" in opened["message"]
    # The DAG of the settings was started for it, once.
    assert [run["dag_run_id"] for run in stack.airflow.dag_runs("drift_watch")].count(
        f"alarm__{alarm['id']}"
    ) == 1

    (before,) = versions(stack)
    unanswered = stack.playbook("playbooks/rebaseline.yml", **settings)
    assert unanswered.returncode != 0
    assert "ticks drifted" in unanswered.output
    assert versions(stack) == [before]
    accepted = stack.succeed("playbooks/rebaseline.yml", **settings, yes=True)
    assert accepted.changed == [1]
    _, after = versions(stack)
    said = " ".join(accepted.output.split())
    assert f"{MONITOR}: {after} in force instead of {before}" in said
    assert f"baseline use --monitor {MONITOR} {before}" in said

    closing = Ticks(stack)

    def judged_anew() -> list[dict[str, Any]]:
        results = [stack.result(run) for run in closing.ended()]
        return [result for result in results if result["reference"]["version"] == after]

    first = until(judged_anew, 2 * TICK_SECONDS, "a tick against the new reference")[0]
    assert first["verdict"] == "ok"
    assert (first["alarm"]["state"], first["alarm"]["id"]) == ("closed", alarm["id"])
    until(lambda: len(alarms(arrived)) > 1, 30, "the end of the alarm is told")
    assert [told["message"].rpartition("-")[2] for told in alarms(arrived)] == [
        "alarm_opened",
        "alarm_closed",
    ]

    # A deployment does not undo it, and every version can be read.
    assert stack.succeed("site.yml", **settings).changed == [0]
    assert versions(stack) == [before, after]
    for version in (before, after):
        folder = stack.state / "data/store/reference" / MONITOR / version
        rows = json.loads((folder / "profile.json").read_text())["rows"]
        assert pq.read_table(folder / "data.parquet").num_rows == rows

    # Back to the old normal: another alarm, and a DAG that is not there fails no check.
    stack.succeed("site.yml", **settings | {"on_drift_trigger_dag": "nowhere"})
    back = Ticks(stack)
    stack.checker("baseline", "use", "--monitor", MONITOR, before)

    def opened_again() -> list[dict[str, Any]]:
        return [run for run in back.ended() if stack.result(run)["alarm"]["state"] == "opened"]

    run = until(opened_again, 3 * TICK_SECONDS, "another alarm opens")[0]
    assert run["state"] == "success"
    task = stack.airflow.task(run, "react")
    assert task is not None
    assert task["state"] == "skipped"
    assert any("There is no DAG nowhere" in str(line) for line in stack.airflow.log(task))
    assert versions(stack) == [before, after, before]

    stack.succeed("site.yml")
