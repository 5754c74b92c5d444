"""A stack deployed to Kubernetes, as a test sees it."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from e2e.services import Airflow, Mlflow
from e2e.stack import MONITOR, Played, logical_date, play
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider

BUCKET = "drift-detection"


def key(run: Mapping[str, Any], monitor: str = MONITOR) -> str:
    """Where a DAG run's batch and result lie, below `store/batches/` and `store/results/`."""
    return f"{monitor}/{logical_date(run):%Y%m%dT%H%M%SZ}"


@dataclass(frozen=True)
class Cluster:
    """A stack in a namespace of its own; `settings` are its further variables."""

    namespace: str
    context: str
    settings: Mapping[str, Any]

    def playbook(self, name: str, *arguments: str, **settings: Any) -> Played:
        """Run a playbook of the project with the stack's settings, some of them changed."""
        place = {"kubernetes_namespace": self.namespace, "kubernetes_context": self.context}
        return play(
            name, *arguments, inventory="minikube", settings={**place, **self.settings, **settings}
        )

    def succeed(self, name: str, *arguments: str, **settings: Any) -> Played:
        """Run a playbook that must succeed."""
        played = self.playbook(name, *arguments, **settings)
        assert played.returncode == 0, played.output
        return played

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        """Run a command of kubectl that must succeed; return what it prints."""
        ended = self.try_kubectl(*arguments, stdin=stdin)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout

    def try_kubectl(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of kubectl, which may fail."""
        return subprocess.run(
            [*self._kubectl, *arguments], input=stdin, capture_output=True, text=True, check=False
        )

    def get(self, kind: str, *arguments: str) -> list[dict[str, Any]]:
        """All objects of a kind, or those that the arguments select."""
        answer = self.kubectl("get", kind, *arguments, "--output=json")
        found: list[dict[str, Any]] = json.loads(answer)["items"]
        return found

    def secret(self, name: str) -> dict[str, str]:
        """The content of a Secret."""
        data = json.loads(self.kubectl("get", "secret", name, "--output=json"))["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    @contextmanager
    def forward(self, service: str, port: int) -> Iterator[str]:
        """Forward a local port to a Service; yield the URL at which it answers."""
        command = [*self._kubectl, "port-forward", f"service/{service}", f":{port}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as forwarding:
            try:
                assert forwarding.stdout is not None
                address = forwarding.stdout.readline().removeprefix("Forwarding from ")
                yield f"http://{address.partition(' ')[0]}"
            finally:
                forwarding.terminate()

    @contextmanager
    def airflow(self) -> Iterator[Airflow]:
        with self.forward("airflow", 8080) as url:
            yield Airflow(url, self.secret("airflow")["password"])

    @contextmanager
    def mlflow(self) -> Iterator[Mlflow]:
        with self.forward("mlflow", 5000) as url:
            yield Mlflow(url)

    @contextmanager
    def minio(self) -> Iterator[Minio]:
        """The object store, with all rights."""
        secret = self.secret("minio")
        with self.forward("minio", 9000) as url:
            yield Minio(
                urlsplit(url).netloc, secret["root-user"], secret["root-password"], secure=False
            )

    @contextmanager
    def minio_admin(self) -> Iterator[MinioAdmin]:
        """Whoever makes users of the object store."""
        secret = self.secret("minio")
        root = StaticProvider(secret["root-user"], secret["root-password"])
        with self.forward("minio", 9000) as url:
            yield MinioAdmin(endpoint=urlsplit(url).netloc, credentials=root, secure=False)

    def objects(self, prefix: str) -> dict[str, datetime]:
        """The objects below a prefix of the bucket, with the times at which they were written."""
        with self.minio() as store:
            found = store.list_objects(BUCKET, prefix, recursive=True)
            return {item.object_name: item.last_modified for item in found}

    def result(self, run: Mapping[str, Any], monitor: str = MONITOR) -> dict[str, Any]:
        """The result that a DAG run has stored."""
        name = f"store/results/{key(run, monitor)}/result.json"
        with self.minio() as store, store.get_object(BUCKET, name) as stored:
            found: dict[str, Any] = json.load(stored)
            return found

    def assert_one_result(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Assert that a DAG run came to one result and one run of MLflow; return the latter."""
        assert run["state"] == "success", run
        found = self.objects(f"store/results/{key(run)}/")
        names = {name.rpartition("/")[2] for name in found}
        assert {name for name in names if name.startswith("result")} == {"result.json"}
        assert "published.json" in names
        with self.mlflow() as mlflow:
            (tracked,) = mlflow.runs(MONITOR, logical_date(run))
        assert tracked["info"]["status"] == "FINISHED"
        return tracked

    @property
    def _kubectl(self) -> list[str]:
        return ["kubectl", f"--context={self.context}", f"--namespace={self.namespace}"]
