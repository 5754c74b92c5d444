"""A part of the stack as a pod of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException
from kubernetes.client import V1ContainerStateTerminated, V1Pod

from drift_checks.command import CHECKER, came_to, check, failure
from drift_checks.links import BoardLink

OUTCOME = "/dev/termination-log"
"""Where a container leaves its last words, which stay with the pod."""

KEEP_FAILED = timedelta(hours=1)
"""How long a pod that failed is kept for a look at it."""


class PartPodOperator(KubernetesPodOperator):
    """Runs the pod of a part with `arguments`.

    The environment names the folder with the templates of the pods (`DRIFT_POD_TEMPLATES`), each
    by its part, as is its container. Where a worker dies or is told to stop, its pod goes on, and
    the next try finds it again.
    """

    def __init__(self, *, part: str, arguments: Sequence[str], **kwargs: Any) -> None:
        super().__init__(
            pod_template_file=str(Path(os.environ["DRIFT_POD_TEMPLATES"], f"{part}.yml")),
            base_container_name=part,
            arguments=list(arguments),
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
        self.part = part

    def execute(self, context: Context) -> None:
        """Run the pod, with its output in the task's log.

        Raises:
            AirflowFailException: it failed in a way that a retry cannot mend.
            AirflowException: it failed in another way.
        """
        self._remove_old_pods()
        super().execute(context)
        self.pod_manager.delete_pod(self.pod)

    def cleanup(self, pod: V1Pod, remote_pod: V1Pod, *args: Any, **kwargs: Any) -> None:
        """Close the pod, and say by its exit code whether a retry can help."""
        try:
            super().cleanup(pod, remote_pod, *args, **kwargs)
        except AirflowException as error:
            terminated = self._terminated(remote_pod)
            if terminated and terminated.exit_code:
                raise failure(self.part, terminated.exit_code) from error
            raise

    def on_kill(self) -> None:
        """Let the pod end by itself: whoever runs this task next takes it over."""

    def _remove_old_pods(self) -> None:
        """Remove the pods that ended long ago, whichever way they were left behind."""
        before = datetime.now(UTC) - KEEP_FAILED
        pods = self.client.list_namespaced_pod(
            self.hook.get_namespace() or self._incluster_namespace,
            label_selector="app.kubernetes.io/part-of=drift-detection,airflow_kpo_in_cluster",
            field_selector="status.phase!=Running,status.phase!=Pending",
        )
        for pod in pods.items:
            if pod.metadata.creation_timestamp < before:
                self.pod_manager.delete_pod(pod)

    def _terminated(self, pod: V1Pod) -> V1ContainerStateTerminated | None:
        """Return how the part ended; nothing where the pod ended before or without it."""
        for container in pod.status.container_statuses or []:
            if container.name == self.part:
                return container.state.terminated
        return None


class CheckPodOperator(PartPodOperator):
    """Checks one monitor at the run's logical date, by `drift-checker` in a pod."""

    template_fields = (*PartPodOperator.template_fields, "monitor")

    operator_extra_links = (BoardLink(),)
    board_page = ""

    def __init__(self, *, monitor: str, tell_later: bool = False, **kwargs: Any) -> None:
        super().__init__(part=CHECKER, name="check", arguments=[], **kwargs)
        self.monitor, self.tell_later = monitor, tell_later
        self.outcome = ""

    def execute(self, context: Context) -> None:
        """Run the checker; hand on the outcome of a check that opened an alarm."""
        # It is known only now, where it comes from a mapping.
        self.name = f"check-{self.monitor}"
        self.arguments = check(self.monitor, context, OUTCOME, tell_later=self.tell_later)
        super().execute(context)
        if alarm := came_to(self.outcome, context):
            # Returned, it would need a container beside the checker.
            context["ti"].xcom_push(key="return_value", value=alarm)

    def cleanup(self, pod: V1Pod, remote_pod: V1Pod, *args: Any, **kwargs: Any) -> None:
        """Close the pod, and keep its last words."""
        terminated = self._terminated(remote_pod)
        self.outcome = (terminated and terminated.message) or ""
        super().cleanup(pod, remote_pod, *args, **kwargs)
