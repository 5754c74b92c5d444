"""Delta tables: the files that the log of the latest version names, to be read where they lie.

The library `deltalake` replays the log. Of a table in an S3 the log is copied first, by the store
that reads everything else, so that credentials, waits and retries are the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote

import obstore
import pyarrow as pa
from obstore.store import LocalStore, S3Store

from drift_checker.errors import UsageError
from drift_checker.sources.files import File, PartitionValue
from drift_checker.sources.responses import RejectedResponseError
from drift_checker.state import first_line
from drift_checker.tables import UnreadableError
from drift_checker.tables.limits import MAX_BYTES, too_large

LOG = "_delta_log"
"""The folder of the log."""
_PHYSICAL_NAME = b"delta.columnMapping.physicalName"
_READ = {
    *("columnMapping", "deletionVectors", "timestampNtz", "v2Checkpoint", "vacuumProtocolCheck"),
    *("typeWidening", "typeWidening-preview", "checkConstraints", "appendOnly", "invariants"),
}
"""What a table may demand of its readers."""


def live_files(
    store: LocalStore | S3Store, table: str, entries: Sequence[obstore.ObjectMeta], origin: str
) -> tuple[list[File], pa.Schema]:
    """Return the files of a table and its columns; `entries` are all that lies in its folder.

    Raises:
        RejectedResponseError: It needs what is not read, or a file is not there.
        UnreadableError: The log is damaged.
        UsageError: The extra `delta` is not installed.
        obstore.exceptions.BaseError: The store refused or stayed away.
    """
    try:
        from deltalake import DeltaTable  # noqa: PLC0415  # an extra
        from deltalake.exceptions import DeltaError  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise UsageError(
            f"{origin} is a Delta table, whose files are to be read by its log: "
            "that needs 'drift-checker[delta]'"
        ) from error
    with _log(store, table, entries) as folder:
        try:
            opened: Any = DeltaTable(folder)
            _raise_for_features(opened.protocol().reader_features, origin)
            actions = pa.table(opened.get_add_actions()).to_pylist()
            schema = pa.schema(opened.schema().to_arrow())
            deleted = _deleted_rows(opened, folder)
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise UnreadableError(
                f"The log of the Delta table is damaged: {first_line(error)}"
            ) from error
    known = {entry["path"]: entry for entry in entries}
    files = [_file(action, table, known, schema, deleted, origin) for action in actions]
    return files, pa.schema([field.remove_metadata() for field in schema])


@contextmanager
def _log(
    store: LocalStore | S3Store, table: str, entries: Sequence[obstore.ObjectMeta]
) -> Iterator[Path]:
    """Bring the log to where `deltalake` reads it without a store of its own."""
    if isinstance(store, LocalStore):
        yield Path(str(store.prefix), table)
        return
    keys = [entry for entry in entries if _is_log(PurePosixPath(entry["path"]), table)]
    if sum(entry["size"] for entry in keys) > MAX_BYTES:
        raise too_large("The log of the Delta table", MAX_BYTES)
    with TemporaryDirectory() as folder:
        for entry in keys:
            place = Path(folder, PurePosixPath(entry["path"]).relative_to(table))
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(obstore.get(store, entry["path"]).bytes())
        yield Path(folder)


def _is_log(key: PurePosixPath, table: str) -> bool:
    """Whether an object is of the log, or says which rows of a file are deleted."""
    inside = key.relative_to(table)
    return inside.parts[0] == LOG or (
        inside.suffix == ".bin" and inside.name.startswith("deletion_vector")
    )


def _raise_for_features(features: Sequence[str] | None, origin: str) -> None:
    unknown = sorted(set(features or ()) - _READ)
    if unknown:
        raise RejectedResponseError(
            f"{origin} is a Delta table that needs {', '.join(unknown)} to be read; read it by a "
            "query ('database'), or export what is to be checked as Parquet"
        )


def _deleted_rows(opened: Any, folder: Path) -> dict[str, bytes]:
    """Return of the files with deleted rows, by their path, a byte for each row."""
    if "deletionVectors" not in (opened.protocol().reader_features or ()):
        return {}
    root = folder.as_uri() + "/"
    rows = pa.table(opened.deletion_vectors()).to_pylist()
    return {
        unquote(row["filepath"].removeprefix(root)): bytes(row["selection_vector"]) for row in rows
    }


def _file(  # noqa: PLR0917  what the log says of all files
    action: Mapping[str, Any],
    table: str,
    known: Mapping[str, obstore.ObjectMeta],
    schema: pa.Schema,
    deleted: Mapping[str, bytes],
    origin: str,
) -> File:
    path = PurePosixPath(unquote(action["path"]))
    entry = known.get(str(PurePosixPath(table) / path))
    if entry is None:
        raise RejectedResponseError(
            f"{origin}: the log of the Delta table names {path}, which is not in its folder"
        )
    physical = {field.name: (field.metadata or {}).get(_PHYSICAL_NAME) for field in schema}
    mapped = {name: stored.decode() for name, stored in physical.items() if stored}
    logical = {stored: name for name, stored in mapped.items()}
    partition = [
        (logical.get(name, name), value) for name, value in (action.get("partition") or {}).items()
    ]
    return File(
        key=PurePosixPath(entry["path"]),
        size=entry["size"],
        folder=path.parent,
        tag=entry["e_tag"] or "",
        format="parquet",
        partition=tuple(
            PartitionValue(name, value, schema.field(name).type) for name, value in partition
        ),
        columns=tuple(mapped.items()),
        deleted=deleted.get(str(path), b""),
    )
