"""What lies below a prefix: which files are data, of which format, and what was left out.

A folder may be a table of a format with a log of its own (Delta, Iceberg, Hudi), in which files
lie that are no longer, or not yet, part of the table; these are never read as they lie there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Self, TypeVar
from urllib.parse import unquote

import obstore
import pyarrow as pa
from obstore.store import LocalStore, S3Store

from drift_checker.config import Settings
from drift_checker.result import Fault, Severity
from drift_checker.sources.files import COMPRESSIONS, FORMATS, MAGIC, File, Format, PartitionValue
from drift_checker.sources.objects import open_bucket, path_errors
from drift_checker.sources.request import Request, Selection
from drift_checker.sources.responses import RejectedResponseError, store_errors
from drift_checker.sources.united import some
from drift_checker.tables import open_regular

P = TypeVar("P", bound=PurePath)

_DELTA_LOG = "_delta_log"
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
"""What Hive calls the folder of rows without a value."""
_NO_DATA = (
    *(".crc", ".md5", ".sha1", ".sha256", ".sha512", ".asc", ".sig", ".lock", ".tmp"),
    *(".md", ".rst", ".pdf", ".html", ".htm", ".png", ".jpg", ".jpeg", ".svg"),
    *(".py", ".sql", ".sh", ".ipynb", ".yml", ".yaml", ".toml", ".ini"),
)
"""Suffixes of what people and tools lay beside their data."""
_NO_DATA_NAMES = ("readme", "license", "licence", "notice", "changelog", "manifest")
_WEAK = (".txt", ".json")
"""Suffixes of data, but also of what is said of data: left out where there are others."""


@dataclass(frozen=True)
class Prefix:
    """What the keys of a source's files begin with, in a store; `origin` names both to people."""

    store: LocalStore | S3Store
    key: str
    origin: str

    @classmethod
    def of(cls, request: Request, settings: Settings) -> Self:
        """Open the store of a source.

        Raises:
            RejectedResponseError: There is no such directory, or it is no regular file.
        """
        if request.scheme == "s3":
            return cls(*open_bucket(request, settings), request.url or "")
        path = request.path
        folder, key = (path, "") if path.is_dir() else (path.parent, path.name)
        if key and path.exists():
            with path_errors(path):
                open_regular(path).close()
        with store_errors(str(path)):
            return cls(LocalStore(folder), key, str(path))


@dataclass(frozen=True)
class Folder:
    """The files of data below a prefix, in the order of their names."""

    store: LocalStore | S3Store
    """Where their keys are known."""
    files: tuple[File, ...]
    left_out: tuple[str, ...] = ()
    """The names of files that may be data, but are of no format that is read."""
    columns: pa.Schema | None = None
    """Those of the table, where it has a log that says so."""

    def selected_columns(self, selection: Selection) -> pa.Schema | None:
        """Return those of the table that are selected; None where there is no log."""
        if self.columns is None:
            return None
        return pa.schema([self.columns.field(name) for name in selection.names(self.columns)])

    @property
    def faults(self) -> tuple[Fault, ...]:
        """A note that names what was left out."""
        if not self.left_out:
            return ()
        detail = (
            f"{len(self.left_out)} of {len(self.left_out) + len(self.files)} files are not read, "
            f"since their names are of other formats than the rest: {some(self.left_out)}"
        )
        return (Fault(fault="files_left_out", severity=Severity.NOTE, column=None, detail=detail),)


def list_prefix(prefix: Prefix) -> Folder:
    """List the files, but for those that tools hide from readers by a leading `_` or `.`.

    Raises:
        RejectedResponseError: There are none, or of several formats, or of a table whose format
            is not read.
        UnreadableError: The log of a Delta table is damaged.
        UsageError: What reads that log is not installed.
        obstore.exceptions.BaseError: The store refused or stayed away.
    """
    entries = list(_list_objects(prefix))
    _raise_for_table(prefix, entries)
    table = _delta_table(prefix, entries)
    if table is not None:
        return _delta_folder(prefix, table, entries)
    single = len(entries) == 1 and entries[0]["path"] == prefix.key
    known: list[File] = []
    unknown: list[File] = []
    for entry in entries:
        file = _file(prefix, entry)
        if not entry["size"] or _hidden(file):
            continue
        if file.format or single:
            known.append(file)
        elif not _no_data(file):
            unknown.append(file)
    known, weak = _strongest(known)
    known = known or _by_magic(prefix, unknown)
    left_out = sorted(
        file.name for file in (*weak, *unknown) if file.key not in {f.key for f in known}
    )
    _raise_for_formats(prefix, known, left_out)
    return Folder(prefix.store, tuple(sorted(known, key=lambda file: file.key)), tuple(left_out))


def _list_objects(prefix: Prefix) -> Iterator[obstore.ObjectMeta]:
    if prefix.key and not prefix.key.endswith("/"):
        try:
            yield obstore.head(prefix.store, prefix.key)
        except FileNotFoundError:
            pass
        else:
            return
    for page in obstore.list(prefix.store, prefix.key or None):
        yield from page


def _file(prefix: Prefix, entry: obstore.ObjectMeta) -> File:
    key = PurePosixPath(entry["path"])
    parts = key.relative_to(prefix.key).parts
    folder = PurePosixPath(*parts[:-1])
    return File(
        key,
        entry["size"],
        folder,
        entry["e_tag"] or "",
        format=FORMATS.get(_suffix(key)),
        partition=tuple(_partition(folder)),
    )


