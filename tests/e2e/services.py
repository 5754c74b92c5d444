"""Airflow and MLflow through their own interfaces."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

DAG = "drift_detection"
TICK_SECONDS = 300
"""How long a tick may take, retries included."""


@dataclass(frozen=True)
class Airflow:
    """Airflow's REST interface."""

    url: str
    password: str

    def is_healthy(self) -> bool:
        """Whether every part says that it is."""
        parts = httpx.get(f"{self.url}/api/v2/monitor/health").json()
        return {part["status"] for part in parts.values()} == {"healthy"}

    def dag(self) -> dict[str, Any]:
        return self._get("")

    def dag_runs(self, dag: str = DAG) -> list[dict[str, Any]]:
        """All runs, the newest first."""
        path = "/dagRuns?order_by=-run_after"
        runs: list[dict[str, Any]] = self._get(path, dag)["dag_runs"]
        return runs

    def trigger(self, dag: str = DAG) -> dict[str, Any]:
        """Start a run as a person does."""
        with self._client() as client:
            answer = client.post(f"/api/v2/dags/{dag}/dagRuns", json={"logical_date": None})
            answer.raise_for_status()
            run: dict[str, Any] = answer.json()
            return run

    def run(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """The run as it is now."""
        return self._get(f"/dagRuns/{run['dag_run_id']}", run["dag_id"])

    def task(self, run: Mapping[str, Any], name: str = "check") -> dict[str, Any] | None:
        """The check of a run, or what follows it, as it is now, once there is one."""
        mapped = self.tasks(run, name)
        return mapped[0] if mapped else None

    def tasks(self, run: Mapping[str, Any], name: str = "check") -> list[dict[str, Any]]:
        """The checks of a run, or what follows them, as they are now: of up to 100 monitors."""
        path = f"/dagRuns/{run['dag_run_id']}/taskInstances?limit=100"
        tasks = self._get(path, run["dag_id"])["task_instances"]
        return [task for task in tasks if task["task_id"] == name and task["map_index"] >= 0]

    def log(self, task: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The log of the last try of a check, line by line."""
        place = f"{task['dag_run_id']}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
        lines: list[dict[str, Any]] = self._get(
            f"/dagRuns/{place}?map_index={task['map_index']}&full_content=true"
        )["content"]
        return lines

    def links(self, task: Mapping[str, Any]) -> dict[str, str]:
        """Where a task's page leads to, by name."""
        place = f"{task['dag_run_id']}/taskInstances/{task['task_id']}/links"
        path = f"/dagRuns/{place}?map_index={task['map_index']}"
        links: dict[str, str] = self._get(path, task["dag_id"])["extra_links"]
        return links

    def wait(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Wait for the end of a run, through Airflow, and return it."""
        path = f"/dagRuns/{run['dag_run_id']}/wait?interval=1"
        with (
            self._client(timeout=TICK_SECONDS) as client,
            client.stream("GET", f"/api/v2/dags/{run['dag_id']}{path}") as answer,
        ):
            answer.raise_for_status()
            *_, last = filter(None, answer.iter_lines())
        ended = self.run(run)
        assert json.loads(last)["state"] == ended["state"]
        return ended

    def _get(self, path: str, dag: str = DAG) -> dict[str, Any]:
        with self._client() as client:
            answer = client.get(f"/api/v2/dags/{dag}{path}")
            answer.raise_for_status()
            found: dict[str, Any] = answer.json()
            return found

    def _client(self, timeout: float = 30) -> httpx.Client:
        login = {"username": "admin", "password": self.password}
        token = httpx.post(f"{self.url}/auth/token", json=login, timeout=timeout)
        token.raise_for_status()
        return httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {token.json()['access_token']}"},
            timeout=timeout,
        )


@dataclass(frozen=True)
class Mlflow:
    """MLflow's REST interface."""

    url: str

    def runs(self, monitor: str, date: datetime | None = None) -> list[dict[str, Any]]:
        """The runs of a monitor, or those of one logical date."""
        experiment = self._send(
            "GET", "mlflow/experiments/get-by-name", params={"experiment_name": f"drift/{monitor}"}
        )["experiment"]["experiment_id"]
        tags = {"monitor": monitor}
        if date is not None:
            tags["logical_date"] = f"{date:%Y-%m-%dT%H:%M:%SZ}"
        query = {
            "experiment_ids": [experiment],
            "filter": " AND ".join(f"tags.{tag} = '{value}'" for tag, value in tags.items()),
        }
        runs: list[dict[str, Any]] = self._send("POST", "mlflow/runs/search", json=query).get(
            "runs", []
        )
        return runs

    def artifacts(self, run: Mapping[str, Any]) -> list[str]:
        """The names of a run's artifacts."""
        found = self._send("GET", "mlflow/artifacts/list", params={"run_id": run["info"]["run_id"]})
        return [file["path"] for file in found["files"]]

    def artifact(self, run: Mapping[str, Any], name: str) -> bytes:
        """The content of an artifact, as the page offers it for download."""
        answer = httpx.get(
            f"{self.url}/get-artifact", params={"run_id": run["info"]["run_id"], "path": name}
        )
        answer.raise_for_status()
        return answer.content

    def _send(self, method: str, path: str, **content: Any) -> dict[str, Any]:
        answer = httpx.request(method, f"{self.url}/api/2.0/{path}", timeout=30, **content)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
