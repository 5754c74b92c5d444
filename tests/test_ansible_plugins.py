"""The lookups, the action and the module that the project brings."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import ROOT, evaluate, load

content_hash = load("plugins/lookup/content_hash.py")
port_holders = load("roles/preflight/library/port_holders.py")


def hash_of(*terms: Path, salt: list[str] | None = None) -> str:
    lookup = content_hash.LookupModule()
    lookup._load_name = "content_hash"
    lookup.set_options = lambda **_: None
    lookup.get_option = {"salt": salt or [], "base": ""}.__getitem__
    (value,) = lookup.run([str(term) for term in terms])
    return str(value)


def test_hash_follows_content_names_and_salt(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    module = tmp_path / "src" / "module.py"
    module.write_text("a = 1\n")
    first = hash_of(tmp_path / "src")

    assert hash_of(tmp_path / "src") == first
    assert hash_of(tmp_path / "src", salt=["3.13"]) != first
    module.write_text("a = 2\n")
    second = hash_of(tmp_path / "src")
    assert second != first
    module.rename(tmp_path / "src" / "other.py")
    assert hash_of(tmp_path / "src") not in {first, second}


def test_hash_ignores_caches_and_hidden_files(tmp_path: Path) -> None:
    source = tmp_path / ".checkout" / "src"
    source.mkdir(parents=True)
    (source / "module.py").write_text("a = 1\n")
    first = hash_of(source)

    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "module.pyc").write_bytes(b"0")
    (source / ".swp").write_text("")

    assert hash_of(source) == first


def test_hash_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(content_hash.AnsibleLookupError, match="does not exist"):
        hash_of(tmp_path / "absent")


def objects_of(folder: Path, image: str) -> list[dict[str, Any]]:
    """Render a template with a Job and a Pod as a task does; what it imports lies elsewhere."""
    text = """{% import 'shared.j2' as shared with context %}
kind: Job
metadata: {name: probe, labels: {{ shared.labels() }}}
spec: {image: {{ image }}}
---
kind: Pod
metadata: {generateName: probe-}
"""
    return rendered(folder, text, image)


def rendered(folder: Path, text: str, image: str) -> list[dict[str, Any]]:
    """Render a template as a task does."""
    (folder / "own").mkdir(exist_ok=True)
    (folder / "own/job.yml.j2").write_text(text)
    (folder / "shared").mkdir(exist_ok=True)
    (folder / "shared/shared.j2").write_text("{% macro labels() %}{of: {{ image }}}{% endmacro %}")
    query = f"query('objects', 'job', folders=['{folder}/own', '{folder}/shared'])"
    objects: list[dict[str, Any]] = evaluate(query, f"--extra-vars=image={image}")
    return objects


def test_a_template_may_render_nothing(tmp_path: Path) -> None:
    assert rendered(tmp_path, "{% for item in [] %}\n---\nkind: Pod\n{% endfor %}", "one") == []


def test_a_job_is_named_by_what_it_is(tmp_path: Path) -> None:
    job, pod = objects_of(tmp_path, "one")
    (same, _), (other, _) = objects_of(tmp_path, "one"), objects_of(tmp_path, "two")

    assert pod == {"kind": "Pod", "metadata": {"generateName": "probe-"}}
    assert job["spec"] == {"image": "one"}
    assert job["metadata"]["labels"] == {"of": "one"}
    assert job["metadata"]["name"].startswith("probe-")
    assert same == job
    assert other["metadata"]["name"] != job["metadata"]["name"]


def test_a_foreign_listener_is_named_and_an_own_one_is_not(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert port_holders.foreign_listeners(set())[port] == os.getpid()
        assert f"(pid {os.getpid()})" in port_holders.describe(os.getpid())

        record = {"pid": os.getpgid(0), "started": psutil.Process().create_time()}
        (tmp_path / "drifter.json").write_text(json.dumps(record))
        own = port_holders.own_groups(tmp_path)

        assert port not in port_holders.foreign_listeners(own)


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    """Return a command in place of kubectl, which tells what it was given."""
    path = tmp_path / "bin/kubectl"
    path.parent.mkdir()
    path.write_text(
        f"""#!/bin/sh
touch {tmp_path}/ran
echo "$@"
cat
echo warning >&2
for code; do :; done
exit "$code"
"""
    )
    path.chmod(0o755)
    return path


def run_action(kubectl: Path, *options: str, **arguments: Any) -> dict[str, Any]:
    """Run the action as a task does, and return its result."""
    command = [str(Path(sys.executable).with_name("ansible")), "localhost", "--module-name=kubectl"]
    command += [f"--args={json.dumps(arguments)}", "--extra-vars=kubernetes_context=here"]
    ended = subprocess.run(
        [*command, "--extra-vars=kubernetes_namespace=ours", *options],
        cwd=ROOT,
        env={
            **os.environ,
            "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
            "PATH": f"{kubectl.parent}:{os.environ['PATH']}",
        },
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    result: dict[str, Any] = json.loads(ended.stdout.partition("=>")[2])
    return result


def test_kubectl_is_run_in_the_namespace_and_reads_its_input(kubectl: Path) -> None:
    result = run_action(kubectl, argv=["get", 0], stdin="first\nlast\n")

    assert result["changed"]
    assert result["rc"] == 0
    assert result["stdout_lines"] == ["--context=here --namespace=ours get 0", "first", "last"]
    assert result["stderr"] == "warning"


def test_kubectl_that_fails_is_a_failure(kubectl: Path) -> None:
    result = run_action(kubectl, argv=["get", 3])

    assert result["rc"] == 3
    assert result["msg"] == "warning"


def test_kubectl_is_not_run_in_check_mode(kubectl: Path) -> None:
    result = run_action(kubectl, "--check", argv=["delete", 3])

    assert result["changed"]
    assert result["stdout"] == ""
    assert not (kubectl.parent.parent / "ran").exists()


def test_what_kubectl_prints_is_shown_and_told(kubectl: Path) -> None:
    result = run_action(kubectl, argv=["logs", "\x1b[2J", "3"], shown=True)

    assert result["rc"] == 3
    # Nothing that a terminal would take for a command.
    assert result["stdout_lines"] == ["--context=here --namespace=ours logs \\x1b[2J 3", "warning"]


def test_kubectl_in_the_background_ends_with_the_playbook(kubectl: Path) -> None:
    noted = kubectl.parent.parent / "pid"
    line = "Forwarding from 127.0.0.1:4711 to 80"
    kubectl.write_text(f"#!/bin/sh\necho $$ >{noted}\necho {line}\nexec sleep 600\n")

    result = run_action(
        kubectl, argv=["port-forward"], background_until=r"^Forwarding from 127\.0\.0\.1:(\d+) "
    )

    assert result["match"] == "4711"
    deadline = time.monotonic() + 10
    while runs(int(noted.read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_kubectl_in_the_background_that_ends_at_once_is_a_failure(kubectl: Path) -> None:
    result = run_action(kubectl, argv=["port-forward", 1], background_until="^Forwarding (.*)")

    assert result["rc"] == 1
    assert "port-forward 1" in result["msg"]
    assert "warning" in result["msg"]
