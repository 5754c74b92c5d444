"""What a source is asked for: the rows of one tick, or a whole reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self, TypeAlias
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from drift_checker.config import Monitor, ReferenceSource, Settings, SourceAccess, SourceSettings
from drift_checker.state import Record

Window: TypeAlias = tuple[datetime, datetime]
"""The rows of a tick: from the first moment on, and before the second."""


@dataclass(frozen=True)
class Selection:
    """What is read of files: all columns where none are named, all times without a window."""

    columns: Sequence[str] = ()
    time: str | None = None
    window: Window | None = None

    @property
    def identity(self) -> Record:
        """What tells it from other selections."""
        return Record(
            "Selection",
            {"columns": tuple(self.columns), "time": self.time, "window": self.window},
        )

    def names(self, schema: pa.Schema) -> list[str]:
        """Return the columns that are read; what is missing is for the comparison to say."""
        return [name for name in self.columns or schema.names if name in schema.names]


@dataclass(frozen=True)
class Request:
    """What the settings of a source ask for; `url` and `params` are filled in for a tick."""

    source: SourceSettings
    url: str | None
    selection: Selection
    params: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_tick(cls, monitor: Monitor, logical_date: datetime) -> Self:
        """Ask for the batch of one tick."""
        source = monitor.current
        window = (logical_date - source.window, logical_date) if source.window else None
        return cls(
            source,
            source.url and monitor.fill(source.url, logical_date),
            Selection(source.columns, source.time, window),
            {name: monitor.fill(value, logical_date) for name, value in source.params.items()},
        )

    @classmethod
    def of_reference(cls, reference: ReferenceSource) -> Self:
        """Ask for a reference, which belongs to no tick and has no window."""
        return cls(reference, reference.url, Selection(reference.columns))

    @property
    def scheme(self) -> str:
        """What stands before the colon of the source's URL; `file` where it is a path."""
        return urlsplit(self.source.database or self.url or "file:").scheme

    @property
    def path(self) -> Path:
        """The file or directory of a source of files that is in no S3."""
        return self.source.path or Path(unquote(urlsplit(self.url or "").path))

    @property
    def several_files(self) -> bool:
        """Whether it is of files below a prefix, or of some rows or columns of one file."""
        if not self.source.of_files:
            return False
        folder = (self.url or "").endswith("/") or (self.scheme == "file" and self.path.is_dir())
        return folder or bool(self.selection.columns or self.selection.time)

    def access(self, settings: Settings) -> SourceAccess:
        """Return the credentials that the source names; none where it names none."""
        name = self.source.credentials
        return settings.source(name) if name else SourceAccess.model_construct()
