"""Copies of the project whose settings a test may edit."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT
from wrong_settings import Wrong, edited

_EDITED = ("group_vars", "inventory")


@dataclass(frozen=True)
class Copy:
    """A copy; what is not edited is linked to the project itself."""

    root: Path

    @classmethod
    def make(cls, root: Path) -> Copy:
        """Make one in a directory that is there."""
        for name in _EDITED:
            shutil.copytree(ROOT / name, root / name, symlinks=True)
        for path in ROOT.iterdir():
            if path.name not in {*_EDITED, ".git", ".state"}:
                (root / path.name).symlink_to(path)
        return cls(root)

    @property
    def state(self) -> Path:
        """Where its stack would be."""
        return self.root / ".state"

    def edit(self, *wrong: Wrong) -> None:
        """Make mistakes in the settings."""
        text = (ROOT / "group_vars/all/main.yml").read_text()
        (self.root / "group_vars/all/main.yml").write_text(edited(text, *wrong))

    def play(self, *arguments: str) -> tuple[int, list[str], float]:
        """Run a playbook; return its exit code, the lines of its output, and its seconds."""
        begun = time.monotonic()
        ended = subprocess.run(
            [
                Path(sys.executable).with_name("ansible-playbook"),
                "--inventory=inventory/local",
                *arguments,
            ],
            cwd=self.root,
            env={**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_CONFIG": "ansible.cfg"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        lines = [line.strip() for line in ended.stdout.splitlines()]
        return ended.returncode, lines, time.monotonic() - begun
