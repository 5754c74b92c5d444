"""No page but MLflow's own may ask it."""

from __future__ import annotations

import asyncio
from configparser import ConfigParser
from typing import Any

import pytest
from conftest import ROOT, load

exact_origins = load("roles/mlflow/files/app/exact_origins.py")
OWN = ["http://localhost:5000", "http://127.0.0.1:5000"]


def status(*origins: str, kind: str = "http") -> int:
    """Ask as a page of `origins` does; return the status."""
    sent: list[dict[str, Any]] = []

    async def mlflow(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": kind, "headers": [(b"origin", origin.encode()) for origin in origins]}
    asyncio.run(exact_origins.ExactOrigins(mlflow, OWN)(scope, None, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize("origin", OWN)
def test_its_own_pages_may_ask(origin: str) -> None:
    assert status(origin) == 200


def test_what_is_no_page_may_ask() -> None:
    assert status() == 200


@pytest.mark.parametrize(
    "origin",
    [
        *("http://localhost:9999", "http://127.0.0.1:9999", "http://localhost", "null"),
        *("https://localhost:5000", "http://localhost:50000", "http://rebound.example:5000"),
    ],
)
def test_other_pages_may_not(origin: str) -> None:
    assert status(origin) == 403
    assert status(OWN[0], origin) == 403


def test_mlflow_finds_it_by_its_entry_point() -> None:
    entries = ConfigParser()
    entries.read(ROOT / "roles/mlflow/files/app/exact_origins-1.dist-info/entry_points.txt")

    module, _, name = entries["mlflow.app"]["exact-origins"].partition(":")
    assert callable(getattr(load(f"roles/mlflow/files/app/{module}.py"), name))
    assert "--app-name exact-origins" in (ROOT / "roles/mlflow/tasks/local.yml").read_text()
