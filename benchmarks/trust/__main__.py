# ruff: noqa: T201  a command, which prints
"""`python -m benchmarks.trust`: false alarms and power of the checker, by simulation."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

from benchmarks.trust import budget, design, power
from benchmarks.trust.arguments import chosen, command_line
from benchmarks.trust.drifts import DRIFTS
from benchmarks.trust.tables import Row, show

SEED = 20_261_123

Task = Callable[[], list[Row]]


def main() -> int:
    """Run the simulations, and return 1 where a bound does not hold."""
    # References of each drift that is to be found, on each of which are ten trials.
    parser = command_line(
        "benchmarks.trust", __doc__, SEED, choice="--cell", references=power.FULL.references
    )
    parser.add_argument("--list", action="store_true", help="print the names of the cells")
    parser.add_argument("--no-power", action="store_true", help="false alarms only")
    parser.add_argument("--no-budget", action="store_true", help="power only")
    parser.add_argument(
        "--unscreened", action="store_true", help="compare every tick; same alarms, hours"
    )
    arguments = parser.parse_args()
    cells = design.smoke() if arguments.smoke else design.covering()
    names = [cell.name for cell in cells]
    if arguments.list:
        print(*names, sep="\n")
        return 0
    names = chosen(parser, arguments.cell, names)
    tables: dict[str, list[Task]] = {}
    if not arguments.no_budget:
        simulate = partial(
            budget.run,
            seed=arguments.seed,
            references=budget.REFERENCES,
            screened=not arguments.unscreened,
        )
        cells = [cell for cell in cells if cell.name in names]
        tables["budget"] = [
            partial(simulate, cell, design.LEVELS[:1] if arguments.smoke else cell.levels)
            for cell in cells
        ]
    if not arguments.no_power:
        # The dearest first.
        by_ticks = sorted(DRIFTS, key=lambda name: -DRIFTS[name].ticks)
        full = replace(power.FULL, references=arguments.references)
        size = power.SMOKE if arguments.smoke else full
        tables["power"] = [partial(power.run, name, arguments.seed, size) for name in by_ticks]
    begin = time.perf_counter()
    shown = [
        show(name, _results(tasks, arguments.jobs), arguments.output)
        for name, tasks in tables.items()
    ]
    # Processes of a pool that is closed count as children.
    used = os.times()
    cpu = used.user + used.system + used.children_user + used.children_system
    print(f"{cpu:.0f} CPU-seconds in {time.perf_counter() - begin:.0f} s")
    return 0 if all(shown) else 1


def _results(tasks: list[Task], jobs: int) -> Iterator[Row]:
    """Yield the rows of each task as it is done, each in a process of its own if there are more."""
    if jobs == 1:
        for task in tasks:
            yield from task()
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for done in as_completed([pool.submit(task) for task in tasks]):
            yield from done.result()


if __name__ == "__main__":
    sys.exit(main())
