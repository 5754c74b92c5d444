"""Comparing a batch with its reference: faults first, then drift on what remains.

Three steps, each of which takes what the one before it made: `prepare`, `judge`, `result_of`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from drift_checker.comparison.in_memory_pairs import InMemoryPair
from drift_checker.comparison.judge import judge
from drift_checker.comparison.options import CompareSettings
from drift_checker.comparison.pairs import TablePair
from drift_checker.comparison.prepare import prepare
from drift_checker.comparison.verdict import result_of
from drift_checker.errors import BadReferenceError
from drift_checker.result import Result
from drift_checker.tables import (
    Batch,
    count_values,
    from_frame,
    read_batch,
    read_reference,
)
from drift_checker.wording import with_explanation

Tabular: TypeAlias = Any
"""A path, an Arrow table, a `Batch`, a pandas data frame, or any frame that speaks Arrow."""


def compare(
    reference: Tabular, current: Tabular, *, settings: CompareSettings | None = None
) -> Result:
    """Compare a batch with its reference and reach a verdict.

    Args:
        reference: The reference: a path, a data frame, an Arrow table or a `Batch`.
        current: The batch, as one of the same.
        settings: Level, roles, floors; the default is a level of 0.01 for the whole table.

    Raises:
        BadReferenceError: The reference is missing, unreadable, empty, lacks a column that the
            settings name, or has no column in common with the batch.
        NoBatchError: The current file is no batch at all.
        OSError: The current file cannot be read.
    """
    settings = settings or CompareSettings()
    return compare_with_explanation(read_tables(reference, current, settings), settings)


def compare_with_explanation(tables: TablePair, settings: CompareSettings) -> Result:
    """Compare two tables that were read, and say in words what that came to.

    Raises:
        BadReferenceError: As `compare`.
    """
    before, after = tables.reference, tables.current
    if before.rows and after.rows and not after.faults and not set(before.names) & set(after.names):
        raise BadReferenceError(
            "The reference has no column in common with the batch: "
            f"{', '.join(map(repr, before.names))} against {', '.join(map(repr, after.names))}."
        )
    return with_explanation(compare_tables(tables, settings))


def compare_tables(tables: TablePair, settings: CompareSettings) -> Result:
    """Compare two tables that were read, by no tick before; the result has no explanation yet.

    Raises:
        BadReferenceError: As `compare`.
    """
    return result_of(judge(prepare(tables, settings)))


def read_tables(reference: Tabular, current: Tabular, settings: CompareSettings) -> TablePair:
    """Read reference and batch, as tables or, where one of them is large, as profiles.

    Raises:
        BadReferenceError: The reference is missing, unreadable or empty.
        NoBatchError: The current file is no batch at all.
        OSError: The current file cannot be read.
    """
    before, after = _located(reference), _located(current)
    if settings.is_large(max(count_values(before), count_values(after))):
        # Few tables are.
        from drift_checker.comparison.profiled_pairs import profile_pair  # noqa: PLC0415
        from drift_checker.tables.chunks import chunked_reference, chunked_table  # noqa: PLC0415

        return profile_pair(chunked_reference(before), chunked_table(after), settings)
    pair = _read(before, read_reference), _read(after, read_batch)
    return InMemoryPair(*pair, settings.columns.reading)


def _located(table: Tabular) -> Batch | Path:
    match table:
        case Batch():
            return table
        case str() | Path():
            return Path(table)
        case _:
            return from_frame(table)


def _read(table: Batch | Path, read: Callable[[Path], Batch]) -> Batch:
    return read(table) if isinstance(table, Path) else table
