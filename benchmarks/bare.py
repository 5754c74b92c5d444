# ruff: noqa: T201, PLC0415  a command, which prints; each part has an environment of its own
# mypy: disable-error-code="import-untyped, import-not-found"
"""What comparing large files is measured against: `python bare.py WAY REFERENCE CURRENT`.

Evidently's run of its preset without a page that is written, or DuckDB's `count` and `sum` of each
column of the current file. Prints JSON: CPU-seconds after imports, the peak of memory in bytes.
"""

import json
import resource
import sys
import time


def evidently(reference: str, current: str) -> float:
    """Run the preset; returns when imports were done."""
    import pandas as pd
    from evidently import Report
    from evidently.presets import DataDriftPreset

    start = time.process_time()
    before, after = pd.read_parquet(reference), pd.read_parquet(current)
    Report([DataDriftPreset()]).run(after, before).dict()
    return start


def duckdb(reference: str, current: str) -> float:  # noqa: ARG001  it reads the batch alone
    """Count and add up; returns when imports were done."""
    import duckdb as engine

    start = time.process_time()
    query = f"SELECT count(COLUMNS(*)), sum(COLUMNS(*)) FROM read_parquet('{current}')"  # noqa: S608
    engine.connect(config={"threads": 2}).execute(query).fetchall()
    return start


def main(way: str, reference: str, current: str) -> None:
    """Run one of them."""
    start = {"evidently": evidently, "duckdb": duckdb}[way](reference, current)
    cpu = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"cpu": cpu, "peak": peak}))


if __name__ == "__main__":
    main(*sys.argv[1:])
