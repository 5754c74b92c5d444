"""Checks every monitor for drift, on the schedule that the monitors file gives.

The monitors share the DAG `drift_detection`, as one mapped task each. A monitor with a schedule
of its own gets a DAG of its own, `drift_detection__<monitor>`. What a check does is the business
of `drift-checker`; this file says when it runs and what its exit code means to Airflow.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import yaml
from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator, Context
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from croniter import croniter
from pydantic import AfterValidator, BaseModel, Field

DAG_ID = "drift_detection"

HOPELESS = {
    2: "a setting, the monitor or its reference is wrong",
    3: "the source answered with what is no batch at all",
}
"""Exit codes of the checker that a retry cannot mend, and what they say."""

STOP_SECONDS = 10
"""How long the checker may take to end after SIGTERM."""


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


class CheckOperator(BaseOperator):
    """Checks one monitor at the run's logical date, by `drift-checker` as a process.

    The environment names the command (`DRIFT_CHECKER`) and its settings (`DRIFT_CHECKER_SETTINGS`).
    """

    def __init__(self, *, monitor: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.monitor = monitor
        # Its methods have no types.
        self._subprocess: Any = SubprocessHook()

    def execute(self, context: Context) -> None:
        """Run the checker, with its output in the task's log.

        Raises:
            AirflowFailException: the checker failed in a way that a retry cannot mend.
            AirflowException: it failed in another way.
        """
        run = context["dag_run"]
        # A run started by hand has no logical date.
        date = run.logical_date or run.run_after
        command = [os.environ["DRIFT_CHECKER"], "--settings", os.environ["DRIFT_CHECKER_SETTINGS"]]
        command += ["run", "--monitor", self.monitor, "--logical-date", date.isoformat()]
        command += ["--trigger", "scheduled" if run.run_type == "scheduled" else "manual"]
        command += ["--dag-run-id", run.run_id]

        code: int = self._subprocess.run_command(command).exit_code
        if code in HOPELESS:
            raise AirflowFailException(f"drift-checker ended with {code}: {HOPELESS[code]}")
        if code != 0:
            raise AirflowException(f"drift-checker ended with {code}")

    def on_kill(self) -> None:
        """End the checker and wait for its end, so that it never overlaps with a retry."""
        process = self._subprocess.sub_process
        if process is not None and process.poll() is None:
            self._subprocess.send_sigterm()
            process.wait(timeout=STOP_SECONDS)


def check(monitors: list[str]) -> None:
    """Add the task that checks `monitors`, mapped over them, to the DAG in whose context it is."""
    CheckOperator.partial(
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
