"""CPU time and memory of counting columns on given edges, by each way that `counting` knows."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import median

from benchmarks.bench import PROJECT, Bench
from benchmarks.figures import Figure
from benchmarks.measure import run

REPEATS = 3
ROWS = 1_000_000
CHOSEN = "arrow-sorted"
WAYS = {
    10: (
        *("arrow-sorted", "arrow-searched", "arrow-distinct"),
        *("duckdb-histogram", "duckdb-distinct", "duckdb-bucket"),
        *("spark-arrow", "spark-bucketizer", "spark-distinct"),
    ),
    1000: ("arrow-sorted", "arrow-searched", "duckdb-histogram", "spark-arrow"),
}
"""By columns, those that end within minutes: Ibis' `bucket()` on Spark fails in its compiler."""


def measure(bench: Bench) -> list[Figure]:
    """Measure each way on tables of ten and of a thousand columns.

    Raises:
        RuntimeError: The counts of two ways differ.
    """
    figures = []
    for columns, ways in WAYS.items():
        rows = ROWS * 10 // columns
        data, edges = make(bench, rows, columns)
        found = {way: _medians(bench, way, edges, data) for way in ways}
        for way, (cpu, peak) in found.items():
            name = f"{rows:,} rows x {columns:,} columns, {way}"
            figures += [
                Figure(f"{name} (CPU)", "s", cpu, CHOSEN, found[CHOSEN][0]),
                Figure(f"{name} (memory)", "MB", peak, CHOSEN, found[CHOSEN][1]),
            ]
    return figures


def environment(bench: Bench) -> Path:
    """Make the environment of the engines, once."""
    venv = bench.directory / "engines-venv"
    if not venv.exists():
        bench.install_requirements(PROJECT / "benchmarks/engines-requirements.txt", venv)
    return venv


def make(bench: Bench, rows: int, columns: int, seed: int = 1) -> tuple[Path, Path]:
    """Write a table and its edges."""
    directory = bench.empty(f"table-{rows}-{columns}-{seed}")
    data, edges = directory / "data.parquet", directory / "edges.npy"
    script = PROJECT / "benchmarks/tables.py"
    sizes = [str(number) for number in (rows, columns, seed)]
    python = environment(bench) / "bin/python"
    run([python, script, *sizes, data, edges], bench.log("tables"), directory=directory)
    return data, edges


def _medians(bench: Bench, way: str, edges: Path, data: Path) -> tuple[float, float]:
    script, log = PROJECT / "benchmarks/counting.py", bench.log(way)
    python = environment(bench) / "bin/python"
    found, digests = [], set()
    for _ in bench.times(REPEATS):
        run([python, script, way, edges, data], log, directory=bench.directory)
        one = json.loads(log.read_text().splitlines()[-1])
        found.append((one["cpu"], one["peak"] / 1e6))
        digests.add(one["digest"])
    _check(data, digests)
    cpu, peak = (median(values) for values in zip(*found, strict=True))
    return cpu, peak


def _check(data: Path, digests: set[str]) -> None:
    """Compare the counts with those that were found before of the same table."""
    known = data.with_suffix(".digest")
    digests = digests | ({known.read_text()} if known.exists() else set())
    if len(digests) > 1:
        raise RuntimeError(f"the counts of {data} differ")
    known.write_text(digests.pop())
