"""A thin client of MLflow's REST interface: what publishing needs, without its Python package.

Importing `mlflow-skinny` costs more CPU than a whole check; a handful of requests costs nothing.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple, Self
from urllib.parse import quote

import httpx
import stamina

from drift_checker.config import Settings
from drift_checker.config.clients import BoundedClient
from drift_checker.errors import ServiceAwayError, UsageError

MAX_EXPERIMENTS = 1000
"""Experiments in one response to a search."""
MAX_RUNS = 100
"""Runs in one response to a search; each comes with all of its metrics."""
MAX_NAME = 200
"""Longest escaped name, in characters; with its prefix it stays below MLflow's limit of 250."""
MAX_TAG = 8000
"""Longest value of a tag that MLflow stores, in characters."""
MAX_RUN_NAME = 250
"""Longest name of a run, in characters, that MLflow stores."""
MAX_DIGEST = 36
"""Longest digest of a dataset that MLflow stores, in characters."""
PAGES = "workflowType=machine_learning"
"""Makes MLflow show the pages for metrics; by default it shows those for language models."""
VIEW = "drift"
"""The name of the view by which MLflow lists the runs of an experiment."""
_COLUMNS = ["tags.`verdict`", "metrics.`drift.score`", "tags.`columns`", "tags.`since`"]
_TAGS = {
    # As MLflow itself stores a view that somebody shares.
    f"mlflow.sharedViewState.{VIEW}": json.dumps(
        {"selectedColumns": _COLUMNS, "orderByKey": "attributes.`Created`", "orderByAsc": False}
    ),
}
"""Tags of each experiment."""
MAX_QUOTED = 200
"""As much of a response that is none of MLflow's as is quoted, in characters."""


class Run(NamedTuple):
    """A run of MLflow."""

    run_id: str
    experiment_id: str
    artifact_uri: str
    tags: Mapping[str, str]


class Dataset(NamedTuple):
    """A dataset that went into a run; `context` is its part in it."""

    context: str
    name: str
    digest: str
    uri: str


