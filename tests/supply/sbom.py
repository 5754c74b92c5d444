"""Writes what each environment and image is made of, as CycloneDX, into a folder.

    python sbom.py .cache/sbom

Each environment is installed from its lock, out of the package cache, into `<folder>/environments`,
because what is installed knows its licences, and a lock does not. An image is its environment
on a base image, which comes with a list of its own from who builds it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Environment:
    """What is installed from a lock: requirements, or a package with its extras."""

    lock: str
    extras: tuple[str, ...] = ()

    def install(self, place: Path) -> None:
        """Install it, as its role or its Dockerfile does."""
        lock = ROOT / self.lock
        python = f"--python={sys.executable}"
        if lock.suffix == ".txt":
            _run("uv", "venv", "--quiet", "--clear", python, str(place))
            _run("uv", "pip", "sync", "--quiet", "--require-hashes", f"--python={place}", str(lock))
            return
        extras = (f"--extra={name}" for name in self.extras)
        options = ("--quiet", "--frozen", "--no-dev", "--no-editable", f"--project={lock.parent}")
        _run("uv", "sync", *options, python, *extras, environment=place)


ENVIRONMENTS = {
    "ansible": Environment("requirements.txt"),
    "development": Environment("requirements-dev.txt"),
    "supervisor": Environment("roles/supervisor/files/requirements.txt"),
    "airflow": Environment("roles/airflow/files/requirements.txt"),
    "mlflow": Environment("roles/mlflow/files/requirements.txt"),
    "minio": Environment("roles/minio/files/requirements.txt"),
    "drifter": Environment("drifter/uv.lock"),
    "board": Environment("board/uv.lock"),
    "supply": Environment("tests/supply/requirements.txt"),
    "checker": Environment(
        "checker/uv.lock",
        ("report", "notify", "postgresql", "duckdb", "avro", "excel", "delta", "spark"),
    ),
}
"""What is installed somewhere, with all that a setting may add."""


def bases() -> dict[str, list[dict[str, Any]]]:
    """Return what is in each image besides its environment."""
    versions = yaml.safe_load((ROOT / "group_vars/all/versions.yml").read_text())
    images = yaml.safe_load((ROOT / "group_vars/all/images.yml").read_text())["image_sources"]
    arguments = versions["image_arguments"]
    name, _, tag = arguments["BASE_IMAGE"].partition(":")
    base = {"type": "container", "name": name, "version": tag, "purl": f"pkg:docker/{name}@{tag}"}
    server = {
        "type": "application",
        "name": "github.com/minio/minio",
        "version": arguments["MINIO_VERSION"],
        "purl": f"pkg:golang/github.com/minio/minio@{arguments['MINIO_VERSION']}",
        "licenses": [{"license": {"id": "AGPL-3.0-only"}}],
    }
    return {image: [base, *([server] if image == "minio" else [])] for image in images}


def write(folder: Path) -> None:
    """Write a list for each environment, and one for each image."""
    for name, environment in ENVIRONMENTS.items():
        environment.install(folder / "environments" / name)
    written = {name: _listed(name, folder) for name in ENVIRONMENTS}
    for image, besides in bases().items():
        listed = written[image]
        whole = {
            **listed,
            "metadata": {**listed["metadata"], "component": {"type": "container", "name": image}},
            "components": [
                *listed["components"],
                *({**each, "bom-ref": each["purl"]} for each in besides),
            ],
        }
        (folder / f"image-{image}.cdx.json").write_text(json.dumps(whole, indent=2) + "\n")


def _listed(name: str, folder: Path) -> dict[str, Any]:
    place = folder / "environments" / name
    path = folder / f"{name}.cdx.json"
    # Its own check against the schema takes a minute for each list.
    options = ("--output-reproducible", "--no-validate", f"--output-file={path}", "--of=JSON")
    _run(str(folder / "environments/supply/bin/cyclonedx-py"), "environment", *options, str(place))
    listed: dict[str, Any] = json.loads(path.read_text())
    return listed


def _run(*command: str, environment: Path | None = None) -> None:
    ours = {"UV_PROJECT_ENVIRONMENT": str(environment)} if environment else {}
    subprocess.run(command, check=True, env={**os.environ, **ours})


def main() -> None:
    """Write them below the folder that is named."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    write(folder)


if __name__ == "__main__":
    main()
