# ruff: noqa: T201  for commands, which print
"""The committed tables: rows are printed as they come, and kept as CSV."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = dict[str, object]
"""One result; under `holds`, whether its bound holds, or there is none."""


def show(name: str, results: Iterable[Row], output: Path | None, *, named_by: int = 2) -> bool:
    """Print rows as they come, and keep them; returns whether all bounds hold.

    The first `named_by` columns name a row of the table.
    """
    table = Table(output / f"{name}.csv", named_by) if output else None
    holds, start = True, time.perf_counter()
    for row in results:
        print(f"{name} {time.perf_counter() - start:.0f} s: {_words(row)}", flush=True)
        holds = holds and bool(row["holds"])
        if table:
            table.put(row)
    return holds


def _words(row: Row) -> str:
    return " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in row.items())


class Table:
    """A file with one row for each value of its first columns; newer rows replace older."""

    def __init__(self, path: Path, named_by: int) -> None:
        """Take the file, which need not be there, and how many columns name a row."""
        self.path, self.named_by = path, named_by

    def put(self, row: Row) -> None:
        """Add a row, sorted by what names it."""
        kept = {self._name(one): one for one in [*self._rows(), row]}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="", encoding="utf-8") as file:
            written = csv.DictWriter(file, list(row), lineterminator="\n")
            written.writeheader()
            written.writerows(kept[name] for name in sorted(kept))

    def _rows(self) -> list[Row]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _name(self, row: Row) -> tuple[str, ...]:
        # As the file has them.
        named = list(row.values())[: self.named_by]
        return tuple("" if value is None else str(value) for value in named)
