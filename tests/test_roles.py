"""Every role keeps the same form, and says the same thing wherever it names its inputs."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import ROOT, evaluate

ROLES = sorted(path for path in (ROOT / "roles").iterdir() if path.is_dir())
DEPLOYMENT = ("roles", "playbooks", "group_vars", "inventory", "molecule")
"""Folders with what deploys and with what tests that on a cluster."""


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


def deployment_files(*endings: str) -> Iterator[tuple[Path, str]]:
    """Yield the files that deploy, by their paths in the project, and their text."""
    for folder in DEPLOYMENT:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in endings:
                yield path.relative_to(ROOT), path.read_text()


def test_no_role_is_asked_for_what_is_private_to_it(role: Path) -> None:
    readers = {
        str(path)
        for path, text in deployment_files(".yml", ".j2")
        if not path.is_relative_to(f"roles/{role.name}")
        # Its own scenario looks inside, and a variable of an image is no role's.
        and not path.is_relative_to(f"molecule/{role.name}")
        and path.name != "images.yml"
        and re.search(rf"\b__{role.name}_", text)
    }
    assert readers == set()


def commands(node: Any) -> Iterator[str]:
    """Yield what a file of YAML has a shell, a command or a lookup run."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in {"ansible.builtin.command", "ansible.builtin.shell"}:
                yield json.dumps(value)
            yield from commands(value)
    elif isinstance(node, list):
        if "kubectl" in node:
            yield "kubectl"
        for value in node:
            yield from commands(value)
    elif isinstance(node, str):
        yield from re.findall(r"(?:ansible\.builtin\.)?pipe'.*", node)


def test_kubectl_is_reached_by_the_action_alone() -> None:
    users = {
        str(path)
        for path, text in deployment_files(".yml")
        if any("kubectl" in command for command in commands(yaml.safe_load(text)))
    }
    assert users == set()


def templated(expression: str, *options: str, **settings: Any) -> Any:
    """Return what an expression is with the settings of the project and of people."""
    people = f"--extra-vars={json.dumps(settings)}"
    return evaluate(expression, "--inventory=inventory/local", *options, people)


def test_the_dags_are_known_by_the_tag_that_they_have() -> None:
    names = ["flights", "weather", "prices"]
    of_role = "--extra-vars=@roles/airflow/vars/main.yml"
    tag = templated("__airflow_monitors_tag", of_role, airflow_monitors=names)
    # As dags/tests/test_drift_detection.py has it, of a monitors file with these names.
    assert tag == "monitors-adf5508f05f6"


@pytest.mark.parametrize("setting", ["monitors", "checker_monitors"])
def test_a_monitor_of_spark_brings_the_engine_wherever_it_is_named(setting: str) -> None:
    of_role = "--extra-vars=@roles/checker/vars/main.yml"
    extras, memory = templated(
        "[__checker_extras, pod_resources.checker.requests.memory]",
        of_role,
        **{setting: [{"name": "sales", "engine": "spark"}, {"name": "flights"}]},
    )
    assert extras[-1] == "spark"
    assert memory == "768Mi"


def test_a_removal_that_was_killed_can_be_repeated() -> None:
    """What stops everything looks for the launcher, which runs no more without its environment."""
    tasks = ROOT / "roles/supervisor/tasks"
    look, stop = read(tasks / "stop.yml")
    removed = [task["ansible.builtin.file"]["path"] for task in read(tasks / "remove.yml")]

    assert stop["when"] == f"{look['register']}.stat.exists"
    assert removed == [look["ansible.builtin.stat"]["path"], "{{ state_dir }}"]
