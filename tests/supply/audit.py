"""Looks for known weaknesses of all that is locked.

Fails where one is found, and where the package index serves no advisories to look in.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCKS = (
    "requirements.txt",
    "requirements-dev.txt",
    "roles/airflow/files/requirements.txt",
    "roles/minio/files/requirements.txt",
    "roles/mlflow/files/requirements.txt",
    "roles/supervisor/files/requirements.txt",
    "dags/requirements-dev.txt",
    "tests/kubernetes/requirements.txt",
    "tests/supply/requirements.txt",
    "checker/uv.lock",
    "drifter/uv.lock",
    "board/uv.lock",
)
"""All but those of measurements."""


def requirements_of(lock: Path, folder: Path) -> Path:
    """Return the requirements of a lock, with hashes."""
    if lock.suffix == ".txt":
        return lock
    exported = folder / f"{lock.parent.name}.txt"
    options = ("--quiet", "--frozen", "--all-extras", "--all-groups", "--no-emit-project")
    command = ("uv", "export", *options, f"--project={lock.parent}", f"--output-file={exported}")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return exported


def audit(lock: str, folder: Path) -> bool:
    """Say what is known of one lock; returns whether all of it was looked up, and nothing found."""
    print(f"{lock}:", flush=True)  # noqa: T201  the output of a command
    options = ("--strict", "--disable-pip", "--require-hashes", "--progress-spinner=off")
    requirements = requirements_of(ROOT / lock, folder)
    command = (sys.executable, "-m", "pip_audit", *options, f"--requirement={requirements}")
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    """Audit every lock."""
    with tempfile.TemporaryDirectory() as folder:
        failed = [lock for lock in LOCKS if not audit(lock, Path(folder))]
    if failed:
        sys.exit(
            f"Not sound, or not looked up: {', '.join(failed)}. Where an advisory does not concern "
            "the project, say why in a decision; where the index serves none, run this elsewhere."
        )


if __name__ == "__main__":
    main()
