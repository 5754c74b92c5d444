"""Removes what is older than the settings promise (`DRIFT_RETENTION_DAYS`), once a day.

Each part removes what is its own: the checker batches, results and runs, MLflow what lies in its
trash, Airflow its metadata and the logs of its tasks.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.configuration import conf
from drift_checks.old_logs import remove_old_logs
from drift_checks.platform import run_part

DAYS = float(os.environ["DRIFT_RETENTION_DAYS"])
BEFORE = f"{{{{ (dag_run.run_after - macros.timedelta(days={DAYS})).isoformat() }}}}"
CLEAN = [
    "db",
    "clean",
    "--yes",
    "--skip-archive",
    "--error-on-cleanup-failure",
    "--batch-size=1000",
]


@task
def remove_logs() -> int:
    """Remove old logs of tasks, which every worker can reach; return how many files."""
    return remove_old_logs(
        Path(conf.get("logging", "base_log_folder")), datetime.now(UTC) - timedelta(days=DAYS)
    )


with DAG(
    "drift_maintenance",
    description="Removes what is older than has to be kept",
    # Not at once when it is deployed, where there is nothing to remove.
    schedule=CronTriggerTimetable(
        os.environ["DRIFT_MAINTENANCE_SCHEDULE"], timezone="UTC", run_immediately=timedelta(0)
    ),
    catchup=False,
    max_active_runs=1,
    # One worker is enough; the others are for checks.
    max_active_tasks=1,
    is_paused_upon_creation=False,
    default_args={
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "execution_timeout": timedelta(hours=6),
    },
    tags=["maintenance"],
):
    run_part("prune", "checker", ["prune"]) >> run_part("empty_trash", "mlflow", [])
    run_part(
        "clean_metadata",
        "airflow",
        [*CLEAN, f"--clean-before-timestamp={BEFORE}"],
    )
    remove_logs()
