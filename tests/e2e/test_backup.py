"""A stack that was lost and brought back judges the next tick as it would have."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from e2e.stack import ROOT, Stack

SUMMER = {"mode": "replay", "at": "2013-07-15T00:00:00Z", "rows": 1000}
"""Of summer, where the reference is of winter: drift that lasts."""
DATES = [f"2026-11-30T09:{minute:02}:00Z" for minute in (0, 5, 10)]


class Checker:
    """The checker of a stack, with a state directory and monitors of its own."""

    def __init__(self, stack: Stack, state: Path) -> None:
        self.stack, self.state = stack, state
        (state / "etc").mkdir(parents=True, exist_ok=True)
        self.settings = state / "etc/checker.env"
        changed = {
            "DRIFT_STORE_URL": f"file://{state}/data/store",
            "DRIFT_MONITORS_FILE": str(state / "etc/monitors.yml"),
        }
        kept = (stack.state / "etc/checker.env").read_text().splitlines()
        lines = [line for line in kept if line.partition("=")[0] not in changed]
        lines += [f"{name}={value}" for name, value in changed.items()]
        self.settings.write_text("\n".join(lines) + "\n")
        deployed = yaml.safe_load((stack.state / "etc/monitors.yml").read_text())
        monitor = {
            "current": {"url": stack.url("drifter", "/api/v1/data"), "params": SUMMER},
            "reference": {"path": str(ROOT / "data/reference.parquet")},
            "columns": {"timestamp": "time_hour", "target": "arr_delay"},
            "sampling": "iid",
        }
        deployed["monitors"] = [{"name": name, **monitor} for name in ("accepted", "open")]
        (state / "etc/monitors.yml").write_text(yaml.safe_dump(deployed))

    def __call__(self, *arguments: str) -> str:
        command = self.stack.state / "venvs/checker/bin/drift-checker"
        return subprocess.run(
            [command, "--settings", self.settings, *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        ).stdout

    def tick(self, name: str, date: str) -> dict[str, Any]:
        """Take a tick; return what its result says of the batch and of the alarm."""
        self("run", "--monitor", name, "--logical-date", date)
        folder = date.replace("-", "").replace(":", "")
        path = self.state / "data/store/results" / name / folder / "result.json"
        result = json.loads(path.read_text())
        return {key: result[key] for key in ("verdict", "columns", "reference", "alarm")}


def archive(action: str, path: Path, state: Path) -> None:
    subprocess.run(
        [
            *(sys.executable, ROOT / "roles/backup/files/archive.py", action, path),
            *("--state", state, "--versions", "{}"),
        ],
        input="{}",
        text=True,
        stdout=subprocess.DEVNULL,
        check=True,
    )


def test_the_next_tick_judges_as_without(stack: Stack, tmp_path: Path) -> None:
    checker = Checker(stack, tmp_path / "state")
    checker("baseline", "fit", "--all")
    for name in ("accepted", "open"):
        assert checker.tick(name, DATES[0])["verdict"] == "drift"
    checker("baseline", "accept", "--monitor", "accepted", "--logical-date", DATES[0])
    for name in ("accepted", "open"):
        checker.tick(name, DATES[1])

    archive("make", tmp_path / "kept.tar.gz", checker.state)
    without = [checker.tick(name, DATES[2]) for name in ("accepted", "open")]
    archive("restore", tmp_path / "kept.tar.gz", tmp_path / "new")
    restored = Checker(stack, tmp_path / "new")

    assert [restored.tick(name, DATES[2]) for name in ("accepted", "open")] == without
    assert [tick["verdict"] for tick in without] == ["ok", "drift"]
