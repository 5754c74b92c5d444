"""Whether a tick costs as much after thousands of them as after the first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, linear_regression, median
from typing import Any

import yaml

from benchmarks.bench import MONITOR, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import Word, run

TICKS = 2000
WARM = 20
"""Ticks until the look back over the schedule is filled, and everything is imported."""
SCHEDULE = "*/5 * * * *"
CONSTANT = ("requests", "mlflow", "listed")
"""What is the same for each tick that came to the same verdict."""


@dataclass(frozen=True)
class Slope:
    """How a figure changes from tick to tick, with the half-width of its 95 % interval."""

    value: float
    margin: float

    @classmethod
    def of(cls, values: list[float]) -> Slope:
        """By least squares."""
        places = range(len(values))
        slope, intercept = linear_regression(places, values)
        rest = sum((y - intercept - slope * x) ** 2 for x, y in zip(places, values, strict=True))
        middle = fmean(places)
        spread = sum((x - middle) ** 2 for x in places)
        return cls(slope, 1.96 * (rest / (len(values) - 2) / spread) ** 0.5)

    def __str__(self) -> str:
        return f"{self.value:+.2e} ± {self.margin:.1e} a tick"


def measure(bench: Bench) -> list[Figure]:
    """Take many ticks of a monitor of its own, in the stack's MLflow and a store of its own.

    Raises:
        RuntimeError: a tick asked for more than another, or listed more.
    """
    bench.stack.ensure_up()
    ticks = take_ticks(bench, len(bench.times(TICKS)))[WARM:]
    still = [tick for tick in ticks if tick["verdict"] == "ok"]
    for name in CONSTANT:
        seen = {tick.get(name, 0) for tick in still}
        if len(seen) != 1:
            raise RuntimeError(f"{name} of a tick varies: {sorted(seen)}")
    slopes = {name: Slope.of([float(tick[name]) for tick in ticks]) for name in ("cpu", "written")}
    tenth = len(ticks) // 10
    first, last = (median(t["cpu"] for t in some) for some in (ticks[:tenth], ticks[-tenth:]))
    written = median(tick["written"] for tick in ticks)
    asked = ", ".join(f"{still[0].get(name, 0)} {name}" for name in CONSTANT)
    return [
        Figure(
            name=f"CPU of a tick after {len(ticks)} ({asked}; {slopes['cpu']})",
            unit="s",
            value=last,
            baseline_name="the first tenth of them",
            baseline=first,
            limit=Limit(bound=1.1, goal=1.02, ratio=True),
        ),
        Figure(
            name=f"bytes that a tick writes ({slopes['written']})",
            unit="B",
            value=written + slopes["written"].value * len(ticks),
            baseline_name="the median tick",
            baseline=written,
            limit=Limit(bound=1.02, ratio=True),
        ),
    ]


def take_ticks(bench: Bench, number: int) -> list[dict[str, Any]]:
    """Run the ticks with the interpreter of the deployed checker; one dictionary for each."""
    folder = bench.empty("endurance")
    state = bench.stack.state
    monitors = yaml.safe_load((state / "etc/monitors.yml").read_text())
    monitors["check_schedule"] = SCHEDULE
    monitors["monitors"] = [
        {**one, "name": "endurance"} for one in monitors["monitors"] if one["name"] == MONITOR
    ]
    (folder / "monitors.yml").write_text(yaml.safe_dump(monitors))
    settings = folder / "checker.env"
    settings.write_text(
        f"DRIFT_STORE_URL=file://{folder}/store\n"
        f"DRIFT_MLFLOW_URL={bench.stack.mlflow_url}\n"
        f"DRIFT_MONITORS_FILE={folder}/monitors.yml\n"
        "DRIFT_REPORT=never\n"
    )
    venv = state / "venvs/checker/bin"
    fit: list[Word] = [venv / "drift-checker", "--settings", settings, "baseline", "fit", "--all"]
    run(fit, bench.log("fit"), directory=folder)
    script = Path(__file__).with_name("endurance_ticks.py")
    log = bench.log("endurance")
    run([venv / "python", script, settings, str(number)], log, directory=folder)
    return [json.loads(line) for line in log.read_text().splitlines()]
