"""The API and its client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from conftest import BEARER, TOKEN, Deployment
from fastapi.testclient import TestClient
from stored import NOW, MonitorFeed, write

from drift_board.airflow import Airflow
from drift_board.client import BoardClient, BoardError
from drift_board.errors import Problem
from drift_checker.result import Verdict
from drift_checker.state import keys, read_acceptance_requests, read_push

API = "/api/v1"


@pytest.fixture
def board(client: TestClient) -> Iterator[BoardClient]:
    with BoardClient("http://localhost", token=TOKEN, by="ada", http=client) as board:
        yield board


def test_the_client_reads_what_the_pages_show(board: BoardClient) -> None:
    assert board.overview().headline == "2 of 14 monitors drift; 1 is invalid; 1 is silent."
    assert [each.name for each in board.monitors(state="drift")] == ["flights", "taxi"]
    flights = board.monitor("flights")
    assert flights.alarm_since == NOW.replace(hour=17, minute=20)
    assert flights.drifted == ["temp", "humid"]
    assert flights.columns[0].effect_size > flights.columns[0].floor  # type: ignore[operator]
    ticks = list(board.ticks("flights"))
    assert len(ticks) == 61
    assert ticks[0].trigger == "manual"
    (episode,) = board.episodes("flights")
    assert (episode.ended, episode.ticks) == (None, 9)
    assert {each.name for each in board.columns("flights")} >= {"temp", "humid"}
    assert board.result("flights", NOW.replace(minute=0)).verdict is Verdict.DRIFT


def test_pages_follow_each_other_by_their_cursor(client: TestClient) -> None:
    names, cursor = [], None
    while True:
        query = {"limit": 4} | ({"cursor": cursor} if cursor else {})
        page = client.get(f"{API}/monitors", params=query).json()
        names += [each["name"] for each in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(names) == 14
    assert names == sorted(names)


def test_what_is_refused_is_a_problem_that_says_what_to_do(board: BoardClient) -> None:
    with pytest.raises(BoardError, match="no monitor is named 'flihgts'") as refused:
        board.monitor("flihgts")
    assert (refused.value.status, refused.value.near[0]) == (404, "flights")
    with pytest.raises(BoardError) as refused:
        board.result("flights", NOW.replace(minute=1) - timedelta(days=2))
    assert refused.value.status == 404


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong-wrong-wrong"}])
def test_without_the_token_nothing_changes(client: TestClient, headers: dict[str, str]) -> None:
    body = {"by": "eve", "until": "2026-12-01T00:00:00Z"}
    answer = client.post(f"{API}/monitors/flights/mutes", json=body, headers=headers)
    assert answer.status_code == 401
    assert client.get(f"{API}/monitors/flights").json()["mute"] is None


def test_without_a_token_set_nothing_can_change(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = deployment.settings.board.model_copy(update={"board_token": None})
    object.__setattr__(deployment.settings, "board", own)
    with deployment.client() as client:
        answer = client.post(f"{API}/monitors/flights/checks", json={"by": "eve"}, headers=BEARER)
        page = client.get("/monitors/flights").text
    assert answer.status_code == 503
    assert "DRIFT_BOARD_TOKEN" in answer.json()["detail"]
    assert "Nothing can be changed here" in page


def test_a_mute_is_shown_until_it_ends(board: BoardClient, deployment: Deployment) -> None:
    board.mute("flights", NOW + timedelta(hours=4), "known, being mended")
    muted = board.monitor("flights").mute
    assert muted is not None
    assert (muted.by, muted.reason) == ("ada", "known, being mended")
    assert board.monitor("flights").state == "drift"  # an open alarm stays visible
    deployment.clock.now += timedelta(seconds=1)
    board.mute("flights", NOW - timedelta(hours=1))
    assert board.monitor("flights").mute is None


def test_notes_belong_to_an_episode_that_is_known(board: BoardClient) -> None:
    (episode,) = board.episodes("flights")
    board.note("flights", episode.id, "the <b>sensor</b> was moved")
    assert [(each.by, each.text) for each in board.notes("flights", episode.id)] == [
        ("ada", "the <b>sensor</b> was moved")
    ]
    with pytest.raises(BoardError) as refused:
        board.note("flights", "flights-20200101T000000Z", "no")
    assert refused.value.status == 404


def test_an_acceptance_is_asked_for_and_waits(board: BoardClient, deployment: Deployment) -> None:
    asked = board.accept("flights", instead_of="3f2a9c4d5e6f7081", ticks=[NOW.replace(minute=0)])
    (waiting,) = board.acceptances("flights")
    assert (waiting.id, waiting.state, waiting.by) == (asked.id, "asked", "ada")
    (stored,) = read_acceptance_requests(deployment.store, "flights")
    assert stored.request.ticks == [NOW.replace(minute=0)]
    with pytest.raises(ValueError, match="either ticks or a version"):
        board.accept("flights", instead_of="3f2a9c4d5e6f7081")


def test_a_check_is_a_run_of_airflow(board: BoardClient, runs: list[Any]) -> None:
    assert board.check("taxi").run == "manual__1"
    assert runs == [({"monitor": "taxi"}, None)]


def test_without_airflow_a_check_says_which_setting_is_missing(board: BoardClient) -> None:
    with pytest.raises(BoardError, match="DRIFT_AIRFLOW_URL is not set") as refused:
        board.check("taxi")
    assert refused.value.status == 503


@pytest.fixture
def pushes(deployment: Deployment) -> None:
    """One more monitor, which takes pushed batches."""
    feeds = [MonitorFeed("fetched"), MonitorFeed("pushed", settings={"current": "push"})]
    write(deployment.store, deployment.folder, feeds)


@pytest.mark.usefixtures("pushes")
def test_a_batch_pushed_twice_is_one_tick(
    deployment: Deployment, board: BoardClient, runs: list[Any]
) -> None:
    date = NOW + timedelta(days=1, minutes=1)
    first = board.push("pushed", date, b"a,b\n1,2\n", "text/csv")
    again = board.push("pushed", date, b"a,b\n1,2\n", "text/csv")

    slot = date.replace(minute=0)
    assert (first.known, again.known) == (False, True)
    assert (first.logical_date, first.trigger) == (slot, "scheduled")
    assert again.model_copy(update={"known": False}) == first
    # One run of Airflow, by its name.
    assert runs[0] == runs[1]
    assert runs[0][1] == "push__pushed__20261201T180000Z"
    found = read_push(deployment.store, "pushed", slot)
    assert found is not None
    assert (found[0].by, found[1]) == ("ada", b"a,b\n1,2\n")


@pytest.mark.usefixtures("pushes")
@pytest.mark.parametrize(
    ("name", "media_type", "body", "status"),
    [
        ("fetched", "text/csv", b"a\n1\n", 409),
        ("pushed", "image/png", b"a\n1\n", 415),
        ("pushed", "text/csv", b"", 422),
        ("pushed", "text/csv", b"x" * (25 << 20), 413),
        ("nobody", "text/csv", b"a\n1\n", 404),
    ],
)
def test_a_push_that_cannot_be_taken_says_why(
    client: TestClient, name: str, media_type: str, body: bytes, status: int
) -> None:
    answer = client.post(
        f"{API}/monitors/{name}/batches",
        params={"logical_date": "2026-12-01T18:00:00Z"},
        content=body,
        headers=BEARER | {"Content-Type": media_type},
    )
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.usefixtures("pushes")
def test_a_push_without_airflow_is_kept_and_says_so(
    deployment: Deployment, board: BoardClient
) -> None:
    date = NOW + timedelta(days=1)
    with pytest.raises(BoardError, match="the batch is kept, its check is not started"):
        board.push("pushed", date, b"a\n1\n", "text/csv")
    slot = date.replace(minute=0)
    assert deployment.store.exists(keys.pushed("pushed", slot))


def answering(*answers: tuple[int, dict[str, Any]]) -> httpx.MockTransport:
    waiting = list(answers)

    def handle(_: httpx.Request) -> httpx.Response:
        status, body = waiting.pop(0)
        return httpx.Response(status, json=body)

    return httpx.MockTransport(handle)


@pytest.mark.parametrize(
    ("answers", "run"),
    [
        ([(201, {"access_token": "t"}), (200, {"dag_run_id": "r1"})], "r1"),
        (
            [
                (201, {"access_token": "old"}),
                (401, {}),
                (201, {"access_token": "new"}),
                (200, {"dag_run_id": "r2"}),
            ],
            "r2",
        ),
        ([(201, {"access_token": "t"}), (409, {})], "wanted"),
    ],
)
def test_airflow_is_asked_with_a_token_that_is_new_where_it_has_to_be(
    deployment: Deployment,
    monkeypatch: pytest.MonkeyPatch,
    answers: list[tuple[int, dict[str, Any]]],
    run: str,
) -> None:
    own = deployment.settings.board.model_copy(update={"airflow_url": "http://airflow"})
    transport, client = answering(*answers), httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: client(transport=transport, **more))
    assert Airflow(own).check({"monitor": "a"}, "wanted") == run


def test_airflow_that_refuses_is_named_by_its_setting(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = deployment.settings.board.model_copy(update={"airflow_url": "http://airflow"})
    transport, client = answering((401, {})), httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: client(transport=transport, **more))
    with pytest.raises(Problem, match="DRIFT_AIRFLOW_USER"):
        Airflow(own).check({"monitor": "a"})
