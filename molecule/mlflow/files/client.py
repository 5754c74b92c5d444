"""Logs a run with an artifact and reads both back; is refused by a name that is not MLflow's."""

import sys

import mlflow
import requests

url, namespace = sys.argv[1:]
mlflow.set_tracking_uri(url)
with mlflow.start_run() as run:
    mlflow.log_metric("score", 0.5)
    mlflow.log_text("an artifact", "probe.txt")

found = mlflow.search_runs(
    output_format="list", filter_string=f"attributes.run_id = '{run.info.run_id}'"
)
assert [one.data.metrics for one in found] == [{"score": 0.5}], found
assert run.info.artifact_uri.startswith("mlflow-artifacts:"), run.info.artifact_uri
assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/probe.txt") == "an artifact"

service = f"mlflow.{namespace}.svc.cluster.local"
for host, status in {"mlflow:5000": 200, service: 200, "mlflow.example.com": 403}.items():
    answer = requests.get(
        f"{url}/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"Host": host}, timeout=10
    )
    assert answer.status_code == status, f"{host}: {answer.status_code} {answer.text}"
