"""How a table is read: here and at once, or in parts whose results are merged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from drift_checker.tables.chunks import ChunkedTable

S = TypeVar("S", bound=ChunkedTable)
T = TypeVar("T")


class Reader(Protocol):
    """Whatever has the rows of a table read, on this machine or on others."""

    def __call__(self, table: S, read: Callable[[S], T], merge: Callable[[T, T], T]) -> T:
        """Return what `read` makes of a table.

        `merge` makes of what was read of two parts, in their order, what is read of both.

        Raises:
            UnreadableError: The table is damaged.
        """


def read_here(table: S, read: Callable[[S], T], merge: Callable[[T, T], T]) -> T:  # noqa: ARG001  nothing is to be merged
    """Read a table from its first row to its last, in this process."""
    return read(table)
