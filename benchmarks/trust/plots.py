# mypy: disable-error-code="import-not-found"
"""`python -m benchmarks.trust.plots DIRECTORY`: the tables there as plots beside them."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
# The same table makes the same file.
mpl.rcParams |= {"svg.hashsalt": "trust", "font.size": 8, "axes.spines.top": False}

from matplotlib import pyplot as plt  # noqa: E402  what it draws with has to be chosen before

BOUNDS = (0.5, 1.5)
COLOURS = ("#1b6ca8", "#c8553d", "#5b8c5a")
SHADES = ("#a6cbe3", "#5a9fc9", "#1b6ca8", "#0b3c61")
"""From few windows to many."""
Rows = list[dict[str, str]]


def budget(rows: Rows) -> Any:
    """Draw the rate of each cell over its level, with the interval that has to be in the band."""
    cells = sorted({row["cell"] for row in rows}, key=_order)
    levels = sorted({float(row["level"]) for row in rows}, reverse=True)
    figure, axes = plt.subplots(figsize=(7, 1 + 0.19 * len(cells)), layout="constrained")
    axes.axvspan(*BOUNDS, color="#e8eef2", zorder=0)
    axes.axvline(1, color="white", zorder=1)
    for place, level in enumerate(levels):
        some = [row for row in rows if float(row["level"]) == level]
        middle = [float(row["rate"]) / level for row in some]
        lower = [(float(row["rate"]) - float(row["low"])) / level for row in some]
        upper = [(float(row["high"]) - float(row["rate"])) / level for row in some]
        at = [cells.index(row["cell"]) + 0.22 * (place - 1) for row in some]
        label = f"{level:.2%}" if level > 1 / 1000 else "1 a week"
        axes.errorbar(
            middle,
            at,
            xerr=(lower, upper),
            fmt="o",
            ms=2.5,
            lw=1,
            color=COLOURS[place],
            label=label,
        )
    axes.set_yticks(range(len(cells)), cells, fontsize=6.5)
    axes.set(
        ylim=(len(cells), -1), xlim=(0, 2), xlabel="false alarms over the level, 95 % interval"
    )
    axes.legend(title="level of a tick", loc="lower right")
    return figure


def _order(cell: str) -> tuple[str, str, int, int, int]:
    current, reference, columns, kind = cell.split("-", 3)
    name, dependence = kind.rsplit("-", 1)
    return name, dependence, int(columns), int(reference), int(current)


def power(rows: Rows) -> Any:
    """Draw how often each drift is found in time, beside Evidently in one tick."""
    shown = {
        "drift-checker, in the ticks that are given": "rate",
        "Evidently's defaults, in one tick": "evidently_rate",
        "the same at one false alarm a week": "evidently_rate_at_ours",
    }
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    for place, (label, field) in enumerate(shown.items()):
        known = [(at, float(row[field])) for at, row in enumerate(rows) if row[field]]
        axes.barh(
            [at + 0.27 * (place - 1) for at, _ in known],
            [rate for _, rate in known],
            height=0.25,
            color=COLOURS[place],
            label=label,
        )
    names = [f"{row['drift']} ({row['ticks']})" for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set(xlim=(0, 1), xlabel="share of trials in which drift is found")
    axes.invert_yaxis()
    figure.legend(loc="outside lower center", ncols=3, fontsize=7)
    return figure


def dependent(rows: Rows) -> Any:
    """Draw what dependent rows cost: false alarms over the level, by windows and as independent."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    windows = sorted({int(row["windows"]) for row in rows})
    panels: dict[str, Callable[[float, int], bool]] = {
        "level 5 %": lambda level, _: level == 0.05,  # noqa: PLR2004  as it was asked for
        "1/(K+1), the least of ranks": lambda level, number: level == 1 / (number + 1),
        "one alarm a week": lambda level, _: level == 1 / 2016,
    }
    figure, axes = plt.subplots(1, 3, figsize=(9, 4.2), sharey=True, layout="constrained")
    for at, (title, chosen) in zip(axes, panels.items(), strict=True):
        at.axvspan(*BOUNDS, color="#e8eef2", zorder=0)
        at.set(title=title, xscale="log", xlim=(0.02, 3000), xlabel="false alarms over the level")
        for row in rows:
            level, number = float(row["level"]), int(row["windows"])
            if chosen(level, number):
                place = cases.index(row["case"]) + 0.2 * (windows.index(number) - 1.5)
                _rate_beside(at, row, level, place, SHADES[windows.index(number)])
    axes[0].set_yticks(range(len(cases)), cases)
    axes[0].invert_yaxis()
    lines = [plt.Line2D([], [], color=colour, marker="o", ms=3) for colour in SHADES]
    lines.append(plt.Line2D([], [], color="black", marker="x", ms=4, ls=""))
    labels = [*(f"ranked among {number} windows" for number in windows), "as independent rows"]
    figure.legend(lines, labels, loc="outside lower center", ncols=5, fontsize=7)
    return figure


def _rate_beside(axes: Any, row: dict[str, str], level: float, place: float, colour: str) -> None:
    """Draw a rate with its interval, and a cross where the method for independent rows is."""
    low, high, rate = (float(row[name]) / level for name in ("low", "high", "rate"))
    axes.plot([low, high], [place, place], color=colour, lw=1)
    axes.plot([rate], [place], color=colour, marker="o", ms=3)
    axes.plot([float(row["independent_rate"]) / level], [place], color=colour, marker="x", ms=4)


PLOTS: dict[str, Callable[[Rows], Any]] = {
    "budget": budget,
    "power": power,
    "dependent": dependent,
}


def main(directory: Path) -> None:
    """Draw each table that is there."""
    for name, draw in PLOTS.items():
        table = directory / f"{name}.csv"
        if table.exists():
            with table.open(newline="", encoding="utf-8") as file:
                figure = draw(list(csv.DictReader(file)))
            figure.savefig(directory / f"{name}.svg", metadata={"Date": None})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
