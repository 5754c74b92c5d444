"""People are notified once of what concerns them, whatever fails in between."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from deployment import DATE, Deployment
from pydantic import SecretStr
from samples import parquet, table
from structlog.testing import capture_logs
from web import FakeMlflow, Receiver, Web

from drift_checker.errors import ServiceAwayError
from drift_checker.outputs import notify
from drift_checker.outputs.events import Event, silence_events
from drift_checker.outputs.notify import KEEP_TRYING, Address, deliver_events
from drift_checker.state import Store, read_latest_result
from drift_checker.ticks import Trigger


@pytest.fixture
def receiver(web: Web) -> Receiver:
    return Receiver(web, "/hook")


class Notified:
    """A deployment that notifies its receivers of what happens in its ticks."""

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
def site(deployment: Deployment, web: Web, receiver: Receiver) -> Notified:
    return Notified(deployment, web, receiver)


PATIENCE_SECONDS = 20

EVENT = Event(kind="alarm_opened", monitor="m", date=DATE, title="Drift!", message="x: 1 -> 2")


def test_an_episode_is_notified_when_it_opens_and_when_it_closes(
    site: Notified, receiver: Receiver
) -> None:
    site.tick(0)
    for number in (1, 2, 3):
        site.tick(number, shift=2)
    assert receiver.titles == ["m: drift since 2026-11-23 09:05:00Z"]

    (opened,) = receiver.messages
    assert "- x: median " in opened["message"]
    assert "how sure: " in opened["message"]
    assert opened["message"].endswith("m-20261123T090500Z-alarm_opened")

    for number in range(4, 9):
        site.tick(number)
    assert receiver.titles[1:] == ["m: the drift since 2026-11-23 09:05:00Z has ended"]


def test_a_batch_that_turns_invalid_is_notified_once_for_each_turn(
    site: Notified, receiver: Receiver
) -> None:
    for number, rows in enumerate([300, 20, 20, 300, 20]):
        site.tick(number, rows=rows)

    assert receiver.titles == [
        "m: invalid batch at 2026-11-23 09:05:00Z",
        "m: invalid batch at 2026-11-23 09:20:00Z",
    ]


def test_ticks_by_hand_and_repeated_ticks_notify_nobody(site: Notified, receiver: Receiver) -> None:
    site.tick(1, shift=2, trigger="manual")
    site.tick(2, rows=20, trigger="manual")
    assert receiver.titles == []

    for _ in range(3):
        site.tick(3, shift=2)
    assert len(receiver.titles) == 1
    assert site.deployment.store.list("outbox") == []


def test_an_alarm_is_notified_also_while_mlflow_is_away(
    site: Notified, receiver: Receiver, mlflow: FakeMlflow
) -> None:
    mlflow.failing = 100
    for _ in range(2):
        with pytest.raises(ServiceAwayError):
            site.tick(1, shift=2)

    assert len(receiver.titles) == 1


def test_what_could_not_be_sent_fails_nothing_and_is_tried_by_later_ticks(
    site: Notified, receiver: Receiver
) -> None:
    receiver.status = 503
    site.tick(1, shift=2)
    assert read_latest_result(site.deployment.store, "m") is not None
    assert (receiver.requests, receiver.titles) == (1, [])

    receiver.status = 200
    site.tick(2, shift=2)
    site.tick(3, shift=2)
    assert receiver.titles == ["m: drift since 2026-11-23 09:05:00Z"]
    assert site.deployment.store.list("outbox") == []


def test_attempts_become_rarer_and_end(deployment: Deployment, receiver: Receiver) -> None:
    receiver.status = 503
    addresses = [Address(receiver.url)]
    ticks = int(KEEP_TRYING / timedelta(minutes=5)) + 2
    deliver_events(deployment.store, [EVENT], addresses, DATE)
    for tick in range(1, ticks + 1):
        deliver_events(deployment.store, [], addresses, DATE + tick * timedelta(minutes=5))

    assert receiver.requests == 11
    assert deployment.store.list("outbox") == []
    receiver.status = 200
    deliver_events(deployment.store, [EVENT], addresses, DATE + (ticks + 1) * timedelta(minutes=5))
    assert receiver.titles == []


def test_each_address_is_notified_once_though_another_fails(
    deployment: Deployment, web: Web, receiver: Receiver
) -> None:
    other = Receiver(web, "/other", status=500)
    addresses = [Address(receiver.url), Address(other.url)]
    deliver_events(deployment.store, [EVENT], addresses, DATE)
    assert (receiver.titles, other.titles) == (["Drift!"], [])

    other.status = 200
    deliver_events(deployment.store, [], addresses, DATE + timedelta(hours=1))
    assert (receiver.titles, other.titles) == (["Drift!"], ["Drift!"])
    assert deployment.store.list("outbox") == []


def test_an_unreachable_address_is_tried_once_a_run(
    deployment: Deployment, receiver: Receiver
) -> None:
    receiver.status = 500
    events = [EVENT, EVENT.model_copy(update={"date": DATE + timedelta(hours=1)})]

    deliver_events(deployment.store, events, [Address(receiver.url)], DATE)

    assert receiver.requests == 1


class KilledError(BaseException):
    """Stands for the end of the process."""


WRITES = ("put", "put_if_absent", "delete")


@pytest.mark.parametrize("step", range(4))
def test_killed_between_two_writes_notifies_at_most_once(
    deployment: Deployment,
    receiver: Receiver,
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

    addresses = [Address(receiver.url)]
    with monkeypatch.context() as patch:
        for name in WRITES:
            patch.setattr(Store, name, dying(getattr(Store, name)))
        with pytest.raises(KilledError):
            deliver_events(deployment.store, [EVENT], addresses, DATE)
    assert receiver.titles == (["Drift!"] if step > 1 else [])

    for hours in range(3):
        now = DATE + timedelta(hours=hours)
        deliver_events(deployment.store, [EVENT], addresses, now)
    assert receiver.titles == ["Drift!"]
    assert deployment.store.list("outbox") == []


def test_killed_while_sending_is_not_sent_again(
    deployment: Deployment, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> None:
        raise KilledError

    addresses = [Address(receiver.url)]
    with monkeypatch.context() as patch:
        patch.setattr(Address, "send", killed)
        with pytest.raises(KilledError):
            deliver_events(deployment.store, [EVENT], addresses, DATE)

    deliver_events(deployment.store, [], addresses, DATE)
    assert len(deployment.store.list("outbox")) == 1
    deliver_events(deployment.store, [], addresses, DATE + timedelta(hours=2))
    assert receiver.titles == []
    assert deployment.store.list("outbox") == []


def test_of_two_senders_one_sends(
    deployment: Deployment, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    addresses, send = [Address(receiver.url)], Address.send

    def meanwhile(self: Address, title: str, message: str) -> None:
        monkeypatch.setattr(Address, "send", send)
        deliver_events(deployment.store, [EVENT], addresses, DATE)
        send(self, title, message)

    monkeypatch.setattr(Address, "send", meanwhile)
    deliver_events(deployment.store, [EVENT], addresses, DATE)

    assert receiver.titles == ["Drift!"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("options", ["", "?redirect=yes"])
def test_an_address_that_redirects_is_not_told_and_not_followed(
    deployment: Deployment, web: Web, receiver: Receiver, status: int, options: str
) -> None:
    elsewhere = Receiver(web, "/elsewhere")
    target = {"Location": f"{web.url}/elsewhere"}
    web.answer("/hook", status=status, headers=target)
    addresses = [Address(receiver.url + options)]

    with capture_logs() as logs:
        deliver_events(deployment.store, [EVENT], addresses, DATE)

    assert (elsewhere.requests, len(deployment.store.list("outbox"))) == (0, 1)
    (entry,) = logs
    assert entry["event"] == "not notified"
    assert f"it redirects (HTTP {status}), which is not followed" in entry["reason"]
    Receiver(web, "/hook")
    deliver_events(deployment.store, [], addresses, DATE + timedelta(minutes=5))
    assert deployment.store.list("outbox") == []


def test_an_address_that_drips_is_given_up_in_time(
    deployment: Deployment, web: Web, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Headers that come one by one keep no attempt open, whatever the timeout of each read."""
    monkeypatch.setattr(notify, "SEND_SECONDS", 1)
    start = time.monotonic()
    with web.dripping("/hook"), capture_logs() as logs:
        deliver_events(deployment.store, [EVENT], [Address(receiver.url)], DATE)
        assert time.monotonic() - start < PATIENCE_SECONDS
    assert [entry["reason"].partition(": ")[2] for entry in logs] == ["no answer within 1 s"]
    assert len(deployment.store.list("outbox")) == 1


