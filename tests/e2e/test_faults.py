"""Parts are killed in the middle of a tick; it ends with one result and one run all the same."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psutil

from e2e.stack import Stack, until

RESTART_SECONDS = 10
"""Within which a killed process is back."""


@contextmanager
def frozen(process: psutil.Process) -> Iterator[None]:
    """Stop a program and all its children for a while; who asks them waits."""
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # it was killed
            os.killpg(process.pid, signal.SIGCONT)


def kill(process: psutil.Process) -> None:
    """Kill a program and all its children."""
    os.killpg(process.pid, signal.SIGKILL)


def wait_for_return(stack: Stack, name: str, killed: psutil.Process) -> None:
    """Wait until supervisor has put another process in the place of `killed`."""

    def is_back() -> bool:
        pid, _ = stack.records()[name]
        return pid != killed.pid and psutil.pid_exists(pid)

    until(is_back, RESTART_SECONDS, f"{name} is back")


def asked_by(stack: Stack, component: str) -> list[psutil.Process]:
    """The checkers that are connected with a service."""
    port = stack.settings[f"{component}_port"]
    pids = {
        connection.pid
        for connection in psutil.net_connections(kind="tcp")
        if connection.raddr and connection.raddr[1] == port and connection.pid
    }
    return [
        process
        for process in map(psutil.Process, pids)
        if any("drift-checker" in word for word in process.cmdline())
    ]


def test_mlflow_is_killed_while_a_check_publishes(stack: Stack) -> None:
    mlflow = stack.programs()["mlflow"]
    with frozen(mlflow):
        started = stack.airflow.trigger()
        until(lambda: asked_by(stack, "mlflow"), 120, "the check asks MLflow")
        assert (stack.result_folder(started) / "result.json").is_file()
        assert not (stack.result_folder(started) / "published.json").exists()
        kill(mlflow)

    wait_for_return(stack, "mlflow", mlflow)
    stack.assert_one_result(stack.airflow.wait(started))


def test_the_scheduler_is_killed_while_a_check_runs(stack: Stack) -> None:
    scheduler = stack.programs()["airflow-scheduler"]
    with frozen(stack.programs()["drifter"]):
        started = stack.airflow.trigger()
        (checker,) = until(lambda: asked_by(stack, "drifter"), 120, "the check asks the Drifter")
        scheduler.kill()
        wait_for_return(stack, "airflow-scheduler", scheduler)
        until(lambda: not checker.is_running(), 60, "the check has ended with its scheduler")

    stack.assert_one_result(stack.airflow.wait(started))


def test_the_drifter_is_away_for_a_minute(stack: Stack) -> None:
    stack.supervisorctl("stop", "drifter")
    try:
        started = stack.airflow.trigger()
        tries: set[int] = set()

        def tried() -> bool:
            task = stack.airflow.task(started)
            assert stack.airflow.run(started)["state"] in {"queued", "running"}
            if task is not None:
                tries.add(task["try_number"])
            return time.monotonic() > back

        back = time.monotonic() + 60
        until(tried, 90, "a minute has passed")
    finally:
        stack.supervisorctl("start", "drifter")
    assert max(tries) > 1

    stack.assert_one_result(stack.airflow.wait(started))


def test_every_killed_process_comes_back(stack: Stack) -> None:
    before = stack.programs()
    assert len(before) == 7
    for name, process in before.items():
        process.kill()
        wait_for_return(stack, name, process)
    until(stack.is_healthy, 120, "every part is healthy again")

    stack.assert_one_result(stack.airflow.wait(stack.airflow.trigger()))


def test_site_takes_over_after_supervisor_was_killed(stack: Stack) -> None:
    orphans = stack.programs()
    supervisord = psutil.Process(stack.records()["supervisord"][0])
    supervisord.kill()
    until(lambda: not supervisord.is_running(), 10, "supervisor is dead")
    assert all(process.is_running() for process in orphans.values())

    stack.succeed("site.yml")

    assert not any(process.is_running() for process in orphans.values())
    assert set(stack.programs()) == set(orphans)
    stack.assert_one_result(stack.airflow.wait(stack.airflow.trigger()))


def test_teardown_finds_what_a_killed_supervisor_left(stack: Stack) -> None:
    processes = stack.processes()
    psutil.Process(stack.records()["supervisord"][0]).kill()

    stack.succeed("teardown.yml")

    assert stack.processes() == []
    assert not any(process.is_running() for process in processes)
    assert stack.open_ports() == []
