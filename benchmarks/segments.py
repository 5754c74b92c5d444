# mypy: disable-error-code="import-untyped"
"""CPU time of one check of twenty segments, beside the same check without."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import pyarrow.parquet

from benchmarks.bench import PROJECT, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import run

REPEATS = 5
ROWS = 10_000
"""Of the batch: enough for twenty segments of at least 200 rows."""
BY = ["carrier", "origin", "dest"]


def measure(bench: Bench) -> list[Figure]:
    """Run both checks in turns over one file, published to the stack's MLflow."""
    bench.stack.ensure_up()
    directory = bench.empty("segments")
    settings = {
        "DRIFT_MONITORS_FILE": str(_monitors(directory)),
        "DRIFT_STORE_URL": f"file://{directory}/store",
        "DRIFT_REPORT": "never",
    }

    def checker(*words: str) -> float:
        command = [*bench.stack.checker, *words]
        return run(command, bench.log("segments"), directory=directory, settings=settings).cpu

    checker("baseline", "fit", "--all")
    first = datetime.now(UTC).replace(microsecond=0)
    plain, segmented = [], []
    for number in range(1 + len(bench.times(REPEATS))):
        date = ("--logical-date", (first - timedelta(seconds=number)).isoformat())
        plain.append(checker("run", "--monitor", "plain", *date))
        segmented.append(checker("run", "--monitor", "segmented", *date))
    judged = [
        len(json.loads(path.read_text())["segments"])
        for path in directory.glob("store/results/segmented/*/result.json")
    ]
    return [
        Figure(
            name=f"one `drift-checker run` with {max(judged)} segments, no report (CPU)",
            unit="s",
            value=median(segmented[1:]),  # the first was to warm both
            baseline_name="the same without segments",
            baseline=median(plain[1:]),
            limit=Limit(bound=3, goal=2),
        )
    ]


def _monitors(directory: Path) -> Path:
    """Write two monitors of one file, of which one has segments."""
    base = pyarrow.parquet.read_table(PROJECT / "data/base.parquet")
    pyarrow.parquet.write_table(base.slice(0, ROWS), directory / "current.parquet")
    columns = {"timestamp": "time_hour", "target": "arr_delay"}
    common = {
        "current": {"path": str(directory / "current.parquet")},
        "reference": {"path": str(PROJECT / "data/reference.parquet")},
        "sampling": "iid",
    }
    monitors = [
        {"name": "plain", "columns": columns, **common},
        {"name": "segmented", "columns": columns | {"segments": BY}, **common},
    ]
    path = directory / "monitors.yml"
    # JSON is YAML.
    path.write_text(json.dumps({"monitors": monitors}))
    return path
