from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from click.testing import CliRunner
from deployment import Site
from samples import parquet, table
from web import FakeMlflow, Receiver, Web

from drift_checker.cli import main
from drift_checker.config import Monitors, Settings
from drift_checker.drill.injection import SCENARIOS
from drift_checker.drill.perturbation import perturb
from drift_checker.drill.report import Detection, Rate, smallest_detected
from drift_checker.errors import ServiceAwayError
from drift_checker.outputs import MlflowClient
from drift_checker.outputs.notify import Address
from drift_checker.references import accept_ticks, versions
from drift_checker.state import Store
from drift_checker.ticks import Tick, run_tick

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ROWS = 300
COLUMN = {"category_mix": "kind", "missing_values": "y"}


class Drilled(Site):
    """A monitor with a few ticks, whose source answers like a Drifter on request."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.deaf = False
        for number in range(3):
            tick = Tick(self.monitor, DATE + number * timedelta(minutes=5))
            run_tick(self.settings, self.monitors, tick)

    def drift_on_request(self) -> None:
        self.web.routes["/data"] = self._answer

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        query = {name: value[0] for name, value in parse_qs(urlsplit(handler.path).query).items()}
        scenario = "none" if self.deaf else query.get("scenario", "none")
        batch = table(ROWS, seed=int(query["seed"]))
        if scenario != "none":
            column = COLUMN.get(scenario, "x")
            rng = np.random.default_rng(1)
            batch = perturb(batch, column, scenario, float(query["strength"]), rng)
        body = parquet(batch)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("X-Drift-Injected", "false" if scenario == "none" else "true")
        if scenario != "none":
            handler.send_header("X-Drift-Scenario", scenario)
        handler.end_headers()
        handler.wfile.write(body)

    def drill(self, *arguments: str) -> Any:
        command = ["--settings", str(self.env_file), "drill", "--monitor", "m", *arguments]
        return CliRunner().invoke(main, command, catch_exceptions=False)

    def report(self, *arguments: str) -> dict[str, Any]:
        ended = self.drill("--format", "json", *arguments)
        report: dict[str, Any] = json.loads(ended.stdout)
        return report

    def outside(self) -> dict[str, bytes | None]:
        """Everything in the store that is no drill's."""
        keys = (entry.key for entry in self.store.walk(""))
        return {key: self.store.get(key) for key in keys if not key.startswith("drill/")}


@pytest.fixture
def site(
    env_file: Path, settings: Settings, monitors: Monitors, web: Web, mlflow: FakeMlflow
) -> Drilled:
    return Drilled(env_file, settings, monitors, web, mlflow)


FEW = ("--trials", "2", "--drift-free", "4", "--strengths", "1", "--id", "d1")


def test_drift_is_requested_of_the_drifter_and_detected(site: Drilled) -> None:
    site.drift_on_request()

    report = site.report(*FEW)

    assert report["source"] == "drifter"
    assert [rate["scenario"] for rate in report["detections"]] == list(SCENARIOS)
    assert report["left_out"] == []
    rates = {rate["scenario"]: rate for rate in report["detections"]}
    for scenario in ("mean_shift", "scale", "missing_values"):
        assert rates[scenario]["at_once"]["hits"] == 2, scenario
        assert rates[scenario]["delay"] == 1
        assert report["smallest"][scenario] == 1
    # The columns of the test's data are independent: to shuffle one changes nothing.
    assert rates["correlation_change"]["within"]["hits"] == 0
    assert report["smallest"]["correlation_change"] is None
    assert report["false_alarms"]["trials"] == 4
    assert [level["level"] for level in report["drift_free"]] == [0.5, 0.25, 0.1, 0.05]


def test_nothing_of_the_monitor_is_touched(site: Drilled) -> None:
    site.drift_on_request()
    before, runs = site.outside(), json.dumps(site.mlflow.runs)

    site.drill(*FEW)

    assert site.outside() == before
    ours = {name for name in site.mlflow.runs if site.mlflow.runs[name]["experiment"] == "3"}
    assert set(site.mlflow.experiments) == {"drift/m", "drift over time", "drill/m"}
    assert len(ours) == 1
    others = {name: site.mlflow.runs[name] for name in site.mlflow.runs if name not in ours}
    assert json.dumps(others) == runs
    kept = {entry.key for entry in site.store.list("drill")}
    assert "drill/d1/drill.json" in kept
    # What a missed drift came to is there for a look.
    assert "drill/d1/missed/correlation_change-1-0.json" in kept


def test_a_run_that_is_lost_comes_back_and_only_once(site: Drilled) -> None:
    site.drift_on_request()
    site.drill(*FEW)
    kept = ("name", "tags", "metrics", "status")
    before = [{name: run[name] for name in kept} for run in site.mlflow.active]
    site.mlflow.lose()

    command = ["--settings", str(site.env_file), "publish", "--all"]
    said = [CliRunner().invoke(main, command, catch_exceptions=False).stdout for _ in range(2)]

    assert [text.splitlines()[-1] for text in said] == [
        "1 drills published, 0 had their runs",
        "0 drills published, 1 had their runs",
    ]
    assert [{name: run[name] for name in kept} for run in site.mlflow.active] == before


