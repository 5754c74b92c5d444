"""The reference that a monitor declares, looked at before anything is fitted.

Only of what lies on this machine, and only as far as that takes no time: the rest is told when the
reference is fitted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from drift_checker.config import Columns, Mistake, MonitorFloors, ReferenceSource, closest
from drift_checker.errors import BadReferenceError, UsageError
from drift_checker.tables import read_reference, reference_errors
from drift_checker.tables.formats import told_format
from drift_checker.tables.reading import parquet_errors

_READ_BYTES = 4 << 20
"""Files up to this size are read whole, if they are not Parquet, which says its columns first."""


def reference_mistakes(
    reference: ReferenceSource, columns: Columns, floors: MonitorFloors
) -> Iterator[Mistake]:
    """Yield what a monitor says of its reference that is not so, by places within the monitor.

    That it is not there, is unreadable, or lacks a column that is named.
    """
    path = reference.path
    if path is None:
        return
    if not path.exists():
        yield Mistake("reference.path", f"there is no such file or directory (got '{path}')")
    elif path.is_file():
        try:
            names = _names(path)
        except BadReferenceError as error:
            yield Mistake("reference.path", f"{error} (got '{path}')")
        except UsageError:
            return  # an extra of the checker reads it, which is installed with the stack
        else:
            yield from _absent_columns(columns, floors, names)


def _names(path: Path) -> Sequence[str]:
    """Return the columns of a file; none of one that would take time to read.

    Raises:
        BadReferenceError: It is unreadable, empty or names a column twice.
        UsageError: What reads it is not installed.
    """
    with reference_errors(), parquet_errors():
        if told_format(path) == ("parquet", None):
            names: list[str] = pq.read_schema(path).names
            return names
        size = path.stat().st_size
    return read_reference(path).names if size <= _READ_BYTES else ()


def _absent_columns(
    columns: Columns, floors: MonitorFloors, names: Sequence[str]
) -> Iterator[Mistake]:
    declared = [(f"columns.{place}", name) for place, name in columns.declared()]
    declared += [(f"floors.columns.{name}", name) for name in floors.columns]
    for place, name in declared:
        if names and name not in names:
            meant = closest(name, names)
            hint = f"did you mean {meant}?" if meant else f"it has {', '.join(names)}"
            yield Mistake(place, f"the reference has no column {name}; {hint}")
