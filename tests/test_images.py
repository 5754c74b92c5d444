"""Images are pushed to a registry that has them, takes them, refuses them, or is not there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from conftest import ROOT

PLAYBOOK = """
- hosts: all
  tasks:
    - ansible.builtin.include_role:
        name: images
"""


class Registry(BaseHTTPRequestHandler):
    """Has the images whose names stand in `present`."""

    present: frozenset[str] = frozenset()

    def do_HEAD(self) -> None:
        self.send_response(200 if self.path.split("/")[2] in self.present else 404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the base
        """Say nothing."""


@pytest.fixture
def registry() -> Iterator[str]:
    """Yield the address of a registry that has every image but the checker's."""
    Registry.present = frozenset({"minio", "mlflow", "airflow", "drifter", "board"})
    with ThreadingHTTPServer(("127.0.0.1", 0), Registry) as server:
        Thread(target=server.serve_forever).start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()


def push(folder: Path, registry: str, tool: str) -> tuple[int, str, list[str]]:
    """Run the role with a container tool that is this shell script.

    Return its exit code, what was said in one line, and how the tool was called.
    """
    commands = folder / "bin"
    commands.mkdir()
    (commands / "podman").write_text(
        f'#!/bin/sh\n[ "$1" = info ] && exit\necho "$*" >>{folder}/calls\n{tool}\n'
    )
    (commands / "podman").chmod(0o755)
    (folder / "playbook.yml").write_text(PLAYBOOK)
    settings = {"image_prefix": f"{registry}/", "images_registry_scheme": "http"}
    ended = subprocess.run(
        [
            Path(sys.executable).with_name("ansible-playbook"),
            folder / "playbook.yml",
            "--inventory=inventory/cluster",
            f"--extra-vars={json.dumps(settings)}",
        ],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    calls = folder / "calls"
    called = calls.read_text().splitlines() if calls.exists() else []
    return ended.returncode, " ".join(ended.stdout.split()), called


def test_what_the_registry_lacks_is_built_and_pushed(tmp_path: Path, registry: str) -> None:
    code, said, calls = push(tmp_path, registry, "exit 0")

    assert code == 0, said
    (build, pushed) = calls
    assert build.startswith(f"build --tag {registry}/checker:")
    assert pushed.startswith(f"push {registry}/checker:")


def test_a_registry_that_refuses_the_push_is_named(tmp_path: Path, registry: str) -> None:
    refusal = 'case "$1" in push) echo "denied: access forbidden" >&2; exit 1 ;; esac'
    code, said, _ = push(tmp_path, registry, refusal)

    assert code != 0
    assert f"{registry}/checker:" in said
    assert "could not be built and delivered by podman: denied: access forbidden Where" in said
    assert "log in to it or set another image_prefix" in said


def test_a_registry_that_does_not_answer_is_named(tmp_path: Path) -> None:
    code, said, calls = push(tmp_path, "127.0.0.1:1", "exit 0")

    assert code != 0
    assert "Asked for 127.0.0.1:1/mlflow:" in said
    assert "the registry answers nothing: " in said
    assert "Connection refused" in said
    assert calls == []
