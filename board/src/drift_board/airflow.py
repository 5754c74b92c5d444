"""Airflow's API, as far as the board needs it: to start a check."""

from __future__ import annotations

import threading
from http import HTTPStatus
from typing import Any

import httpx
import structlog

from drift_board.errors import Problem
from drift_board.settings import BoardSettings

DAG = "drift_check_now"
TIMEOUT_SECONDS = 10.0

log = structlog.get_logger()


class Airflow:
    """Starts runs of the DAG that checks one monitor; its token is kept until it is refused."""

    def __init__(self, settings: BoardSettings) -> None:
        self._settings = settings
        self._token: str | None = None
        self._lock = threading.Lock()

    def check(self, conf: dict[str, Any], run_id: str | None = None) -> str:
        """Start a run with its parameters and return its id; one of that id is started once.

        Raises:
            Problem: 503 where Airflow is not named, stays away, or takes no run.
        """
        url = self._settings.airflow_url
        if url is None:
            raise Problem(503, "DRIFT_AIRFLOW_URL is not set, so no check can be started from here")
        body = {"logical_date": None, "conf": conf} | ({"dag_run_id": run_id} if run_id else {})
        try:
            with httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS) as client, self._lock:
                answer = self._post(client, body)
        except httpx.HTTPError as error:
            raise Problem(
                503, f"DRIFT_AIRFLOW_URL={url}: {error or type(error).__name__}"
            ) from None
        if answer.status_code == HTTPStatus.CONFLICT and run_id:
            return run_id
        if not answer.is_success:
            log.warning("airflow took no run", status=answer.status_code, said=answer.text[:500])
            raise Problem(503, f"DRIFT_AIRFLOW_URL={url}: Airflow answered {answer.status_code}")
        return str(answer.json()["dag_run_id"])

    def _post(self, client: httpx.Client, body: dict[str, Any]) -> httpx.Response:
        for fresh in (False, True):
            if self._token is None or fresh:
                self._token = self._new_token(client)
            headers = {"Authorization": f"Bearer {self._token}"}
            answer = client.post(f"/api/v2/dags/{DAG}/dagRuns", json=body, headers=headers)
            if answer.status_code != HTTPStatus.UNAUTHORIZED:
                break
        return answer

    def _new_token(self, client: httpx.Client) -> str:
        password = self._settings.airflow_password
        login = {
            "username": self._settings.airflow_user or "",
            "password": password.get_secret_value() if password else "",
        }
        answer = client.post("/auth/token", json=login)
        if not answer.is_success:
            raise Problem(
                503,
                f"Airflow refused DRIFT_AIRFLOW_USER and DRIFT_AIRFLOW_PASSWORD "
                f"({answer.status_code})",
            )
        return str(answer.json()["access_token"])
