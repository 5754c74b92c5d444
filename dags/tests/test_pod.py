"""The check as a pod: what is asked of the cluster, and what its answers mean to Airflow."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from drift_checks.pod import KEEP_FAILED, CheckPodOperator
from kubernetes.client import (
    V1ContainerState,
    V1ContainerStateTerminated,
    V1ContainerStatus,
    V1ObjectMeta,
    V1Pod,
    V1PodSpec,
    V1PodStatus,
)
from test_drift_detection import DATE, TWO_SCHEDULES, check, load, run

TEMPLATE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"labels": {"app.kubernetes.io/name": "checker"}},
    "spec": {
        "automountServiceAccountToken": False,
        "containers": [
            {
                "name": "checker",
                "image": "registry/checker:1",
                "envFrom": [{"secretRef": {"name": "checker"}}],
                "resources": {"requests": {"cpu": "100m"}},
            }
        ],
    },
}


class Cluster:
    """Stands in for the client of the API server and for the manager of pods."""

    def __init__(self) -> None:
        self.pods: list[V1Pod] = []
        self.deleted: list[str] = []

    def list_namespaced_pod(self, _: str, **__: str) -> SimpleNamespace:
        return SimpleNamespace(items=self.pods)

    def read_pod(self, pod: V1Pod) -> V1Pod:
        return pod

    def patch_namespaced_pod(self, **_: object) -> None:
        """Takes the mark of a pod that was looked at."""

    def delete_pod(self, pod: V1Pod) -> None:
        self.deleted.append(pod.metadata.name)


def ended(
    code: int, name: str = "check-flights-1", age: timedelta = timedelta(), words: str = ""
) -> V1Pod:
    """Returns a pod whose checker ended with a code, and with these last words."""
    terminated = V1ContainerStateTerminated(exit_code=code, message=words or None)
    status = V1ContainerStatus(
        name="checker",
        image="i",
        image_id="i",
        ready=False,
        restart_count=0,
        state=V1ContainerState(terminated=terminated),
    )
    return V1Pod(
        metadata=V1ObjectMeta(
            name=name, namespace="n", labels={}, creation_timestamp=datetime.now(UTC) - age
        ),
        spec=V1PodSpec(containers=[]),
        status=V1PodStatus(phase="Failed" if code else "Succeeded", container_statuses=[status]),
    )


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = Cluster()
    hook = SimpleNamespace(get_namespace=lambda: "n", is_in_cluster=True)
    for name, stand_in in {"client": cluster, "pod_manager": cluster, "hook": hook}.items():
        monkeypatch.setattr(CheckPodOperator, name, stand_in)
    return cluster


@pytest.fixture
def operator(
    monitors: Callable[[object], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> CheckPodOperator:
    """The check of a monitor on Kubernetes, as Airflow makes it for one element of the mapping."""
    template = tmp_path / "checker.yml"
    template.write_text(yaml.safe_dump(TEMPLATE))
    monkeypatch.setenv("DRIFT_PLATFORM", "kubernetes")
    monkeypatch.setenv("DRIFT_POD_TEMPLATES", str(tmp_path))
    monitors(TWO_SCHEDULES)
    bag = load()
    assert bag.import_errors == {}
    made = check(bag, "drift_detection").unmap({"monitor": "flights"})
    assert isinstance(made, CheckPodOperator)
    return made


def execute(
    operator: CheckPodOperator, monkeypatch: pytest.MonkeyPatch, pod: V1Pod
) -> dict[str, Any]:
    """Runs the operator around a pod that has ended already; returns what it hands on."""

    def run_pod(self: CheckPodOperator, context: Any) -> None:
        self.pod = pod
        self.cleanup(pod, pod)

    monkeypatch.setattr(KubernetesPodOperator, "execute", run_pod)
    pushed: dict[str, Any] = {}
    context = run()
    context["ti"].xcom_push = lambda key, value: pushed.update({key: value})
    operator.execute(context)  # type: ignore[arg-type]  # the part of it that is read
    return pushed


def test_pod_is_that_of_the_template_with_the_tick(
    operator: CheckPodOperator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(operator, monkeypatch, ended(0))
    pod = operator.build_pod_request_obj()

    (container,) = pod.spec.containers
    assert container.image == "registry/checker:1"
    assert container.args == [
        *("run", "--monitor", "flights", "--logical-date", DATE.isoformat()),
        *("--trigger", "scheduled", "--dag-run-id", "r1"),
        *("--task-page", "dags/drift_detection/runs/r1/tasks/check/mapped/0"),
        *("--outcome", "/dev/termination-log"),
    ]
    assert container.env_from[0].secret_ref.name == "checker"
    assert container.resources.requests == {"cpu": "100m"}
    assert pod.metadata.name.startswith("check-flights-")
    assert pod.metadata.labels["app.kubernetes.io/name"] == "checker"
    assert pod.spec.automount_service_account_token is False
    assert pod.spec.restart_policy == "Never"


def test_next_try_takes_over_the_pod_of_a_worker_that_died(operator: CheckPodOperator) -> None:
    operator.pod = ended(0)
    operator.on_kill()  # asks nothing of a cluster

    assert operator.durable is True
    assert operator.on_finish_action == "delete_active_pod"
    assert operator.deferrable is False
    assert operator.do_xcom_push is False
    assert (operator.retries or 0) >= 2


def test_pod_that_succeeded_is_removed(
    operator: CheckPodOperator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(operator, monkeypatch, ended(0))
    assert cluster.deleted == ["check-flights-1"]


@pytest.mark.parametrize("state", ["opened", "ongoing", "none"])
def test_an_alarm_that_opened_is_handed_on(
    operator: CheckPodOperator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    outcome = {"monitor": "flights", "alarm": {"state": state, "id": "a"}}
    pod = ended(0, words=json.dumps(outcome))

    pushed = execute(operator, monkeypatch, pod)

    assert pushed == ({"return_value": outcome} if state == "opened" else {})


@pytest.mark.parametrize("code", [2, 3])
def test_hopeless_exit_codes_are_not_retried(
    operator: CheckPodOperator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    with pytest.raises(AirflowFailException, match=f"ended with {code}: "):
        execute(operator, monkeypatch, ended(code))
    assert cluster.deleted == []


def test_other_exit_codes_are_retried(
    operator: CheckPodOperator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AirflowException, match=r"ended with 4$") as caught:
        execute(operator, monkeypatch, ended(4))
    assert not isinstance(caught.value, AirflowFailException)


def test_pod_that_was_taken_away_is_retried(
    operator: CheckPodOperator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    evicted = ended(1)
    evicted.status.container_statuses = None
    with pytest.raises(AirflowException, match="returned a failure") as caught:
        execute(operator, monkeypatch, evicted)
    assert not isinstance(caught.value, AirflowFailException)


def test_pods_that_ended_long_ago_are_removed(
    operator: CheckPodOperator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.pods = [ended(4, "recent"), ended(4, "old", age=KEEP_FAILED + timedelta(minutes=1))]
    execute(operator, monkeypatch, ended(0))
    assert cluster.deleted == ["old", "check-flights-1"]
