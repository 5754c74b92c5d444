"""`python -m benchmarks.formats.real_files FILES`: public data sets without settings, in each form.

The two halves of each data set, as `benchmarks.formats.write` leaves them, are compared as they
are: verdict, faults and p-values have to be the same in every form, and kinds those that a person
says.
Halves of the same tables, shuffled again and again, tell how often there is a false alarm.
"""

# ruff: noqa: T201  a command, which prints
from __future__ import annotations

import argparse
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.formats.datasets import DATA_SETS, DataSet
from drift_checker import Result, Verdict, compare
from drift_checker.errors import DriftCheckerError
from drift_checker.result import ColumnResult

LEVEL = 0.01
SPLITS = 20
"""Of each data set, for the share of false alarms."""
ALIKE = 1e-9
"""The largest relative difference of two p-values that are the same."""
NAMED = 3
"""Columns that differ are named up to so many."""
FIRST = "polars"
"""The form that others are compared with: every column has its type there."""
WORDS = {
    "numeric": "number",
    "categorical": "category",
    "timestamp": "time",
    "text": "text",
    "vector": "vector",
    "other": "nothing",
}
"""What the checker's kinds are in the words of a person."""


@dataclass(frozen=True)
class Compared:
    """A data set in one form: what came out, or why nothing did."""

    form: str
    result: Result | None
    error: str = ""

    def difference(self, first: Result) -> str:
        """Say what is not as in another form; nothing if all is."""
        if self.result is None:
            return self.error
        if self.result.verdict != first.verdict:
            return f"{self.result.verdict}, not {first.verdict}"
        here, there = _p_values(self.result), _p_values(first)
        names = [name for name in there if not _same(here.get(name), there[name])]
        names += [name for name in here if name not in there]
        if not names:
            return ""
        more = " …" * (len(names) > NAMED)
        return f"{', '.join(names[:NAMED])}{more} of {len(there)} differ"


def _p_values(result: Result) -> dict[str, float | None]:
    values = {column.name: column.p_value for column in result.columns}
    return values | {"joint": result.joint.p_value if result.joint else None}


def _same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, rel_tol=ALIKE)


def compared(data: DataSet, files: Path) -> list[Compared]:
    """Compare the halves of a data set in each form, the first one first."""
    forms = sorted((files / data.name).iterdir(), key=lambda form: (form.name != FIRST, form.name))
    return [_compared(form) for form in forms]


def _compared(form: Path) -> Compared:
    reference, batch = next(form.glob("reference.*")), next(form.glob("batch.*"))
    try:
        return Compared(form.name, compare(reference, batch))
    except DriftCheckerError as error:
        return Compared(form.name, None, f"{type(error).__name__}: {error}"[:120])


def said(result: Result) -> dict[str, str]:
    """Return what the checker says of each column, in the words of a person."""
    return {column.name: _word(column) for column in result.columns}


def _word(column: ColumnResult) -> str:
    guessed = re.match("looks like an? (id|counter)", column.reason or "")
    return "id" if guessed else WORDS[column.kind]


def disagreements(data: DataSet, result: Result) -> list[str]:
    """Return the columns that a person calls something else than the checker does."""
    words = said(result)
    return [
        f"{name}: {words.get(name, 'not there')}, not {kind}"
        for name, kind in data.kind_of().items()
        if words.get(name) not in kind.split("|")
    ]


def alarms(data: DataSet, files: Path, splits: int, seed: int) -> Iterator[Verdict]:
    """Yield the verdicts on halves of a data set that are shuffled anew."""
    halves = sorted((files / data.name / FIRST).glob("*.parquet"))
    table = pa.concat_tables([pq.read_table(half) for half in halves])
    rng = np.random.default_rng(seed)
    for _ in range(splits):
        order = rng.permutation(table.num_rows)
        half = len(order) // 2
        first, second = table.take(order[:half]), table.take(order[half:])
        yield compare(first, second).verdict


def row(data: DataSet, files: Path, splits: int, seed: int) -> tuple[list[str], Counter[Verdict]]:
    """Return a line of the table, and the verdicts of `alarms`."""
    forms = compared(data, files)
    first = forms[0].result
    verdicts = Counter(alarms(data, files, splits, seed)) if first is not None else Counter()
    if first is None:
        return [data.name, "", "", forms[0].error, "", "", ""], verdicts
    unlike = [f"{one.form}: {told}" for one in forms[1:] if (told := one.difference(first))]
    return [
        data.name,
        str(first.reference.rows + first.current.rows),
        str(len(first.columns)),
        first.verdict,
        "all the same" if not unlike else "; ".join(unlike),
        "as a person says" if not (kinds := disagreements(data, first)) else "; ".join(kinds),
        f"{splits - verdicts[Verdict.OK]} of {splits}",
    ], verdicts


HEAD = ["data set", "rows", "columns", "verdict", "in seven forms", "kinds", "alarms"]


def page(rows: list[list[str]], total: Counter[Verdict]) -> str:
    """Return the committed page."""
    count = sum(total.values())
    lines = [
        "# Real files, without settings",
        "",
        "Public data sets that lie in packages of PyPI (`benchmarks/formats/requirements.txt`),",
        "shuffled, the first half as the reference, the second as the batch; each as CSV, as TSV,",
        "with `;` and a decimal comma, as JSON lines, and as Parquet by pandas, polars and DuckDB.",
        "Made by `make bench-formats`.",
        "",
        f"Of {count} such halves, {count - total[Verdict.OK]} were not `ok`; at a level of",
        f"{LEVEL}, {LEVEL * count:.1f} are expected.",
        "",
        _line(HEAD),
        _line(["---"] * len(HEAD)),
        *map(_line, rows),
        "",
        "## What a person says, and the checker",
        "",
        "Written by hand before the checker had seen the files (`benchmarks/formats/datasets.py`).",
        "With `|`, a person would accept both.",
        "",
        _line(["data set", "column", "a person", "the checker"]),
        _line(["---"] * 4),
    ]
    return "\n".join(lines) + "\n"


def kinds(files: Path) -> Iterator[str]:
    """Yield a line for each column of each data set."""
    for data in DATA_SETS:
        result = _compared(files / data.name / FIRST).result
        words = {} if result is None else said(result)
        for name, kind in data.kind_of().items():
            yield _line([data.name, name, kind.replace("|", " or "), words.get(name, "—")])


def licences() -> Iterator[str]:
    """Yield a line for each data set."""
    yield from ("", "## Licences", "", _line(["data set", "package", "licence"]))
    yield _line(["---"] * 3)
    for data in DATA_SETS:
        yield _line([data.name, data.package, data.licence])


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def main() -> int:
    """Print a line for each data set; write the page; return whether all is as it should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.formats.real_files")
    parser.add_argument("files", type=Path)
    parser.add_argument("--output", type=Path, metavar="FILE", help="write the page there")
    parser.add_argument("--splits", type=int, default=SPLITS)
    parser.add_argument("--seed", type=int, default=20_261_129)
    asked = parser.parse_args()
    rows, total = [], Counter[Verdict]()
    for data in DATA_SETS:
        cells, verdicts = row(data, asked.files, asked.splits, asked.seed)
        print(" | ".join(cells), flush=True)
        rows.append(cells)
        total += verdicts
    if asked.output:
        lines = [*kinds(asked.files), *licences()]
        asked.output.write_text(page(rows, total) + "\n".join(lines) + "\n", "utf-8")
    right = all(cells[4:6] == ["all the same", "as a person says"] for cells in rows)
    return int(not right)


if __name__ == "__main__":
    sys.exit(main())
