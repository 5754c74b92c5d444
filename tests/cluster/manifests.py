"""The objects that the roles apply, without a cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, TypeAlias

from e2e.stack import ROOT

Manifest: TypeAlias = dict[str, Any]


def render(arguments: list[str], folder: Path) -> list[Manifest]:
    """Render what `ansible-playbook` with these arguments would apply, in its order."""
    here = ROOT / "tests/kubernetes"
    rendered = folder / "rendered.jsonl"
    subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            here / "render.yml",
            *arguments,
            "--extra-vars=kubernetes_context=none images_build=none",
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(here / "collections"),
            "PATH": f"{here / 'bin'}:{os.environ['PATH']}",
            "RENDERED": str(rendered),
        },
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return [json.loads(line) for line in rendered.read_text().splitlines()]
