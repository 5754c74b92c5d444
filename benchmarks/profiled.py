# ruff: noqa: T201  a command, which prints
# mypy: disable-error-code="import-untyped, import-not-found"
"""The parts of a comparison by profiles, in the checker's environment: what `large` measures.

`python profiled.py REFERENCE CURRENT` prints JSON: CPU-seconds of fitting the reference's profile
and of the batch's profile and verdict, both after imports, and the peak of memory in bytes.
"""

import json
import resource
import sys
import time
from pathlib import Path

from drift_checker import CompareSettings
from drift_checker.comparison import compare_tables
from drift_checker.comparison.profiled_pairs import ProfiledPair, profile_batch
from drift_checker.profiles.layout import fit_layout
from drift_checker.tables.chunks import chunked_table


def main(reference: Path, current: Path) -> None:
    """Compare, and print what it took."""
    start = time.process_time()
    source = chunked_table(reference)
    layout = fit_layout(source)
    before = profile_batch(source, layout)
    fitted = time.process_time()
    tables = ProfiledPair(layout, before, profile_batch(chunked_table(current), layout))
    result = compare_tables(tables, CompareSettings())
    ended = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    parts = {"reference": fitted - start, "batch": ended - fitted, "peak": peak}
    print(json.dumps({"verdict": result.verdict, **parts}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
