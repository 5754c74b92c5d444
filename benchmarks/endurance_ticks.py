"""Takes many ticks in one process, and counts what each asks of the store and of MLflow.

Run by the interpreter of the deployed checker. Arguments: the settings file, the number of ticks.
Prints a line of JSON for each tick.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from drift_checker.config import load_monitors, load_settings
from drift_checker.logs import configure_logs
from drift_checker.state import Store
from drift_checker.ticks import Tick, run_tick

REQUESTS = ("get", "exists", "put", "put_if_absent", "delete", "list")
FIRST = datetime(2026, 1, 1, tzinfo=UTC)

counted: Counter[str] = Counter()


def counting(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """Count the calls of a method of the store, the bytes that it writes, and what it lists."""

    def call(store: Store, *arguments: Any) -> Any:
        answer = method(store, *arguments)
        counted["requests"] += 1
        if name.startswith("put"):
            data = arguments[1]
            counted["written"] += data.stat().st_size if isinstance(data, Path) else len(data)
        if name == "list":
            counted["listed"] += len(answer)
        return answer

    return call


def asked(client: httpx.Client, *arguments: Any, **options: Any) -> httpx.Response:
    """Count the requests to MLflow."""
    counted["mlflow"] += 1
    return send(client, *arguments, **options)


for name in REQUESTS:
    setattr(Store, name, counting(name, getattr(Store, name)))
send = httpx.Client.request
setattr(httpx.Client, "request", asked)  # noqa: B010  # only so is it no error of types

configure_logs("error")
settings = load_settings(Path(sys.argv[1]))
monitors = load_monitors(settings.monitors_file)
(monitor,) = monitors.monitors
for number in range(int(sys.argv[2])):
    counted.clear()
    before = time.process_time()
    date = FIRST + number * timedelta(minutes=5)
    result, _ = run_tick(settings, monitors, Tick(monitor, date, "scheduled"))
    cpu = time.process_time() - before
    line = {"cpu": round(cpu, 5), "verdict": result.verdict, **counted}
    sys.stdout.write(json.dumps(line) + "\n")