def test_the_same_drill_asks_for_the_same_batches(site: Drilled) -> None:
    site.drift_on_request()
    first = site.report(*FEW)
    again = site.report(*FEW)
    other = site.report(*FEW[:-1], "d2")

    for report in (first, again, other):
        del report["seconds"]
    assert again == first
    seeds = [parse_qs(urlsplit(r).query)["seed"][0] for r in site.web.requests if "scenario" in r]
    assert len(set(seeds)) > len(seeds) / 2
    assert other["drill"] == "d2"


ONE_OF_THREE = ("--trials", "3", "--drift-free", "0", "--strengths", "1", "--id", "d1")


def test_exit_code_says_whether_every_drift_was_detected(site: Drilled) -> None:
    site.drift_on_request()
    ended = site.drill(*ONE_OF_THREE)

    assert ended.exit_code == 6
    failed = "m: FAILED: correlation_change at strength 1 was detected in 0 of 3 trials"
    assert failed in ended.stdout
    assert ended.stdout.count("FAILED") == 1


def test_a_missed_trial_is_a_figure_and_no_failure(site: Drilled) -> None:
    site.drift_on_request()
    ended = site.drill("--short", "--id", "d1")

    assert ended.exit_code == 0, ended.stdout
    assert "correlation_change          1  0/1 (0.00 to 0.98)" in ended.stdout
    assert "  correlation_change  none" in ended.stdout
    assert ended.stdout.endswith("\nm: passed\n")


def test_a_short_drill_has_the_strength_of_the_documentation(site: Drilled) -> None:
    site.drift_on_request()
    report = site.report("--short")

    detections = report["detections"]
    assert [(each["scenario"], each["strength"]) for each in detections] == [
        (scenario, 1) for scenario in SCENARIOS
    ]
    assert {each["within"]["trials"] for each in detections} == {1}
    assert report["false_alarms"]["trials"] == 0
    assert report["notifications"] == {}
    refused = site.drill("--short", "--trials", "3", "--no-tell")
    assert refused.exit_code == 2
    assert "either --short or --trials, --tell" in refused.stderr


def test_every_step_is_told_when_it_is_done(site: Drilled) -> None:
    site.drift_on_request()
    told = site.drill(*FEW).stderr.splitlines()

    assert told[0] == "m: 1 of 7: mean_shift at 1: 2 of 2 detected"
    assert "m: 6 of 7: correlation_change at 1: 0 of 2 detected" in told
    assert told[-1] == "m: 7 of 7: 4 drift-free ticks, 0 flagged"


def test_what_was_detected_until_the_source_stays_away_is_shown(site: Drilled) -> None:
    site.drift_on_request()
    answer = site.web.routes["/data"]

    def stops(handler: BaseHTTPRequestHandler) -> None:
        if "missing_values" in handler.path:
            site.deaf = True
        answer(handler)

    site.web.routes["/data"] = stops
    ended = site.drill(*FEW)

    assert ended.exit_code == 2
    assert "mean_shift                  1  2/2" in ended.stdout
    assert "m: FAILED: broken off: m: asked for missing_values" in ended.stdout
    assert "Error: m: asked for missing_values" in ended.stderr
    kept = json.loads(site.store.get("drill/d1/drill.json") or b"")
    assert [each["scenario"] for each in kept["detections"]] == list(SCENARIOS[:3])


