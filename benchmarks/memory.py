"""Memory of the whole stack at rest, against MLflow and Airflow as they come."""

from __future__ import annotations

import os
from functools import partial

import httpx

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import answers, pss, pss_at_rest, started

GB = 1e9


def measure(bench: Bench) -> list[Figure]:
    """Measure the stack, stop it, and measure the two servers with their defaults."""
    bench.stack.ensure_up()
    programs = bench.stack.programs()
    supervisor = programs.pop("supervisord")
    at_rest = pss_at_rest(supervisor)
    parts = {name: pss(program) for name, program in programs.items()}
    bench.stack.down()
    defaults = {"baseline: mlflow server": _mlflow(bench), "baseline: airflow": _airflow(bench)}
    return [
        Figure(
            name="memory of the stack at rest (PSS)",
            unit="GB",
            value=at_rest / GB,
            baseline_name="`mlflow server` + `airflow standalone`",
            baseline=sum(defaults.values()) / GB,
            limit=Limit(bound=1.6, goal=1.3),
            parts={name: size / GB for name, size in (parts | defaults).items()},
        )
    ]


def _mlflow(bench: Bench) -> float:
    """Bytes of MLflow's server with its default workers and job execution."""
    port = bench.port(10)
    with started(
        [bench.naive / "bin" / "mlflow", "server", "--port", str(port)],
        bench.log("default-mlflow"),
        directory=bench.empty("default-mlflow"),
        ready=partial(answers, f"http://127.0.0.1:{port}/health"),
    ) as server:
        return pss_at_rest(server)


def _airflow(bench: Bench) -> float:
    """Bytes of Airflow with its default parallelism; without its examples, which nobody watches."""
    port, home = bench.port(10), bench.empty("default-airflow")
    commands = bench.stack.state / "venvs" / "airflow" / "bin"
    with started(
        [commands / "airflow", "standalone"],
        bench.log("default-airflow"),
        directory=home,
        settings={
            "PATH": f"{commands}:{os.environ['PATH']}",  # it starts its parts by name
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(bench.port(11)),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(bench.port(12)),
        },
        ready=partial(answers, f"http://127.0.0.1:{port}/api/v2/monitor/health", _is_healthy),
    ) as standalone:
        return pss_at_rest(standalone)


def _is_healthy(response: httpx.Response) -> bool:
    return all(part["status"] == "healthy" for part in response.json().values())
