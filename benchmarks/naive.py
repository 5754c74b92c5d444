# mypy: disable-error-code="import-untyped, import-not-found"
"""The run that the checker is measured against: whole libraries, a report at each tick.

Runs in an environment of its own (`requirements.txt` beside it), as
`python naive.py REFERENCE BATCH_URL MLFLOW_URL`.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import mlflow
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset


def main(reference_path: str, batch_url: str, mlflow_url: str) -> None:
    """Fetch a batch, compare it with the reference, and log the run with the page."""
    reference = pd.read_parquet(reference_path)
    current = pd.DataFrame(httpx.get(batch_url).raise_for_status().json())
    # The same columns as the monitor: all but the timestamp.
    reference, current = (frame.drop(columns="time_hour") for frame in (reference, current))
    snapshot = Report([DataDriftPreset()]).run(current, reference)

    mlflow.set_tracking_uri(mlflow_url)
    mlflow.set_experiment("naive")
    with mlflow.start_run(), TemporaryDirectory() as folder:
        drift, *columns = snapshot.dict()["metrics"]
        mlflow.log_metric("drift.share", drift["value"]["share"])
        mlflow.log_metrics({f"score.{c['config']['column']}": c["value"] for c in columns})
        page = Path(folder, "report.html")
        snapshot.save_html(str(page))
        mlflow.log_artifact(str(page))


if __name__ == "__main__":
    main(*sys.argv[1:])
