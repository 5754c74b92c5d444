"""Checks every monitor for drift, on the schedule that the monitors file gives.

The monitors share the DAG `drift_detection`, as one mapped task each. A monitor with a schedule
of its own gets a DAG of its own, `drift_detection__<monitor>`. What a check does is the business
of `drift-checker`; `drift_checks` runs it, and this file says when.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import yaml
from airflow.sdk import DAG, BaseOperator
from croniter import croniter
from pydantic import AfterValidator, BaseModel, Field

DAG_ID = "drift_detection"


def _cron(expression: str) -> str:
    if not croniter.is_valid(expression):
        raise ValueError(f"{expression!r} is not a cron expression, as in '*/5 * * * *'")
    return expression


Cron = Annotated[str, AfterValidator(_cron)]


class Monitor(BaseModel):
    """What Airflow needs to know of a monitor; the checker validates the rest."""

    name: str
    schedule: Cron | None = None


class Monitors(BaseModel):
    """The monitors file, as far as it concerns Airflow."""

    check_schedule: Cron
    monitors: list[Monitor] = Field(min_length=1)

    @classmethod
    def load(cls, path: Path) -> Monitors:
        """Read the file at `path`.

        Raises:
            ValueError: with the path and the key that is wrong; Airflow shows it as import error.
        """
        try:
            return cls.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error


def check_operator() -> type[BaseOperator]:
    """Return the operator of the platform (`DRIFT_PLATFORM`); only its libraries are imported."""
    if os.environ.get("DRIFT_PLATFORM") == "kubernetes":
        from drift_checks.pod import CheckPodOperator  # noqa: PLC0415

        return CheckPodOperator

    from drift_checks.process import CheckProcessOperator  # noqa: PLC0415

    return CheckProcessOperator


def check(monitors: list[str]) -> None:
    """Add the task that checks `monitors`, mapped over them, to the DAG in whose context it is."""
    check_operator().partial(
        task_id="check",
        map_index_template="{{ task.monitor }}",
        # The checker itself is patient with each service. These retries, over about two minutes,
        # bridge a service that is restarted; a scheduler that was killed uses up one of them.
        retries=4,
        retry_delay=timedelta(seconds=5),
        retry_exponential_backoff=2,
        max_retry_delay=timedelta(minutes=1),
        execution_timeout=timedelta(minutes=30),
    ).expand(monitor=monitors)


def drift_dag(dag_id: str, schedule: str, monitors: list[str]) -> None:
    """Make the DAG that checks `monitors` on `schedule` (cron, UTC); Airflow finds it by itself."""
    with DAG(
        dag_id,
        description=f"Checks for drift: {', '.join(monitors)}",
        schedule=schedule,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        # Ticks of a monitor follow one another, so that state over several ticks has an order.
        max_active_runs=1,
        is_paused_upon_creation=False,
        tags=["drift"],
    ):
        check(monitors)


def drift_dags(settings: Monitors) -> None:
    """Make the DAGs for `settings`."""
    shared = []
    for monitor in settings.monitors:
        if monitor.schedule is None or monitor.schedule == settings.check_schedule:
            shared.append(monitor.name)
        else:
            drift_dag(f"{DAG_ID}__{monitor.name}", monitor.schedule, [monitor.name])
    if shared:
        drift_dag(DAG_ID, settings.check_schedule, shared)


drift_dags(Monitors.load(Path(os.environ["DRIFT_MONITORS_FILE"])))
