"""What pods may do, asked from inside of pods."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from cluster.cluster import Cluster

ANSWERING = {"minio": 9000, "mlflow": 5000, "drifter": 80}
"""Services that a check asks."""

SILENT = {"postgres": 5432, "airflow": 8080, "board": 8050}
"""Services that are none of its business."""

PROBE = """
import json, socket, sys, time

def answers(address):
    try:
        socket.create_connection(address, timeout=2).close()
    except OSError:
        return False
    return True

expected = json.loads(sys.argv[1])
found = {}
for name, answer in expected.items():
    host, _, port = name.rpartition(":")
    # Policies take hold of a new pod a moment after its start.
    patience = time.monotonic() + 20
    while (seen := answers((host, int(port)))) != answer and time.monotonic() < patience:
        time.sleep(0.5)
    found[name] = seen
print(json.dumps(found))
"""


def ask(cluster: Cluster, pod: Mapping[str, Any], expected: dict[str, bool]) -> dict[str, bool]:
    """Say which addresses answer to a pod; one that answers otherwise than expected is asked on."""
    name = pod["metadata"]["name"]
    (container,) = pod["spec"]["containers"]
    command = ["python", "-c", PROBE, json.dumps(expected)]
    spec = {**pod["spec"], "containers": [{**container, "command": command}]}
    cluster.kubectl("create", "--filename=-", stdin=json.dumps({**pod, "spec": spec}))
    try:
        cluster.kubectl(
            "wait", f"pod/{name}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=180s"
        )
        found: dict[str, bool] = json.loads(cluster.kubectl("logs", name))
        return found
    finally:
        cluster.kubectl("delete", "pod", name, "--now")


def check_pod(cluster: Cluster) -> dict[str, Any]:
    """A pod as Airflow makes it for a check."""
    monitors = json.loads(cluster.kubectl("get", "configmap", "monitors", "--output=json"))
    pod: dict[str, Any] = yaml.safe_load(monitors["data"]["checker.yml"])
    return pod


def qualified(cluster: Cluster, services: Mapping[str, int]) -> list[str]:
    return [f"{name}.{cluster.namespace}.svc:{port}" for name, port in services.items()]


def test_a_check_reaches_what_it_needs_and_nothing_else(deployed: Cluster) -> None:
    pod = check_pod(deployed)
    pod["metadata"]["name"] = "probe"
    expected = {
        **dict.fromkeys((f"{name}:{port}" for name, port in ANSWERING.items()), True),
        **dict.fromkeys((f"{name}:{port}" for name, port in SILENT.items()), False),
        "kubernetes.default.svc:443": False,
    }

    assert ask(deployed, pod, expected) == expected


def test_nothing_answers_to_another_namespace(deployed: Cluster, elsewhere: Cluster) -> None:
    template = check_pod(deployed)["spec"]["containers"][0]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "probe"},
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "probe", "image": template["image"]}],
        },
    }
    closed = qualified(deployed, {**ANSWERING, **SILENT, "minio": 9001})
    # The pod itself is free to ask: the API server answers.
    expected = {**dict.fromkeys(closed, False), "kubernetes.default.svc:443": True}

    assert ask(elsewhere, pod, expected) == expected


def test_pod_security_is_enforced_on_all_that_runs(deployed: Cluster) -> None:
    namespace = json.loads(
        deployed.kubectl("get", "namespace", deployed.namespace, "--output=json")
    )
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"

    privileged = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "privileged"},
        "spec": {
            "containers": [
                {"name": "shell", "image": "busybox:1.37", "securityContext": {"privileged": True}}
            ]
        },
    }
    refused = deployed.try_kubectl("create", "--filename=-", stdin=json.dumps(privileged))
    assert refused.returncode != 0
    assert 'violates PodSecurity "restricted' in refused.stderr

    # Asked to enforce the same again, the server names every pod there that would not be admitted.
    label = "pod-security.kubernetes.io/enforce=restricted"
    warned = deployed.try_kubectl(
        "label", "namespace", deployed.namespace, label, "--overwrite", "--dry-run=server"
    )
    assert (warned.returncode, warned.stderr) == (0, "")
