"""Every role keeps the same form, and says the same thing wherever it names its inputs."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT

ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text()) if path.exists() else None


@pytest.fixture(params=ROLES, ids=lambda role: str(role.name))
def role(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_role_has_the_uniform_files(role: Path) -> None:
    for name in ("README.md", "meta/main.yml", "meta/argument_specs.yml", "tasks/main.yml"):
        assert (role / name).is_file(), name


def test_defaults_and_argument_specs_agree(role: Path) -> None:
    defaults = read(role / "defaults/main.yml") or {}
    options = read(role / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]

    assert {name for name, option in options.items() if not option.get("required")} == {
        name for name in defaults if not options.get(name, {}).get("required")
    }
    for name, option in options.items():
        if not option.get("required"):
            assert option["default"] == defaults[name], name


def test_every_default_has_a_comment(role: Path) -> None:
    path = role / "defaults/main.yml"
    lines = path.read_text().splitlines() if path.exists() else []
    for before, line in itertools.pairwise(lines):
        if line.startswith(f"{role.name}_"):
            assert before.startswith("#"), line


def test_inputs_are_named_after_the_role(role: Path) -> None:
    for name in read(role / "defaults/main.yml") or {}:
        assert name.startswith(f"{role.name}_")


def test_readme_has_one_heading_for_each_input(role: Path) -> None:
    defaults = read(role / "defaults/main.yml") or {}
    headings = [
        line.strip("# `")
        for line in (role / "README.md").read_text().splitlines()
        if line.startswith("## ")
    ]
    assert set(defaults) <= set(headings)
