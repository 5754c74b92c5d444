"""What is locked proves its hashes, is listed, and has a licence that is allowed."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from supply import sbom
from supply.audit import LOCKS
from supply.licences import Policy, refusals

HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locks(pattern: str) -> list[str]:
    """Return the locks that Git keeps."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", pattern]
    return subprocess.check_output(command, cwd=ROOT, text=True).split()


@pytest.mark.parametrize("lock", locks("*requirements*.txt"))
def test_every_requirement_proves_its_hash(lock: str) -> None:
    text = re.sub(r"\\\n", " ", (ROOT / lock).read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]

    assert lines
    assert not [line for line in lines if not re.match(r"[\w.-]+(\[.+\])?==", line)]
    assert not [line for line in lines if not HASH.search(line)]


@pytest.mark.parametrize("lock", locks("*.lock"))
def test_every_file_of_a_lock_has_its_hash(lock: str) -> None:
    packages = tomllib.loads((ROOT / lock).read_text())["package"]
    fetched = [each for each in packages if each["source"].keys() & {"registry", "url"}]
    files = [file for each in fetched for file in (*each.get("wheels", []), each.get("sdist"))]
    kinds = {kind for each in packages for kind in each["source"]}

    assert fetched
    # A package of the project itself has no file to hash.
    folders = {each["source"]["directory"] for each in packages if "directory" in each["source"]}
    assert folders <= {"../checker"}
    assert kinds <= {"registry", "editable", "virtual", "directory"}
    assert not [file for file in files if file and not re.match("sha256:", file.get("hash", ""))]
    assert not [
        each["name"] for each in fetched if not each.get("wheels") and not each.get("sdist")
    ]


def test_what_is_deployed_is_listed_and_audited() -> None:
    locked = {*locks("*requirements*.txt"), *locks("*/uv.lock")}
    deployed = {
        lock for lock in locked if not lock.startswith(("benchmarks/", "dags/", "tests/kubernetes"))
    }

    assert {each.lock for each in sbom.ENVIRONMENTS.values()} == deployed
    assert set(LOCKS) == {lock for lock in locked if not lock.startswith("benchmarks/")}


def test_the_list_of_the_checker_has_every_extra() -> None:
    project = tomllib.loads((ROOT / "checker/pyproject.toml").read_text())["project"]

    assert set(sbom.ENVIRONMENTS["checker"].extras) == set(project["optional-dependencies"])


def test_images_are_listed_with_what_they_are_built_on() -> None:
    parts = {image: {each["purl"] for each in besides} for image, besides in sbom.bases().items()}

    assert parts.keys() == {"minio", "mlflow", "airflow", "drifter", "checker", "board"}
    assert parts.keys() <= sbom.ENVIRONMENTS.keys()
    assert all(
        any(purl.startswith("pkg:docker/python@3") for purl in each) for each in parts.values()
    )
    assert any(purl.startswith("pkg:golang/github.com/minio/minio@") for purl in parts["minio"])


POLICY = Policy.read()


def component(*licences: dict[str, Any], name: str = "some-package") -> dict[str, Any]:
    return {"type": "library", "name": name, "version": "1", "licenses": list(licences)}


@pytest.mark.parametrize(
    "licences",
    [
        [{"license": {"id": "MIT"}}],
        [{"expression": "GPL-3.0-only OR MIT"}],
        [{"expression": "(MIT OR GPL-3.0-only) AND BSD-3-Clause"}],
        [
            {"license": {"name": "License :: OSI Approved :: BSD License"}},
            {"license": {"id": "ISC"}},
        ],
    ],
)
def test_a_licence_is_allowed(licences: list[dict[str, Any]]) -> None:
    assert POLICY.refusal(component(*licences)) is None


@pytest.mark.parametrize(
    ("licences", "why"),
    [
        ([], "its licence is not known"),
        ([{"license": {"id": "GPL-3.0-or-later"}}], "not among those allowed"),
        (
            [{"license": {"id": "MIT"}}, {"license": {"id": "GPL-3.0-only"}}],
            "not among those allowed",
        ),
        ([{"expression": "MIT AND SSPL-1.0"}], "not among those allowed"),
        ([{"license": {"name": "Our terms"}}], "no SPDX name"),
    ],
)
def test_a_licence_is_refused(licences: list[dict[str, Any]], why: str) -> None:
    assert why in (POLICY.refusal(component(*licences)) or "")


def test_a_program_is_allowed_by_its_name_and_licence_together() -> None:
    licence = {"license": {"id": "GPL-3.0-or-later"}}

    assert POLICY.refusal(component(licence, name="ansible-core")) is None
    assert POLICY.refusal(component({"license": {"id": "AGPL-3.0-only"}}, name="ansible-core"))


def test_each_list_is_read_and_an_exception_that_nothing_needs_is_told(tmp_path: Path) -> None:
    needed = [*POLICY.programs, *POLICY.packages]
    lists = {"one": [component(name="odd")], "two": [component(name=name) for name in needed[1:]]}
    for name, components in lists.items():
        (tmp_path / f"{name}.cdx.json").write_text(json.dumps({"components": components}))
    said = list(refusals(sorted(tmp_path.iterdir()), POLICY))

    assert any(line.startswith("one.cdx.json: odd 1: its licence is not known") for line in said)
    assert f"licences.toml: {needed[0]} is in no list any more: remove it" in said
