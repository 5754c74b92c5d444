"""The first `site.yml` on Kubernetes, over applying the same objects by hand in their order."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from statistics import median

from cluster.cluster import Cluster
from cluster.manifests import Manifest, render

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import wait_until

CONTEXT = "minikube"
SETTINGS = {"drift_prob": 0}
OWNERS = ("airflow", "mlflow")
WAIT = "--timeout=300s"


def measure(bench: Bench) -> list[Figure]:
    """Deploy by hand and by Ansible, into a namespace each; the images are there."""
    by_ansible, by_hand = [], []
    for _ in bench.times(1):
        with _empty("bench-by-hand") as cluster:
            objects = _objects(bench, cluster)
            start = time.perf_counter()
            _apply(cluster, objects)
            by_hand.append(time.perf_counter() - start)
        with _empty("bench-by-ansible") as cluster:
            start = time.perf_counter()
            cluster.succeed("site.yml")
            by_ansible.append(time.perf_counter() - start)
    return [
        Figure(
            name="first `site.yml` on Kubernetes, images present",
            unit="s",
            value=median(by_ansible),
            baseline_name="kubectl apply and wait",
            baseline=median(by_hand),
            limit=Limit(bound=1.3, ratio=True),
        )
    ]


@contextmanager
def _empty(namespace: str) -> Iterator[Cluster]:
    """A namespace for a stack, which is removed afterwards."""
    cluster = Cluster(namespace, CONTEXT, SETTINGS)
    cluster.succeed("teardown.yml", remove_data=True)
    try:
        yield cluster
    finally:
        cluster.succeed("teardown.yml", remove_data=True)


def _objects(bench: Bench, cluster: Cluster) -> list[Manifest]:
    """What the roles apply, in their order, with the address of this cluster's API server."""
    settings = {"kubernetes_namespace": cluster.namespace, **SETTINGS}
    arguments = ["--inventory=inventory/minikube", f"--extra-vars={json.dumps(settings)}"]
    objects = [
        item
        for item in render(arguments, bench.empty("rendered"))
        # Made of a database that another version wrote; an empty one has nothing to dump.
        if item["metadata"]["labels"]["app.kubernetes.io/component"] != "dump"
    ]
    slices = json.loads(
        cluster.kubectl("get", "endpointslices", "kubernetes", "--namespace=default", "-o", "json")
    )
    address, port = slices["endpoints"][0]["addresses"][0], slices["ports"][0]["port"]
    for item in objects:
        if item["kind"] == "NetworkPolicy" and item["metadata"]["name"] == "api-server":
            (rule,) = item["spec"]["egress"]
            rule["to"] = [{"ipBlock": {"cidr": f"{address}/32"}}]
            rule["ports"][0]["port"] = port
    return objects


def _apply(cluster: Cluster, objects: list[Manifest]) -> None:
    """Apply the objects, waiting where the next need those before, to the first verdict."""
    for kind, group in groupby(objects, lambda item: item["kind"]):
        items = list(group)
        together = {"apiVersion": "v1", "kind": "List", "items": items}
        cluster.kubectl("apply", "--filename=-", stdin=json.dumps(together))
        for item in items:
            name = item["metadata"]["name"]
            if kind == "StatefulSet":
                cluster.kubectl("rollout", "status", f"statefulset/{name}", WAIT)
                if name == "postgres":
                    _make_databases(cluster, objects)
            if kind == "Job":
                cluster.kubectl("wait", f"job/{name}", "--for=condition=Complete", WAIT)
    for item in objects:
        if item["kind"] == "Deployment":
            cluster.kubectl("rollout", "status", f"deployment/{item['metadata']['name']}", WAIT)
    with cluster.airflow() as airflow:
        wait_until(airflow.is_healthy)
        # Airflow runs the last slot of a new DAG by itself.
        wait_until(lambda: any(run["state"] == "success" for run in airflow.dag_runs()))


def _make_databases(cluster: Cluster, objects: list[Manifest]) -> None:
    (secret,) = (
        item["data"]
        for item in objects
        if item["kind"] == "Secret" and item["metadata"]["name"] == "postgres"
    )
    for owner in OWNERS:
        password = base64.b64decode(secret[owner]).decode()
        statements = f"CREATE ROLE {owner} LOGIN PASSWORD '{password}';\n"
        statements += f"CREATE DATABASE {owner} OWNER {owner};\n"
        cluster.kubectl(
            "exec", "-i", "statefulset/postgres", "--", "psql", "-U", "postgres", stdin=statements
        )
