"""Forms: who may send them, and that they do what the API does."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from conftest import TOKEN, Deployment
from fastapi.testclient import TestClient
from httpx2 import Response
from stored import NOW

from drift_board.airflow import Airflow
from drift_checker.state import mute_in_force, read_acceptance_requests, read_notes

OWN = {"Origin": "http://localhost"}


@pytest.fixture
def csrf(client: TestClient) -> str:
    return signed_in(client)


def signed_in(client: TestClient) -> str:
    """Sign in; returns what the forms of who has carry."""
    answer = client.post(
        "/sign-in", data={"name": "Ada", "token": TOKEN, "back": "/monitors/taxi"}, headers=OWN
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/monitors/taxi")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    found = re.search(r'name="csrf" value="([0-9a-f]{32})"', client.get("/monitors/taxi").text)
    assert found is not None
    return found[1]


def said(client: TestClient, answer: Response) -> str:
    """What the page that a form leads back to says of what was done, in words."""
    assert answer.status_code == 303
    page = client.get(answer.headers["location"]).text
    found = re.search(r'<p[^>]* role="status">(.*?)</p>', page)
    return re.sub(r"<[^>]+>", "", found[1]) if found else ""


def test_a_check_that_was_started_is_named_with_its_run(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Airflow, "check", lambda *_: "manual__2026-11-30T18:02:00+00:00")
    own = deployment.settings.board.model_copy(
        update={"board_public_airflow_url": "http://airflow.example"}
    )
    settings = replace(deployment.settings, board=own)
    with replace(deployment, settings=settings).client(follow_redirects=False) as client:
        answer = client.post("/monitors/taxi/check", data={"csrf": signed_in(client)}, headers=OWN)
        assert said(client, answer).startswith("A check was started: manual__2026-11-30T18:02:00+")
        page = client.get(answer.headers["location"]).text
    run = "manual__2026-11-30T18%3A02%3A00%2B00%3A00"
    assert f'href="http://airflow.example/dags/drift_check_now/runs/{run}"' in page


@pytest.mark.parametrize(
    "query",
    [
        "done=muted",
        "done=accepted",
        "done=%3Cb%3Ehacked",
        "done=checking&run=%22%3E%3Cb%3E",
        "run=a",
    ],
)
def test_an_address_of_ones_own_says_nothing_that_the_store_does_not(
    client: TestClient, query: str
) -> None:
    assert 'role="status"' not in client.get(f"/monitors/taxi?{query}").text


def test_a_wrong_token_signs_nobody_in(client: TestClient) -> None:
    answer = client.post("/sign-in", data={"name": "Eve", "token": "guessed"}, headers=OWN)
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
def test_signing_in_leads_nowhere_else(client: TestClient, back: str) -> None:
    data = {"name": "Ada", "token": TOKEN, "back": back}
    assert client.post("/sign-in", data=data).headers["location"] == "/"


def test_mute_and_unmute(client: TestClient, csrf: str, deployment: Deployment) -> None:
    data = {"csrf": csrf, "span": "4h", "reason": "<b>known</b>"}
    answer = client.post("/monitors/taxi/mute", data=data, headers=OWN)
    assert said(client, answer).startswith("Muted until 2026-11-30 22:02 UTC.")
    made = mute_in_force(deployment.store, "taxi", NOW)
    assert made is not None
    assert (made.by, made.reason) == ("Ada", "<b>known</b>")
    page = client.get("/monitors/taxi").text
    assert "&lt;b&gt;known&lt;/b&gt;" in page
    assert "Unmute taxi" in page
    deployment.clock.now += timedelta(seconds=1)
    deployment.clock.now += timedelta(seconds=1)
    answer = client.post("/monitors/taxi/unmute", data={"csrf": csrf}, headers=OWN)
    assert said(client, answer).startswith("No longer muted.")
    assert mute_in_force(deployment.store, "taxi", deployment.clock.now) is None


def test_a_note(client: TestClient, csrf: str, deployment: Deployment) -> None:
    page = client.get("/monitors/taxi").text
    found = re.search(r'name="episode" value="([^"]+)"', page)
    assert found is not None
    data = {"csrf": csrf, "episode": found[1], "text": "asked the vendor"}
    answer = client.post("/monitors/taxi/note", data=data, headers=OWN)
    assert said(client, answer).startswith("Your note is kept.")
    assert [each.by for each in read_notes(deployment.store, "taxi", found[1])] == ["Ada"]
    assert "asked the vendor" in client.get("/monitors/taxi").text


def test_accepting_shows_what_would_change_first(
    client: TestClient, csrf: str, deployment: Deployment, preview: dict[str, Any]
) -> None:
    page = client.get("/monitors/taxi/accept/preview").text
    assert preview["text"] in page
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', page))
    answer = client.post("/monitors/taxi/accept", data=fields, headers=OWN)
    assert "will be the reference from the next tick on" in said(client, answer)
    (asked,) = read_acceptance_requests(deployment.store, "taxi")
    assert (asked.request.by, asked.request.instead_of) == ("Ada", "3f2a")
    assert "waits for the next tick" in client.get("/monitors/taxi").text


def test_a_preview_is_of_the_command_and_its_refusal_is_shown(
    client: TestClient, csrf: str
) -> None:
    # No reference is stored: the command says so.
    answer = client.get("/monitors/taxi/accept/preview")
    assert answer.status_code == 422
    assert "Nothing was changed" in answer.text


def test_reading_needs_no_sign_in_and_a_preview_does(client: TestClient) -> None:
    assert client.get("/monitors/taxi").status_code == 200
    answer = client.get("/monitors/taxi/accept/preview")
    assert answer.headers["location"].startswith("/sign-in?back=")


@pytest.mark.parametrize(
    ("change", "headers", "status"),
    [
        ({"csrf": "0" * 32}, OWN, 403),
        ({"csrf": ""}, OWN, 403),
        ({}, {"Origin": "http://evil.example"}, 403),
        ({}, {"Origin": "null"}, 403),
        ({}, {"Sec-Fetch-Site": "cross-site"}, 403),
        ({"span": "forever"}, OWN, 422),
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(
    client: TestClient,
    csrf: str,
    deployment: Deployment,
    *,
    change: dict[str, str],
    headers: dict[str, str],
    status: int,
) -> None:
    data = {"csrf": csrf, "span": "4h"} | change
    assert client.post("/monitors/taxi/mute", data=data, headers=headers).status_code == status
    assert mute_in_force(deployment.store, "taxi", NOW) is None


def test_nobody_who_has_not_signed_in_changes_anything(
    client: TestClient, deployment: Deployment
) -> None:
    answer = client.post("/monitors/taxi/mute", data={"span": "4h", "csrf": "x"}, headers=OWN)
    assert answer.status_code == 401
    assert mute_in_force(deployment.store, "taxi", NOW) is None


def test_signing_out_forgets(client: TestClient, csrf: str) -> None:
    client.post("/sign-out", data={"csrf": csrf}, headers=OWN)
    assert "Sign in" in client.get("/").text


def test_what_is_done_is_logged_with_who(
    client: TestClient, csrf: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client.post("/monitors/taxi/mute", data={"csrf": csrf, "span": "1h"}, headers=OWN)
    written = capsys.readouterr()
    assert "action" in written.out + written.err
    assert "Ada" in written.out + written.err
    assert TOKEN not in json.dumps([written.out, written.err])
