# mypy: disable-error-code="import-untyped,import-not-found"
"""Ways from the bytes of a delimited file to its table of text.

Of CleverCSV and of DuckDB's `sniff_csv` there are two: as a user calls them, and with only the
delimiter, the quotes and the comments taken from them, and the checker's own steps for all that
stands above and below the names.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import clevercsv
import duckdb
import pyarrow as pa

from benchmarks.dialects.handmade import Row
from drift_checker.tables import dialect as steps
from drift_checker.tables.delimited import read_delimited
from drift_checker.tables.dialect import HEAD_BYTES, ONE_COLUMN, Dialect, dialect_of
from drift_checker.tables.encoding import decode

Table = tuple[list[str], list[Row]]


def ours(data: bytes) -> Table:
    """Trials of Python's `csv` on the first 64 KiB; Arrow reads the file in that dialect."""
    table = read_delimited(data)
    return table.column_names, _rows([column.to_pylist() for column in table.columns])


def clevercsv_alone(data: bytes) -> Table:
    """CleverCSV's dialect, the first row as names."""
    text = decode(data)
    found = clevercsv.Sniffer().sniff(text[:HEAD_BYTES])
    names, *rows = clevercsv.reader(io.StringIO(text, newline=""), found)
    return names, [[cell or None for cell in row] for row in rows if row]


def clevercsv_and_steps(data: bytes) -> Table:
    """CleverCSV's delimiter and quotes, and the checker's steps."""
    text = decode(data)
    found = clevercsv.Sniffer().sniff(text[:HEAD_BYTES])
    given = Dialect(
        found.delimiter or ONE_COLUMN, (), found.quotechar or None, found.escapechar or None
    )
    return _read(text, given)


def duckdb_alone(data: bytes) -> Table:
    """DuckDB's `read_csv` as it comes, but for its types."""
    table: Table = _of_file(
        data,
        lambda path: _arrow(duckdb.sql(f"from read_csv('{path}', all_varchar=true)")),
    )
    return table


def duckdb_and_steps(data: bytes) -> Table:
    """The delimiter, quotes and comments of DuckDB's `sniff_csv`, and the checker's steps."""
    query = "select Delimiter, Quote, Escape, Comment from sniff_csv('{}')"
    delimiter, quote, escape, comment = _of_file(
        data, lambda path: duckdb.execute(query.format(path)).fetchall()[0]
    )
    given = Dialect(
        _mark(delimiter) or ONE_COLUMN,
        (),
        _mark(quote),
        None if escape == quote else _mark(escape),
        _mark(comment),
    )
    return _read(decode(data), given)


def _mark(mark: str) -> str | None:
    return None if mark in {"", "(empty)", "\0"} else mark.replace("\\t", "\t")


WAYS: dict[str, Callable[[bytes], Table]] = {
    "trials, Arrow": ours,
    "CleverCSV": clevercsv_alone,
    "CleverCSV's dialect, our steps": clevercsv_and_steps,
    "DuckDB `read_csv`": duckdb_alone,
    "DuckDB `sniff_csv`, our steps": duckdb_and_steps,
}
SNIFFERS: dict[str, Callable[[Path], object]] = {
    "trials, Arrow": lambda path: dialect_of(path.read_bytes()[:HEAD_BYTES].decode(), whole=False),
    "CleverCSV": lambda path: clevercsv.Sniffer().sniff(path.read_text()[:HEAD_BYTES]),
    "DuckDB `sniff_csv`": lambda path: duckdb.execute(f"from sniff_csv('{path}')").fetchall(),
}
"""The first step alone, of a file in UTF-8."""


def _read(text: str, given: Dialect) -> Table:
    """Read a text by a delimiter and quotes that are given, and the checker's steps around them."""
    lines = list(io.StringIO(text, newline=""))
    first = next(place for place, line in enumerate(lines) if line.strip())
    first += lines[first].strip('"').startswith("sep=")
    found = []
    for variant in steps._variants(lines[first:], whole=True):
        trial = steps._try(variant, replace(given, comment=variant.comment))
        found.append(steps._judge(trial, None))
    fitting = [one for one in found if one is not None]
    if not fitting and given.delimiter != ONE_COLUMN:
        return _read(text, replace(given, delimiter=ONE_COLUMN))
    best = max(fitting, key=lambda one: one.score).dialect
    lines = lines[first + best.skipped :]
    if best.comment:
        lines = [line for line in lines if not line.startswith(best.comment)]
    rows = [row[: len(best.names)] for row in steps.csv_reader(lines, best) if row]
    return list(best.names), [[cell or None for cell in row] for row in rows]


def _of_file(data: bytes, read: Callable[[str], Any]) -> Any:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(decode(data).encode())  # it reads UTF-8
        file.flush()
        return read(file.name)


def _arrow(relation: Any) -> Table:
    table: pa.Table = relation.to_arrow_table()
    return table.column_names, _rows([column.to_pylist() for column in table.columns])


def _rows(columns: list[list[str | None]]) -> list[Row]:
    return [list(row) for row in zip(*columns, strict=True)]
