"""Checks every monitor for drift, on the schedule that the monitors file gives.

The monitors share the DAG `drift_detection`, as one mapped task each. A monitor with a schedule
of its own gets a DAG of its own, `drift_detection__<monitor>`. What a check does is the business
of `drift-checker`; `drift_checks` runs it, and this file says when.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, task_group
from drift_checks.checks import CHECK, check, tell
from drift_checks.monitors import Monitors
from drift_checks.platform import check_operator
from drift_checks.reaction import ReactionOperator

DAG_ID = "drift_detection"


def check_and_react(monitors: list[str], trigger: str, *, tell_later: bool = False) -> Any:
    """Make the same, each followed by a task that starts the DAG `trigger` if an alarm opened."""

    @task_group(prefix_group_id=False)
    def tick(monitor: str) -> None:
        checked = check_operator()(**CHECK, monitor=monitor, tell_later=tell_later)
        checked >> ReactionOperator(task_id="react", trigger_dag_id=trigger, retries=2)

    return tick.expand(monitor=monitors)


def drift_dag(dag_id: str, schedule: str, monitors: list[str], settings: Monitors) -> None:
    """Make the DAG that checks `monitors` on `schedule` (cron, UTC); Airflow finds it by itself."""
    trigger = settings.on_drift_trigger_dag
    with DAG(
        dag_id,
        description=f"Checks for drift: {', '.join(monitors)}",
        schedule=schedule,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        # Ticks of a monitor follow one another, so that state over several ticks has an order.
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=["drift", settings.tag],
    ):
        # One message for what several checks found; one check tells it by itself.
        later = settings.tells and len(monitors) > 1
        if trigger is None:
            checked = check(monitors, tell_later=later)
        else:
            checked = check_and_react(monitors, trigger, tell_later=later)
        if later:
            checked >> tell()


def drift_dags(settings: Monitors) -> None:
    """Make the DAGs for `settings`."""
    shared = []
    for monitor in settings.monitors:
        if monitor.pushed:
            continue  # see drift_check_now
        if monitor.schedule is None or monitor.schedule == settings.check_schedule:
            shared.append(monitor.name)
        else:
            dag_id = f"{DAG_ID}__{monitor.name}"
            drift_dag(dag_id, monitor.schedule, [monitor.name], settings)
    if shared:
        drift_dag(DAG_ID, settings.check_schedule, shared, settings)


drift_dags(Monitors.load())
