"""What a comparison asks of reference and batch, however they are held.

`in_memory_pairs` has them as tables in memory, `profiled_pairs` as profiles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import pyarrow as pa

from drift_checker.comparison.faults import Share
from drift_checker.comparison.samples import ColumnSample
from drift_checker.result import Fault
from drift_checker.tables import READING_RULES, ColumnReading


def read_by_rules(digest: str) -> str:
    """Return a digest of a reference with the version of the rules by which it is read.

    What was counted by other rules cannot be pooled.
    """
    return f"{digest}/rules-{READING_RULES}"


class ComparedTable(Protocol):
    """A table, as far as its columns do not matter."""

    @property
    def names(self) -> list[str]:
        """Its columns."""

    @property
    def rows(self) -> int:
        """The number of rows."""

    @property
    def digest(self) -> str:
        """The SHA-256 of what it was read from."""

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What was wrong with it when it was read."""

    @property
    def unreadable(self) -> bool:
        """Whether there is no table to speak of."""


class ColumnPair(Protocol):
    """One column in both tables, in one kind; pairs are (current, reference)."""

    @property
    def nulls(self) -> tuple[Share, Share]:
        """The rows without a value."""

    @property
    def steps_back(self) -> Share:
        """The times of the batch that are earlier than the one before."""

    @property
    def repeated_ids(self) -> Share | None:
        """The rows of the batch that repeat an id, 0 where the reference repeats some.

        None where it is not known.
        """

    @property
    def arrays(self) -> tuple[pa.Array[Any], pa.Array[Any]] | None:
        """All values row by row, where they lie in memory."""

    @property
    def sample(self) -> ColumnSample:
        """The values, of a numeric or categorical column."""


class TablePair(Protocol):
    """A reference and a batch, and their columns one by one."""

    @property
    def reference(self) -> ComparedTable:
        """The reference."""

    @property
    def current(self) -> ComparedTable:
        """The batch."""

    @property
    def bins_id(self) -> str:
        """What the bins of tick counts were chosen by: counts of equal ones can be pooled."""

    @property
    def readings(self) -> Mapping[str, ColumnReading]:
        """How the columns of the reference are read, and what is derived from them."""

    def column_pair(self, name: str) -> ColumnPair:
        """Return a column that is in both tables.

        Raises:
            MismatchError: It did not arrive in the kind of the reference's.
        """
