"""The objects that the roles apply, as the real roles render them, without a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from cluster.manifests import Manifest, render
from conftest import ROOT

# The inventories, with what people have to say for each.
VARIANTS = {
    "minikube": ["--inventory=inventory/minikube"],
    "minikube, node ports": ["--inventory=inventory/minikube", "--extra-vars=access=node_port"],
    "cluster, MinIO": ["--inventory=inventory/cluster", "--extra-vars=minio_enabled=true"],
    "cluster, other S3": [
        "--inventory=inventory/cluster",
        "--extra-vars="
        + json.dumps(
            {
                "s3_endpoint": "https://s3.example.com",
                "s3_access_keys": {
                    name: {"access_key": name, "secret_key": "secret"}
                    for name in ("checker", "mlflow", "board", "dump")
                },
            }
        ),
    ],
}
VERSIONS = yaml.safe_load((ROOT / "group_vars/all/versions.yml").read_text())
OLDEST, NEWEST = VERSIONS["kubernetes_min"], VERSIONS["kubernetes_newest"]

WORKLOADS = {"Deployment", "StatefulSet", "Job"}
MEBIBYTE = {"Mi": 1, "Gi": 1024}
# What a machine with 2 CPUs and 4 GiB has left beside the control plane.
CPU_MAX, MEMORY_MAX, LIMIT_MAX = 1.1, 2.8 * 1024, 3.5 * 1024
CHECKERS = 2
STARTED_BY_AIRFLOW = ("checker.yml", "mlflow.yml", "airflow.yml")


@pytest.fixture(scope="module", params=VARIANTS.values(), ids=list(VARIANTS))
def manifests(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> list[Manifest]:
    return render(request.param, tmp_path_factory.mktemp("rendered"))


def pods(manifests: list[Manifest]) -> dict[str, Manifest]:
    """Return what the pods of each workload are made of, and those that Airflow starts, by name."""
    found = {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]
        for item in manifests
        if item["kind"] in WORKLOADS
    }
    for item in manifests:
        if item["kind"] == "ConfigMap":
            data = item.get("data", {})
            found |= {
                key: yaml.safe_load(data[key])["spec"] for key in STARTED_BY_AIRFLOW if key in data
            }
    return found


def test_the_newest_version_is_the_newest_that_can_be_validated() -> None:
    assert kubernetes_validate.latest_version().rpartition(".")[0] == NEWEST


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_manifests_are_valid(manifests: list[Manifest], version: str) -> None:
    for item in manifests:
        kubernetes_validate.validate(item, version, strict=True)


def test_checkov_finds_nothing_unexplained(manifests: list[Manifest], tmp_path: Path) -> None:
    here = ROOT / "tests/kubernetes"
    for number, item in enumerate(manifests):
        # The namespace is named where objects are applied.
        placed = {**item, "metadata": {"namespace": "drift-detection", **item["metadata"]}}
        (tmp_path / f"{number}.json").write_text(json.dumps(placed))
    uv = [str(Path(sys.executable).with_name("uv")), "run", "--quiet", "--isolated", "--no-project"]
    uv += ["--with-requirements", str(here / "requirements.txt")]
    checkov = ["checkov", "--config-file", str(here / "checkov.yml"), "--directory", str(tmp_path)]
    ended = subprocess.run(
        [*uv, *checkov],
        env={**os.environ, "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_every_object_has_the_shared_labels(manifests: list[Manifest]) -> None:
    names = ("name", "instance", "component", "part-of", "managed-by")
    for item in manifests:
        assert {f"app.kubernetes.io/{name}" for name in names} <= set(item["metadata"]["labels"]), (
            item
        )


def test_pods_are_restricted(manifests: list[Manifest]) -> None:
    for name, pod in pods(manifests).items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name


def test_only_those_that_start_pods_hold_a_token(manifests: list[Manifest]) -> None:
    with_token = {
        name for name, pod in pods(manifests).items() if pod["automountServiceAccountToken"]
    }
    assert with_token == {"airflow-scheduler", "airflow-triggerer"}


def megabytes(quantity: str) -> int:
    return int(quantity[:-2]) * MEBIBYTE[quantity[-2:]]


def cores(quantity: str) -> float:
    return float(quantity.removesuffix("m")) / 1000 if quantity.endswith("m") else float(quantity)


def needs(pod: Manifest, kind: str, amount: str) -> float:
    """Return what a pod asks for: its containers together, or what runs before if that is more."""
    measure = cores if amount == "cpu" else megabytes
    first, together = (
        [measure(container["resources"][kind][amount]) for container in containers]
        for containers in (pod.get("initContainers", []), pod["containers"])
    )
    return max(sum(together), *first, 0)


def test_the_stack_fits_a_small_machine_and_its_quota(manifests: list[Manifest]) -> None:
    found = pods(manifests)
    (quota,) = (item["spec"]["hard"] for item in manifests if item["kind"] == "ResourceQuota")
    lasting = [found["checker.yml"]] * CHECKERS
    # Maintenance is one pod at a time.
    jobs = [found["mlflow.yml"], found["airflow.yml"]]
    rolling: list[Manifest] = []
    for item in manifests:
        if item["kind"] not in WORKLOADS:
            continue
        pod = item["spec"]["template"]["spec"]
        (jobs if item["kind"] == "Job" else lasting).append(pod)
        # Those that are replaced while they run.
        if item["kind"] == "Deployment" and "strategy" not in item["spec"]:
            rolling.append(pod)

    for kind, amount, most in (
        ("requests", "cpu", CPU_MAX),
        ("requests", "memory", MEMORY_MAX),
        ("limits", "memory", LIMIT_MAX),
    ):
        always = sum(needs(pod, kind, amount) for pod in lasting)
        passing = sum(max(needs(pod, kind, amount) for pod in some) for some in (jobs, rolling))
        measure = cores if amount == "cpu" else megabytes
        assert always + (passing if kind == "requests" else 0) <= most, (kind, amount)
        assert always + passing <= measure(quota[f"{kind}.{amount}"]), (kind, amount)


def test_a_monitor_of_spark_brings_java_and_the_memory_for_it(tmp_path: Path) -> None:
    files = {"url": "s3://lake/sales/"}
    monitors = [{"name": "sales", "engine": "spark", "current": files, "reference": files}]
    manifests = render(
        ["--inventory=inventory/minikube", f"--extra-vars={json.dumps({'monitors': monitors})}"],
        tmp_path,
    )
    checker = pods(manifests)["checker.yml"]
    (container,) = checker["containers"]
    assert container["image"].startswith("drift-detection/checker-spark:")
    # Spark's own default for a driver is a heap of a gigabyte.
    assert needs(checker, "limits", "memory") > MEBIBYTE["Gi"]
    (quota,) = (item["spec"]["hard"] for item in manifests if item["kind"] == "ResourceQuota")
    for kind in ("requests", "limits"):
        most = CHECKERS * needs(checker, kind, "memory")
        assert megabytes(quota[f"{kind}.memory"]) > most
