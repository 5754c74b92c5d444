"""Empties MLflow's trash: what was deleted goes for good, with all that belongs to it.

`mlflow gc` removes the runs and their artifacts, but leaves behind what it finds no owner for: the
notes on the datasets of each run, and, where artifacts are files, the folder of each run. Those go
here. Settings come from the environment, by the names that MLflow itself gives them:

- ``MLFLOW_BACKEND_STORE_URI``
- ``MLFLOW_TRACKING_URI``, the server, through which artifacts are removed
- ``MLFLOW_ARTIFACTS_DESTINATION``
"""

from __future__ import annotations

import os
from pathlib import Path

import mlflow.cli
from mlflow.store.db.utils import create_sqlalchemy_engine_with_retry
from mlflow.store.tracking.dbmodels.models import SqlDataset, SqlInput, SqlInputTag, SqlRun
from sqlalchemy import Connection, delete, exists, select

RUN, DATASET = "RUN", "DATASET"
"""What MLflow calls the two ends of an input."""


def main() -> None:
    """Empty the trash of the MLflow that the environment names."""
    backend = os.environ["MLFLOW_BACKEND_STORE_URI"]
    mlflow.cli.cli(["gc", "--backend-store-uri", backend], standalone_mode=False)
    destination = os.environ["MLFLOW_ARTIFACTS_DESTINATION"]
    with create_sqlalchemy_engine_with_retry(backend).begin() as connection:
        print(f"removed {remove_orphans(connection)} notes on datasets of runs that are gone")
        if "://" not in destination:
            print(f"removed {remove_empty_folders(connection, Path(destination))} empty folders")


def remove_orphans(connection: Connection) -> int:
    """Remove inputs of runs that are gone, and datasets that are no input; return how many."""
    statements = [
        delete(SqlInput).where(
            SqlInput.destination_type == RUN,
            ~exists().where(SqlRun.run_uuid == SqlInput.destination_id),
        ),
        delete(SqlInputTag).where(~exists().where(SqlInput.input_uuid == SqlInputTag.input_uuid)),
        delete(SqlDataset).where(
            ~exists().where(
                SqlInput.source_type == DATASET, SqlInput.source_id == SqlDataset.dataset_uuid
            )
        ),
    ]
    return sum(connection.execute(statement).rowcount for statement in statements)


def remove_empty_folders(connection: Connection, artifacts: Path) -> int:
    """Remove the empty folders, `<experiment>/<run>`, of runs that are gone; return how many."""
    removed = 0
    for folder in artifacts.glob("*/*"):
        run = select(SqlRun.run_uuid).where(SqlRun.run_uuid == folder.name)
        if not any(folder.iterdir()) and connection.execute(run).first() is None:
            folder.rmdir()
            removed += 1
    return removed


if __name__ == "__main__":
    main()
