"""The task that checks a monitor, and the one that tells people what the checks of a run found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowSkipException

from drift_checks.command import EVENTS
from drift_checks.platform import check_operator, run_part

CHECK: dict[str, Any] = {
    "task_id": "check",
    # The monitor while it is checked, and then its verdict too.
    "map_index_template": "{{ task.monitor }}{% if verdict %}: {{ verdict }}{% endif %}",
    # The checker itself is patient with each service. These retries, over about two minutes,
    # bridge a service that is restarted; a scheduler that was killed uses up one of them.
    "retries": 4,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2,
    "max_retry_delay": timedelta(minutes=1),
    "execution_timeout": timedelta(minutes=30),
}


def check(monitors: list[str], *, tell_later: bool = False) -> Any:
    """Make the task that checks `monitors`, mapped over them."""
    return check_operator().partial(**CHECK, tell_later=tell_later).expand(monitor=monitors)


def tell() -> BaseOperator:
    """Make the task that tells people what the checks before it found, all at once.

    What it could not tell, because it was killed or is skipped, the next check of the same monitor
    tells, or `drift_watch`.
    """
    return run_part(
        "tell",
        "checker",
        ["notify", "due"],
        trigger_rule="all_done",
        retries=2,
        retry_delay=timedelta(seconds=5),
        execution_timeout=timedelta(minutes=5),
        pre_execute=_skip_without_events,
    )


def _skip_without_events(context: Context) -> None:
    """Start nothing where there is nothing to tell, which is nearly always.

    Raises:
        AirflowSkipException: No check had an event.
    """
    found = context["ti"].xcom_pull(task_ids="check", key=EVENTS)
    if not any(found if isinstance(found, list | tuple) else [found]):
        raise AirflowSkipException("no check had anything to tell")
