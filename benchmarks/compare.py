# mypy: disable-error-code="import-untyped"
"""CPU time of `drift-checker compare` on two files, over that of importing its own libraries."""

from __future__ import annotations

from pathlib import Path
from statistics import median

import pyarrow.csv
import pyarrow.parquet

from benchmarks.bench import PROJECT, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import Word, run

REPEATS = 10
ROWS = 1000
LIBRARIES = (
    *("numpy", "scipy", "scipy.stats", "scipy.special", "pandas", "duckdb", "polars"),
    *("pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.parquet"),
)
"""Those of them that the command imports are its numeric and Parquet libraries."""


def measure(bench: Bench) -> list[Figure]:
    """Measure the command and the imports in turns, with nothing running."""
    venv = bench.directory / "compare-venv"
    bench.install_project(bench.clone("compare") / "checker", venv)
    other = _csv(bench.empty("compare-data") / "other.csv")
    command: list[Word] = [
        venv / "bin/drift-checker",
        "compare",
        PROJECT / "data/reference.parquet",
        other,
    ]
    imports: list[Word] = [venv / "bin/python", "-c", f"import {', '.join(_imported(bench, venv))}"]
    commands, baselines = [], []
    for _ in range(1 + len(bench.times(REPEATS))):
        commands.append(_cpu(bench, command))
        baselines.append(_cpu(bench, imports))
    return [
        Figure(
            name="`drift-checker compare` (CPU)",
            unit="s",
            value=median(commands[1:]),  # the first was to warm both
            baseline_name=f"importing {', '.join(_imported(bench, venv))}",
            baseline=median(baselines[1:]),
            limit=Limit(bound=1.6, ratio=True),
        )
    ]


def _csv(path: Path) -> Path:
    table = pyarrow.parquet.read_table(PROJECT / "data/base.parquet")
    pyarrow.csv.write_csv(table.slice(0, ROWS), path)
    return path


def _imported(bench: Bench, venv: Path) -> list[str]:
    """The libraries that the command really imports."""
    code = (
        "import sys, drift_checker.cli.compare\n"
        f"print('\\n'.join(name for name in {LIBRARIES!r} if name in sys.modules))"
    )
    log = bench.log("imported")
    run([venv / "bin/python", "-c", code], log, directory=bench.directory)
    return log.read_text().split()


def _cpu(bench: Bench, command: list[Word]) -> float:
    return run(command, bench.log("compare"), directory=bench.directory).cpu
