"""Starts, records and ends the processes of the stack.

Supervisor restarts what dies, but it cannot end what a killed process left behind: the workers of
a server that still hold its port, or everything, where supervisord itself was killed. So each
program is started through `launch`, which first ends the leftovers of the instance before it and
then records its own pid and start time; `stop` ends supervisord, and then whatever is left.

A recorded pid counts only together with its start time, because pids are used again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil

GRACE_SECONDS = 3.0
"""How long leftovers may take to end by themselves; they have no one to answer to any more."""

SHUTDOWN_SECONDS = 60.0
"""How long supervisord may take to end its programs; above the longest `stopwaitsecs`."""

SUPERVISORD = "supervisord"

CLOCK_TOLERANCE_SECONDS = 0.05
"""Reading a start time twice gives values that differ by rounding; two processes differ by more."""


class Records:
    """The pid and start time of each program, one small file for each in `directory`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> list[str]:
        """Return the names of all recorded programs."""
        return sorted(path.stem for path in self._directory.glob("*.json"))

    def write(self, name: str, process: psutil.Process, settings: str | None = None) -> None:
        """Record `process` as the present instance of `name`, and the digest of its settings."""
        path = self._directory / f"{name}.json"
        new = path.with_suffix(".new")
        record = {"pid": process.pid, "started": process.create_time(), "settings": settings}
        new.write_text(json.dumps(record))
        new.replace(path)

    def remove(self, name: str) -> None:
        """Forget the program `name`."""
        (self._directory / f"{name}.json").unlink(missing_ok=True)

    def read(self, name: str) -> tuple[int, float] | None:
        """Return pid and start time of the program `name`, or None where none is recorded."""
        record = self._record(name)
        return (record["pid"], record["started"]) if record else None

    def settings(self, name: str) -> str | None:
        """Return the digest of the settings that the program `name` was started with."""
        return self._record(name).get("settings")

    def _record(self, name: str) -> dict[str, Any]:
        try:
            record: dict[str, Any] = json.loads((self._directory / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}
        return record


def instance(record: tuple[int, float]) -> psutil.Process | None:
    """Return the recorded process if it still runs; a later process with its pid is not it."""
    pid, started = record
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - started) < CLOCK_TOLERANCE_SECONDS
    except psutil.NoSuchProcess:
        return None
    return process if same else None


def belonging(name: str, record: tuple[int, float], state: str) -> list[psutil.Process]:
    """Return the recorded instance and all that descends from it, dead parents included.

    Descendants are found by their process group, which supervisor makes for each program, and by
    the two variables that supervisor gives to each program, for those that left the group.
    """
    pid, started = record
    leader = instance(record)
    group_is_ours = leader is not None or not psutil.pid_exists(pid)

    def belongs(process: psutil.Process) -> bool:
        try:
            return (
                process == leader
                or (group_is_ours and os.getpgid(process.pid) == pid)
                or (
                    process.create_time() >= started - CLOCK_TOLERANCE_SECONDS
                    and _is_marked(process, name, state)
                )
            )
        except (psutil.Error, ProcessLookupError):  # it ended, or it is another user's
            return False

    return [process for process in psutil.process_iter() if belongs(process)]


def _is_marked(process: psutil.Process, name: str, state: str) -> bool:
    environment = process.environ()
    return (
        environment.get("SUPERVISOR_PROCESS_NAME") == name
        and environment.get("SUPERVISOR_SERVER_URL") == f"unix://{state}/run/supervisor.sock"
    )


def end(processes: Iterable[psutil.Process]) -> list[int]:
    """End `processes`, gently first, and return the pids of those that were still there."""
    ended = [process for process in processes if process.pid != os.getpid()]
    for process in ended:
        try:
            process.terminate()
        except psutil.NoSuchProcess:
            continue
    _, stubborn = psutil.wait_procs(ended, timeout=GRACE_SECONDS)
    for process in stubborn:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(stubborn, timeout=GRACE_SECONDS)
    return [process.pid for process in ended]


def end_leftovers(records: Records, state: str) -> list[int]:
    """End what is left of all recorded programs and forget them; return the pids ended."""
    ended = []
    for name in records.names():
        record = records.read(name)
        if record is not None:
            ended += end(belonging(name, record, state))
            records.remove(name)
    return ended


def launch(records: Records, state: str, name: str, command: list[str]) -> None:
    """Become the program `name`, after ending what its last instance left."""
    record = records.read(name)
    if record is not None:
        end(belonging(name, record, state))
    records.write(name, psutil.Process())
    os.execvp(command[0], command)


def start(records: Records, state: str, settings: Path, command: list[str]) -> None:
    """Start supervisord unless it runs with `settings`, after ending what an earlier one left."""
    digest = hashlib.sha256(settings.read_bytes()).hexdigest()
    record = records.read(SUPERVISORD)
    if record is not None and instance(record) is not None:
        if records.settings(SUPERVISORD) == digest:
            return
        stop(records, state)
    for pid in end_leftovers(records, state):
        print(f"ended {pid}, left by an earlier run")
    log = Path(state) / "log" / "supervisord.out"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    records.write(SUPERVISORD, psutil.Process(process.pid), digest)
    print(f"started supervisord as {process.pid}")


def stop(records: Records, state: str) -> None:
    """End supervisord, which ends its programs in order, and then whatever is left."""
    record = records.read(SUPERVISORD)
    supervisord = None if record is None else instance(record)
    if supervisord is not None:
        supervisord.terminate()
        psutil.wait_procs([supervisord], timeout=SHUTDOWN_SECONDS)
        print(f"stopped supervisord {supervisord.pid}")
    for pid in end_leftovers(records, state):
        print(f"ended {pid}, which was left")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--state", required=True, help="the state directory of the stack")
    actions = parser.add_subparsers(dest="action", required=True)
    launcher = actions.add_parser("launch", help="become a program of the stack")
    launcher.add_argument("name")
    launcher.add_argument("command", nargs="+")
    starter = actions.add_parser(
        "start", help="start supervisord unless it runs with these settings"
    )
    starter.add_argument("--settings", type=Path, required=True, help="its file of settings")
    starter.add_argument("command", nargs="+")
    actions.add_parser("stop", help="end everything, leftovers of killed parts included")
    arguments = parser.parse_args()

    os.umask(0o077)
    records = Records(Path(arguments.state) / "run")
    if arguments.action == "launch":
        launch(records, arguments.state, arguments.name, arguments.command)
    elif arguments.action == "start":
        start(records, arguments.state, arguments.settings, arguments.command)
    else:
        stop(records, arguments.state)


if __name__ == "__main__":
    main()
