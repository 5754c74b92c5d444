"""How large a table may be once it is decoded, and how much memory decoding may take.

What a few bytes stand for is known of Parquet before it is read; of all other formats only while
they are. So the kernel bounds the memory besides, which also holds of files that lie about their
sizes.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa

from drift_checker.errors import NoBatchError
from drift_checker.result import Fault, Severity
from drift_checker.tables.batch import TOO_LARGE, UnreadableError

T = TypeVar("T")

MAX_DEPTH = 64
"""Levels of lists and objects within each other; Arrow's own formats have no more."""
MEMORY = 12
"""Times the bytes of a body that decoding may take in memory.

As the kernel counts it, with what is reserved and not used: CSV of twelve columns takes most.
"""
_LEAST_MEMORY = 32 << 20
"""More bytes of memory, which do not depend on the data: modules that are imported meanwhile."""
MAX_BYTES = 1 << 30
"""As many bytes as data may have once they are unpacked, where nobody says how many."""
_SPARE_BYTES = 1 << 20
"""Given up when memory is out, for what it takes to say so."""


class TooLargeError(NoBatchError):
    """A table is larger than it may be; the message names the setting that allows more."""

    @property
    def fault(self) -> Fault:
        """The same as a fault of a batch."""
        return Fault(fault=TOO_LARGE, severity=Severity.STRUCTURAL, column=None, detail=str(self))


@dataclass(frozen=True)
class TableLimits:
    """The most bytes, rows and columns that a table may have.

    `unpacked` are the bytes of what was compressed as a whole, `decoded` those of the columns that
    binary data stand for.
    """

    unpacked: int = MAX_BYTES
    decoded: int = sys.maxsize
    rows: int = sys.maxsize
    columns: int = sys.maxsize

    def raise_for_shape(self, rows: int, columns: int) -> None:
        """Refuse a table by its rows and columns.

        Raises:
            TooLargeError: There are too many.
        """
        if rows > self.rows:
            raise TooLargeError(
                f"The table has {rows:,} rows, more than DRIFT_MAX_ROWS={self.rows}. Ask for "
                "fewer rows, such as less time, or allow more."
            )
        if columns > self.columns:
            raise TooLargeError(
                f"The table has {columns:,} columns, more than DRIFT_MAX_COLUMNS={self.columns}. "
                "Ask for fewer columns, or allow more."
            )

    def raise_for_table(self, table: pa.Table) -> None:
        """Refuse a table of a binary format.

        Raises:
            TooLargeError: It has too many rows, columns or bytes.
            UnreadableError: Its values are nested too deeply.
        """
        self.raise_for_shape(table.num_rows, table.num_columns)
        if table.nbytes > self.decoded:
            raise too_large("The columns of the table", self.decoded)
        raise_for_depth(pa.struct(list(table.schema)), _inner_types)


NO_LIMITS = TableLimits()
"""Those of files and frames that somebody compares by hand."""


def too_large(what: str, max_bytes: int) -> TooLargeError:
    """Return the error of data that are too large once they are unpacked or decoded."""
    return TooLargeError(
        f"{what} are more than {max_bytes / (1 << 20):g} MiB once unpacked. Ask for fewer rows or "
        "columns, or allow a monitor more by DRIFT_MAX_BODY_MB; a file that is compared by itself "
        "may be unpacked before."
    )


def raise_for_depth(whole: Any, inner: Callable[[Any], Iterable[Any]]) -> None:
    """Refuse what is nested too deeply; `inner` returns what lies in a value and has more within.

    Raises:
        UnreadableError: It is.
    """
    values = [whole]
    for _ in range(MAX_DEPTH + 1):
        values = list(chain.from_iterable(map(inner, values)))
        if not values:
            return
    raise too_deep()


def too_deep() -> UnreadableError:
    """Return the error of what is nested too deeply."""
    return UnreadableError(f"Values are nested more than {MAX_DEPTH} levels deep")


def _inner_types(type_: Any) -> Iterable[Any]:
    if pa.types.is_dictionary(type_):
        return _inner_types(type_.value_type)
    fields = (type_.field(at).type for at in range(type_.num_fields))
    return [each for each in fields if each.num_fields or pa.types.is_dictionary(each)]


def within_memory(read: Callable[[], T], max_bytes: int) -> T:
    """Read what may have `max_bytes` as a body, in at most `MEMORY` times as much memory.

    The kernel holds the limit, and Linux alone has one that counts: elsewhere there is none. It is
    of the whole process while it lasts, so that nothing else should run in it.

    Raises:
        TooLargeError: It takes more.
    """
    before = _data_bytes()
    if before is None:
        return read()
    import resource  # noqa: PLC0415  # not on every platform

    most = _LEAST_MEMORY + MEMORY * max_bytes
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    allowed = [before + most, *(each for each in (soft, hard) if each != resource.RLIM_INFINITY)]
    pool, spare = pa.default_memory_pool(), [bytearray(_SPARE_BYTES)]
    # Arrow's own pool reserves a gigabyte ahead, of which the kernel does not see the use.
    pa.set_memory_pool(pa.system_memory_pool())
    resource.setrlimit(resource.RLIMIT_DATA, (min(allowed), hard))
    try:
        return read()
    except MemoryError:
        spare.clear()
        raise TooLargeError(
            f"To decode the data takes more than the {most >> 20:,} MiB of memory that "
            f"DRIFT_MAX_BODY_MB={max_bytes / (1 << 20):g} allows. Ask for fewer rows or columns, "
            "or allow more, if a check has more memory (checker_resources)."
        ) from None
    finally:
        spare.clear()
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
        pa.set_memory_pool(pool)


def release_memory() -> None:
    """Give back to the system what was freed; allocators keep it for more of the same."""
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):  # other than glibc's
        ctypes.CDLL(None).malloc_trim(0)


def _data_bytes() -> int | None:
    """Return the memory that the kernel counts as data of this process; None but on Linux."""
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123
            sizes = (line.split()[1] for line in status if line.startswith("VmData:"))
            return int(next(sizes)) << 10
    except (OSError, StopIteration):
        return None
