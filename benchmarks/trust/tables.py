"""The committed tables: CSV files that are written as results come."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

Row: TypeAlias = dict[str, object]


class Table:
    """A file with one row for each value of its first two columns; newer rows replace older."""

    def __init__(self, path: Path) -> None:
        """Take the file, which need not be there."""
        self.path = path

    def put(self, rows: Sequence[Row]) -> None:
        """Add rows, sorted by what names them."""
        kept = {_name(row): row for row in [*self._rows(), *rows]}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("w", newline="", encoding="utf-8") as file:
            written = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            written.writeheader()
            written.writerows(kept[name] for name in sorted(kept))

    def _rows(self) -> list[Row]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))


def _name(row: Row) -> tuple[str, ...]:
    return tuple(str(value) for value in list(row.values())[:2])
