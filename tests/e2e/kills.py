"""Kills deployments at points spread over their tasks, and sees that they heal.

The next deployment ends well, the one after changes nothing:

    python tests/e2e/kills.py --progress kills.jsonl --settings '{"state_dir": "/tmp/kills"}'

Where it is stopped, the same command goes on after the last point that is in the file of progress.
Each killed deployment has another `drift_prob` to apply than the one before.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from e2e.stack import ROOT, command, play

PROBABILITIES = (0.25, 0.75)


def kill(is_point: Callable[[int, str], bool], inventory: str, settings: Mapping[str, Any]) -> str:
    """Deploy, and kill that at the first task for whose number and name `is_point` is true.

    Returns the name of the task; it is empty where the deployment came to its end before.
    """
    deployment = subprocess.Popen(
        command("site.yml", inventory=inventory, settings=settings),
        cwd=ROOT,
        env=os.environ | {"ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert deployment.stdout is not None
    with deployment, deployment.stdout as output:
        number = 0
        for line in output:
            if line.startswith("TASK ["):
                number += 1
                name = line.partition("[")[2].rpartition("]")[0]
                if is_point(number, name):
                    processes = psutil.Process(deployment.pid)
                    for process in [processes, *processes.children(recursive=True)]:
                        process.kill()
                    return name
    return ""


def heal(inventory: str, settings: Mapping[str, Any]) -> str:
    """Deploy twice after a kill; return what is wrong with that, or nothing."""
    again = play("site.yml", inventory=inventory, settings=settings)
    if again.returncode != 0:
        return f"the next one fails: {again.output[-3000:]}"
    if (
        inventory == "local"
        and (found := applied(Path(settings["state_dir"]))) != settings["drift_prob"]
    ):
        return f"the Drifter runs with {found}"
    once_more = play("site.yml", inventory=inventory, settings=settings)
    if once_more.returncode != 0 or once_more.changed != [0]:
        return f"the one after changes {once_more.changed}: {once_more.output[-3000:]}"
    return ""


def applied(state: Path) -> float:
    """Return the probability that the Drifter of a local target runs with."""
    pid = json.loads((state / "run/drifter.json").read_text())["pid"]
    return float(psutil.Process(pid).environ()["DRIFT_PROB"])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--inventory", default="local")
    parser.add_argument("--settings", type=json.loads, required=True, help="as a JSON object")
    parser.add_argument("--points", type=int, default=20)
    parser.add_argument(
        "--progress", type=Path, required=True, help="a line of JSON for each point"
    )
    arguments = parser.parse_args()

    whole = play("site.yml", inventory=arguments.inventory, settings=arguments.settings)
    if whole.returncode != 0:
        sys.exit(whole.output)
    tasks = whole.output.count("\nTASK [")
    done = arguments.progress.read_text().splitlines() if arguments.progress.exists() else []
    for point in range(len(done), arguments.points):
        number = 1 + point * tasks // arguments.points
        settings = arguments.settings | {"drift_prob": PROBABILITIES[point % 2]}
        name = kill(lambda task, _, at=number: task == at, arguments.inventory, settings)  # type: ignore[misc]
        wrong = heal(arguments.inventory, settings)
        line = json.dumps({"task": number, "of": tasks, "name": name, "wrong": wrong})
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
        with arguments.progress.open("a") as progress:
            progress.write(f"{line}\n")
    if any(json.loads(line)["wrong"] for line in arguments.progress.read_text().splitlines()):
        sys.exit(1)


if __name__ == "__main__":
    main()
