"""The launcher of the local target finds what is left of killed processes, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT, load

processes = load("roles/supervisor/files/processes.py")
Records = Any  # of a module that is loaded by its path

PARENT = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"],
                         start_new_session="{session}" == "new")
print(child.pid, flush=True)
child.wait()
"""

COMMAND = [sys.executable, str(ROOT / "roles/supervisor/files/processes.py"), "--state"]


def parent(session: str) -> list[str]:
    return [sys.executable, "-c", PARENT.format(session=session)]


def command(state: Path, *arguments: str) -> str:
    """Run the command line as Ansible does; return what it printed."""
    done = subprocess.run(
        [*COMMAND, str(state), *arguments], capture_output=True, check=True, text=True
    )
    return done.stdout


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    (tmp_path / "log").mkdir()
    return tmp_path


@pytest.fixture
def records(state: Path) -> Records:
    return processes.Records(state / "run")


Launch = Callable[[str, str], tuple[subprocess.Popen[str], psutil.Process]]


@pytest.fixture
def launch(state: Path) -> Iterator[Launch]:
    """Start a program as supervisor would; return it and the child that it started."""
    programs: list[subprocess.Popen[str]] = []
    children: list[psutil.Process] = []

    def start(name: str, session: str) -> tuple[subprocess.Popen[str], psutil.Process]:
        program = subprocess.Popen(
            [*COMMAND, str(state), "launch", name, "--", *parent(session)],
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
            env=os.environ
            | {
                "SUPERVISOR_PROCESS_NAME": name,
                "SUPERVISOR_SERVER_URL": f"unix://{state}/run/supervisor.sock",
            },
        )
        assert program.stdout is not None
        child = psutil.Process(int(program.stdout.readline()))
        programs.append(program)
        children.append(child)
        return program, child

    yield start
    for child in children:
        if child.is_running():
            child.kill()
    for program in programs:
        program.kill()
        program.communicate()


def gone(process: psutil.Process) -> bool:
    _, alive = psutil.wait_procs([process], timeout=10)
    return not alive


@pytest.mark.parametrize("session", ["same", "new"])
def test_leftovers_of_a_killed_program_are_ended(
    launch: Launch, records: Records, state: Path, session: str
) -> None:
    program, child = launch("server", session)
    program.kill()
    program.wait()
    assert child.is_running()

    assert processes.end_leftovers(records, str(state)) == [child.pid]

    assert gone(child)
    assert records.names() == []


def test_a_relaunch_ends_what_its_last_instance_left(launch: Launch) -> None:
    program, child = launch("server", "same")
    program.send_signal(signal.SIGKILL)
    program.wait()

    _, second = launch("server", "same")

    assert gone(child)
    assert second.is_running()


def test_a_relaunch_leaves_other_programs_alone(launch: Launch) -> None:
    _, child = launch("server", "new")

    launch("worker", "new")

    assert child.is_running()


def test_a_later_process_with_the_recorded_pid_is_not_ours(
    launch: Launch, records: Records, state: Path
) -> None:
    program, child = launch("server", "same")
    path = state / "run" / "server.json"
    path.write_text(f'{{"pid": {program.pid}, "started": {psutil.Process().create_time() - 1e6}}}')
    for process in (program, child):
        assert psutil.Process(process.pid).is_running()
    # The variables that supervisor sets name the state directory of another deployment.
    other = state / "other"

    assert processes.end_leftovers(records, str(other)) == []

    assert child.is_running()
    assert program.poll() is None


@pytest.fixture
def daemon(state: Path) -> Iterator[list[str]]:
    """Arguments that start what stands for supervisord; it is stopped after the test."""
    (state / "supervisord.conf").write_text("; as it was\n")
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    yield ["--settings", str(state / "supervisord.conf"), "--", *sleeper]
    command(state, "stop")


def test_start_is_idempotent_and_stop_ends_everything(
    launch: Launch, records: Records, state: Path, daemon: list[str]
) -> None:
    first = command(state, "start", *daemon)
    record = records.read("supervisord")
    assert record is not None
    supervisord = processes.instance(record)
    assert first == f"started supervisord as {supervisord.pid}\n"
    assert command(state, "start", *daemon) == ""
    _, child = launch("server", "same")

    command(state, "stop")

    assert gone(supervisord)
    assert gone(child)
    assert records.names() == []


def test_start_replaces_a_supervisor_that_runs_with_other_settings(
    records: Records, state: Path, daemon: list[str]
) -> None:
    """Also where the deployment that wrote them was killed before it came to this."""
    command(state, "start", *daemon)
    before = processes.instance(records.read("supervisord"))
    (state / "supervisord.conf").write_text("; as it is now\n")

    said = command(state, "start", *daemon)

    now = processes.instance(records.read("supervisord"))
    assert said == f"stopped supervisord {before.pid}\nstarted supervisord as {now.pid}\n"
    assert gone(before)
    assert command(state, "start", *daemon) == ""


def test_what_is_recorded_and_logged_is_for_its_owner_alone(state: Path, daemon: list[str]) -> None:
    subprocess.run(
        [*COMMAND, str(state), "start", *daemon], check=True, stdout=subprocess.DEVNULL, umask=0
    )

    for path in (state / "run/supervisord.json", state / "log/supervisord.out"):
        assert path.stat().st_mode & 0o077 == 0, path
