"""Wrong settings are told before anything is started, all at once, each by where it is set.

What is told of each mistake is asserted by the checker's tests (test_deployed_settings.py), and by
`e2e/test_wrong_settings.py` through Ansible.
"""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from copies import Copy
from wrong_settings import ALL_AT_ONCE, WRONG, Wrong

FILE = "group_vars/all/main.yml"


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy.make(tmp_path_factory.mktemp("d"))


@pytest.fixture
def free() -> list[str]:
    """Ports that nothing listens on."""
    servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    numbers = [server.getsockname()[1] for server in servers]
    for server in servers:
        server.close()
    names = ("board_port", "drifter_port", "mlflow_port", "airflow_port")
    return ["-e", json.dumps(dict(zip(names, numbers, strict=True)))]


def lines_of(told: list[str]) -> list[str]:
    """Return the mistakes of what Ansible shows as the end of a task."""
    shown = told[told.index("msg: |-") + 1 :]
    return shown[: shown.index("Nothing was started or stopped.")]


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["run", "check"])
def test_a_deployment_ends_with_all_that_is_wrong(copy: Copy, arguments: list[str]) -> None:
    several = [WRONG[number] for number in ALL_AT_ONCE]
    copy.edit(*several)

    code, told, _ = copy.play("site.yml", "-e", "drift_strenght=2", *arguments)

    assert code != 0
    # Of a stack that runs beside the tests.
    lines = [line for line in lines_of(told) if "is taken by" not in line]
    starts = [f"{FILE}: {wrong.told}" for wrong in several]
    starts.append("-e: drift_strenght: unknown setting; did you mean drift_strength?")
    assert all(any(line.startswith(start) for line in lines) for start in starts), lines
    assert len(lines) == len(starts), lines
    assert not copy.state.exists()


def test_right_settings_are_told_nothing_and_change_nothing(copy: Copy, free: list[str]) -> None:
    copy.edit()

    code, told, _ = copy.play("playbooks/validate.yml", *free)

    assert code == 0, told
    assert any("changed=0" in line for line in told)
    assert not copy.state.exists()


def test_what_cannot_be_rendered_hides_nothing_else(copy: Copy, free: list[str]) -> None:
    copy.edit(
        Wrong("{{ drifter_url }}", "{{ drifter_ulr }}", ""),
        Wrong("data/reference.parquet", "data/refrence.parquet", ""),
        Wrong("url: ", "uri: ", ""),
    )
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code, told, _ = copy.play("playbooks/validate.yml", *free, "-e", f"mlflow_port={port}")

    assert code != 0
    taken, undefined, unknown, absent = lines_of(told)
    place = f"{FILE}: monitors[0]"
    expected = f"{place}.current.uri: 'drifter_ulr' is undefined; did you mean drifter_url?"
    assert undefined == expected
    assert unknown == f"{place}.current.uri: unknown key; did you mean url?"
    assert absent.startswith(f"{place}.reference.path: there is no such file or directory")
    assert taken.startswith(f"-e: mlflow_port: port {port} is taken by ")


def test_settings_of_a_file_of_one_s_own_are_told_by_it(copy: Copy, tmp_path: Path) -> None:
    copy.edit()
    own = tmp_path / "own.yml"
    own.write_text(
        "drift_prob: 2\nmlflow_prot: 5\ncheckerparallelism: 3\n"
        "checker_timeout_seconds: soon\nmlflow_backend: oracle\n"
        "time_servers_of_all_our_machines: [a, b]\n"  # an inventory may be of other projects too
    )

    _, told, _ = copy.play("playbooks/validate.yml", "-e", f"@{own}")

    assert {
        f"{own}: drift_prob: allowed: 1 or less (got 2)",
        f"{own}: mlflow_prot: unknown setting; did you mean mlflow_port?",
        f"{own}: checkerparallelism: unknown setting; did you mean checker_parallelism?",
        f"{own}: checker_timeout_seconds: allowed: a whole number",
        f"{own}: mlflow_backend: allowed: postgres, sqlite",
    } <= set(lines_of(told))
    assert "time_servers" not in told
