"""Monitors of sources that are not the demo's: a database and an S3, by settings alone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from e2e.stack import ROOT
from minio import Minio

from cluster.cluster import Cluster

PASSWORD = "it's a \\ #1 $ecret"  # noqa: S105  # of a database and an S3 that live for a test
LAKE = "lake"
ROWS = 40_000
"""Of the shop, one every ten seconds: three days until now, and more than another one to come."""
ORDERS = f"""
SELECT setseed(0.5);
CREATE TABLE orders AS SELECT
    n AS id, now() - INTERVAL '3 days' + n * INTERVAL '10 seconds' AS made_at,
    (exp(random() * 3))::NUMERIC(9, 2) AS price, (ARRAY['book', 'pen', 'ink'])[1 + n % 3] AS kind
FROM generate_series(0, {ROWS}) AS numbers(n);
CREATE ROLE reader LOGIN PASSWORD '{PASSWORD.replace("'", "''")}';
GRANT SELECT ON orders TO reader;
"""  # noqa: S608  # our own


@pytest.fixture(scope="module")
def shop(deployed: Cluster, elsewhere: Cluster) -> Cluster:
    """A namespace with a PostgreSQL of somebody else, and orders in it."""
    (ours,) = deployed.get("statefulsets", "--selector=app.kubernetes.io/name=postgres")
    (container,) = ours["spec"]["template"]["spec"]["containers"]
    server = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "shop", "labels": {"app": "shop"}},
        "spec": {
            "containers": [
                {
                    "name": "postgres",
                    "image": container["image"],
                    "env": [
                        {"name": "POSTGRES_PASSWORD", "value": PASSWORD},
                        {"name": "POSTGRES_DB", "value": "shop"},
                    ],
                    "readinessProbe": container["readinessProbe"],
                }
            ]
        },
    }
    elsewhere.kubectl("create", "--filename=-", stdin=json.dumps(server))
    elsewhere.kubectl("expose", "pod/shop", "--port=5432")
    elsewhere.kubectl("wait", "pod/shop", "--for=condition=Ready", "--timeout=120s")
    ask(elsewhere, ORDERS)
    return elsewhere


def ask(shop: Cluster, statements: str) -> None:
    """Run statements in the shop's database."""
    psql = ["psql", "--username=postgres", "--dbname=shop", "--set=ON_ERROR_STOP=1"]
    shop.kubectl("exec", "--stdin", "shop", "--", *psql, stdin=statements)


@pytest.fixture(scope="module")
def lake(deployed: Cluster) -> Iterator[None]:
    """A bucket with the demo's flights in partitions, and an access key that only reads it."""
    reading = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": [f"arn:aws:s3:::{LAKE}", f"arn:aws:s3:::{LAKE}/*"],
            }
        ],
    }
    today = datetime.now(UTC).date()
    with deployed.minio() as store, deployed.minio_admin() as users:
        store.make_bucket(LAKE)
        upload(store, "reference.parquet", "flights/reference")
        for day in (today, today + timedelta(days=1)):  # a tick may come after midnight
            upload(store, "base.parquet", f"flights/day={day}")
        users.policy_add(LAKE, policy=reading)
        users.user_add("reader", PASSWORD)
        users.attach_policy([LAKE], user="reader")
    yield
    with deployed.minio() as store, deployed.minio_admin() as users:
        users.user_remove("reader")
        users.policy_remove(LAKE)
        for item in list(store.list_objects(LAKE, recursive=True)):
            store.remove_object(LAKE, item.object_name)
        store.remove_bucket(LAKE)


def upload(store: Minio, file: str, prefix: str) -> None:
    """Store a file of the demo below a prefix, in a folder for each airport."""
    flights = pq.read_table(ROOT / "data" / file)
    for origin in pc.unique(flights["origin"]).to_pylist():
        part = flights.filter(pc.equal(flights["origin"], origin)).drop_columns("origin")
        data = io.BytesIO()
        pq.write_table(part, data)
        name = f"{prefix}/origin={origin}/part-0.parquet"
        store.put_object(LAKE, name, io.BytesIO(data.getvalue()), data.tell())


def settings(shop: Cluster) -> dict[str, Any]:
    """What a person writes into group_vars for the three monitors."""
    database = f"postgresql://shop.{shop.namespace}.svc.cluster.local:5432/shop"
    yesterday = f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d %H:%M}Z"
    before = f"SELECT * FROM orders WHERE made_at < '{yesterday}' ORDER BY id"  # noqa: S608  # ours
    partitions = {
        "current": {
            "url": f"s3://{LAKE}/flights/day={{logical_date:%Y-%m-%d}}/",
            "credentials": "lake",
        },
        "reference": {"url": f"s3://{LAKE}/flights/reference/", "credentials": "lake"},
        "columns": {"timestamp": "time_hour", "target": "arr_delay"},
    }
    return {
        "monitors": [
            {
                "name": "orders",
                "current": {
                    "database": database,
                    "query": "SELECT * FROM orders "
                    "WHERE made_at >= :window_start AND made_at < :window_end",
                    "window": "6h",
                    "credentials": "shop",
                },
                "reference": {"database": database, "query": before, "credentials": "shop"},
                "columns": {"timestamp": "made_at", "id": "id"},
                "sampling": "iid",
            },
            {
                "name": "files",
                **partitions,
                "sampling": "iid",
            },
            {
                "name": "lake",
                "engine": "spark",
                **partitions,
            },
        ],
        "source_credentials": {
            "shop": {"user": "reader", "password": PASSWORD},
            "lake": {
                "access_key": "reader",
                "secret_key": PASSWORD,
                "endpoint": "http://minio:9000",
            },
        },
        "checker_egress": [
            {
                "to": [
                    {
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": shop.namespace}
                        }
                    }
                ],
                "ports": [{"port": 5432, "protocol": "TCP"}],
            }
        ],
    }


def test_a_query_and_a_partitioned_prefix_are_watched_from_settings_alone(
    deployed: Cluster, shop: Cluster, lake: None
) -> None:
    chosen = settings(shop)
    try:
        played = deployed.succeed("site.yml", "-vvv", "--diff", **chosen)
        assert PASSWORD not in played.output
        assert json.dumps(PASSWORD)[1:-1] not in played.output

        with deployed.airflow() as airflow:
            run = airflow.wait(airflow.trigger())
        still = deployed.result(run, "orders")
        assert (still["verdict"], still["faults"]) == ("ok", [])
        assert still["current"]["rows"] == 6 * 3600 / 10
        # The same files, read by the check itself and by Spark in its pod.
        for name in ("files", "lake"):
            files = deployed.result(run, name)
            assert files["verdict"] == "ok", files
            # The folders are a column like others.
            assert "origin" in {column["name"] for column in files["columns"]}

        ask(shop, "UPDATE orders SET price = price * 2 WHERE made_at > now() - INTERVAL '6 hours'")
        with deployed.airflow() as airflow:
            run = airflow.wait(airflow.trigger())
        moved = deployed.result(run, "orders")
        assert (moved["verdict"], moved["drifted_columns"]) == ("drift", ["price"])
        for name in ("files", "lake"):
            assert deployed.result(run, name)["verdict"] == "ok"

        assert deployed.succeed("site.yml", **chosen).changed == [0]
    finally:
        deployed.succeed("site.yml")
