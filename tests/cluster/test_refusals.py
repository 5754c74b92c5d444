"""What a cluster cannot do is said: which object, and why. What ran before runs on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from e2e.stack import Played

from cluster.cluster import Cluster

PATIENCE = {"kubernetes_wait_seconds": 20}
"""Instead of the five minutes after which a part that is not ready is given up."""


@pytest.fixture
def empty() -> Iterator[Cluster]:
    """A namespace for single components, which is removed afterwards."""
    cluster = Cluster("drift-detection-refusals", "minikube", {})
    yield cluster
    cluster.kubectl("delete", "namespace", cluster.namespace, "--ignore-not-found")


def deploy(cluster: Cluster, component: str, **settings: Any) -> Played:
    """Deploy one component."""
    components = ["namespace", "images", component]
    return cluster.playbook("playbooks/deploy.yml", components=components, **settings)


def said(played: Played) -> str:
    """What was printed, in one line."""
    return " ".join(played.output.split())


def test_an_image_that_cannot_be_pulled_is_named(empty: Cluster) -> None:
    assert deploy(empty, "drifter").returncode == 0

    absent = "registry.invalid/drifter:absent"
    refused = deploy(empty, "drifter", images_build="none", drifter_image=absent, **PATIENCE)

    assert refused.returncode != 0
    assert "Not ready within 20 s: deployment/drifter." in said(refused)
    assert absent in said(refused)
    assert "ErrImagePull" in said(refused) or "ImagePullBackOff" in said(refused)
    (drifter,) = empty.get("deployments")
    assert drifter["status"]["availableReplicas"] == 1


def test_a_claim_that_does_not_bind_is_named(empty: Cluster) -> None:
    namespace = {
        "name": empty.namespace,
        "labels": {"app.kubernetes.io/part-of": "drift-detection"},
    }
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "8Gi"}},
        "storageClassName": "absent",
    }
    for item in (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": namespace},
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "postgres"},
            "spec": claim,
        },
    ):
        empty.kubectl("create", "--filename=-", stdin=json.dumps(item))

    refused = deploy(empty, "postgres", **PATIENCE)

    assert refused.returncode != 0
    assert "Not ready within 20 s: statefulset/postgres." in said(refused)
    assert "persistentvolumeclaim/postgres" in said(refused)
    assert "not found" in said(refused)
    assert [item["metadata"]["name"] for item in empty.get("pvc")] == ["postgres"]
