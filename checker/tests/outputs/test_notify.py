"""People are told once of what concerns them, whatever fails in between."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from deployment import DATE, Deployment
from pydantic import SecretStr
from samples import parquet, table
from structlog.testing import capture_logs
from web import FakeMlflow, Web

from drift_checker.errors import ServiceAwayError
from drift_checker.outputs import notify as module
from drift_checker.outputs.events import Event, of_silence
from drift_checker.outputs.notify import KEEP_TRYING, Attempt, Service, notify
from drift_checker.state.latest import read_latest_result
from drift_checker.state.store import Store
from drift_checker.ticks.tick import Trigger


class Receiver:
    """A web server that takes apprise's JSON."""

    def __init__(self, web: Web, path: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self.status = 200
        self.asked = 0
        self.url = f"{web.url.replace('http:', 'json:')}{path}"
        web.routes[path] = self._take

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.asked += 1
        if self.status == 200:
            self.messages.append(json.loads(body))
        handler.send_response(self.status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]


@pytest.fixture
def receiver(web: Web) -> Receiver:
    return Receiver(web, "/hook")


class Clock:
    """Stands in for the time that `notify` sees."""

    def __init__(self) -> None:
        self.now_is = DATE

    def now(self, zone: Any) -> datetime:
        return self.now_is.astimezone(zone)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    # What it reads is looked up once, in the module whose clock is changed.
    Attempt.model_validate_json('{"at": "2026-01-01T00:00:00Z"}')
    monkeypatch.setattr(module, "datetime", clock)
    return clock


class Told:
    """A deployment that tells its receivers what its ticks have to tell."""

    def __init__(self, deployment: Deployment, web: Web, *receivers: Receiver) -> None:
        urls = SecretStr(" ".join(receiver.url for receiver in receivers))
        deployment.settings = deployment.settings.model_copy(update={"notification_urls": urls})
        self.deployment, self.web = deployment, web

    def tick(
        self, number: int, shift: float = 0, rows: int = 300, trigger: Trigger = "scheduled"
    ) -> None:
        self.web.answer("/data", parquet(table(rows, seed=number + 10, shift=shift)))
        self.deployment.run(DATE + timedelta(minutes=5 * number), trigger)


@pytest.fixture
def told(deployment: Deployment, web: Web, receiver: Receiver) -> Told:
    return Told(deployment, web, receiver)


EVENT = Event(kind="alarm_opened", monitor="m", date=DATE, title="Drift!", message="x: 1 -> 2")


def test_an_episode_is_told_when_it_opens_and_when_it_closes(
    told: Told, receiver: Receiver
) -> None:
    told.tick(0)
    for number in (1, 2, 3):
        told.tick(number, shift=2)
    assert receiver.titles == ["m: drift since 2026-11-23 09:05:00Z"]

    (opened,) = receiver.messages
    assert "- x: median " in opened["message"]
    assert "how sure: " in opened["message"]
    assert opened["message"].endswith("m-20261123T090500Z-alarm_opened")

    for number in range(4, 9):
        told.tick(number)
    assert receiver.titles[1:] == ["m: the drift since 2026-11-23 09:05:00Z has ended"]


def test_a_batch_that_turns_invalid_is_told_once_for_each_turn(
    told: Told, receiver: Receiver
) -> None:
    for number, rows in enumerate([300, 20, 20, 300, 20]):
        told.tick(number, rows=rows)

    assert receiver.titles == [
        "m: invalid batch at 2026-11-23 09:05:00Z",
        "m: invalid batch at 2026-11-23 09:20:00Z",
    ]


def test_ticks_by_hand_and_repeated_ticks_tell_nothing(told: Told, receiver: Receiver) -> None:
    told.tick(1, shift=2, trigger="manual")
    told.tick(2, rows=20, trigger="manual")
    assert receiver.titles == []

    for _ in range(3):
        told.tick(3, shift=2)
    assert len(receiver.titles) == 1
    assert told.deployment.store.list("outbox") == []


def test_an_alarm_is_told_also_while_mlflow_is_away(
    told: Told, receiver: Receiver, mlflow: FakeMlflow
) -> None:
    mlflow.failing = 100
    for _ in range(2):
        with pytest.raises(ServiceAwayError):
            told.tick(1, shift=2)

    assert len(receiver.titles) == 1


def test_what_could_not_be_told_fails_nothing_and_is_tried_by_later_ticks(
    told: Told, receiver: Receiver, clock: Clock
) -> None:
    receiver.status = 503
    told.tick(1, shift=2)
    assert read_latest_result(told.deployment.store, "m") is not None
    assert (receiver.asked, receiver.titles) == (1, [])

    receiver.status = 200
    clock.now_is += timedelta(minutes=5)
    told.tick(2, shift=2)
    told.tick(3, shift=2)
    assert receiver.titles == ["m: drift since 2026-11-23 09:05:00Z"]
    assert told.deployment.store.list("outbox") == []


def test_attempts_become_rarer_and_end(
    deployment: Deployment, receiver: Receiver, clock: Clock
) -> None:
    receiver.status = 503
    people = [Service(receiver.url)]
    ticks = int(KEEP_TRYING / timedelta(minutes=5)) + 2
    notify(deployment.store, [EVENT], people)
    for _ in range(ticks):
        clock.now_is += timedelta(minutes=5)
        notify(deployment.store, [], people)

    assert receiver.asked == 11
    assert deployment.store.list("outbox") == []
    receiver.status = 200
    notify(deployment.store, [EVENT], people)
    assert receiver.titles == []


def test_each_address_is_told_once_though_another_fails(
    deployment: Deployment, web: Web, receiver: Receiver, clock: Clock
) -> None:
    other = Receiver(web, "/other")
    other.status = 500
    people = [Service(receiver.url), Service(other.url)]
    notify(deployment.store, [EVENT], people)
    assert (receiver.titles, other.titles) == (["Drift!"], [])

    other.status = 200
    clock.now_is += timedelta(hours=1)
    notify(deployment.store, [], people)
    assert (receiver.titles, other.titles) == (["Drift!"], ["Drift!"])
    assert deployment.store.list("outbox") == []


def test_an_address_that_is_away_is_asked_once_a_run(
    deployment: Deployment, receiver: Receiver
) -> None:
    receiver.status = 500
    events = [EVENT, EVENT.model_copy(update={"date": DATE + timedelta(hours=1)})]

    notify(deployment.store, events, [Service(receiver.url)])

    assert receiver.asked == 1


class KilledError(BaseException):
    """Stands for the end of the process."""


WRITES = ("put", "put_if_absent", "delete")


@pytest.mark.parametrize("step", range(4))
def test_killed_between_two_writes_tells_at_most_once(
    deployment: Deployment,
    receiver: Receiver,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
) -> None:
    """Event, claim, outcome, end: killed in between, only what surely was not sent is sent."""
    writes = iter(range(100))

    def dying(method: Any) -> Any:
        def write(*arguments: Any) -> Any:
            if next(writes) == step:
                raise KilledError
            return method(*arguments)

        return write

    people = [Service(receiver.url)]
    with monkeypatch.context() as patch:
        for name in WRITES:
            patch.setattr(Store, name, dying(getattr(Store, name)))
        with pytest.raises(KilledError):
            notify(deployment.store, [EVENT], people)
    assert receiver.titles == (["Drift!"] if step > 1 else [])

    for _ in range(3):
        notify(deployment.store, [EVENT], people)
        clock.now_is += timedelta(hours=1)
    assert receiver.titles == ["Drift!"]
    assert deployment.store.list("outbox") == []


def test_killed_while_sending_is_not_sent_again(
    deployment: Deployment, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> bool:
        raise KilledError

    people = [Service(receiver.url)]
    with monkeypatch.context() as patch:
        patch.setattr(Service, "send", killed)
        with pytest.raises(KilledError):
            notify(deployment.store, [EVENT], people)

    notify(deployment.store, [], people)
    assert len(deployment.store.list("outbox")) == 1
    clock.now_is += timedelta(hours=2)
    notify(deployment.store, [], people)
    assert receiver.titles == []
    assert deployment.store.list("outbox") == []


def test_of_two_senders_one_sends(
    deployment: Deployment, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, send = [Service(receiver.url)], Service.send

    def meanwhile(self: Service, title: str, message: str) -> bool:
        monkeypatch.setattr(Service, "send", send)
        notify(deployment.store, [EVENT], people)
        return send(self, title, message)

    monkeypatch.setattr(Service, "send", meanwhile)
    notify(deployment.store, [EVENT], people)

    assert receiver.titles == ["Drift!"]


@pytest.fixture
def notified(env_file: Path, deployment: Deployment, receiver: Receiver) -> Iterator[Deployment]:
    """A deployment whose settings file names the receiver."""
    with env_file.open("a") as file:
        file.write(f"DRIFT_NOTIFICATION_URLS={receiver.url}\n")
    return deployment


def test_silence_is_told_though_no_check_runs(
    notified: Deployment, receiver: Receiver, web: Web
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    assert notified.cli("notify", "due").exit_code == 0
    assert receiver.titles == []  # the reference is too young for three intervals

    silent = now - timedelta(hours=1)
    notified.run(silent)
    for _ in range(2):
        assert notified.cli("notify", "due").exit_code == 0
    assert receiver.titles == [f"m: no verdict since {silent:%Y-%m-%d %H:%M:%SZ}"]
    assert "*/5 * * * *" in receiver.messages[0]["message"]

    notified.run(now)
    notified.cli("notify", "due")
    assert len(receiver.titles) == 1


def test_a_monitor_that_never_had_a_verdict_is_silent_too(deployment: Deployment) -> None:
    store, monitors = deployment.store, deployment.monitors
    now = datetime.now(UTC)

    assert list(of_silence(store, monitors, now)) == []
    (event,) = of_silence(store, monitors, now + timedelta(minutes=25))
    assert event.kind == "monitor_silent"
    deployment.store.delete("reference/m/in-force/000001.json")
    assert list(of_silence(store, monitors, now + timedelta(minutes=25))) == []


def test_a_test_message(notified: Deployment, receiver: Receiver) -> None:
    ended = notified.cli("notify", "test")
    assert (ended.exit_code, receiver.titles) == (0, ["Drift detection: a test"])
    assert ended.stdout.startswith("json-")

    receiver.status = 500
    assert notified.cli("notify", "test").exit_code == 4


def test_no_address_and_a_wrong_one(deployment: Deployment, env_file: Path) -> None:
    assert "DRIFT_NOTIFICATION_URLS is not set" in deployment.cli("notify", "test").output

    with env_file.open("a") as file:
        file.write("DRIFT_NOTIFICATION_URLS=nothing://secret-token\n")
    refused = deployment.cli("notify", "test")
    assert refused.exit_code == 2
    assert "is no URL that apprise knows" in refused.output
    assert "secret-token" not in refused.output


def test_no_part_of_a_url_is_logged_or_stored(deployment: Deployment, web: Web) -> None:
    # Nothing listens there, a URL that apprise does not know, what is no URL, and one that works.
    works = Receiver(web, "/secret-path")
    away = "json://user:secret-password@127.0.0.1:1/secret-path"
    urls = [away, "nothing://secret-host", "secret-without-a-kind", works.url]

    with capture_logs() as logs:
        notify(deployment.store, [EVENT], [Service(url) for url in urls])

    stored = [entry.key for entry in deployment.store.list("notifications")]
    told = "".join(map(str, [*logs, *stored, *map(deployment.store.get, stored)]))
    assert works.titles == ["Drift!"]
    assert [entry["event"] for entry in logs] == ["not told", "not told", "not told", "told"]
    assert "secret" not in told


def test_a_check_imports_apprise_only_to_tell(told: Told, receiver: Receiver) -> None:
    told.tick(0)
    script = (
        "import sys; from drift_checker.cli import main\n"
        "try: main()\n"
        "finally: print('apprise' in sys.modules)"
    )
    command = [sys.executable, "-c", script, "--settings", str(told.deployment.env_file)]
    command += ["run", "--monitor", "m", "--logical-date", DATE.isoformat()]
    ended = subprocess.run(
        command,
        env={"DRIFT_NOTIFICATION_URLS": receiver.url},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ended.stdout == "False\n"


def test_airflow_is_told_what_a_check_came_to(told: Told, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome.json"
    told.web.answer("/data", parquet(table(300, seed=3, shift=2)))

    ended = told.deployment.cli(
        *("run", "--monitor", "m", "--logical-date", DATE.isoformat()),
        *("--trigger", "scheduled", "--outcome", str(outcome)),
    )

    assert ended.exit_code == 0, ended.output
    assert json.loads(outcome.read_text()) == {
        "monitor": "m",
        "logical_date": "2026-11-23T09:00:00+00:00",
        "verdict": "drift",
        "alarm": {
            "state": "opened",
            "id": "m-20261123T090000Z",
            "since": "2026-11-23T09:00:00+00:00",
        },
    }
