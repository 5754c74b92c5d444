"""Links between a check and its task in Airflow's pages."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from airflow.sdk import BaseOperatorLink, Context


class BoardLink(BaseOperatorLink):
    """Leads from a check among Airflow's pages to the board's page of its tick."""

    name = "Board"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:  # noqa: ARG002  Airflow's signature
        """Return the page that the check has named in its outcome."""
        return str(operator.board_page)


def task_page(context: Context) -> str:
    """Return the path of a task's page among Airflow's, where its log is."""
    task = context["ti"]
    page = f"dags/{task.dag_id}/runs/{quote(task.run_id, safe='')}/tasks/{task.task_id}"
    is_mapped = task.map_index is not None and task.map_index >= 0
    return f"{page}/mapped/{task.map_index}" if is_mapped else page
