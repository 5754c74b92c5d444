"""Operating the stack: what a run prints and rolls, new credentials, other versions, teardown."""

from __future__ import annotations

import base64
import secrets
from typing import Any

import httpx
import pytest
from e2e.services import Airflow

from cluster.cluster import Cluster

SECRETS = ("postgres", "minio", "mlflow", "airflow", "checker", "board")
PUBLIC = {
    "airflow/username",
    "minio/root-user",
    "mlflow/AWS_ACCESS_KEY_ID",
    "checker/DRIFT_S3_ACCESS_KEY",
    "board/s3_access_key",
}
"""Names, which are no secrets."""


READ_CONNECTION = """
from airflow.models import Connection
from airflow.utils.session import create_session
with create_session() as session:
    print(session.query(Connection).filter_by(conn_id="kept").one().password)
"""


def credentials(cluster: Cluster) -> dict[str, str]:
    """All that must not be printed, by where it stands."""
    found = {
        f"{name}/{key}": value for name in SECRETS for key, value in cluster.secret(name).items()
    }
    return {place: value for place, value in found.items() if place not in PUBLIC}


def leaks(printed: str, hidden: dict[str, str]) -> list[str]:
    """The places of the credentials that were printed, as they are or in Base64."""
    return [
        place
        for place, value in hidden.items()
        if value in printed or base64.b64encode(value.encode()).decode() in printed
    ]


def pods(cluster: Cluster) -> dict[str, str]:
    """The uid of each lasting pod, by its component's name."""
    return {
        pod["metadata"]["labels"]["app.kubernetes.io/name"]: pod["metadata"]["uid"]
        for pod in cluster.get("pods")
        if pod["metadata"]["ownerReferences"][0]["kind"] in {"ReplicaSet", "StatefulSet"}
        and "deletionTimestamp" not in pod["metadata"]
    }


def rolled(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {name for name in before if before[name] != after[name]}


def check(cluster: Cluster) -> dict[str, Any]:
    """Run a check that must come to one result, and return its run."""
    with cluster.airflow() as airflow:
        run = airflow.wait(airflow.trigger())
    cluster.assert_one_result(run)
    return run


def test_an_edit_is_shown_alone_and_rolls_the_drifter_alone(deployed: Cluster) -> None:
    before = pods(deployed)

    shown = deployed.succeed("site.yml", "--check", "--diff", drift_prob=0.25)
    assert shown.changed == [1]
    assert "0.25" in shown.output
    assert pods(deployed) == before

    deployed.succeed("site.yml", drift_prob=0.25)
    assert rolled(before, pods(deployed)) == {"drifter"}
    deployed.succeed("site.yml")


def test_a_new_schedule_rolls_nothing_and_is_known_to_airflow(deployed: Cluster) -> None:
    before = pods(deployed)

    deployed.succeed("site.yml", check_schedule="30 3 1 1 *")

    assert pods(deployed) == before
    with deployed.airflow() as airflow:
        assert airflow.dag()["timetable_summary"] == "30 3 1 1 *"
    deployed.succeed("site.yml")


def connections(airflow: Airflow) -> httpx.Client:
    login = {"username": "admin", "password": airflow.password}
    token = httpx.post(f"{airflow.url}/auth/token", json=login).json()["access_token"]
    return httpx.Client(
        base_url=f"{airflow.url}/api/v2", headers={"Authorization": f"Bearer {token}"}
    )


def test_new_credentials_are_taken_up_everywhere_and_never_printed(deployed: Cluster) -> None:
    def new() -> str:
        return secrets.token_hex(16)

    fernet_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    settings: dict[str, Any] = {
        "postgres_credentials": {name: new() for name in ("postgres", "airflow", "mlflow")},
        "minio_credentials": {name: new() for name in ("checker", "mlflow", "board", "dump")},
        "minio_root_password": new(),
        "airflow_admin_password": new(),
        "board_token": new(),
        "airflow_secrets": {
            "jwt_secret": new(),
            "secret_key": new(),
            "fernet_key": fernet_key,
            "board_password": new(),
        },
    }
    former = credentials(deployed)
    connection = {"connection_id": "kept", "conn_type": "http", "password": new()}
    with deployed.airflow() as airflow, connections(airflow) as client:
        client.delete("/connections/kept")
        assert client.post("/connections", json=connection).is_success

    played = deployed.succeed("site.yml", "-vvv", "--diff", **settings)
    assert leaks(played.output, former | credentials(deployed)) == []

    taken_up = credentials(deployed)
    assert taken_up["airflow/fernet_keys"].split(",") == [
        fernet_key,
        former["airflow/fernet_keys"].split(",")[0],
    ]
    assert {place for place in former if former[place] == taken_up.get(place)} == set()
    # What the former Fernet key encrypted can be read, by Airflow itself.
    shown = deployed.kubectl(
        "exec",
        "deployment/airflow-scheduler",
        "-c",
        "scheduler",
        "--",
        "python",
        "-c",
        READ_CONNECTION,
    )
    assert shown.split()[-1] == connection["password"]
    check(deployed)

    again = deployed.succeed("site.yml", "-vvv", "--diff", **settings)
    assert again.changed == [0]
    assert leaks(again.output, credentials(deployed)) == []
    assert deployed.succeed("site.yml", "--check", **settings).changed == [0]


@pytest.mark.parametrize("component", ["airflow", "mlflow"])
def test_a_database_is_dumped_before_another_version_migrates_it(
    deployed: Cluster, component: str
) -> None:
    known = set(deployed.objects(f"dumps/{component}/"))
    # As an older version would have left it.
    deployed.kubectl("annotate", "--overwrite", "pvc/postgres", f"version/{component}=0.0.1")

    deployed.succeed("site.yml")

    (dump,) = set(deployed.objects(f"dumps/{component}/")) - known
    assert dump.startswith(f"dumps/{component}/0.0.1-")
    assert deployed.succeed("site.yml").changed == [0]


@pytest.mark.parametrize(
    ("setting", "value", "named"),
    [
        ("airflow_version", "2.0.0", "written by a newer version"),
        ("mlflow_version", "2.0.0", "written by a newer version"),
        ("postgres_version", "16", "written by PostgreSQL 17"),
    ],
)
def test_what_cannot_read_the_data_is_refused(
    deployed: Cluster, setting: str, value: str, named: str
) -> None:
    refused = deployed.playbook("site.yml", **{setting: value})

    assert refused.returncode != 0
    assert named in " ".join(refused.output.split())
    assert refused.changed == [0]


def test_teardown_without_an_answer_keeps_the_history(deployed: Cluster) -> None:
    run = check(deployed)
    with deployed.airflow() as airflow:
        runs = [found["dag_run_id"] for found in airflow.dag_runs()]

    stopped = deployed.succeed("teardown.yml")
    assert "remove_data=true" in stopped.output
    assert deployed.get("pods") == []

    deployed.succeed("site.yml")
    with deployed.airflow() as airflow:
        assert [found["dag_run_id"] for found in airflow.dag_runs()][-len(runs) :] == runs
    deployed.assert_one_result(run)
