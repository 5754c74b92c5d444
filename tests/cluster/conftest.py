"""One stack on Kubernetes for all tests of this folder.

It is deployed into the cluster of the context `minikube`, into the namespace that the environment
`DRIFT_CLUSTER_NAMESPACE` names, and left there: a later run goes on with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.cluster import Cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.cluster)


@pytest.fixture(scope="session")
def deployed() -> Cluster:
    """The stack, deployed."""
    settings = {
        # Drift comes where a test asks for it.
        "drift_prob": 0,
        # Those of the demo are words that are printed for other reasons.
        "airflow_admin_password": "admin-of-the-tests",
        "minio_root_password": "root-of-the-tests",
    }
    namespace = os.environ.get("DRIFT_CLUSTER_NAMESPACE", "drift-detection")
    cluster = Cluster(namespace, "minikube", settings)
    cluster.succeed("site.yml")
    return cluster


@pytest.fixture(scope="module")
def elsewhere(deployed: Cluster) -> Iterator[Cluster]:
    """A namespace in which nothing is restricted."""
    name = f"{deployed.namespace}-elsewhere"
    deployed.kubectl("create", "namespace", name)
    yield Cluster(name, deployed.context, {})
    deployed.kubectl("delete", "namespace", name)