def _suffix(key: PurePosixPath) -> str:
    """Return the suffix of a format, in lower case, without that of a compression."""
    suffixes = [suffix.lower() for suffix in key.suffixes]
    while suffixes and suffixes[-1] in COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _partition(folder: PurePosixPath) -> Iterator[PartitionValue]:
    """Yield what folders such as `region=eu` say."""
    for part in folder.parts:
        name, equals, value = part.partition("=")
        if equals:
            known = None if value == _NO_VALUE else unquote(value)
            yield PartitionValue(unquote(name), known, pa.string())


def _hidden(file: File) -> bool:
    *folders, name = (*file.folder.parts, file.key.name)
    # A partition may be by a column whose name begins with _.
    hidden = any(part.startswith((".", "_")) and "=" not in part for part in folders)
    return hidden or name.startswith((".", "_"))


def _no_data(file: File) -> bool:
    return file.key.suffix.lower() in _NO_DATA or file.key.name.lower().startswith(_NO_DATA_NAMES)


def _strongest(files: Sequence[File]) -> tuple[list[File], list[File]]:
    """Part files of data from those that may only be told of data, and stand beside others."""
    files = [file for file in files if not _no_data(file)]
    strong = [file for file in files if _suffix(file.key) not in _WEAK]
    if not strong:
        return files, []
    return strong, [file for file in files if _suffix(file.key) in _WEAK]


def _by_magic(prefix: Prefix, files: Sequence[File]) -> list[File]:
    """Return files whose names say no format, if the first bytes of the first of them do."""
    if not files:
        return []
    first = min(files, key=lambda file: file.key)
    head = bytes(
        obstore.get_range(prefix.store, str(first.key), start=0, length=min(8, first.size))
    )
    found: Format | None = next((MAGIC[magic] for magic in MAGIC if head.startswith(magic)), None)
    alike = [file for file in files if _suffix(file.key) == _suffix(first.key)]
    return [replace(file, format=found) for file in alike] if found else []


def _raise_for_formats(prefix: Prefix, files: Sequence[File], left_out: Sequence[str]) -> None:
    if not files:
        others = f"; there are {some(left_out)}" if left_out else ""
        raise RejectedResponseError(
            f"{prefix.origin}: there are neither .parquet nor .csv nor other files of a format "
            f"that is read{others}"
        )
    by_format = {file.format: file for file in reversed(files)}
    if len(by_format) > 1:
        one, other, *_ = sorted(by_format.values(), key=lambda file: file.format != "parquet")
        raise RejectedResponseError(
            f"{prefix.origin}: there are both {_suffix(one.key)} and {_suffix(other.key)} files, "
            f"such as {one.name} and {other.name}; name a folder with one of them"
        )


def _raise_for_table(prefix: Prefix, entries: Sequence[obstore.ObjectMeta]) -> None:
    """Refuse the folders of tables whose files are not to be read as they lie there."""
    for entry in entries:
        parts = PurePosixPath(entry["path"]).relative_to(prefix.key).parts
        if _DELTA_LOG in parts[1:]:
            raise RejectedResponseError(
                f"{prefix.origin} holds Delta tables, such as {parts[0]}; name the folder of one"
            )
        if ".hoodie" in parts:
            raise RejectedResponseError(
                f"{prefix.origin} is a table of Apache Hudi, whose files are not to be read as "
                "they lie there; read it by a query ('database'), or export what is to be checked "
                "as Parquet"
            )
        if parts[-2:-1] == ("metadata",) and parts[-1].endswith(".metadata.json"):
            raise RejectedResponseError(
                f"{prefix.origin} is a table of Apache Iceberg, whose files are not to be read as "
                "they lie there; read it by a query ('database'), or export what is to be checked "
                "as Parquet"
            )


def _delta_table(prefix: Prefix, entries: Sequence[obstore.ObjectMeta]) -> Prefix | None:
    """Return the Delta table that a prefix is, or is a partition of."""
    key = prefix.key.rstrip("/")
    if any(entry["path"].startswith(f"{key}/{_DELTA_LOG}/".lstrip("/")) for entry in entries):
        return Prefix(prefix.store, key, prefix.origin)
    if not key and isinstance(prefix.store, LocalStore):
        folder = Path(str(prefix.store.prefix))
        table = _without_partitions(folder)
        if table != folder and (table / _DELTA_LOG).is_dir():
            return Prefix(LocalStore(table), "", prefix.origin)
        return None
    inside = PurePosixPath(key)
    root = _without_partitions(inside)
    log = obstore.list(prefix.store, str(root / _DELTA_LOG), chunk_size=1)
    if root != inside and next(iter(log), None):
        return Prefix(prefix.store, "" if root.name == "" else str(root), prefix.origin)
    return None


def _without_partitions(folder: P) -> P:
    """Return the folder above those of partitions."""
    while "=" in folder.name:
        folder = folder.parent
    return folder


def _delta_folder(prefix: Prefix, table: Prefix, entries: Sequence[obstore.ObjectMeta]) -> Folder:
    """List the files that the log of a Delta table names, as far as they are below a prefix."""
    from drift_checker.sources.delta import live_files  # noqa: PLC0415  # of few sources

    below = prefix.key.rstrip("/")
    if table.store is not prefix.store:
        inside = Path(str(prefix.store.prefix)).relative_to(Path(str(table.store.prefix)))
        below = inside.as_posix()
    if table.key != below:
        entries = [entry for page in obstore.list(table.store, table.key or None) for entry in page]
    files, columns = live_files(table.store, table.key, entries, prefix.origin)
    found = [file for file in files if file.key.is_relative_to(below)]
    if not found:
        raise RejectedResponseError(f"{prefix.origin} is of a Delta table, and has no files in it")
    files = sorted(found, key=lambda file: file.key)
    return Folder(table.store, tuple(files), columns=columns)
