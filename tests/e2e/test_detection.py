"""The deployed checker on batches of the deployed Drifter: no false alarms, and drift is found."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.stack import ROOT, Stack

# What shows in single columns.
SCENARIOS = ("mean_shift", "scale", "category_mix", "missing_values", "tail_contamination")


def take_ticks(
    stack: Stack, folder: Path, name: str, number: int, **parameters: str
) -> list[dict[str, Any]]:
    """Check `number` batches under a monitor and in a store of their own."""
    deployed = yaml.safe_load((stack.state / "etc/monitors.yml").read_text())
    (monitor,) = deployed["monitors"]
    monitor["name"] = name
    monitor["current"]["params"].update(parameters)
    monitors = folder / f"{name}.yml"
    # The level of a tick follows from the schedule: the one that the project comes with.
    defaults = yaml.safe_load((ROOT / "group_vars/all/main.yml").read_text())
    deployed["check_schedule"] = defaults["check_schedule"]
    monitors.write_text(yaml.safe_dump(deployed))
    settings = folder / f"{name}.env"
    settings.write_text(
        f"DRIFT_STORE_URL=file://{folder}/store\n"
        f"DRIFT_MLFLOW_URL={stack.url('mlflow')}\n"
        f"DRIFT_MONITORS_FILE={monitors}\n"
        "DRIFT_REPORT=never\n"
    )
    venv = stack.state / "venvs/checker/bin"
    command = [str(venv / "drift-checker"), "--settings", str(settings)]
    subprocess.run([*command, "baseline", "fit", "--all"], check=True)
    command = [str(venv / "python"), str(Path(__file__).with_name("ticks.py")), str(settings)]
    ended = subprocess.run([*command, str(number)], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in ended.stdout.splitlines()]


def report(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201  # a figure to quote


def test_without_drift_there_is_no_alarm(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ticks = take_ticks(stack, tmp_path, "still", 200)

    assert not [tick for tick in ticks if tick["injected"]]
    verdicts = Counter(tick["verdict"] for tick in ticks)
    report(capsys, f"200 batches without drift: {dict(verdicts)}")
    assert set(verdicts) <= {"ok", "drift"}
    assert verdicts["drift"] <= 1


def test_drift_is_found_and_its_columns_are_named(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = {}
    for scenario in SCENARIOS:
        name = scenario.replace("_", "-")
        ticks = take_ticks(stack, tmp_path, name, 12, scenario=scenario)
        assert all(tick["injected"] for tick in ticks)
        found[scenario] = sum(
            tick["verdict"] == "drift" and set(tick["injected"]) <= set(tick["drifted"])
            for tick in ticks
        )
    report(capsys, f"60 batches with drift, found of each 12: {found}")
    assert sum(found.values()) >= 57
