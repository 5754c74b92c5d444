"""What the commands have in common on their command lines."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def command_line(name: str, description: str | None, *, seed: int) -> argparse.ArgumentParser:
    """Return a parser of the seed, the number of processes, and where tables are kept."""
    found = argparse.ArgumentParser(
        prog=f"python -m {name}", description=description, allow_abbrev=False
    )
    found.add_argument("--seed", type=int, default=seed, help="default: %(default)s")
    found.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes; default: %(default)s"
    )
    found.add_argument("--output", type=Path, metavar="DIRECTORY", help="write CSV files there")
    return found
