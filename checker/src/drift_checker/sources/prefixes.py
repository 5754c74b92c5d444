"""Sources that are files below a prefix: Parquet, CSV and others, in a directory or an S3.

One file is open at a time, and of its rows only those of the window and of the selected columns are
kept. What each file calls a type, or lacks, is united in the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pyarrow as pa

from drift_checker.config import Limits, Settings
from drift_checker.result import Fault
from drift_checker.sources.files import File, SelectedFile, raise_for_no_times, without_keys
from drift_checker.sources.folders import Folder, Prefix, list_prefix
from drift_checker.sources.request import Request, Selection
from drift_checker.sources.responses import (
    TableResponse,
    bounded_tables,
    store_errors,
    table_limits,
    table_response,
)
from drift_checker.sources.united import Part, repeated_name_faults, unite_tables
from drift_checker.state import identity
from drift_checker.tables import (
    Batch,
    TableLimits,
    UnreadableError,
    empty_table,
)


def read_files(request: Request, settings: Settings) -> TableResponse:
    """Read the files of a source.

    Raises:
        RejectedResponseError: There are none, or of several formats, or too much is in them.
        ServiceAwayError: Their store stayed away.
    """
    prefix = Prefix.of(request, settings)
    with store_errors(prefix.origin):
        return read_prefix(prefix, request.selection, settings)


def read_prefix(prefix: Prefix, selection: Selection, limits: Limits) -> TableResponse:
    """Read the files below a prefix in the order of their names, as far as they are selected.

    Raises:
        RejectedResponseError: There are none, or of several formats, or too much is in them.
        ServiceAwayError: A file takes longer than it may.
        UsageError: What reads them is not installed.
        obstore.exceptions.BaseError: The store refused or stayed away.
    """
    files: Sequence[File] = ()
    try:
        folder = list_prefix(prefix)
        files = folder.files
        return _Reading(prefix, folder, selection).response(limits)
    except UnreadableError as error:
        digest = identity([file.identity for file in files])
        return TableResponse(Batch(empty_table(), digest, (error.fault,)), prefix.origin)


class _Reading:
    """The files of a folder as they are read, one after the other."""

    def __init__(self, prefix: Prefix, folder: Folder, selection: Selection) -> None:
        self._prefix, self._folder, self._selection = prefix, folder, selection
        self._parts: dict[str, Part] = {}
        self._schemas: list[pa.Schema] = []
        self._repeated: dict[str, None] = {}
        self._untyped = False

    def response(self, limits: Limits) -> TableResponse:
        """Read all files.

        Raises:
            RejectedResponseError: Too much is in them, or none has the column of times.
            ServiceAwayError: It takes longer than it may.
            UnreadableError: A file is damaged.
        """
        tables = self._tables(table_limits(limits))
        for _ in bounded_tables(tables, limits, self._prefix.origin):
            pass
        raise_for_no_times(self._selection, self._schemas, self._prefix.origin)
        table, faults = unite_tables(
            self._parts,
            order=self._selection.columns,
            without=self._repeated,
            columns=self._folder.selected_columns(self._selection),
        )
        faults = (*self._folder.faults, *repeated_name_faults(self._repeated), *faults)
        return _response(table, self._prefix.origin, faults, untyped=self._untyped)

    def _tables(self, limits: TableLimits) -> Iterator[pa.Table]:
        """Read and keep the selected rows of each file."""
        for file in self._folder.files:
            opened = SelectedFile(
                self._folder.store, self._prefix.origin, file, self._selection, limits
            )
            self._schemas.append(opened.schema)
            self._repeated |= dict.fromkeys(opened.repeated)
            self._untyped |= opened.untyped
            names = self._selection.names(opened.schema)
            schema = pa.schema([opened.schema.field(name) for name in names])
            part = self._parts[file.name] = Part(schema)
            for table in opened.tables(names):
                part.tables.append(table)
                yield table


def _response(
    table: pa.Table, origin: str, faults: tuple[Fault, ...], *, untyped: bool
) -> TableResponse:
    """Return a table with its faults; the digest is of its names and values alone."""
    response = table_response(without_keys(table), origin, untyped=untyped)
    batch = replace(response.table, table=table, faults=(*response.table.faults, *faults))
    return replace(response, table=batch)
