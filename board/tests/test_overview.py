"""The page of all monitors, and what is left of it where something is wrong."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from conftest import Deployment, deploy
from fastapi.testclient import TestClient
from stored import COLUMNS, NOW, MonitorFeed, damage, feeds, write

from drift_checker.config import date_key
from drift_checker.outputs import Publication
from drift_checker.state import keys


def order(page: str) -> list[str]:
    return re.findall(r'id="monitor-([^"]+)"', page)


def test_one_sentence_says_whether_anything_drifts_and_the_worst_come_first(
    client: TestClient,
) -> None:
    page = client.get("/").text

    assert "<h1" in page
    assert ">2 of 14 monitors drift; 1 is invalid; 1 is silent.</h1>" in page
    assert "<title>2 of 14 monitors drift; 1 is invalid; 1 is silent. Drift board</title>" in page
    assert 'href="/static/invalid.svg"' in page
    assert order(page)[:4] == ["weather", "flights", "taxi", "sensors"]
    assert len(order(page)) == 14


def test_a_row_says_since_when_what_and_how_much(client: TestClient) -> None:
    page = client.get("/").text
    row = page[page.index('id="monitor-flights"') : page.index('id="monitor-taxi"')]

    assert "alarm open since" in row
    assert 'datetime="2026-11-30T17:20:00Z"' in row
    assert re.search(r"temp: median 12\.1 -&gt; 1[3-8]\.\d", row)
    assert "data platform" in row
    assert "1,000 rows" in row
    assert re.search(r"last 48 ticks: 39 ok, 9 drift", row)
    assert "A check out of schedule at" in row


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("verdict=drift", ["flights", "taxi"]),
        ("verdict=silent", ["sensors"]),
        ("owner=data+platform", ["weather", "flights"]),
        ("tag=demo&verdict=invalid", ["weather"]),
        ("verdict=nothing", []),
    ],
)
def test_filters_leave_what_is_like_them(client: TestClient, query: str, shown: list[str]) -> None:
    assert order(client.get(f"/?{query}").text) == shown


def test_nothing_drifts_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calm = deploy(
        tmp_path, monkeypatch, [MonitorFeed("a"), MonitorFeed("b"), MonitorFeed("c", ticks=0)]
    )
    with calm.client() as client:
        page = client.get("/").text

    assert ">Nothing drifts: 1 of 3 monitors is waiting for a first verdict.</h1>" in page


def test_moments_without_a_tick_are_missing_and_the_last_ones_silent(client: TestClient) -> None:
    page = client.get("/").text

    clicks = page[page.index('id="monitor-clicks"') :]
    assert re.search(r"last 48 ticks: 46 ok, 2 missing", clicks)
    sensors = page[page.index('id="monitor-sensors"') :]
    assert 'class="m-silent"' in sensors[: sensors.index("</svg>")]


def test_a_damaged_result_is_named_in_its_row_and_nothing_else_suffers(
    deployment: Deployment,
) -> None:
    damage(deployment.store, keys.result("bookings", NOW.replace(minute=0)))
    damage(deployment.store, keys.recent("clicks"))
    damage(deployment.store, keys.latest("currency"))
    with deployment.client() as client:
        answer = client.get("/")

    assert answer.status_code == 200
    assert len(order(answer.text)) == 14
    for key in ("results/bookings/20261130T180000Z/result.json", "results/clicks/recent.json"):
        assert f"Damaged: {key} is damaged" in answer.text
    assert "Damaged: results/currency/latest.json" in answer.text
    # It is left where it is: the checks set it aside, which may write there.
    assert deployment.store.get(keys.recent("clicks"))


def test_a_store_that_is_away_leaves_what_was_known_under_a_banner(
    deployment: Deployment, asked: Counter[str]
) -> None:
    with deployment.client() as client:
        before = client.get("/").text
        assert "The store is away" not in before
        asked["away"] = 1
        deployment.fresh()
        after = client.get("/").text
        ready = client.get("/readyz")
        metrics = client.get("/metrics").text
        asked["away"] = 0
        deployment.fresh()
        again = client.get("/").text

    assert "The store is away" in after
    assert 'datetime="2026-11-30T18:02:00Z"' in after
    assert order(after) == order(before)
    assert ready.status_code == 503
    assert "drift_board_store_up 0.0" in metrics
    assert "The store is away" not in again


def test_a_store_that_was_never_there_is_a_page_that_says_so(
    deployment: Deployment, asked: Counter[str]
) -> None:
    asked["away"] = 1
    with deployment.client() as client:
        page, api = client.get("/"), client.get("/api/v1/monitors")

    assert (page.status_code, api.status_code) == (503, 503)
    assert "the object store is away" in page.text
    assert api.headers["content-type"] == "application/problem+json"


def test_the_store_is_asked_thrice_a_monitor_at_first_and_once_a_refresh_then(
    deployment: Deployment, asked: Counter[str]
) -> None:
    with deployment.client() as client:
        client.get("/")
        assert asked == {"get": 3 * 14, "list": 2}  # of mutes, and of what waits to be told
        for _ in range(20):
            client.get("/")
            client.get("/metrics")
            client.get("/api/v1/monitors")
            client.get("/?verdict=drift")
        assert asked == {"get": 3 * 14, "list": 2}
        deployment.fresh()
        client.get("/")
        assert asked == {"get": 4 * 14, "list": 3}


def test_a_new_tick_is_shown_after_a_refresh(deployment: Deployment) -> None:
    with deployment.client() as client:
        assert "flights" in order(client.get("/?verdict=drift").text)
        later = [each for each in feeds() if each.name != "flights"]
        write(deployment.store, deployment.folder, [*later, MonitorFeed("flights", ticks=61)])
        deployment.fresh()
        assert order(client.get("/?verdict=drift").text) == ["taxi"]


def test_a_monitors_file_that_became_wrong_leaves_the_one_before(deployment: Deployment) -> None:
    with deployment.client() as client:
        client.get("/")
        (deployment.folder / "monitors.yml").write_text("monitors: [{name: A b}]")
        deployment.fresh()
        page = client.get("/").text

    assert len(order(page)) == 14
    assert "The monitors file is wrong" in page


def test_what_others_wrote_is_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    marker = "<b class=marker>{{7*7}}</b>"
    marked = MonitorFeed(
        "marked",
        drift=3,
        drifted=(marker,),
        columns=(marker, *COLUMNS),
        settings={"owner": marker, "tags": [marker]},
    )
    deployment = deploy(tmp_path, monkeypatch, [marked])
    with deployment.client() as client:
        pages = [
            client.get(path).text
            for path in ("/", "/monitors/marked", "/monitors/marked/ticks/20261130T180000Z")
        ]

    for page in pages:
        assert "<b class=marker>" not in page
        assert "49" not in re.findall(r"marker&gt;(\d+)&lt;", page)
        assert "&lt;b class=marker&gt;{{7*7}}&lt;/b&gt;" in page


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/monitors/flihgts", "/monitors/flights"),
        ("/monitors/flights/ticks/20261130T175900Z", "/monitors/flights/ticks/20261130T180000Z"),
        ("/monitors/flights/ticks/yesterday", "/monitors/flights/ticks/20261130T180100Z"),
    ],
)
def test_what_is_not_there_names_what_is_near(client: TestClient, path: str, near: str) -> None:
    answer = client.get(path)

    assert answer.status_code == 404
    assert f'href="{near}"' in answer.text


def test_no_page_is_of_another_host_or_runs_what_is_not_ours(client: TestClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    page = client.get("/monitors/flights").text + client.get("/").text
    assert not re.search(r"\sstyle=|\son[a-z]+=|<script(?! src=\"/static/)", page)
    assert not re.findall(r'(?:href|src)="(?!/|#)[^"]*"', page)


def test_a_tick_leads_to_its_run_in_mlflow_and_its_log_in_airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = {
        "BOARD_PUBLIC_MLFLOW_URL": "https://example.org/mlflow",
        "BOARD_PUBLIC_AIRFLOW_URL": "https://example.org/airflow",
    }
    made = MonitorFeed("flights", ticks=3)
    deployment = deploy(tmp_path, monkeypatch, [made], **public)
    with deployment.client() as client:
        tick = client.get("/api/v1/monitors/flights/ticks").json()["items"][0]["logical_date"]
        date = datetime.fromisoformat(tick)
        page = f"/monitors/flights/ticks/{date_key(date)}"
        assert 'href="https://example.org/airflow/dags/drift_detection"' in client.get(page).text

    published = Publication(
        result="",
        run_id="r",
        url="http://mlflow:5000/#/experiments/1/runs/r?workflowType=machine_learning",
        complete=True,
        runs_url="http://mlflow:5000/#/experiments/1/runs?workflowType=machine_learning",
        task_page="dags/drift_check_now/runs/manual__1/tasks/check/mapped/0",
    )
    key = keys.result("flights", date, "published.json")
    deployment.store.put(key, published.model_dump_json().encode())
    with deployment.client() as client:
        shown = client.get(page).text
        monitor = client.get("/monitors/flights").text

    runs = "https://example.org/mlflow/#/experiments/1/runs?workflowType=machine_learning"
    assert f'href="{runs}"' in monitor
    run = "https://example.org/mlflow/#/experiments/1/runs/r?workflowType=machine_learning"
    assert f'href="{run}"' in shown
    log = "https://example.org/airflow/dags/drift_check_now/runs/manual__1/tasks/check/mapped/0"
    assert f'href="{log}"' in shown
