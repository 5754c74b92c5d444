"""What names stored data that is found again by what it was made of: a digest of plain values.

Every build has to write these values alike. The names in a `Record` are therefore fixed: they are
what classes and fields were called in the first build, whatever those are called now. A record of
another form takes a name that no record had before, such as `Selection/2`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TypeAlias

Plain: TypeAlias = "str | int | datetime | PurePosixPath | Record | Sequence[Plain] | None"
"""What every Python writes alike; moments are in UTC, and a list is another than a tuple."""


@dataclass(frozen=True, repr=False)
class Record:
    """Values by their names, in order."""

    name: str
    values: Mapping[str, Plain]

    def __repr__(self) -> str:
        values = (f"{name}={value!r}" for name, value in self.values.items())
        return f"{self.name}({', '.join(values)})"


def identity(value: Plain) -> str:
    """Return the SHA-256, in hexadecimal digits, of the text that Python writes for a value."""
    return sha256(repr(value).encode()).hexdigest()
