"""`python -m benchmarks.trust.page DIRECTORY PAGE`: tables of a page anew, from the figures there.

A table is found by the names of its columns, which stay; so does all else of the page.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias

from benchmarks.trust.feeds_kinds import KINDS

Rows: TypeAlias = list[dict[str, str]]
Tables: TypeAlias = dict[str, Rows]
"""Those of each file, by its name without the suffix."""


def feeds(tables: Tables) -> list[list[str]]:
    """Return a line for each kind of feed, in their order, and what it was before."""
    before = {row["kind"]: _number(row["drift_over"]) for row in tables["feeds_before"]}
    found = {row["kind"]: row for row in tables["feeds"]}
    return [
        [
            name,
            f"{float(row['allowed']):.0f}",
            _with_interval(row, "alarms"),
            _with_interval(row, "drift"),
            before.get(name, ""),
            _told(row),
            _found(row),
        ]
        for name in KINDS
        if (row := found.get(name))
    ]


def _with_interval(row: dict[str, str], what: str) -> str:
    over, low, high = (_number(row[f"{what}_{end}"]) for end in ("over", "low", "high"))
    return f"{over} ({low} to {high})"


def _told(row: dict[str, str]) -> str:
    if not row["told_of"]:
        return ""
    times = "once" if row["told_turns"] == "1" else f"{row['told_turns']} times"
    return f"`{row['told_of']}` {_share(row['told'])}, tick {row['told_after']}, {times}"


def _found(row: dict[str, str]) -> str:
    delay = f"{float(row['delay']):.0f} ({row['delay_allowed']})"
    return f"{_share(row['found'])} of {row['drifting']}, {delay}"


def columns_said(tables: Tables) -> list[list[str]]:
    """Return a line for each number of columns and correlation."""
    rows = _said(tables, "columns")
    names = sorted({(int(row["columns"]), row["dependence"]) for row in rows})
    return [
        [f"{columns}", dependence.removeprefix("correlation "), *_times(rows, columns, dependence)]
        for columns, dependence in names
    ]


def ticks_said(tables: Tables) -> list[list[str]]:
    """Return a line for each cell of whole ticks."""
    rows = _said(tables, "ticks")
    names = sorted({(int(row["columns"]), row["dependence"], int(row["trials"])) for row in rows})
    return [
        [f"{columns}", dependence, f"{trials:,}", *_times(rows, columns, dependence)]
        for columns, dependence, trials in names
    ]


def _said(tables: Tables, what: str) -> Rows:
    return [row for row in tables["certainty"] if row["what"] == what]


def _times(rows: Rows, columns: int, dependence: str) -> Iterable[str]:
    """Yield how many times as often it is said as once in N, by N."""
    some = [
        row for row in rows if (row["columns"], row["dependence"]) == (f"{columns}", dependence)
    ]
    for row in sorted(some, key=lambda row: int(row["one_of"])):
        yield f"{_number(row['times'])} ({_number(row['low'])} to {_number(row['high'])})"


def _share(text: str) -> str:
    return f"{100 * float(text):.0f} %"


def _number(text: str) -> str:
    return f"{float(text):.2f}"


TABLES: dict[str, Callable[[Tables], list[list[str]]]] = {
    "| feed | allowed | alarms, times allowed |": feeds,
    "| columns | correlation | 1 of 100, times as often |": columns_said,
    "| columns | rows of a tick are | ticks | 1 of 100, times as often |": ticks_said,
}
"""By how the line begins that names the columns."""


def written(page: str, tables: Tables) -> str:
    """Return the page with these tables; KeyError if it has not all of them."""
    lines = page.split("\n")
    for begin, rows in TABLES.items():
        head = next((at for at, line in enumerate(lines) if line.startswith(begin)), None)
        if head is None:
            raise KeyError(begin)
        end = next(at for at in range(head, len(lines)) if not lines[at].startswith("|"))
        lines[head + 2 : end] = [f"| {' | '.join(row)} |" for row in rows(tables)]
    return "\n".join(lines)


def read(directory: Path) -> Tables:
    """Return the tables of a directory."""
    tables = Tables()
    for path in directory.glob("*.csv"):
        with path.open(newline="", encoding="utf-8") as file:
            tables[path.stem] = list(csv.DictReader(file))
    return tables


def main(directory: Path, page: Path) -> None:
    """Write the page anew."""
    page.write_text(written(page.read_text(encoding="utf-8"), read(directory)), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
