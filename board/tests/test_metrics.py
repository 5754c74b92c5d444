"""Metrics by Prometheus' conventions."""

from __future__ import annotations

import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from conftest import Deployment, deploy
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from stored import NOW, MonitorFeed, feeds, write

from drift_checker.errors import ServiceAwayError
from drift_checker.outputs import Address, Event, deliver_events, leave_events


def samples(text: str) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_say_what_the_page_says(client: TestClient) -> None:
    found = samples(client.get("/metrics").text)

    assert found["drift_monitor_verdict", "flights", "drift"] == 1
    assert found["drift_monitor_verdict", "flights", "ok"] == 0
    assert found["drift_monitor_alarm_open", "flights"] == 1
    assert found["drift_monitor_alarm_open", "bookings"] == 0
    assert found["drift_monitor_silent", "sensors"] == 1
    assert found["drift_monitor_rows", "taxi"] == 1000
    assert found["drift_ticks_total", "weather", "invalid"] == 2
    assert found["drift_column_effect", "temp", "flights"] > 0.03
    assert found["drift_column_p_value", "temp", "flights"] == 1e-9
    assert found["drift_board_store_up",] == 1


def test_the_budget_is_told_with_how_much_of_it_is_spent(client: TestClient) -> None:
    found = samples(client.get("/metrics").text)

    # One alarm a week for 14 monitors, whose ticks are as frequent.
    assert found["drift_monitor_alarm_budget_spent_ratio", "flights"] == pytest.approx(14)
    assert found["drift_monitor_alarm_budget_spent_ratio", "bookings"] == 0


class Telling(Address):
    """An address that takes a message, or is away."""

    away = True

    def send(self, title: str, message: str) -> None:  # noqa: ARG002  as an address is told
        if self.away:
            raise ServiceAwayError("gone")


def test_what_nobody_could_be_told_of_counts_until_it_is_told(deployment: Deployment) -> None:
    def failed() -> dict[str, float]:
        with deployment.client() as client:
            found = samples(client.get("/metrics").text)
        name = "drift_monitor_notifications_failed"
        return {key[1]: value for key, value in found.items() if key[0] == name and value}

    events = [
        Event(kind="alarm_opened", monitor=monitor, date=NOW, title="drift", message="of temp")
        for monitor in ("flights", "taxi")
    ]
    away, store = Telling("json://away"), deployment.store
    leave_events(store, events, [away])
    assert failed() == {}  # nobody has tried yet
    deliver_events(store, [], [away], NOW)
    assert failed() == {"flights": 1, "taxi": 1}
    away.away = False
    deliver_events(store, [], [away], NOW + timedelta(minutes=1), monitor="taxi")
    assert failed() == {"flights": 1}


def test_durations_are_those_of_ticks_that_came_since_the_start(deployment: Deployment) -> None:
    with deployment.client() as client:
        before = samples(client.get("/metrics").text)
        later = [each for each in feeds() if each.name != "prices"]
        write(
            deployment.store, deployment.folder, [*later, MonitorFeed("prices", ended=-2, ticks=62)]
        )
        deployment.fresh()
        after = samples(client.get("/metrics").text)
    assert ("drift_tick_duration_seconds_count", "prices") not in before
    assert after["drift_tick_duration_seconds_count", "prices"] == 2


def test_the_number_of_series_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = MonitorFeed("wide", columns=[f"c{number}" for number in range(400)], ticks=3)
    with deploy(tmp_path, monkeypatch, [wide]).client() as client:
        text = client.get("/metrics").text
    assert sum(line.startswith("drift_column_effect{") for line in text.splitlines()) == 50


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_to_say(client: TestClient) -> None:
    text = client.get("/metrics").text
    command = [str(shutil.which("promtool")), "check", "metrics"]
    ended = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
