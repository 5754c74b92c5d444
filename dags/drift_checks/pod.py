"""A check as a pod of its own."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import V1Pod

from drift_checks.command import arguments, failure

CONTAINER = "checker"
"""The container of the pod's template that runs the checker."""

KEEP_FAILED = timedelta(hours=1)
"""How long a pod that failed is kept for a look at it."""


class CheckPodOperator(KubernetesPodOperator):
    """Checks one monitor at the run's logical date, by `drift-checker` in a pod.

    The environment names the file with the pod's template (`DRIFT_POD_TEMPLATE`). Where a worker
    dies or is told to stop, its pod goes on, and the next try finds it again.
    """

    def __init__(self, *, monitor: str, **kwargs: Any) -> None:
        super().__init__(
            name=f"check-{monitor}",
            pod_template_file=os.environ["DRIFT_POD_TEMPLATE"],
            base_container_name=CONTAINER,
            kubernetes_conn_id=None,
            in_cluster=True,
            durable=True,
            # A pod that ended while no worker looked is taken for what it is, not run again.
            on_finish_action="delete_active_pod",
            startup_check_interval_seconds=1,
            startup_timeout_seconds=300,
            log_events_on_startup=False,
            log_pod_spec_on_failure=False,
            container_name_log_prefix_enabled=False,
            **kwargs,
        )
        self.monitor = monitor

    def execute(self, context: Context) -> None:
        """Run the checker, with its output in the task's log.

        Raises:
            AirflowFailException: the checker failed in a way that a retry cannot mend.
            AirflowException: it failed in another way.
        """
        self.arguments = arguments(self.monitor, context)
        self._remove_old_pods()
        super().execute(context)
        self.pod_manager.delete_pod(self.pod)

    def cleanup(self, pod: V1Pod, remote_pod: V1Pod, *args: Any, **kwargs: Any) -> None:
        """Close the pod, and say by its exit code whether a retry can help."""
        try:
            super().cleanup(pod, remote_pod, *args, **kwargs)
        except AirflowException as error:
            if code := _exit_code(remote_pod):
                raise failure(code) from error
            raise

    def on_kill(self) -> None:
        """Let the pod end by itself: whoever runs this task next takes it over."""

    def _remove_old_pods(self) -> None:
        """Remove the pods of checks that ended long ago, whichever way they were left behind."""
        before = datetime.now(UTC) - KEEP_FAILED
        pods = self.client.list_namespaced_pod(
            self.hook.get_namespace() or self._incluster_namespace,
            label_selector="app.kubernetes.io/name=checker,airflow_kpo_in_cluster",
            field_selector="status.phase!=Running,status.phase!=Pending",
        )
        for pod in pods.items:
            if pod.metadata.creation_timestamp < before:
                self.pod_manager.delete_pod(pod)


def _exit_code(pod: V1Pod) -> int | None:
    """Return what the checker ended with; nothing where the pod ended before it, or without it."""
    for container in pod.status.container_statuses or []:
        if container.name == CONTAINER and container.state.terminated:
            code: int = container.state.terminated.exit_code
            return code
    return None