def test_the_table_is_shown_where_mlflow_stays_away(
    site: Drilled, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.drift_on_request()

    def away(*_: Any) -> None:
        raise ServiceAwayError("MLflow did not answer")

    monkeypatch.setattr(MlflowClient, "experiment", away)
    ended = site.drill(*FEW)

    assert ended.exit_code == 4
    assert "mean_shift                  1  2/2" in ended.stdout
    assert ended.stderr.endswith("Error: MLflow did not answer\n")


def test_the_table_has_a_line_for_each_drift_and_level(site: Drilled) -> None:
    site.drift_on_request()
    text = site.drill(*FEW).stdout

    assert "mean_shift                  1  2/2 (0.16 to 1.00)" in text
    assert "  correlation_change  none" in text
    assert "  p <= 0.05" in text


def test_people_are_notified_of_a_drill_once(site: Drilled) -> None:
    site.drift_on_request()
    receivers = [Receiver(site.web, "/takes"), Receiver(site.web, "/refuses", status=500)]
    with site.env_file.open("a") as file:
        file.write(f"DRIFT_NOTIFICATION_URLS={' '.join(receiver.url for receiver in receivers)}\n")

    text = site.drill(*FEW).stdout
    silent = site.report(*FEW, "--no-tell")

    takes, refuses = (Address(receiver.url).name for receiver in receivers)
    assert f"notifications: {takes} sent, {refuses} NOT SENT" in text
    assert silent["notifications"] == {}
    (message,) = receivers[0].messages
    assert message["title"] == "Drift detection"
    assert message["message"] == "This is drill d1 of m, no alarm."
    assert [receiver.requests for receiver in receivers] == [1, 1]


def test_a_drifter_that_takes_no_drift_from_requests_is_named(site: Drilled) -> None:
    refusal = b'{"detail": "start it with DRIFT_ALLOW_OVERRIDE=true."}'
    site.web.answer("/data", refusal, status=403, content_type="application/json")

    ended = site.drill(*FEW)

    assert ended.exit_code == 2
    assert "drifter_allow_override: true" in ended.stderr


def test_a_drifter_that_does_otherwise_than_asked_is_named(site: Drilled) -> None:
    site.drift_on_request()
    site.deaf = True

    ended = site.drill(*FEW)

    assert ended.exit_code == 2
    assert "asked for mean_shift" in ended.stderr


@pytest.fixture
def own_data(env_file: Path, settings: Settings, web: Web, monitors: Monitors) -> Settings:
    """The same with a source that tells nothing of drift."""
    web.answer("/data", parquet(table(ROWS, seed=2)))
    return settings


def test_batches_of_ones_own_data_are_perturbed(
    own_data: Settings, env_file: Path, monitors: Monitors, web: Web, mlflow: FakeMlflow
) -> None:
    site = Drilled(env_file, own_data, monitors, web, mlflow)
    requests = len(web.requests)
    before = site.outside()

    report = site.report(*FEW)

    assert len(web.requests) == requests
    assert site.outside() == before
    assert report["source"] == "stored batches"
    assert report["smallest"]["mean_shift"] == 1
    assert report["smallest"]["missing_values"] == 1
    # No column depends on another.
    assert "correlation_change" not in report["smallest"]
    assert report["left_out"] == ["correlation_change"]
    text = site.drill(*FEW).stdout
    assert "left out, as no column can carry it: correlation_change" in text
    # Each batch is one tick without drift, and not the same one again and again.
    assert report["stored_batches"] == 3
    assert (report["false_alarms"]["hits"], report["false_alarms"]["trials"]) == (0, 3)


def test_batches_that_were_ok_against_another_reference_are_not_perturbed(
    own_data: Settings, env_file: Path, monitors: Monitors, web: Web, mlflow: FakeMlflow
) -> None:
    site = Drilled(env_file, own_data, monitors, web, mlflow)
    accept_ticks(site.store, site.monitor, [DATE])

    ended = site.drill(*FEW)

    assert ended.exit_code == 2
    assert "m has no batch among its last 100 that was ok against the reference in" in ended.stderr
    run_tick(site.settings, site.monitors, Tick(site.monitor, DATE + timedelta(hours=1)))
    assert site.report(*FEW)["stored_batches"] == 1


def test_without_a_stored_batch_there_is_nothing_to_drill(
    env_file: Path, settings: Settings, monitors: Monitors, mlflow: FakeMlflow
) -> None:
    versions.fit_reference(Store(settings), monitors.get("m"), settings)
    command = ["--settings", str(env_file), "drill", "--monitor", "m"]

    ended = CliRunner().invoke(main, command)

    assert ended.exit_code == 2
    assert "run a check first" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strengths", "0"], "up to 10"),
        (["--strengths", "much"], "up to 10"),
        (["--id", "../x"], "A-Z"),
        (["--trials", "0"], "x>=1"),
    ],
)
def test_wrong_arguments(site: Drilled, arguments: list[str], message: str) -> None:
    ended = site.drill(*arguments)

    assert ended.exit_code == 2
    assert message in ended.stderr


@pytest.mark.parametrize(
    ("enough", "too_few", "trials"), [(0, None, 1), (0, None, 2), (1, 0, 3), (12, 11, 20)]
)
def test_detected_too_rarely_is_what_chance_does_not_make(
    enough: int, too_few: int | None, trials: int
) -> None:
    def detection(hits: int) -> Detection:
        rate = Rate.of(hits, trials)
        return Detection(scenario="s", strength=1, at_once=rate, within=rate, delay=None)

    assert not detection(enough).too_rare
    assert too_few is None or detection(too_few).too_rare


def test_the_smallest_strength_is_the_last_of_an_unbroken_row() -> None:
    def detection(strength: float, hits: int) -> Detection:
        rate = Rate.of(hits, 10)
        return Detection(scenario="s", strength=strength, at_once=rate, within=rate, delay=None)

    assert smallest_detected(
        [detection(0.1, 9), detection(0.25, 7), detection(0.5, 8), detection(1, 10)]
    ) == {"s": 0.5}
    assert smallest_detected([detection(0.5, 9), detection(1, 7)]) == {"s": None}
