# ruff: noqa: T201  for commands, which print
"""Results as a table: printed as they come, and written as CSV."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol


class Row(Protocol):
    """One result, and whether its bound holds."""

    @property
    def holds(self) -> bool:
        """Whether the bound holds, or there is none."""

    def row(self) -> dict[str, object]:
        """The row of the committed table."""


def show(name: str, results: Iterable[Row], output: Path | None) -> bool:
    """Print results as they come, and write them; returns whether all bounds hold."""
    rows, holds, start = [], True, time.perf_counter()
    for result in results:
        row, holds = result.row(), holds and result.holds
        rows.append(row)
        shown = (f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items())
        print(f"{name} {time.perf_counter() - start:.0f} s: {' '.join(shown)}", flush=True)
    if output and rows:
        output.mkdir(parents=True, exist_ok=True)
        with (output / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    return holds
