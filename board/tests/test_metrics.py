"""Metrics by Prometheus' conventions."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import Deployment, deploy
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from stored import MonitorFeed, feeds, write


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


def test_durations_are_those_of_ticks_that_came_since_the_start(deployment: Deployment) -> None:
    with deployment.client() as client:
        before = samples(client.get("/metrics").text)
        later = [each for each in feeds() if each.name != "prices"]
        write(
            deployment.store, deployment.folder, [*later, MonitorFeed("prices", ended=-2, ticks=62)]
        )
        deployment.fresh(client)
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
