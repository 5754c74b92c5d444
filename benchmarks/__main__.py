# ruff: noqa: T201  a command, which prints
"""`python -m benchmarks`: what the stack costs, each figure against a baseline beside it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import (
    board,
    compare,
    deploy,
    endurance,
    engines,
    large,
    latency,
    memory,
    monitors,
    segments,
    startup,
    tick,
)
from benchmarks.bench import Bench
from benchmarks.figures import Figure, as_table

BENCHMARKS: dict[str, Callable[[Bench], list[Figure]]] = {
    "startup": startup.measure,
    "memory": memory.measure,
    "tick": tick.measure,
    "segments": segments.measure,
    "compare": compare.measure,
    "large": large.measure,
    "board": board.measure,
}
# They are about a choice that was made, and asked for by name.
ENGINE_BENCHMARKS: dict[str, Callable[[Bench], list[Figure]]] = {"engines": engines.measure}
# They take a quarter of an hour or more each, and are asked for by name.
LONG_BENCHMARKS: dict[str, Callable[[Bench], list[Figure]]] = {
    "monitors": monitors.measure,
    "endurance": endurance.measure,
    "growth": large.measure_growth,
    "huge": large.measure_huge,
}
# They need minikube, and are asked for by name.
CLUSTER_BENCHMARKS: dict[str, Callable[[Bench], list[Figure]]] = {
    "deploy": deploy.measure,
    "latency": latency.measure,
}
FIRST_PORT = 25000


def main() -> int:
    """Run the benchmarks asked for, and return 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, allow_abbrev=False
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(BENCHMARKS)} (all by default), "
        f"{', '.join(ENGINE_BENCHMARKS | LONG_BENCHMARKS)} or, "
        f"with minikube, of {', '.join(CLUSTER_BENCHMARKS)}",
    )
    parser.add_argument("--repeat", type=int, help="repetitions (default: each has its own number)")
    parser.add_argument(
        "--first-port", type=int, default=FIRST_PORT, help="of 13 (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE too")
    arguments = parser.parse_args()
    benchmarks = BENCHMARKS | ENGINE_BENCHMARKS | LONG_BENCHMARKS | CLUSTER_BENCHMARKS
    if unknown := set(arguments.names) - set(benchmarks):
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(benchmarks)}")

    # Ends by the same way as an interrupt, so that nothing is left running.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    machine = _machine()
    print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as directory:
        bench = Bench(Path(directory), arguments.first_port, arguments.repeat)
        try:
            for name in arguments.names or BENCHMARKS:
                print(f"{name} …", file=sys.stderr, flush=True)
                found = benchmarks[name](bench)
                print(as_table(found), file=sys.stderr, flush=True)
                figures += found
        finally:
            bench.stack.remove()
    print(as_table(figures))
    if arguments.json:
        report = {"machine": machine, "figures": [figure.as_json() for figure in figures]}
        arguments.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 0 if all(figure.holds for figure in figures) else 1


def _machine() -> dict[str, str | int | float]:
    return {
        "cores": os.cpu_count() or 0,
        "load": round(os.getloadavg()[0], 1),
        "Python": platform.python_version(),
        "system": platform.system(),
    }


if __name__ == "__main__":
    sys.exit(main())
