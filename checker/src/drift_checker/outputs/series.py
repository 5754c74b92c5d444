"""All ticks of a monitor as one run of MLflow, which draws a series of each of its metrics.

MLflow draws a metric over time only within a run. These runs stand in an experiment of their own,
so that the list of a monitor's ticks has ticks only. As of the runs of ticks, the store decides
which one counts; a point that is logged again is the same point.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from drift_checker.errors import UsageError
from drift_checker.outputs.mlflow import MlflowClient
from drift_checker.state import Document, Store, keys, read_cache

EXPERIMENT = "drift over time"
"""The experiment that has a run for each monitor."""
_SECONDS = 60
"""Of a step: ticks are at least a minute apart."""


class SeriesRun(Document):
    """`series.json`: the run that counts for a monitor."""

    run_id: str


def log_point(
    store: Store,
    mlflow: MlflowClient,
    monitor: str,
    logical_date: datetime,
    metrics: Mapping[str, float],
) -> None:
    """Log the metrics of a tick in the run of its monitor, which is made where there is none.

    Raises:
        ServiceAwayError: the store or MLflow stayed away.
        UsageError: MLflow refuses.
    """
    seconds = int(logical_date.timestamp())
    known = _read(store, monitor)
    if known and mlflow.log_series(known.run_id, metrics, 1000 * seconds, seconds // _SECONDS):
        return
    run_id = _claim(store, mlflow, monitor)
    if not mlflow.log_series(run_id, metrics, 1000 * seconds, seconds // _SECONDS):
        raise UsageError(f"DRIFT_MLFLOW_URL={mlflow.url}: the run {run_id} takes no metrics")


def is_kept(store: Store, mlflow: MlflowClient, monitor: str) -> bool:
    """Whether MLflow has the run of a monitor."""
    known = _read(store, monitor)
    return known is not None and known.run_id in _runs(mlflow, monitor)


def _read(store: Store, monitor: str) -> SeriesRun | None:
    return read_cache(store, keys.series(monitor), SeriesRun.model_validate_json)


def _runs(mlflow: MlflowClient, monitor: str) -> list[str]:
    found = mlflow.find_runs(mlflow.experiment(EXPERIMENT), {"monitor": monitor})
    return [run.run_id for run in found]


def _claim(store: Store, mlflow: MlflowClient, monitor: str) -> str:
    """Return the run that counts: the recorded one, one of a killed publisher, or a new one."""
    key = keys.series(monitor)
    known = _read(store, monitor)  # before the search, which then must find it
    runs = _runs(mlflow, monitor)
    if known is not None and known.run_id in runs:
        for duplicate in runs:
            if duplicate != known.run_id:
                mlflow.delete_run(duplicate)
        return known.run_id
    store.delete(key)  # the run was deleted in MLflow, or the record is damaged
    run_id = runs[0] if runs else _create(mlflow, monitor)
    store.put_if_absent(key, SeriesRun(run_id=run_id).model_dump_json().encode())
    return _claim(store, mlflow, monitor)


def _create(mlflow: MlflowClient, monitor: str) -> str:
    run = mlflow.create_run(
        mlflow.experiment(EXPERIMENT),
        monitor,
        {"monitor": monitor, "mlflow.source.name": "drift-checker"},
        started=datetime.now(UTC),
    )
    mlflow.finish(run)
    return run.run_id
