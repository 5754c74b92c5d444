"""CPU time and memory of comparing large files by profiles, against Evidently and bare DuckDB."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from benchmarks import engines
from benchmarks.bench import PROJECT, Bench
from benchmarks.figures import Figure, Limit
from benchmarks.measure import Word, run

REPEATS = 5
COLUMNS = 10
_MILLION = Limit(1 / 30, 1 / 50, ratio=True)
_TEN_MILLION = Limit(12, 8, ratio=True)


def measure(bench: Bench) -> list[Figure]:
    """Measure ours and the baseline in turns, on a million rows and on ten million."""
    checker = bench.directory / "large-venv"
    bench.install_project(bench.clone("large") / "checker", checker)
    ours: list[Word] = [checker / "bin/python", PROJECT / "benchmarks/profiled.py"]
    bare = PROJECT / "benchmarks/bare.py"
    evidently: list[Word] = [bench.naive / "bin/python", bare, "evidently"]
    duckdb: list[Word] = [engines.environment(bench) / "bin/python", bare, "duckdb"]
    return [
        *_figures(bench, 1_000_000, (ours, evidently), (_MILLION, Limit(400))),
        *_figures(bench, 10_000_000, (ours, duckdb), (_TEN_MILLION, Limit(1200))),
    ]


def _figures(
    bench: Bench, rows: int, commands: tuple[list[Word], list[Word]], limits: tuple[Limit, Limit]
) -> list[Figure]:
    """Compare a batch with a reference of as many rows; limits are of CPU time and of memory."""
    ours, other = commands
    files = [engines.make(bench, rows, COLUMNS, seed)[0] for seed in (1, 1000)]
    found, baselines = [], []
    for _ in bench.times(REPEATS):
        found.append(_run(bench, ours, files))
        baselines.append(_run(bench, other, files))

    def middle(runs: list[dict[str, float]], part: str) -> float:
        return median(one[part] for one in runs)

    name, baseline = f"{rows:,} rows x {COLUMNS} columns", f"{other[-1]}, after imports"
    return [
        Figure(
            f"{name}, against a profile (CPU)",
            "s",
            middle(found, "batch"),
            baseline,
            middle(baselines, "cpu"),
            limits[0],
            {"besides, fitting the profile": middle(found, "reference")},
        ),
        Figure(
            f"{name}, fitting included (memory)",
            "MB",
            middle(found, "peak") / 1e6,
            baseline,
            middle(baselines, "peak") / 1e6,
            limits[1],
        ),
    ]


def _run(bench: Bench, command: list[Word], files: list[Path]) -> dict[str, float]:
    log = bench.log("large")
    run([*command, *files], log, directory=bench.directory)
    found: dict[str, float] = json.loads(log.read_text().splitlines()[-1])
    return found
