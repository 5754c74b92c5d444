"""The board before 100 monitors of 500 ticks: its pages, its metrics, its memory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import httpx
import psutil

from benchmarks.bench import PROJECT, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import answers, cpu_seconds, pss, pss_at_rest, run, started

MONITORS = 100
REQUESTS = 20
"""Of which one figure is the mean."""
REFRESH_SECONDS = 1.0
RATE, LOAD_SECONDS = 50, 60.0
"""Requests a second, and how long, of the readers whose number is to cost no memory."""
FLAT = 1.05
MS, KB, MB = 1e-3, 1e3, 1e6


def measure(bench: Bench) -> list[Figure]:
    """Serve a store of many monitors, and one of a single one beside it."""
    venv = bench.directory / "board-venv"
    bench.install_project(PROJECT / "board", venv)
    with _served(bench, venv, 1) as (server, url):
        one = _Costs(url, server)
    with _served(bench, venv, MONITORS) as (server, url):
        many = _Costs(url, server)
        held = _after_load(url, server)
    figure = partial(Figure, baseline_name="with one monitor")
    return [
        figure(
            name=f"the first page of {MONITORS} monitors",
            unit="s",
            value=many.cold,
            baseline=one.cold,
            limit=Limit(bound=1.5),
        ),
        figure(
            name=f"the same, written anew after {REFRESH_SECONDS:g} s, CPU",
            unit="ms",
            value=many.page / MS,
            baseline=one.page / MS,
            limit=Limit(bound=150),
            parts={"of it without a look into the store": many.written / MS},
        ),
        figure(
            name=f"metrics of {MONITORS} monitors, CPU",
            unit="ms",
            value=many.metrics / MS,
            baseline=one.metrics / MS,
            limit=Limit(bound=100),
        ),
        figure(
            name=f"weight of the page of {MONITORS} monitors",
            unit="KB",
            value=many.weights["/"] / KB,
            baseline=one.weights["/"] / KB,
            limit=Limit(bound=300),
            parts={path: size / KB for path, size in many.weights.items()},
        ),
        figure(
            name="memory of the board (PSS)",
            unit="MB",
            value=many.memory / MB,
            baseline=one.memory / MB,
            limit=Limit(bound=180, goal=120),
        ),
        Figure(
            name=f"the same after {RATE} requests a second for {LOAD_SECONDS:g} s",
            unit="MB",
            value=held / MB,
            baseline_name="before them",
            baseline=many.memory / MB,
            limit=Limit(bound=FLAT, ratio=True),
        ),
    ]


class _Costs:
    """What a board's answers cost, asked for in the order in which they are warm."""

    def __init__(self, url: str, server: psutil.Process) -> None:
        with httpx.Client(base_url=url, timeout=60) as client:
            begun = time.perf_counter()
            _get(client, "/")
            self.cold = time.perf_counter() - begun
            self.page = _cpu(client, server, "/", pause=REFRESH_SECONDS * 1.1)
            self.written = _cpu(client, server, "/", pause=0.0)
            self.metrics = _cpu(client, server, "/metrics", pause=REFRESH_SECONDS * 1.1)
            tick = client.get("/api/v1/monitors/monitor-0/ticks?limit=1").json()["items"][0]["key"]
            paths = ("/", "/monitors/monitor-0", f"/monitors/monitor-0/ticks/{tick}", "/style.css")
            self.weights = {path: len(_get(client, path).content) for path in paths}
        self.memory = pss_at_rest(server)


def _cpu(client: httpx.Client, server: psutil.Process, path: str, *, pause: float) -> float:
    """CPU-seconds of the server for a page that it has not kept: each is asked by another query."""
    _get(client, path)
    before = cpu_seconds(server)
    for number in range(REQUESTS):
        time.sleep(pause)
        _get(client, f"{path}?number={number}")
    return (cpu_seconds(server) - before) / REQUESTS


def _after_load(url: str, server: psutil.Process) -> float:
    """Memory after many readers of all pages.

    Raises:
        RuntimeError: a page was refused.
    """
    paths = ("/", "/?verdict=drift", "/monitors/monitor-0", "/metrics", "/api/v1/monitors")
    end = time.monotonic() + LOAD_SECONDS
    with httpx.Client(base_url=url, timeout=60) as client, ThreadPoolExecutor(RATE) as pool:
        due = time.monotonic()
        asked: list[Future[httpx.Response]] = []
        while due < end:
            asked.append(pool.submit(_get, client, paths[len(asked) % len(paths)]))
            due += 1 / RATE
            time.sleep(max(0.0, due - time.monotonic()))
        for each in asked:
            each.result()
    return float(pss(server))


def _get(client: httpx.Client, path: str) -> httpx.Response:
    answer = client.get(path)
    if not answer.is_success:
        raise RuntimeError(f"{path}: {answer.status_code}")
    return answer


@contextmanager
def _served(bench: Bench, venv: Path, monitors: int) -> Iterator[tuple[psutil.Process, str]]:
    """Serve a store of so many monitors."""
    folder, port = bench.empty(f"board-{monitors}"), bench.port(12)
    settings = {
        "DRIFT_STORE_URL": f"file://{folder}/store",
        "DRIFT_MLFLOW_URL": "http://127.0.0.1:5000",
        "DRIFT_MONITORS_FILE": str(folder / "monitors.yml"),
        "DRIFT_BOARD_REFRESH_SECONDS": f"{REFRESH_SECONDS:g}",
        "DRIFT_LOG_LEVEL": "warning",
    }
    make = [venv / "bin" / "python", PROJECT / "board" / "tests" / "many.py", folder]
    run(
        [*make, str(monitors)],
        bench.log("board-store"),
        directory=folder,
        settings=settings,
    )
    url = f"http://127.0.0.1:{port}"
    with started(
        [venv / "bin" / "drift-board", "--port", str(port)],
        bench.log("board"),
        directory=folder,
        settings=settings,
        ready=partial(answers, f"{url}/healthz"),
    ) as server:
        yield server, url
