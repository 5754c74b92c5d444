"""What people ask of the board, by page, API and command, is done through Airflow, and kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from e2e.stack import ROOT, Stack, until

DAG = "drift_check_now"
MONITOR = "summer"
"""Of no other test, which would compare with what is accepted here."""
SETTINGS = {
    "monitors": [
        {
            "name": MONITOR,
            "current": {
                "url": "{{ drifter_url }}/api/v1/data",
                # Of summer, where the reference is of winter: every batch drifts.
                "params": {"mode": "replay", "at": "2013-07-15T00:00:00Z", "rows": 1000},
            },
            "reference": {"path": str(ROOT / "data/reference.parquet")},
            "columns": {"timestamp": "time_hour", "target": "arr_delay"},
            "sampling": "iid",
        },
        {
            "name": "pushed",
            "current": "push",
            "reference": {"path": str(ROOT / "data/reference.parquet")},
            "columns": {"timestamp": "time_hour", "target": "arr_delay"},
            "sampling": "iid",
        },
    ]
}


@pytest.fixture(scope="module")
def drifting(deployment: Stack) -> Iterator[Stack]:
    """A stack whose first monitor has an open alarm; the settings of before come back."""
    deployment.succeed("site.yml", **SETTINGS)
    date = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    scheduled = ("--logical-date", f"{date:%Y-%m-%dT%H:%M:%SZ}", "--trigger", "scheduled")
    deployment.checker("run", "--monitor", MONITOR, *scheduled)
    yield deployment
    deployment.succeed("site.yml")


@pytest.fixture(scope="module")
def token(drifting: Stack) -> str:
    return (drifting.state / "etc/secrets/board_token").read_text()


@pytest.fixture
def api(drifting: Stack, token: str) -> Iterator[httpx.Client]:
    """The API, asked by somebody who knows the token."""
    url = drifting.url("board", "/api/v1/monitors/")
    with httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120
    ) as api:
        yield api


class Browser:
    """The pages, seen by somebody who has signed in."""

    def __init__(self, url: str, token: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=120, headers={"Origin": url})
        signed = self.client.post("/sign-in", data={"token": token, "name": "Ann", "back": "/"})
        assert signed.status_code == 303, signed.text

    def send(self, action: str, **fields: Any) -> None:
        """Send a form of the monitor's page, as it stands there."""
        page = self.client.get(f"/monitors/{MONITOR}").text
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found, page
        path = f"/monitors/{MONITOR}/{action}"
        done = self.client.post(path, data={"csrf": found[1], **fields})
        assert done.status_code == 303, done.text


@pytest.fixture
def browser(drifting: Stack, token: str) -> Iterator[Browser]:
    browser = Browser(drifting.url("board"), token)
    yield browser
    browser.client.close()


def answer(response: httpx.Response) -> dict[str, Any]:
    assert response.is_success, response.text
    found: dict[str, Any] = response.json()
    return found


def checked(stack: Stack, run: str) -> dict[str, Any]:
    """Wait for a run that the board has started; it must succeed."""
    ended = stack.airflow.wait({"dag_id": DAG, "dag_run_id": run})
    assert ended["state"] == "success", ended
    return ended


def in_force(stack: Stack) -> str:
    """The version that batches are compared with."""
    shown = json.loads(stack.checker("baseline", "show", "--all", "--format", "json"))
    return str(shown[MONITOR]["history"][-1]["version"])


def test_the_board_is_named_first_and_says_what_drifts(drifting: Stack) -> None:
    shown = drifting.succeed("playbooks/status.yml", **SETTINGS).output

    assert shown.index(drifting.url("board")) < shown.index(drifting.url("airflow"))
    page = httpx.get(drifting.url("board")).text
    assert MONITOR in page
    assert "1 of 2 monitors drifts" in page or "1 of 2 monitors drift" in page
    assert f'monitor="{MONITOR}"' in httpx.get(drifting.url("board", "/metrics")).text


def test_nothing_is_changed_without_the_token(drifting: Stack, api: httpx.Client) -> None:
    asked = {"until": "2099-01-01T00:00:00Z", "by": "nobody"}
    url = drifting.url("board", f"/api/v1/monitors/{MONITOR}/mutes")

    assert httpx.post(url, json=asked).status_code == 401
    form = httpx.post(drifting.url("board", f"/monitors/{MONITOR}/mute"), data={"span": "1h"})
    assert form.status_code in {401, 403}
    assert answer(api.get(MONITOR))["mute"] is None
    elsewhere = {"host": "rebound.example"}
    assert httpx.get(drifting.url("board"), headers=elsewhere).status_code == 400


def test_check_now_by_page_and_api(drifting: Stack, api: httpx.Client, browser: Browser) -> None:
    known = {run["dag_run_id"] for run in drifting.airflow.dag_runs(DAG)}
    browser.send("check")
    (by_page,) = {run["dag_run_id"] for run in drifting.airflow.dag_runs(DAG)} - known
    by_api = answer(api.post(f"{MONITOR}/checks", json={"by": "Ann"}))["run"]

    for run in (by_page, by_api):
        result = drifting.result(checked(drifting, run), MONITOR)
        assert (result["verdict"], result["trigger"]) == ("drift", "manual")
    # A check by hand does not hide the alarm that a scheduled one has opened.
    shown = answer(api.get(MONITOR))
    assert (shown["verdict"], shown["alarm_since"] is None) == ("drift", False)


def test_a_pushed_batch_is_judged_once(drifting: Stack, api: httpx.Client) -> None:
    batch = (ROOT / "data/reference.parquet").read_bytes()
    date = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"

    def push() -> dict[str, Any]:
        parquet = {"Content-Type": "application/vnd.apache.parquet"}
        path = "pushed/batches"
        return answer(api.post(path, params={"logical_date": date}, content=batch, headers=parquet))

    first, again = push(), push()

    assert (first["known"], again["known"]) == (False, True)
    assert first["run"] == again["run"]
    checked(drifting, first["run"])
    assert answer(api.get("pushed"))["verdict"] == "ok"


def test_mutes_and_acceptance_outlast_a_deployment_and_a_restart(
    drifting: Stack, api: httpx.Client, browser: Browser
) -> None:
    # By command, by page, and by API: the last one counts.
    drifting.checker("mute", "--monitor", MONITOR, "--for", "1h", "--by", "Ann")
    browser.send("mute", span="4h", reason="by page")
    until_then = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%dT%H:%M:%SZ}"
    answer(api.post(f"{MONITOR}/mutes", json={"by": "Ann", "until": until_then}))
    before = in_force(drifting)
    drifted = [
        tick["logical_date"]
        for tick in answer(api.get(f"{MONITOR}/ticks"))["items"]
        if (tick["trigger"], tick["verdict"]) == ("scheduled", "drift")
    ]
    asked = {"by": "Ann", "instead_of": before, "ticks": drifted}
    answer(api.post(f"{MONITOR}/acceptances", json=asked))

    assert drifting.succeed("site.yml", **SETTINGS).changed == [0]
    drifting.supervisorctl("restart", "board")
    until(drifting.is_healthy, 120, "the board is back")

    assert answer(api.get(MONITOR))["mute"]["until"] == until_then
    assert in_force(drifting) == before
    checked(drifting, answer(api.post(f"{MONITOR}/checks", json={"by": "Ann"}))["run"])
    after = in_force(drifting)
    assert after != before
    (request,) = answer(api.get(f"{MONITOR}/acceptances"))["items"]
    assert request["state"] == "done"
    assert drifting.succeed("site.yml", **SETTINGS).changed == [0]
    assert in_force(drifting) == after
