"""Measuring processes: their time, their CPU time, their memory."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypeAlias

import httpx
import psutil

STABLE_SAMPLES = 6
"""Samples in a row that have to agree before memory is taken to be at rest."""
STABLE_SHARE = 0.01
"""How far those may lie apart."""
SAMPLE_SECONDS = 2.0
READY_SECONDS = 300.0
"""How long a server may take to start, and memory to come to rest."""
STOP_SECONDS = 20.0
"""How long processes may take to end before they are killed."""

_FOREIGN = ("PYTHON", "MAKE", "DRIFT_", "AIRFLOW", "MLFLOW_", "VIRTUAL_ENV", "UV_PROJECT", "ARGS")


Word: TypeAlias = str | Path
"""A word of a command."""


@dataclass(frozen=True)
class Cost:
    """What a command took: wall-clock seconds, and CPU-seconds of it and all its children."""

    wall: float
    cpu: float


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of everything that is measured: the caller's without what would change it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    return kept | {"UV_PYTHON_DOWNLOADS": "never"} | dict(settings or {})


def run(
    command: Sequence[Word],
    log: Path,
    *,
    directory: Path,
    settings: Mapping[str, str] | None = None,
) -> Cost:
    """Run a command to its end, with its output in `log`.

    Raises:
        RuntimeError: it failed; the message ends with its last lines.
    """
    before = time.perf_counter()
    process = _start(command, log, directory, settings)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        _end(process)
        raise
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        words = " ".join(map(str, command))
        raise RuntimeError(f"{words} ended with {process.returncode}:\n{_end_of(log)}")
    return Cost(time.perf_counter() - before, usage.ru_utime + usage.ru_stime)


@contextmanager
def started(
    command: Sequence[Word],
    log: Path,
    *,
    directory: Path,
    ready: Callable[[], bool],
    settings: Mapping[str, str] | None = None,
) -> Iterator[psutil.Process]:
    """Start a server, wait until it is ready, and end it with all its children afterwards."""
    process = _start(command, log, directory, settings)
    try:
        wait_until(ready, lambda: _still_runs(process, log))
        yield psutil.Process(process.pid)
    finally:
        _end(process)


def _start(
    command: Sequence[Word], log: Path, directory: Path, settings: Mapping[str, str] | None
) -> subprocess.Popen[bytes]:
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            cwd=directory,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def wait_until(
    condition: Callable[[], bool], otherwise: Callable[[], object] = lambda: None
) -> None:
    """Wait until `condition` holds; `otherwise` is called each time it does not.

    Raises:
        TimeoutError: it did not hold within `READY_SECONDS`.
    """
    end = time.monotonic() + READY_SECONDS
    while not condition():
        otherwise()
        if time.monotonic() > end:
            raise TimeoutError(f"nothing came of waiting for {READY_SECONDS:g} s")
        time.sleep(0.1)


def answers(url: str, accept: Callable[[httpx.Response], bool] = lambda _: True) -> bool:
    """Whether a URL answers with success, and with what `accept` accepts."""
    try:
        response = httpx.get(url, timeout=5)
    except httpx.TransportError:
        return False
    return response.is_success and accept(response)


def trees(*roots: psutil.Process) -> list[psutil.Process]:
    """The processes and all that descend from them."""
    found = []
    for root in roots:
        try:
            found += [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
    return found


def cpu_seconds(*roots: psutil.Process) -> float:
    """User and system time of process trees so far, children that have ended included."""
    total = 0.0
    for process in trees(*roots):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def pss(*roots: psutil.Process) -> int:
    """Bytes of memory of process trees, each shared page divided among those that share it."""
    total = 0
    for process in trees(*roots):
        try:
            total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue
    return total


def pss_at_rest(root: psutil.Process) -> float:
    """Memory of a process tree in bytes, once it no longer changes.

    Raises:
        TimeoutError: it kept changing.
    """
    samples: list[int] = []
    end = time.monotonic() + READY_SECONDS
    while time.monotonic() < end:
        samples.append(pss(root))
        last = samples[-STABLE_SAMPLES:]
        if len(last) == STABLE_SAMPLES and max(last) - min(last) <= STABLE_SHARE * min(last):
            return median(last)
        time.sleep(SAMPLE_SECONDS)
    raise TimeoutError(f"memory did not come to rest; the last samples: {samples[-20:]}")


def _still_runs(process: subprocess.Popen[bytes], log: Path) -> None:
    if process.poll() is not None:
        raise RuntimeError(f"the server ended with {process.returncode}:\n{_end_of(log)}")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and its descendants, which are collected first: some outlive their parent."""
    family = trees(psutil.Process(process.pid)) if process.poll() is None else []
    for member in reversed(family):
        _signal(member.terminate)
    _, stubborn = psutil.wait_procs(family[1:], timeout=STOP_SECONDS)
    for member in stubborn:
        _signal(member.kill)
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _signal(send: Callable[[], None]) -> None:
    try:
        send()
    except psutil.NoSuchProcess:
        return


def _end_of(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-30:])
