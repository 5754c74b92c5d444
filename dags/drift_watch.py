"""Looks for monitors without a verdict, and for people who could not be told before.

It stands beside the checks, because silence is what checks that fail, hang or never start cannot
tell of. Only where somebody is told, the monitors file has a schedule for it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG
from drift_checks.monitors import Monitors
from drift_checks.platform import run_part

schedule = Monitors.load().watch_schedule
if schedule is not None:
    with DAG(
        "drift_watch",
        description="Tells people of silent monitors",
        schedule=schedule,
        start_date=datetime(2026, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        default_args={
            "retries": 1,
            "retry_delay": timedelta(seconds=10),
            "execution_timeout": timedelta(minutes=5),
        },
        tags=["drift-watch"],
    ):
        run_part("notify", "checker", ["notify", "due"])
