"""CPU time and memory of comparing large files by profiles, against Evidently and bare DuckDB."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks import engines
from benchmarks.bench import PROJECT, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import Word, run

REPEATS = 5
Runs = list[dict[str, float]]


@dataclass(frozen=True)
class Size:
    """A batch, what it is measured against, and the limits of CPU time and of memory in MB."""

    rows: int
    columns: int
    baseline: str
    cpu: Limit | None
    memory: Limit | None

    def __str__(self) -> str:
        """Return how figures name it."""
        return f"{self.rows:,} rows x {self.columns:,} columns"


SIZES = (
    Size(1_000_000, 10, "evidently", Limit(1 / 30, 1 / 50, ratio=True), Limit(400)),
    Size(10_000_000, 10, "duckdb", Limit(12, 8, ratio=True), Limit(1200)),
    Size(10_000, 300, "evidently", Limit(1 / 40, ratio=True), None),
    Size(300_000, 1000, "duckdb", None, Limit(1200)),
)
HUGE = Size(3_000_000, 1000, "duckdb", Limit(20 * 60, 10 * 60), Limit(2000))
"""Takes 12 GB of disk, and a quarter of an hour to write."""
HUGE_REFERENCE_ROWS = 300_000
GROWTH = {
    "rows": ((100_000, 10), (1_000_000, 10), (10_000_000, 10)),
    "columns": ((100_000, 10), (100_000, 100), (100_000, 1000)),
}
"""Rows and columns, each step ten times the one before."""
_TEN_TIMES = Limit(1.2, ratio=True)


def measure(bench: Bench) -> list[Figure]:
    """Measure ours and the baseline in turns."""
    return [figure for size in SIZES for figure in _compared(bench, size, size.rows, REPEATS)]


def measure_huge(bench: Bench) -> list[Figure]:
    """Measure the largest batch, once, against a smaller reference."""
    return list(_compared(bench, HUGE, HUGE_REFERENCE_ROWS, 1))


def measure_growth(bench: Bench) -> list[Figure]:
    """Measure ours from step to step, each against ten times what the one before took."""
    ours, figures = _checker(bench), []
    for what, sizes in GROWTH.items():
        found = []
        for rows, columns in sizes:
            files = _files(bench, (rows, rows), columns)
            found.append(_middle([_run(bench, ours, files) for _ in bench.times(REPEATS)], "batch"))
        for (before, after), (_, size) in zip(pairwise(found), pairwise(sizes), strict=True):
            name = f"growth in {what}, {size[0]:,} rows x {size[1]:,} columns (CPU)"
            baseline = "ten times the step before"
            figures.append(Figure(name, "s", after, baseline, 10 * before, _TEN_TIMES))
    return figures


def _compared(bench: Bench, size: Size, reference_rows: int, repeats: int) -> Iterator[Figure]:
    """Compare a batch with a reference, and run the baseline on both."""
    ours, other = _checker(bench), BASELINES[size.baseline](bench)
    files = _files(bench, (reference_rows, size.rows), size.columns)
    found: Runs = []
    baselines: Runs = []
    for _ in bench.times(repeats):
        found.append(_run(bench, ours, files))
        baselines.append(_run(bench, other, files))
    for file in files:
        file.unlink()
    baseline = f"{size.baseline}, after imports"
    yield Figure(
        f"{size}, against a profile (CPU)",
        "s",
        _middle(found, "batch"),
        baseline,
        _middle(baselines, "cpu"),
        size.cpu,
        {"besides, fitting the profile": _middle(found, "reference")},
    )
    yield Figure(
        f"{size}, fitting included (memory)",
        "MB",
        _middle(found, "peak") / 1e6,
        baseline,
        _middle(baselines, "peak") / 1e6,
        size.memory,
    )


def _middle(runs: Runs, part: str) -> float:
    return median(one[part] for one in runs)


def _files(bench: Bench, rows: tuple[int, int], columns: int) -> list[Path]:
    """Write a reference and a batch."""
    return [
        engines.make(bench, each, columns, seed)[0]
        for each, seed in zip(rows, (1, 1000), strict=True)
    ]


def _checker(bench: Bench) -> list[Word]:
    environment = bench.directory / "large-venv"
    if not environment.exists():
        bench.install_project(bench.clone("large") / "checker", environment)
    return [environment / "bin/python", PROJECT / "benchmarks/profiled.py"]


def _evidently(bench: Bench) -> list[Word]:
    return [bench.naive / "bin/python", PROJECT / "benchmarks/bare.py", "evidently"]


def _duckdb(bench: Bench) -> list[Word]:
    python = engines.environment(bench) / "bin/python"
    return [python, PROJECT / "benchmarks/bare.py", "duckdb"]


BASELINES: dict[str, Callable[[Bench], list[Word]]] = {"evidently": _evidently, "duckdb": _duckdb}


def _run(bench: Bench, command: list[Word], files: list[Path]) -> dict[str, float]:
    log = bench.log("large")
    run([*command, *files], log, directory=bench.directory)
    found: dict[str, float] = json.loads(log.read_text().splitlines()[-1])
    return found