@pytest.fixture
def configured(env_file: Path, deployment: Deployment, receiver: Receiver) -> Deployment:
    """A deployment whose settings file names the receiver."""
    with env_file.open("a") as file:
        file.write(f"DRIFT_NOTIFICATION_URLS={receiver.url}\n")
    return deployment


def test_silence_is_notified_though_no_check_runs(
    configured: Deployment, receiver: Receiver, web: Web
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    assert configured.cli("notify", "due").exit_code == 0
    assert receiver.titles == []  # the reference is too young for three intervals

    silent = now - timedelta(hours=1)
    configured.run(silent)
    for _ in range(2):
        assert configured.cli("notify", "due").exit_code == 0
    assert receiver.titles == [f"m: no verdict since {silent:%Y-%m-%d %H:%M:%SZ}"]
    assert "*/5 * * * *" in receiver.messages[0]["message"]

    configured.run(now)
    configured.cli("notify", "due")
    assert len(receiver.titles) == 1


def test_a_monitor_that_never_had_a_verdict_is_silent_too(deployment: Deployment) -> None:
    store, monitors = deployment.store, deployment.monitors
    now = datetime.now(UTC)

    assert list(silence_events(store, monitors, now)) == []
    (event,) = silence_events(store, monitors, now + timedelta(minutes=25))
    assert event.kind == "monitor_silent"
    deployment.store.delete("reference/m/in-force/000001.json")
    assert list(silence_events(store, monitors, now + timedelta(minutes=25))) == []


def test_status_says_what_waits_and_why(
    configured: Deployment, receiver: Receiver, web: Web
) -> None:
    assert json.loads(configured.cli("status", "--format", "json").stdout)["waiting"] == []
    receiver.status = 503
    address = Address(receiver.url)
    later = EVENT.model_copy(update={"date": DATE + timedelta(hours=1)})
    deliver_events(configured.store, [EVENT], [address], DATE)
    deliver_events(configured.store, [later], [address], DATE + timedelta(minutes=1))
    web.answer("/hook", status=302, headers={"Location": "/elsewhere"})
    deliver_events(configured.store, [], [address], DATE + timedelta(minutes=5))

    first, second = json.loads(configured.cli("status", "--format", "json").stdout)["waiting"]

    assert (first["event"], first["address"]) == ("m-20261123T090000Z-alarm_opened", address.name)
    assert (first["since"], first["attempts"]) == ("2026-11-23T09:00:00Z", 3)
    assert "it redirects (HTTP 302)" in first["reason"]
    assert second["attempts"] == 2  # in one message with the first
    assert "it redirects (HTTP 302)" in second["reason"]
    table = configured.cli("status").stdout
    assert "m-20261123T090000Z-alarm_opened" in table
    assert "it redirects (HTTP 302), which is not followed" in table
    assert receiver.url not in table


def test_status_says_that_nobody_is_named(deployment: Deployment, receiver: Receiver) -> None:
    receiver.status = 503
    deliver_events(deployment.store, [EVENT], [Address(receiver.url)], DATE)

    (waiting,) = json.loads(deployment.cli("status", "--format", "json").stdout)["waiting"]

    assert (waiting["address"], waiting["attempts"]) == (None, 0)
    assert waiting["reason"] == "DRIFT_NOTIFICATION_URLS and DRIFT_CHANNELS name no address"


def test_a_test_message(configured: Deployment, receiver: Receiver) -> None:
    ended = configured.cli("notify", "test")
    assert (ended.exit_code, receiver.titles) == (0, ["Drift detection: a test"])
    assert ended.stdout.startswith("json-")

    receiver.status = 500
    refused = configured.cli("notify", "test")
    assert refused.exit_code == 4
    assert "took no message: it answered HTTP 500" in refused.output


def test_no_address_and_a_wrong_one(deployment: Deployment, env_file: Path) -> None:
    unset = "DRIFT_NOTIFICATION_URLS and DRIFT_CHANNELS are not set"
    assert unset in deployment.cli("notify", "test").output

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
        deliver_events(deployment.store, [EVENT], [Address(url) for url in urls], DATE)

    stored = [entry.key for entry in deployment.store.list("notifications")]
    text = "".join(map(str, [*logs, *stored, *map(deployment.store.get, stored)]))
    assert works.titles == ["Drift!"]
    assert [entry["event"] for entry in logs] == [*["not notified"] * 3, "notified"]
    assert "secret" not in text


def test_a_check_imports_apprise_only_to_notify(site: Notified, receiver: Receiver) -> None:
    site.tick(0)
    script = (
        "import sys; from drift_checker.cli import main\n"
        "try: main()\n"
        "finally: print('apprise' in sys.modules)"
    )
    command = [sys.executable, "-c", script, "--settings", str(site.deployment.env_file)]
    command += ["run", "--monitor", "m", "--logical-date", DATE.isoformat()]
    ended = subprocess.run(
        command,
        env={"DRIFT_NOTIFICATION_URLS": receiver.url},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ended.stdout == "False\n"


def test_the_outcome_file_says_what_a_check_came_to(site: Notified, tmp_path: Path) -> None:
    outcome = tmp_path / "outcome.json"
    site.web.answer("/data", parquet(table(300, seed=3, shift=2)))

    ended = site.deployment.cli(
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
        "page": None,
    }
