"""CPU time of one check, against the naive run, and what Airflow adds to it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import httpx
import psutil

from benchmarks.bench import MONITOR, PROJECT, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import cpu_seconds, run, wait_until

REPEATS = 5
IDLE_SECONDS = 30.0
"""How long Airflow is watched while nothing runs."""
SETTLE_SECONDS = 5.0
"""How long Airflow is watched beyond the end of a run, for what it does afterwards."""


def measure(bench: Bench) -> list[Figure]:
    """Measure checks by hand and naive runs over the same batches, then ticks through Airflow."""
    bench.stack.ensure_up()
    first = datetime.now(UTC).replace(microsecond=0)
    dates = [first - timedelta(seconds=n) for n in bench.times(REPEATS)]
    _check(bench, first - timedelta(days=1))  # both are warm then
    _naive(bench, first - timedelta(days=1))
    checks, naives = [], []
    for date in dates:
        checks.append(_check(bench, date))
        naives.append(_naive(bench, date))
    check = median(checks)
    own, idle = _airflow(bench, check)
    return [
        Figure(
            name="one `drift-checker run`, no report (CPU)",
            unit="s",
            value=check,
            baseline_name="naive run: mlflow, Evidently, report",
            baseline=median(naives),
            limit=Limit(bound=3, goal=2),
        ),
        Figure(
            name="Airflow's own share of a tick (CPU)",
            unit="s",
            value=own,
            baseline_name="one `drift-checker run`",
            baseline=check,
            parts={"besides, each minute at rest": idle * 60},
        ),
    ]


def _check(bench: Bench, date: datetime) -> float:
    """CPU-seconds of a check by hand, without a report."""
    check = ["run", "--monitor", MONITOR, "--logical-date", date.isoformat()]
    return run(
        [*bench.stack.checker, *check],
        bench.log("check"),
        directory=bench.directory,
        settings={"DRIFT_REPORT": "never"},
    ).cpu


def _naive(bench: Bench, date: datetime) -> float:
    """CPU-seconds of the naive run over the batch of a check that was made."""
    meta = bench.stack.state / f"data/store/batches/{MONITOR}/{date:%Y%m%dT%H%M%SZ}/meta.json"
    batch_url = json.loads(meta.read_text())["source"]
    script, reference = PROJECT / "benchmarks/naive.py", PROJECT / "data/reference.parquet"
    return run(
        [bench.naive / "bin/python", script, reference, batch_url, bench.stack.mlflow_url],
        bench.log("naive"),
        directory=bench.directory,
    ).cpu


def _airflow(bench: Bench, check: float) -> tuple[float, float]:
    """Airflow's own CPU-seconds of a tick, and those of each second in which nothing runs."""
    programs = bench.stack.programs()
    parts = [process for name, process in programs.items() if name.startswith("airflow-")]
    before = cpu_seconds(*parts)
    time.sleep(IDLE_SECONDS)
    idle = (cpu_seconds(*parts) - before) / IDLE_SECONDS
    with httpx.Client(base_url=bench.stack.airflow_url, timeout=60) as client:
        login = client.post("/auth/token", json={"username": "admin", "password": "admin"})
        client.headers["Authorization"] = (
            f"Bearer {login.raise_for_status().json()['access_token']}"
        )
        shares = [_tick(client, parts, idle) - check for _ in bench.times(REPEATS)]
    return median(shares), idle


def _tick(client: httpx.Client, parts: list[psutil.Process], idle: float) -> float:
    """CPU-seconds of one tick, the checker's included, what runs anyway left out."""
    start, before = time.monotonic(), cpu_seconds(*parts)
    runs = "/api/v2/dags/drift_detection/dagRuns"
    made = client.post(runs, json={"logical_date": None}).raise_for_status().json()

    def ended() -> bool:
        state = client.get(f"{runs}/{made['dag_run_id']}").raise_for_status().json()["state"]
        if state == "failed":
            raise RuntimeError("the tick failed")
        return bool(state == "success")

    wait_until(ended)
    time.sleep(SETTLE_SECONDS)
    return cpu_seconds(*parts) - before - idle * (time.monotonic() - start)
