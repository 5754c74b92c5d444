"""The command line that the commands have in common."""

from __future__ import annotations

import argparse
import os
from collections.abc import Collection
from pathlib import Path


def command_line(
    name: str,
    description: str | None,
    seed: int,
    *,
    smoke: bool = True,
    choice: str | None = None,
    **numbers: int,
) -> argparse.ArgumentParser:
    """Return a parser of the seed, the number of processes, and where tables are kept.

    With `smoke`, one may ask for little of all; with `choice`, the name of an option, for some of
    what there is (see `chosen`). Each of `numbers` is an option.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m {name}", description=description, allow_abbrev=False
    )
    parser.add_argument("--output", type=Path, metavar="DIRECTORY", help="write CSV files there")
    if smoke:
        parser.add_argument("--smoke", action="store_true", help="little of all: minutes at most")
    if choice:
        parser.add_argument(choice, action="append", help="only the one of this name; repeatable")
    for option, default in {"seed": seed, **numbers}.items():
        parser.add_argument(f"--{option}", type=int, default=default, help="default: %(default)s")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes; default: %(default)s"
    )
    return parser


def chosen(
    parser: argparse.ArgumentParser, asked: Collection[str] | None, names: Collection[str]
) -> list[str]:
    """Return the names that were asked for, or all; end the program where one is not there."""
    if unknown := set(asked or ()) - set(names):
        parser.error(
            f"there is no {', '.join(sorted(unknown))}; there are {', '.join(sorted(names))}"
        )
    return list(asked or names)
