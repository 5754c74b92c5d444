"""A tick of many monitors at once: whether all verdicts are there in time, and what it takes."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from threading import Event
from typing import Any

import psutil
import yaml
from e2e.services import Airflow
from e2e.stack import logical_date

from benchmarks.bench import MONITOR, PROJECT, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import cpu_seconds, pss, pss_at_rest

NUMBERS = (1, 10, 100)
REPEATS = 3
INTERVAL_SECONDS = 300
"""Of the schedule that is shipped."""
FLAT = 1.1
"""How much more memory the stack may hold after ticks of many monitors than after those of one."""
SAMPLE_SECONDS = 1.0
GB = 1e9
LOGS = {
    "MLflow": ("mlflow", ' HTTP/1.1" '),
    "Airflow's API": ("airflow-api-server", "request finished"),
    "the Drifter": ("drifter", '"event": "request"'),
}
"""Servers, their programs, and what each writes into its log for a request."""


@dataclass(frozen=True)
class Tick:
    """What one tick of all monitors took."""

    wall: float
    """Seconds from its trigger to the last verdict."""
    waited: float
    """Seconds until the last check was started."""
    cpu: Mapping[str, float]
    """CPU-seconds of each program; the checks are the scheduler's."""
    checks: float
    """CPU-seconds of the checks alone."""
    requests: Mapping[str, int]
    peak: float
    """Largest memory of the whole stack, in bytes."""


def measure(bench: Bench) -> list[Figure]:
    """Deploy more and more monitors, and take ticks of all of them at once."""
    bench.stack.ensure_up()
    figures: list[Figure] = []
    ticks: dict[int, list[Tick]] = {}
    rest: dict[int, float] = {}
    for number in NUMBERS:
        # Each monitor's first tick would make a report.
        bench.stack.change(monitors=_monitors(number), report="never")
        ticks[number] = [_tick(bench, number) for _ in bench.times(REPEATS)]
        rest[number] = pss_at_rest(bench.stack.programs()["supervisord"])
        figures += _figures(number, ticks, rest)
    return figures


def _monitors(number: int) -> list[dict[str, Any]]:
    """The monitor that is shipped, under as many names."""
    shipped = yaml.safe_load((PROJECT / "group_vars/all/main.yml").read_text())["monitors"]
    (flights,) = (monitor for monitor in shipped if monitor["name"] == MONITOR)
    return [{**flights, "name": f"{MONITOR}-{place}"} for place in range(number)]


def _tick(bench: Bench, number: int) -> Tick:
    """Take one tick.

    Raises:
        RuntimeError: a verdict is missing, or more checks ran at once than may.
    """
    airflow = Airflow(bench.stack.airflow_url, "admin")
    programs = bench.stack.programs()
    root = programs.pop("supervisord")
    cpu_before = {name: cpu_seconds(program) for name, program in programs.items()}
    requests_before = _requests(bench)
    start = time.monotonic()
    run = airflow.trigger()
    with _peak(root) as peak:
        run = airflow.wait(run)
        wall = time.monotonic() - start
    cpu = {name: cpu_seconds(program) - cpu_before[name] for name, program in programs.items()}
    requests = {name: count - requests_before[name] for name, count in _requests(bench).items()}
    checks = airflow.tasks(run)
    _assert_all_there(bench, run, checks, number)
    began = datetime.fromisoformat(run["start_date"])
    return Tick(
        wall=wall,
        waited=max((_start(check) - began).total_seconds() for check in checks),
        cpu=cpu,
        checks=sum(_published(airflow, check)["cpu_seconds"] for check in checks),
        requests=requests,
        peak=max(peak),
    )


@contextmanager
def _peak(root: psutil.Process) -> Iterator[list[int]]:
    """The memory of a process tree, time and again while the block runs."""
    sizes, ended = [pss(root)], Event()

    def watch() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            sizes.append(pss(root))

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            yield sizes
        finally:
            ended.set()
        watching.result()


def _assert_all_there(
    bench: Bench, run: Mapping[str, Any], checks: list[dict[str, Any]], number: int
) -> None:
    date = f"{logical_date(run):%Y%m%dT%H%M%SZ}"
    results = bench.stack.state.glob(f"data/store/results/{MONITOR}-*/{date}/published.json")
    published = sum(json.loads(path.read_text())["complete"] for path in results)
    tries = [check["try_number"] for check in checks]
    if run["state"] != "success" or published != number or tries != [1] * number:
        raise RuntimeError(f"{run['state']}: {published} of {number} verdicts, tries {tries}")
    defaults = yaml.safe_load((PROJECT / "roles/airflow/defaults/main.yml").read_text())
    moments = sorted((_start(check), 1) for check in checks)
    moments += [(datetime.fromisoformat(check["end_date"]), -1) for check in checks]
    at_once = most = 0
    for _, change in sorted(moments):
        at_once += change
        most = max(most, at_once)
    if most > defaults["airflow_parallelism"]:
        raise RuntimeError(f"{most} checks ran at once")


def _start(check: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(check["start_date"])


def _published(airflow: Airflow, check: Mapping[str, Any]) -> dict[str, Any]:
    """What a check said last."""
    lines = [line["event"] for line in airflow.log(check)]
    said = [json.loads(line) for line in lines if line.startswith("{")]
    return next(line for line in said if line["event"] == "published")


def _requests(bench: Bench) -> dict[str, int]:
    """The requests that each server has logged so far."""
    logs = bench.stack.state / "log"
    return {
        name: (logs / f"{program}.log").read_text(errors="replace").count(mark)
        for name, (program, mark) in LOGS.items()
    }


def _figures(
    number: int, ticks: Mapping[int, list[Tick]], rest: Mapping[int, float]
) -> Iterator[Figure]:
    taken = ticks[number]
    wall, checks = (median(getattr(tick, name) for tick in taken) for name in ("wall", "checks"))
    airflow = {name for name in taken[0].cpu if name.startswith("airflow-")}
    cpu = {name: median(tick.cpu[name] for tick in taken) for name in taken[0].cpu}
    name = f"{number} monitor{'s' if number > 1 else ''} in one tick"
    one = NUMBERS[0]
    yield Figure(
        name=f"{name}, trigger to the last verdict",
        unit="s",
        value=wall,
        baseline_name="as many ticks of one",
        baseline=number / one * median(tick.wall for tick in ticks[one]),
        limit=Limit(bound=INTERVAL_SECONDS),
        parts={
            "until the last check began": median(tick.waited for tick in taken),
            "CPU: checks": checks,
            "CPU: Airflow": sum(cpu[part] for part in airflow) - checks,
            **{f"CPU: {part}": seconds for part, seconds in cpu.items() if part not in airflow},
        },
    )
    yield Figure(
        name=f"{name}, requests",
        unit="",
        value=sum(median(tick.requests[part] for tick in taken) for part in LOGS),
        baseline_name="as many ticks of one",
        baseline=number / one * sum(median(t.requests[part] for t in ticks[one]) for part in LOGS),
        parts={part: median(tick.requests[part] for tick in taken) for part in LOGS},
    )
    yield Figure(
        name=f"{name}, memory of the stack afterwards (PSS)",
        unit="GB",
        value=rest[number] / GB,
        baseline_name="after ticks of one",
        baseline=rest[one] / GB,
        limit=Limit(bound=FLAT, ratio=True),
        parts={"at most, while it lasts": max(tick.peak for tick in taken) / GB},
    )
