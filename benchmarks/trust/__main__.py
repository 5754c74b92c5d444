# ruff: noqa: T201  a command, which prints
"""`python -m benchmarks.trust`: false alarms and power of the checker, by simulation."""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from benchmarks.trust import budget, power

SEED = 20_261_123


class _Row(Protocol):
    @property
    def holds(self) -> bool: ...

    def row(self) -> dict[str, object]: ...


def main() -> int:
    """Run the simulations, and return 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.trust", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--smoke", action="store_true", help="few cells and trials: minutes")
    parser.add_argument("--seed", type=int, default=SEED, help="default: %(default)s")
    parser.add_argument("--cell", type=int, action="append", help="only this one; repeatable")
    parser.add_argument("--no-power", action="store_true", help="false alarms only")
    parser.add_argument(
        "--unscreened", action="store_true", help="compare every tick; same alarms, hours"
    )
    parser.add_argument("--output", type=Path, metavar="DIRECTORY", help="write CSV files there")
    arguments = parser.parse_args()
    designs = budget.smoke() if arguments.smoke else budget.covering()
    rates = (
        rate
        for place, design in enumerate(designs)
        if arguments.cell is None or place in arguments.cell
        for rate in budget.run(
            design,
            arguments.seed + place,
            references=budget.REFERENCES // 5 if arguments.smoke else budget.REFERENCES,
            screened=not arguments.unscreened,
        )
    )
    holds = _show("budget", rates, arguments.output)
    if not arguments.no_power:
        size = (5, 6, 2) if arguments.smoke else (200, 10, 50)
        found = power.run(arguments.seed, references=size[0], trials=size[1], rival_ticks=size[2])
        holds &= _show("power", found, arguments.output)
    return 0 if holds else 1


def _show(name: str, results: Iterable[_Row], output: Path | None) -> bool:
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


if __name__ == "__main__":
    sys.exit(main())
