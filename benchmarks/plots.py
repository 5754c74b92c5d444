# mypy: disable-error-code="import-not-found"
"""`python -m benchmarks.plots FILE.json`: how CPU time grows with the data, as a plot beside it."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
# The same figures make the same file.
mpl.rcParams |= {"svg.hashsalt": "bench", "font.size": 8, "axes.spines.top": False}

from matplotlib import pyplot as plt  # noqa: E402  what it draws with has to be chosen before

SIZE = re.compile(r"([\d,]+) rows x ([\d,]+) columns")
COLOURS = {10: "#1b6ca8", 1000: "#c8553d", 100_000: "#5b8c5a"}
Points = list[tuple[int, float]]


def growth(figures: list[dict[str, Any]]) -> Any:
    """Draw the CPU time of a batch against a profile by its rows, and by its columns."""
    measured = {
        _size(one): one["value"]
        for one in figures
        if one["name"].endswith("(CPU)") and SIZE.search(one["name"])
    }
    # Each step's baseline is ten times the one before, of which the first is no figure itself.
    for one in figures:
        if one["name"].startswith("growth in "):
            rows, columns = _size(one)
            before = (rows // 10, columns) if "in rows" in one["name"] else (rows, columns // 10)
            measured.setdefault(before, one["baseline"] / 10)
    figure, axes = plt.subplots(1, 2, figsize=(7, 2.8), layout="constrained", sharey=True)
    for columns in (10, 1000):
        points = sorted((rows, cpu) for (rows, count), cpu in measured.items() if count == columns)
        _draw(axes[0], points, f"{columns:,} columns", COLOURS[columns])
    fixed = 100_000
    points = sorted((count, cpu) for (rows, count), cpu in measured.items() if rows == fixed)
    _draw(axes[1], points, f"{fixed:,} rows", COLOURS[fixed])
    axes[0].set(xlabel="rows of the batch", ylabel="CPU-seconds, against a fitted profile")
    axes[1].set(xlabel="columns")
    return figure


def _size(figure: dict[str, Any]) -> tuple[int, int]:
    found = SIZE.search(figure["name"])
    if not found:
        raise ValueError(f"no size in {figure['name']!r}")
    rows, columns = (int(number.replace(",", "")) for number in found.groups())
    return rows, columns


def _draw(axis: Any, points: Points, label: str, colour: str) -> None:
    sizes, cpu = zip(*points, strict=True)
    axis.loglog(sizes, cpu, "o-", ms=3.5, lw=1.2, color=colour, label=label)
    # What it would be if it were proportional.
    proportional = [cpu[-1] * size / sizes[-1] for size in sizes]
    axis.loglog(sizes, proportional, ":", lw=1, color=colour)
    axis.legend(loc="upper left", frameon=False)


def main() -> None:
    """Draw the figures of a file."""
    path = Path(sys.argv[1])
    figure = growth(json.loads(path.read_text("utf-8"))["figures"])
    figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    main()
