"""What Airflow does when a check opens an alarm."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowRuntimeError, AirflowSkipException


class ReactionOperator(TriggerDagRunOperator):
    """Starts a DAG for the alarm that the check before it opened; once, however often it is run.

    The run is named after the alarm, and its `conf` is the outcome of the check.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(logical_date=None, skip_when_already_exists=True, **kwargs)

    def execute(self, context: Context) -> None:
        """Start the DAG.

        Raises:
            AirflowSkipException: no alarm was opened, or there is no such DAG.
        """
        task: Any = context["ti"]
        outcome = task.xcom_pull(task_ids="check", map_indexes=task.map_index)
        if not outcome:
            raise AirflowSkipException("no alarm was opened")
        if not self._is_there(task):
            self.log.error("There is no DAG %s (on_drift_trigger_dag)", self.trigger_dag_id)
            raise AirflowSkipException(f"there is no DAG {self.trigger_dag_id}")
        self.trigger_run_id, self.conf = f"alarm__{outcome['alarm']['id']}", outcome
        super().execute(context)

    def _is_there(self, task: Any) -> bool:
        try:
            task.get_dag(self.trigger_dag_id)
        except AirflowRuntimeError as error:
            if (error.error.detail or {}).get("status_code") == HTTPStatus.NOT_FOUND:
                return False
            raise
        return True
