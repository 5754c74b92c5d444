"""One stack for all end-to-end tests.

The environment `DRIFT_E2E_VENVS` may name the folder of virtual environments of another stack of
the same checkout; they then are used instead of being installed anew.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from e2e.stack import PORTS, Played, Stack

QUIET = "0 0 1 1 *"
"""A schedule with no tick while the tests run, so that they have the stack to themselves."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.e2e)


def free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [int(server.getsockname()[1]) for server in sockets]


@pytest.fixture(scope="session")
def deployment() -> Iterator[Stack]:
    """A stack, not yet started; its processes and its data are gone after the tests."""
    state = Path(tempfile.mkdtemp(prefix="drift-e2e-"))
    if venvs := os.environ.get("DRIFT_E2E_VENVS"):
        (state / "venvs").symlink_to(Path(venvs).absolute(), target_is_directory=True)
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    # Drift comes where a test asks for it.
    settings = {"state_dir": str(state), "check_schedule": QUIET, "drift_prob": 0, **ports}
    stack = Stack(state, settings)
    try:
        yield stack
    finally:
        stack.succeed("teardown.yml", remove_data=True)


@pytest.fixture(scope="session")
def deployed(deployment: Stack) -> Played:
    """The first run of site.yml."""
    return deployment.succeed("site.yml")


@pytest.fixture
def stack(deployment: Stack, deployed: Played) -> Stack:
    """The running stack; a test that stopped it leaves it to the next to start it again."""
    if not deployment.is_up():
        deployment.succeed("site.yml")
    return deployment
