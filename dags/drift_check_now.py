"""Checks one monitor now: for the board, for whoever asks by hand, and for batches that are pushed.

A run names its monitor (`monitor`). `logical_date` and `trigger` are those of a batch that was
pushed; without them it is a tick by hand at the time of the run.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param
from drift_checks.checks import check
from drift_checks.monitors import Monitors

names = [monitor.name for monitor in Monitors.load().monitors]

with DAG(
    "drift_check_now",
    description="Checks one monitor now",
    schedule=None,
    # Pushed ticks of a monitor follow one another, so that state over several ticks has an order.
    max_active_runs=1,
    is_paused_upon_creation=False,
    params={
        "monitor": Param(names[0], type="string", enum=names, description="which one"),
        "logical_date": Param(
            None,
            type=["null", "string"],
            format="date-time",
            description="of the batch that was pushed; else the time of the run",
        ),
        "trigger": Param(
            "manual",
            type="string",
            enum=["manual", "scheduled"],
            description="a tick by hand opens no alarm",
        ),
    },
    tags=["drift-check-now"],
):
    check(["{{ params.monitor }}"])
