"""A short drill of every monitor, the way that a tick goes; `playbooks/drill.yml` starts it.

It has no schedule. What a drill is stands in docs/drill.md.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG
from drift_checks.monitors import Monitors
from drift_checks.platform import run_part

with DAG(
    "drift_drill",
    description="Injects known drift and looks whether the monitors would find it",
    schedule=None,
    max_active_runs=1,
    is_paused_upon_creation=False,
    default_args={"execution_timeout": timedelta(minutes=10)},
    tags=["drill"],
):
    for monitor in Monitors.load().monitors:
        arguments = ["drill", f"--monitor={monitor.name}", "--short"]
        run_part(f"drill-{monitor.name}", "checker", arguments)
