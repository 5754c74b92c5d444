"""How `drift-checker` is asked for a check, and what its exit code means to Airflow."""

from __future__ import annotations

import json
from typing import Any, cast

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from drift_checks.links import task_page

CHECKER = "checker"
"""The part of the stack that checks."""

HOPELESS = {
    2: "a setting, the monitor or its reference is wrong",
    3: "the source answered with what is no batch at all",
}
"""Exit codes of the checker that a retry cannot mend, and what they say."""


EVENTS = "events"
"""What a check pushes the number of its events as, for the task that tells people."""


def check(monitor: str, context: Context, outcome: str, *, tell_later: bool = False) -> list[str]:
    """Return the words that ask `drift-checker` to check `monitor` at the tick of a task.

    What the check came to is written to the file `outcome`; with `tell_later`, a task after it
    tells people of its events. A run of `drift_check_now` may name another tick (`params`).
    """
    run, params = context["dag_run"], context.get("params") or {}
    # A run started by hand has no logical date.
    date = params.get("logical_date") or (run.logical_date or run.run_after).isoformat()
    trigger = "scheduled" if run.run_type == "scheduled" else params.get("trigger") or "manual"
    words = ["run", "--monitor", monitor, "--logical-date", date, "--trigger", trigger]
    words += ["--tell-later"] if tell_later else []
    words += ["--dag-run-id", run.run_id, "--task-page", task_page(context)]
    return [*words, "--outcome", outcome]


def came_to(outcome: str, context: Context) -> dict[str, Any] | None:
    """Show what a check came to in Airflow; return the outcome of one that opened an alarm.

    The verdict becomes part of the task's name (`map_index_template`), and a link leads from the
    task to the board's page of its tick.
    """
    told: dict[str, Any] = json.loads(outcome) if outcome else {}
    shown: dict[str, Any] = cast("dict[str, Any]", context)
    shown["verdict"] = told.get("verdict")
    shown["task"].board_page = told.get("page") or ""
    if told.get(EVENTS):
        context["ti"].xcom_push(key=EVENTS, value=told[EVENTS])
    return told if told and told["alarm"]["state"] == "opened" else None


def failure(part: str, code: int) -> AirflowException:
    """Return what a task raises when a part ended with `code`, which is not 0."""
    if part == CHECKER and code in HOPELESS:
        return AirflowFailException(f"{part} ended with {code}: {HOPELESS[code]}")
    return AirflowException(f"{part} ended with {code}")
