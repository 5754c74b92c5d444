"""Takes many ticks in one process; run by the interpreter of the deployed checker.

Arguments: the settings file, the number of ticks. Prints a line of JSON for each result.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from drift_checker.config import load_monitors, load_settings
from drift_checker.logs import configure_logs
from drift_checker.ticks import Tick, run_tick

configure_logs("error")
settings = load_settings(Path(sys.argv[1]))
monitors = load_monitors(settings.monitors_file)
(monitor,) = monitors.monitors
for number in range(int(sys.argv[2])):
    # The dates decide the seeds, so that every run of this file sees the same batches.
    date = datetime(2026, 1, 1, tzinfo=UTC) + number * timedelta(minutes=5)
    result, _ = run_tick(settings, monitors, Tick(monitor, date, "scheduled"))
    assert result.truth is not None
    summary = {
        "verdict": result.verdict,
        "drifted": result.drifted_columns,
        "injected": result.truth.columns,
    }
    sys.stdout.write(json.dumps(summary) + "\n")
