"""A disk that is full or only read, a store and an MLflow that are slow: named, and got over."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from deployment import DATE, write_settings
from s3 import serve_s3
from services import Gate
from web import FakeMlflow, Web

from drift_checker.cli import main
from drift_checker.errors import ServiceAwayError

AWAY = ServiceAwayError.exit_code
BUCKET = "unwell"
SIZE = 4 << 20
"""Of a disk, in bytes."""
TIMEOUT = 3
"""Seconds that an exchange may take."""
SLOW = 0.2
"""Seconds that a service takes that is slow, and answers in time."""
STUCK = 600
"""Seconds that one takes which nobody waits for."""
PATIENCE = 120
"""Seconds within which nobody waits for `STUCK`, on a busy machine."""


def _command(name: str) -> str:
    """Return where a command of util-linux is."""
    return shutil.which(name) or pytest.skip(f"there is no {name}")


class Disk:
    """A small disk, which only the commands see that are run here."""

    def __init__(self, folder: Path, checker: list[str]) -> None:
        self.folder, self._checker = folder, checker
        mounted = f"mount -t tmpfs -o size={SIZE} none {folder} && echo mounted && exec cat"
        self._keeper = subprocess.Popen(
            [_command("unshare"), "--map-root-user", "--mount", "sh", "-c", mounted],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert self._keeper.stdout is not None
        self.there = self._keeper.stdout.readline() == b"mounted\n"

    def close(self) -> None:
        self._keeper.communicate()

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        space = ["--target", str(self._keeper.pid), "--user", "--mount", "--preserve-credentials"]
        return subprocess.run(
            [_command("nsenter"), *space, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def checker(self, *arguments: str) -> tuple[int, str]:
        ended = self.run(*self._checker, *arguments)
        return ended.returncode, ended.stdout

    def fill(self, free: int) -> None:
        """Leave so many bytes free."""
        script = (
            f"import os; left = os.statvfs('{self.folder}').f_bavail * 4096 - {free};"
            f"open('{self.folder}/filler', 'wb').write(bytes(left))"
        )
        assert self.run(sys.executable, "-c", script).returncode == 0

    def empty(self) -> None:
        assert self.run("rm", f"{self.folder}/filler").returncode == 0

    def remount(self, how: str) -> None:
        assert self.run("mount", "-o", f"remount,{how}", str(self.folder)).returncode == 0

    def files(self, pattern: str) -> list[str]:
        found = self.run("find", str(self.folder), "-path", pattern).stdout.splitlines()
        return sorted(str(Path(each).relative_to(self.folder)) for each in found)


@pytest.fixture
def disk(env_file: Path, tmp_path: Path) -> Iterator[Disk]:
    """The store's disk, with a fitted reference."""
    (tmp_path / "store").mkdir()
    command = [sys.executable, "-c", "from drift_checker.cli import main; main()"]
    disk = Disk(tmp_path / "store", [*command, "--settings", str(env_file)])
    try:
        if not disk.there:
            pytest.skip("no disk can be mounted: this kernel allows no user namespaces")
        assert disk.checker("baseline", "fit", "--all")[0] == 0
        yield disk
    finally:
        disk.close()


def tick(number: int = 0) -> list[str]:
    date = DATE + number * timedelta(minutes=5)
    return ["run", "--monitor", "m", "--trigger", "scheduled", "--logical-date", date.isoformat()]


def test_a_full_disk(disk: Disk, mlflow: FakeMlflow) -> None:
    """Whichever write fails, the tick names the store; with room again, it is as if nothing was."""
    frees = (0, 8 << 10, 24 << 10)
    for number, free in enumerate(frees):
        disk.fill(free)
        code, said = disk.checker(*tick(number))
        assert code == AWAY, said
        assert f"Error: DRIFT_STORE_URL=file://{disk.folder}: " in said
        assert "No space left on device" in said
        assert "Traceback" not in said

        disk.empty()
        code, said = disk.checker(*tick(number))
        assert code == 0, said

    assert len(disk.files("*/results/*/result.json")) == len(mlflow.active) == len(frees)
    assert disk.checker("store", "check")[0] == 0
    assert disk.files("*#*") == []


def test_a_disk_that_is_only_read(disk: Disk, mlflow: FakeMlflow) -> None:
    assert disk.checker(*tick(0))[0] == 0
    disk.remount("ro")

    code, said = disk.checker(*tick(1))

    assert code == AWAY, said
    assert f"Error: DRIFT_STORE_URL=file://{disk.folder}: " in said
    assert "Read-only file system" in said
    assert "Traceback" not in said
    # What was judged before is still told.
    assert "2026-11-23 09:00" in disk.checker("status")[1]

    disk.remount("rw")
    assert disk.checker(*tick(1))[0] == 0
    assert len(disk.files("*/results/*/result.json")) == len(mlflow.active) == 2
    assert disk.checker("store", "check")[0] == 0


class Slow:
    """A deployment whose store, an S3, and whose MLflow stand behind gates."""

    def __init__(self, folder: Path, store: Gate, mlflow: Gate) -> None:
        self.store, self.mlflow = store, mlflow
        self._env_file = folder / "checker.env"

    def checker(self, *arguments: str) -> tuple[int, str]:
        begun = time.monotonic()
        ended = CliRunner().invoke(main, ["--settings", str(self._env_file), *arguments])
        assert time.monotonic() - begun < PATIENCE
        return ended.exit_code, ended.output


@pytest.fixture
def slow(tmp_path: Path, web: Web, mlflow: FakeMlflow) -> Iterator[Slow]:
    with (
        serve_s3(BUCKET) as s3,
        Gate(s3).serve() as store,
        Gate(mlflow.url).serve() as tracking,
    ):
        access = {"ENDPOINT": store.url, "ACCESS_KEY": "key", "SECRET_KEY": "secret"}
        write_settings(
            tmp_path,
            web,
            tracking,
            DRIFT_STORE_URL=f"s3://{BUCKET}/{tmp_path.name}",
            DRIFT_TIMEOUT_SECONDS=TIMEOUT,
            **{f"DRIFT_S3_{name}": value for name, value in access.items()},
        )
        slow = Slow(tmp_path, store, tracking)
        assert slow.checker("baseline", "fit", "--all")[0] == 0
        yield slow


@pytest.mark.parametrize("service", ["store", "mlflow"])
def test_a_service_that_is_slow(slow: Slow, mlflow: FakeMlflow, service: str) -> None:
    """What answers in time is waited for; what does not is named, and made up for."""
    gate: Gate = getattr(slow, service)
    gate.delay = SLOW
    code, said = slow.checker(*tick(0))
    assert code == 0, said

    gate.delay = STUCK
    code, said = slow.checker(*tick(1))
    assert code == AWAY, said
    assert f"Error: DRIFT_{service.upper()}_URL=" in said
    assert "Traceback" not in said

    gate.delay = 0
    code, said = slow.checker(*tick(1))
    assert code == 0, said
    assert len(mlflow.active) == 2
    assert slow.checker("store", "check")[0] == 0
