"""What a tick on Kubernetes is made of, from its trigger to its published verdict."""

from __future__ import annotations

import json
from datetime import datetime
from statistics import median

from cluster.cluster import Cluster
from e2e.services import Airflow

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import wait_until

REPEATS = 20
NAMESPACE, CONTEXT = "drift-detection", "minikube"


def measure(bench: Bench) -> list[Figure]:
    """Take ticks through the deployed stack, and tell their parts apart."""
    cluster = Cluster(NAMESPACE, CONTEXT, {})
    with cluster.airflow() as airflow:
        ticks = [_tick(cluster, airflow) for _ in bench.times(REPEATS)]
    parts = {name: median(tick[name] for tick in ticks) for name in ticks[0]}
    return [
        Figure(
            name="one check in its pod, imports to publishing (CPU)",
            unit="s",
            value=parts.pop("CPU"),
            baseline_name="trigger to published verdict (wall)",
            baseline=sum(parts.values()),
            limit=Limit(bound=3),
            parts={f"wall: {name}": seconds for name, seconds in parts.items()},
        )
    ]


def _tick(cluster: Cluster, airflow: Airflow) -> dict[str, float]:
    """Seconds of the parts of one tick; the start of a container is known to the second."""
    wait_until(lambda: not any(run["state"] == "running" for run in airflow.dag_runs()))
    run = airflow.trigger()
    triggered = _moment(run["queued_at"])
    started: list[datetime] = []

    def ended() -> bool:
        started.extend(_starts(cluster, triggered))
        return bool(airflow.run(run)["state"] not in {"queued", "running"})

    wait_until(ended)
    run, task = airflow.run(run), airflow.task(run)
    if run["state"] != "success" or task is None or not started:
        raise RuntimeError(f"the tick {run['dag_run_id']} ended in {run['state']}")
    lines = airflow.log(task)
    (asked,) = (line for line in lines if line["event"].startswith("Building pod"))
    # What the checker itself says is JSON; its last line may come twice.
    said = [json.loads(line["event"]) for line in lines if line["event"].startswith("{")]
    judged = next(line for line in said if "verdict" in line)
    published = next(line for line in said if line["event"] == "published")
    timings = cluster.result(run)["timings"]
    taken = _moment(task["start_date"])
    return {
        "queue": (taken - triggered).total_seconds(),
        "worker's start": (_moment(asked["timestamp"]) - taken).total_seconds(),
        "pod's start": (started[0] - _moment(asked["timestamp"])).total_seconds(),
        "imports": (_moment(judged["timestamp"]) - started[0]).total_seconds()
        - sum(timings.values()),
        **timings,
        "publish": published["seconds"],
        "CPU": published["cpu_seconds"],
    }


def _starts(cluster: Cluster, since: datetime) -> list[datetime]:
    """When containers of checks were started after `since`."""
    return [
        _moment(state["startedAt"])
        for pod in cluster.get("pods", "--selector=app.kubernetes.io/name=checker")
        for container in pod["status"].get("containerStatuses", [])
        for state in container["state"].values()
        if _moment(state.get("startedAt", since.isoformat())) > since
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
