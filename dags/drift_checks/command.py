"""How `drift-checker` is asked for a check, and what its exit code means to Airflow."""

from __future__ import annotations

import json
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException

CHECKER = "checker"
"""The part of the stack that checks."""

HOPELESS = {
    2: "a setting, the monitor or its reference is wrong",
    3: "the source answered with what is no batch at all",
}
"""Exit codes of the checker that a retry cannot mend, and what they say."""


def check(monitor: str, context: Context, outcome: str) -> list[str]:
    """Return the words that ask `drift-checker` to check `monitor` at the tick of a task.

    What the check came to is written to the file `outcome`.
    """
    run = context["dag_run"]
    # A run started by hand has no logical date.
    date = run.logical_date or run.run_after
    words = ["run", "--monitor", monitor, "--logical-date", date.isoformat()]
    words += ["--trigger", "scheduled" if run.run_type == "scheduled" else "manual"]
    return [*words, "--dag-run-id", run.run_id, "--outcome", outcome]


def opened_alarm(outcome: str) -> dict[str, Any] | None:
    """Return the outcome of a check that opened an alarm."""
    told: dict[str, Any] = json.loads(outcome) if outcome else {}
    return told if told and told["alarm"]["state"] == "opened" else None


def failure(part: str, code: int) -> AirflowException:
    """Return what a task raises when a part ended with `code`, which is not 0."""
    if part == CHECKER and code in HOPELESS:
        return AirflowFailException(f"{part} ended with {code}: {HOPELESS[code]}")
    return AirflowException(f"{part} ended with {code}")