class MlflowClient:
    """MLflow's tracking server.

    Every method raises `ServiceAwayError` when MLflow stays away and `UsageError` when it refuses.
    """

    def __init__(self, settings: Settings) -> None:
        self.url = settings.mlflow_url
        self.max_artifact = int(settings.max_artifact_mb * (1 << 20))
        self._retry_seconds = settings.retry_seconds
        self._client = BoundedClient(settings.timeout_seconds, base_url=self.url)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def experiment(self, name: str) -> str:
        """The id of the experiment of that name, which is made or restored where needed."""
        experiment = self._find_experiment(name)
        if experiment is None:
            created = self._post(
                "experiments/create",
                {"name": name, "tags": _entries(_TAGS)},
                allow=("RESOURCE_ALREADY_EXISTS",),
            )
            experiment = created or self._find_experiment(name) or {}
            return str(experiment["experiment_id"])
        if experiment.get("lifecycle_stage") == "deleted":
            self._post("experiments/restore", {"experiment_id": experiment["experiment_id"]})
        known = {tag["key"]: tag["value"] for tag in experiment.get("tags", [])}
        for tag in _entries({key: _TAGS[key] for key in _TAGS if known.get(key) != _TAGS[key]}):
            where = {"experiment_id": experiment["experiment_id"]}
            self._post("experiments/set-experiment-tag", where | tag)
        return str(experiment["experiment_id"])

    def _find_experiment(self, name: str) -> dict[str, Any] | None:
        response = self._send(
            "GET",
            "/api/2.0/mlflow/experiments/get-by-name",
            params={"experiment_name": name},
            allow=("RESOURCE_DOES_NOT_EXIST",),
        )
        return response and response["experiment"]

    def find_runs(self, experiment_id: str, tags: Mapping[str, str]) -> list[Run]:
        """The runs that carry all these tags, oldest first; values must not contain quotes."""
        response = self._post(
            "runs/search",
            {
                "experiment_ids": [experiment_id],
                "filter": " AND ".join(f"tags.{key} = '{value}'" for key, value in tags.items()),
                "order_by": ["attributes.start_time ASC"],
                "max_results": 100,
            },
        )
        return [_run(run) for run in response.get("runs", [])]

    def experiments(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Id and name of every experiment whose name begins with a prefix without `%` and `_`."""
        query = {"filter": f"name LIKE '{prefix}%'", "max_results": MAX_EXPERIMENTS}
        for response in self._pages("experiments/search", query):
            for experiment in response.get("experiments", []):
                yield str(experiment["experiment_id"]), str(experiment["name"])

    def runs_before(self, experiment_id: str, before: datetime) -> Iterator[Run]:
        """The runs that were started before a date, oldest first."""
        query = {
            "experiment_ids": [experiment_id],
            "filter": f"attributes.start_time < {int(before.timestamp() * 1000)}",
            "order_by": ["attributes.start_time ASC"],
            "max_results": MAX_RUNS,
        }
        for response in self._pages("runs/search", query):
            yield from map(_run, response.get("runs", []))

    def artifact_bytes(self, run: Run) -> int:
        """Size of a run's artifacts in bytes."""
        response = self._send(
            "GET", "/api/2.0/mlflow/artifacts/list", params={"run_id": run.run_id}
        )
        files = response.get("files", []) if response else []
        return sum(int(file.get("file_size", 0)) for file in files)

    def create_run(
        self,
        experiment_id: str,
        name: str,
        tags: Mapping[str, str],
        *,
        started: datetime | None = None,
    ) -> Run:
        """Start a run, now or as if at another time."""
        response = self._post(
            "runs/create",
            {
                "experiment_id": experiment_id,
                "run_name": name,
                "start_time": _now() if started is None else int(started.timestamp() * 1000),
                "tags": _entries(tags),
            },
        )
        return _run(response["run"])

    def log_metrics(self, run: Run, metrics: Mapping[str, float], timestamp: int) -> None:
        """Log metrics in one request, which takes at most 1000; the same again changes nothing.

        `timestamp` is in milliseconds since 1970.
        """
        entries = [
            {"key": key, "value": value, "timestamp": timestamp, "step": 0}
            for key, value in metrics.items()
        ]
        self._post("runs/log-batch", {"run_id": run.run_id, "metrics": entries})

    def log_series(
        self, run_id: str, metrics: Mapping[str, float], timestamp: int, step: int
    ) -> bool:
        """Log a point of each metric; the same again changes nothing. False: the run is gone.

        `timestamp` is in milliseconds since 1970.
        """
        entries = [
            {"key": key, "value": value, "timestamp": timestamp, "step": step}
            for key, value in metrics.items()
        ]
        answer = self._send(
            "POST",
            "/api/2.0/mlflow/runs/log-batch",
            json={"run_id": run_id, "metrics": entries},
            # The latter of a run in the trash.
            allow=("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"),
        )
        return answer is not None

    def log_inputs(self, run: Run, datasets: Sequence[Dataset]) -> None:
        """Log the datasets that went into a run; the same again changes nothing."""
        entries = [
            {
                "tags": [{"key": "mlflow.data.context", "value": dataset.context}],
                "dataset": {
                    "name": dataset.name,
                    "digest": dataset.digest[:MAX_DIGEST],
                    "source_type": dataset.uri.partition(":")[0],
                    "source": json.dumps({"uri": dataset.uri}),
                },
            }
            for dataset in datasets
        ]
        self._post("runs/log-inputs", {"run_id": run.run_id, "datasets": entries})

    def log_artifact(self, run: Run, name: str, data: bytes) -> None:
        """Store an artifact of a run through the server; the same again changes nothing."""
        scheme, _, path = run.artifact_uri.partition(":/")
        if scheme != "mlflow-artifacts":
            raise UsageError(
                f"DRIFT_MLFLOW_URL={self.url}: MLflow must serve artifacts itself "
                f"(--serve-artifacts); this run's lie at {run.artifact_uri}"
            )
        target = f"/api/2.0/mlflow-artifacts/artifacts/{quote(path.strip('/'))}/{quote(name)}"
        self._send("PUT", target, content=data)

    def finish(self, run: Run) -> None:
        """End a run."""
        self._post("runs/update", {"run_id": run.run_id, "status": "FINISHED", "end_time": _now()})

    def delete_run(self, run_id: str) -> None:
        """Move a run to MLflow's trash."""
        self._post("runs/delete", {"run_id": run_id}, allow=("RESOURCE_DOES_NOT_EXIST",))

    def url_of_experiment(self, experiment_id: str) -> str:
        """The URL of the page that lists the runs of an experiment."""
        return f"{self.url}/#/experiments/{experiment_id}/runs?{PAGES}&viewStateShareKey={VIEW}"

    def url_of(self, run: Run) -> str:
        """The URL of the run's page."""
        return f"{self.url}/#/experiments/{run.experiment_id}/runs/{run.run_id}?{PAGES}"

    def _pages(self, path: str, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The responses to a search, page by page."""
        response = self._post(path, query)
        yield response
        while token := response.get("next_page_token"):
            response = self._post(path, {**query, "page_token": token})
            yield response

    def _post(self, path: str, body: dict[str, Any], allow: tuple[str, ...] = ()) -> dict[str, Any]:
        return self._send("POST", f"/api/2.0/mlflow/{path}", json=body, allow=allow) or {}

    def _send(
        self, method: str, path: str, *, allow: tuple[str, ...] = (), **body: Any
    ) -> dict[str, Any] | None:
        """Send a request; an error of a code that is in `allow` gives None."""
        try:
            for attempt in stamina.retry_context(
                on=(httpx.TransportError, httpx.HTTPStatusError),
                attempts=None,
                timeout=self._retry_seconds,
            ):
                with attempt:
                    response = self._client.request(method, path, **body)
                    if (
                        response.is_server_error
                        or response.status_code == HTTPStatus.TOO_MANY_REQUESTS
                    ):
                        response.raise_for_status()
        except httpx.HTTPError as error:
            raise ServiceAwayError(f"DRIFT_MLFLOW_URL={self.url}: {error}") from error
        try:
            content = dict(response.json()) if response.content else {}
        except ValueError:
            content = {"message": response.text[:MAX_QUOTED]}
        if response.is_success and "message" not in content:
            return content
        if content.get("error_code") in allow:
            return None
        raise UsageError(
            f"DRIFT_MLFLOW_URL={self.url}: {path} answered HTTP {response.status_code}: "
            f"{content.get('message', '')}"
        )


def _run(response: dict[str, Any]) -> Run:
    info = response["info"]
    tags = {tag["key"]: tag["value"] for tag in response["data"].get("tags", [])}
    return Run(info["run_id"], info["experiment_id"], info["artifact_uri"], tags)


def _entries(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _now() -> int:
    return time.time_ns() // 1_000_000


def escape_column(column: str) -> str:
    """A column's name as part of the name of a metric; different names stay different.

    Letters and digits of ASCII, `_`, `-`, `.` and the space stay; every other byte of the name in
    UTF-8 becomes `:` and two hexadecimal digits. Of what is longer than `MAX_NAME` characters, the
    rest is replaced by `::` and the first 16 digits of the name's SHA-256.
    """
    escaped = re.sub(
        r"[^A-Za-z0-9_. -]+",
        lambda match: ":" + match[0].encode("utf-8", "surrogatepass").hex(":"),
        column,
    )
    if len(escaped) <= MAX_NAME:
        return escaped
    digest = sha256(column.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{escaped[: MAX_NAME - 18]}::{digest}"
