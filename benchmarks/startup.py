"""`make up` from nothing, over the bare installs and the start of the slowest server."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from statistics import median

from benchmarks.bench import PYTHON, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import answers, run, started

REPEATS = 3


def measure(bench: Bench) -> list[Figure]:
    """Time `make up` and its floor in turns; the package caches are warm for both."""
    _installs(bench)  # fills the caches of pip and uv
    ups, installs, starts = [], [], []
    for _ in bench.times(REPEATS):
        installs.append(_installs(bench))
        starts.append({"MLflow": _mlflow(bench), "Airflow": _airflow(bench)})
        ups.append(bench.stack.make_anew().wall)
    own = {server: median(start[server] for start in starts) for server in starts[0]}
    return [
        Figure(
            name="`make up` from nothing",
            unit="s",
            value=median(ups),
            baseline_name="bare installs + slowest server's start",
            baseline=median(installs) + max(own.values()),
            limit=Limit(bound=2, goal=1.5, ratio=True),
            parts={
                "baseline: installs": median(installs),
                **{f"baseline: start of {server} alone": wall for server, wall in own.items()},
            },
        )
    ]


def _installs(bench: Bench) -> float:
    """Seconds of the bare installs, one after the other: the tools, then each component."""
    project, venvs = bench.clone("floor"), bench.empty("floor-venvs")
    tools = ["make", "deps", f"PYTHON={PYTHON}"]
    seconds = run(tools, bench.log("make-deps"), directory=project).wall
    for lock in sorted(project.glob("roles/*/files/requirements.txt")):
        seconds += bench.install_requirements(lock, venvs / lock.parts[-3]).wall
    seconds += bench.install_project(project / "drifter", venvs / "drifter").wall
    seconds += bench.install_project(project / "checker", venvs / "checker", "report").wall
    return seconds


def _mlflow(bench: Bench) -> float:
    """Seconds until MLflow answers, its database made by itself."""
    port, home = bench.port(10), bench.empty("floor-mlflow")
    before = time.perf_counter()
    with started(
        [_command(bench, "mlflow"), "server", "--port", str(port), "--workers", "1"],
        bench.log("floor-mlflow"),
        directory=home,
        settings={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        ready=partial(answers, f"http://127.0.0.1:{port}/health"),
    ):
        return time.perf_counter() - before


def _airflow(bench: Bench) -> float:
    """Seconds until Airflow's API server answers, its database made before."""
    port, home = bench.port(10), bench.empty("floor-airflow")
    settings = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "false"}
    airflow = _command(bench, "airflow")
    before = time.perf_counter()
    run([airflow, "db", "migrate"], bench.log("floor-migrate"), directory=home, settings=settings)
    with started(
        [airflow, "api-server", "--host", "127.0.0.1", "--port", str(port)],
        bench.log("floor-airflow"),
        directory=home,
        settings=settings,
        ready=partial(answers, f"http://127.0.0.1:{port}/api/v2/version"),
    ):
        return time.perf_counter() - before


def _command(bench: Bench, component: str) -> Path:
    return bench.directory / "floor-venvs" / component / "bin" / component
