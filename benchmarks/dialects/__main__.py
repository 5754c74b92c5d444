"""Compare ways to tell a dialect, and write the table: `make bench-dialects`."""

from __future__ import annotations

import argparse
import importlib.metadata
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.dialects.drawn import draw
from benchmarks.dialects.handmade import HANDMADE, DialectFile
from benchmarks.dialects.ways import SNIFFERS, WAYS, Table

DRAWN = 1000
REPEATS = 7
COST_ROWS = 25_000
"""About 1 MB."""


def main() -> None:
    """Run all ways on all files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True)
    output = parser.parse_args().output
    drawn = [draw(seed) for seed in range(DRAWN)]
    right = {way: {file.name for file in HANDMADE if _is_right(way, file)} for way in WAYS}
    counts = {way: sum(_is_right(way, file) for file in drawn) for way in WAYS}
    output.write_text(_report(right, counts, _costs()))


def _is_right(way: str, file: DialectFile) -> bool:
    try:
        found: Table = WAYS[way](file.data)
    except Exception:  # noqa: BLE001  # whatever a library raises of a file that it cannot read
        return False
    return found == (file.names, file.rows)


def _costs() -> dict[str, list[float]]:
    """Return the CPU milliseconds of telling the dialect of 1 MB, by the delimiter , and ;."""
    costs: dict[str, list[float]] = {way: [] for way in SNIFFERS}
    for delimiter, decimal in ((",", "."), (";", ",")):
        rows = (
            delimiter.join(
                (str(row), f"2026-01-{row % 28 + 1:02}", f"{row % 977}{decimal}25", "word")
            )
            for row in range(COST_ROWS)
        )
        with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
            file.write(delimiter.join(("id", "at", "amount", "kind")) + "\n" + "\n".join(rows))
            file.flush()
            for way, sniff in SNIFFERS.items():
                times = []
                for _ in range(REPEATS):
                    before = time.process_time()
                    sniff(Path(file.name))
                    times.append(time.process_time() - before)
                costs[way].append(1000 * median(times))
    return costs


def _report(
    right: dict[str, set[str]], counts: dict[str, int], costs: dict[str, list[float]]
) -> str:
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}" for name in ("clevercsv", "duckdb", "pyarrow")
    )
    lines = [
        "# Ways to tell the dialect of delimited text",
        "",
        f"Written by `make bench-dialects`, with {versions}. A file is right if the names and",
        "every cell are; types are taken from nobody.",
        "",
        f"| way | of {len(HANDMADE)} hand-made files | of {DRAWN} drawn files |",
        "| --- | --- | --- |",
        *(f"| {way} | {len(found)} | {counts[way]} |" for way, found in right.items()),
        "",
        "CPU milliseconds to tell the dialect of 1 MB of four columns, in a warm process:",
        "",
        "| sniffer | `,` | `;` with decimal comma |",
        "| --- | --- | --- |",
        *(f"| {way} | {comma:.0f} | {other:.0f} |" for way, (comma, other) in costs.items()),
        "",
        "The hand-made files, which [handmade.py](../dialects/handmade.py) holds:",
        "",
        f"| file | {' | '.join(right)} |",
        f"| --- |{' --- |' * len(right)}",
    ]
    for file in HANDMADE:
        marks = " | ".join("right" if file.name in found else "-" for found in right.values())
        lines.append(f"| {file.name} | {marks} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
