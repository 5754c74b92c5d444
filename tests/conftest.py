"""What the tests of the deployment share."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


def load(path: str) -> ModuleType:
    """Import a file of the project that lies in no package."""
    source = ROOT / path
    specification = importlib.util.spec_from_file_location(source.stem, source)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules[source.stem] = module
    specification.loader.exec_module(module)
    return module


def evaluate(expression: str, *options: str) -> Any:
    """Return what an expression of Ansible is, on this machine."""
    ended = subprocess.run(
        [
            Path(sys.executable).with_name("ansible"),
            *("localhost", "--module-name=debug", f"--args=msg={{{{ {expression} }}}}"),
            *options,
        ],
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_CALLBACK_RESULT_FORMAT": "json"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(ended.stdout.partition("=>")[2])["msg"]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT
