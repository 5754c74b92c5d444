from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from deployment import Deployment
from samples import parquet, table
from web import FakeMlflow, Web

from drift_checker.cli import main
from drift_checker.config import Monitors, Settings, load_monitors
from drift_checker.errors import BadReferenceError
from drift_checker.outputs.status import read_status
from drift_checker.references import versions
from drift_checker.result import Alarm, Verdict
from drift_checker.state import LatestResult, Store, read_latest_result, write_latest_result
from drift_checker.ticks import Tick, run_tick

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def cli(env_file: Path, *arguments: str) -> Any:
    return CliRunner().invoke(main, ["--settings", str(env_file), *arguments])


def test_fit_changes_nothing_twice(env_file: Path, settings: Settings) -> None:
    first, second = (
        json.loads(cli(env_file, "baseline", "fit", "--all", "--format", "json").stdout)
        for _ in range(2)
    )
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["monitors"][0] | {"changed": False} == second["monitors"][0]

    before = versions.summary_in_force(Store(settings), "m")
    reference = settings.monitors_file.parent / "reference.parquet"
    reference.write_bytes(parquet(table(1000, seed=7)))
    assert (
        "stored, 1000 rows, 3 columns" in cli(env_file, "baseline", "fit", "--monitor", "m").output
    )
    assert versions.summary_in_force(Store(settings), "m") != before
    assert "x: double" in cli(env_file, "baseline", "show", "--all").output


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file"),
        (b"PAR1 cut off", "reference"),
        (parquet(table(10, seed=1)), "10 rows, and at least 50 are needed"),
        (parquet(table(100, seed=1)), "no column when; it has x, y, kind"),
    ],
)
def test_references_that_cannot_serve(
    settings: Settings, content: bytes | None, message: str
) -> None:
    file = settings.monitors_file
    file.write_text(file.read_text() + "    columns: {timestamp: when}\n")
    reference = file.parent / "reference.parquet"
    reference.unlink()
    if content is not None:
        reference.write_bytes(content)

    with pytest.raises(BadReferenceError, match=message):
        versions.fit_reference(Store(settings), load_monitors(file).get("m"), settings)


def test_status_before_and_after_a_tick(
    env_file: Path, settings: Settings, monitors: Monitors, mlflow: FakeMlflow
) -> None:
    store = Store(settings)
    before = cli(env_file, "status", "--format", "json")
    assert before.exit_code == 5
    (shown,) = json.loads(before.stdout)["monitors"]
    assert (shown["verdict"], shown["reference"]) == (None, None)

    versions.fit_reference(store, monitors.get("m"), settings)
    now = datetime.now(UTC).replace(microsecond=0)
    for minutes, silent in ((4, False), (25, True)):
        (waiting,) = read_status(store, monitors, now + timedelta(minutes=minutes)).monitors
        assert (waiting.verdict, waiting.silent) == (None, silent)
    run_tick(settings, monitors, Tick(monitors.get("m"), now))

    after = cli(env_file, "status", "--format", "json")
    assert after.exit_code == 0
    (shown,) = json.loads(after.stdout)["monitors"]
    assert (shown["name"], shown["verdict"], shown["silent"]) == ("m", "ok", False)
    assert shown["reference"] == versions.summary_in_force(store, "m").version
    assert (
        shown["run_url"] == f"{mlflow.url}/#/experiments/1/runs/run1?workflowType=machine_learning"
    )
    assert shown["run_url"] in cli(env_file, "status").stdout


@pytest.mark.parametrize(("minutes", "silent"), [(9, False), (14, False), (16, True)])
def test_a_monitor_is_silent_after_three_intervals(
    settings: Settings, monitors: Monitors, minutes: int, *, silent: bool
) -> None:
    store = Store(settings)
    write_latest_result(store, "m", pointer(DATE))

    (shown,) = read_status(store, monitors, DATE + timedelta(minutes=minutes)).monitors

    assert shown.silent is silent


def pointer(date: datetime, reported: datetime | None = None) -> LatestResult:
    return LatestResult(
        logical_date=date,
        verdict=Verdict.OK,
        drifted_columns=[],
        faults=[],
        alarm=Alarm(),
        reported=reported,
    )


def test_a_late_tick_leaves_the_pointer_at_the_latest(settings: Settings) -> None:
    store = Store(settings)
    write_latest_result(store, "m", pointer(DATE))
    write_latest_result(store, "m", pointer(DATE - timedelta(hours=1), DATE - timedelta(hours=1)))

    assert read_latest_result(store, "m") == pointer(DATE, DATE - timedelta(hours=1))


def test_a_check_by_hand_hides_no_alarm(deployment: Deployment, web: Web) -> None:
    web.answer("/data", parquet(table(300, seed=3, shift=2)))
    deployment.run(DATE, "scheduled")
    web.answer("/data", parquet(table(300, seed=4)))
    deployment.run(DATE + timedelta(minutes=2), "manual")

    (shown,) = json.loads(deployment.cli("status", "--format", "json").stdout)["monitors"]
    assert (shown["verdict"], shown["logical_date"]) == ("ok", "2026-11-23T09:02:00Z")
    assert shown["alarm"] == "opened"
    assert (shown["open_alarm"]["id"], shown["open_alarm"]["since"]) == (
        "m-20261123T090000Z",
        "2026-11-23T09:00:00Z",
    )
    assert "x" in shown["open_alarm"]["columns"]
    assert "open since 2026-11-23 09:00:00Z: x" in deployment.cli("status").stdout

    latest = read_latest_result(deployment.store, "m")
    assert latest is not None
    assert latest.scheduled is not None
    older = latest.model_copy(update={"scheduled": None})
    deployment.store.put("results/m/latest.json", older.model_dump_json().encode())
    (shown,) = json.loads(deployment.cli("status", "--format", "json").stdout)["monitors"]
    assert shown["alarm"] == "opened"  # as the last ticks say it


def test_mutes_and_notes_are_commands(deployment: Deployment, web: Web) -> None:
    refused = deployment.cli("note", "a note", "--monitor", "m", "--by", "ada")
    assert (refused.exit_code, "has no alarm" in refused.output) == (2, True)
    web.answer("/data", parquet(table(300, seed=3, shift=2)))
    deployment.run(DATE, "scheduled")
    assert (
        "ada: a \\x1b note"
        in deployment.cli(*("note", "a \x1b note", "--monitor", "m", "--by", "ada")).output
    )

    muted = deployment.cli("mute", "--monitor", "m", "--for", "4h", "--by", "ada")
    assert muted.output.startswith("m: muted until ")
    table_ = deployment.cli("status").stdout
    assert "open since 2026-11-23 09:00:00Z" in table_
    assert "muted until" in table_
    assert deployment.cli("unmute", "--monitor", "m", "--by", "ada").output == (
        "m: no longer muted\n"
    )
    assert "muted until" not in deployment.cli("status").stdout
    for wrong in (["--for", "4h", "--until", "2030-01-01"], [], ["--for", "soon"]):
        assert deployment.cli("mute", "--monitor", "m", *wrong).exit_code == 2
    assert deployment.cli("mute", "--monitor", "n", "--for", "4h").exit_code == 2
