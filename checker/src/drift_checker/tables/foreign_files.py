"""Formats that few batches have: Arrow IPC, ORC, Avro, workbooks, archives of one file.

Avro and Excel are read by libraries that are extras.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from drift_checker.errors import NoBatchError
from drift_checker.tables.batch import UnreadableError
from drift_checker.tables.formats import (
    Format,
    refused,
    unreadable_where,
)
from drift_checker.tables.limits import too_large
from drift_checker.tables.unicode import with_unicode_names
from drift_checker.tables.values import clean_text, column_of

_CSV = "save it as CSV"
_OFFICE = {
    "word/": "a Word document",
    "ppt/": "a PowerPoint presentation",
    "META-INF/manifest.xml": "a LibreOffice document",
}
_OLE2_STREAMS = {
    "EncryptedPackage": "an Office file with a password",
    "WordDocument": "a Word document",
    "PowerPoint Document": "a PowerPoint presentation",
}
"""The name of a stream, and what a file that has it is."""
_WORKBOOK = ("xl/workbook.xml", "xl/workbook.bin")
"""Members of a workbook (.xlsx, .xlsb)."""
_ODS = b"opendocument.spreadsheet"
"""In the first member of a workbook of LibreOffice (.ods)."""


def read_foreign(data: bytes, format_: Format) -> pa.Table:
    """Read a table; of a zip archive, a workbook.

    Raises:
        NoBatchError: The data are no table, or what reads them is not installed.
        UnreadableError: They are damaged.
    """
    return _READERS[format_](data)


def archived_file(data: bytes, max_bytes: int) -> tuple[bytes, str] | None:
    """Return the one file of a zip archive and its name, or None if it is a workbook.

    Raises:
        NoBatchError: It has several files.
        TooLargeError: It has one that is larger than `max_bytes`.
        UnreadableError: It is damaged.
    """
    with _damaged("zip archive", zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        archive = zipfile.ZipFile(io.BytesIO(data))
    names = [name for name in archive.namelist() if not _is_litter(name)]
    if sum(member.file_size for member in archive.infolist()) > max_bytes:
        raise too_large("The files in the zip archive", max_bytes)
    if any(name in _WORKBOOK for name in names) or _ODS in data[:200]:
        return None
    _raise_for_other_zip(names)
    member = archive.getinfo(names[0])
    if member.flag_bits & 1:
        raise refused("a zip archive with a password", "unpack it, or write it without one")
    return _member(archive, member, max_bytes), member.filename


def _is_litter(name: str) -> bool:
    """Whether a member is a folder, or what macOS adds."""
    return name.endswith(("/", ".DS_Store")) or name.startswith("__MACOSX/")


def _raise_for_other_zip(names: Sequence[str]) -> None:
    for folder, what in _OFFICE.items():
        if any(name.startswith(folder) for name in names):
            raise refused(what, "export the table in it as CSV")
    if names and all(name.endswith(".npy") for name in names):
        raise refused("a NumPy archive (.npz)", "export the table as Parquet, CSV or JSON")
    if len(names) != 1:
        shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")  # noqa: PLR2004  in a line
        files = f"{len(names)} files ({shown})" if names else "no file"
        raise refused(f"a zip archive with {files}", "unpack it, and point at one of them")


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo, max_bytes: int) -> bytes:
    import lzma  # noqa: PLC0415  # with the rest of a seldom path
    import zlib  # noqa: PLC0415

    raised = (zipfile.BadZipFile, NotImplementedError, OSError, EOFError, ValueError)
    with _damaged("zip archive", *raised, zlib.error, lzma.LZMAError), archive.open(member) as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise too_large("The files in the zip archive", max_bytes)
    return data


@contextmanager
def _damaged(what: str, *raised: type[Exception]) -> Iterator[None]:
    with unreadable_where(raised, f"The {what} is damaged or cut off"):
        yield


def _read_arrow(data: bytes) -> pa.Table:
    with _damaged("Arrow IPC file", pa.ArrowException, OSError):
        return _validated(pa.ipc.open_file(pa.BufferReader(data)).read_all())


def _read_stream(data: bytes) -> pa.Table:
    with _damaged("Arrow IPC stream", pa.ArrowException, OSError):
        return _validated(pa.ipc.open_stream(pa.BufferReader(data)).read_all())


def _validated(table: pa.Table) -> pa.Table:
    # Arrow trusts what it maps into memory; a wrong offset would be read all the same.
    table = with_unicode_names(table)
    table.validate(full=True)
    return table


def _read_orc(data: bytes) -> pa.Table:
    from pyarrow import orc  # noqa: PLC0415  # seldom needed

    with _damaged("ORC file", pa.ArrowException, OSError):
        return orc.ORCFile(pa.BufferReader(data)).read()


def _read_avro(data: bytes) -> pa.Table:
    try:
        import fastavro  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise _not_installed("an Avro file", "avro", "export it as Parquet or JSON") from error
    # What fastavro raises of damaged bytes is of many kinds.
    with _damaged("Avro file", Exception):
        reader = fastavro.reader(io.BytesIO(data))
        schema: Any = reader.writer_schema
        records: list[Any] = list(reader)
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise refused("an Avro file whose values are no records", "write records")
    names = [field["name"] for field in schema["fields"]]
    columns = [column_of([record[name] for record in records]) for name in names]
    return pa.Table.from_arrays(columns, names=names)


def _read_excel(data: bytes) -> pa.Table:
    """Read the first sheet that has rows; the first of them that is not empty names the columns."""
    for stream, what in _OLE2_STREAMS.items():
        if data.startswith(b"\xd0\xcf") and stream.encode("utf-16-le") in data:
            raise refused(what, f"{_CSV}, without a password")
    try:
        import python_calamine  # noqa: PLC0415  # an extra
    except ImportError as error:
        raise _not_installed("an Excel workbook", "excel", _CSV) from error
    try:
        rows = _rows_of_first_sheet(python_calamine.load_workbook(io.BytesIO(data)))
    except python_calamine.PasswordError as error:
        raise refused("a workbook with a password", f"{_CSV}, without one") from error
    except MemoryError:
        raise
    except BaseException as error:
        # Damaged bytes may raise a panic of Rust, too, which is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise UnreadableError(f"The Excel workbook is damaged or cut off: {error}") from error
    return _sheet_table(rows)


def _rows_of_first_sheet(workbook: Any) -> list[list[Any]]:
    """Return the rows that are not empty, of the first sheet that has some."""
    for name in workbook.sheet_names:
        rows = workbook.get_sheet_by_name(name).to_python()
        filled = [row for row in rows if any(cell != "" for cell in row)]
        if filled:
            return filled
    return []


def _sheet_table(rows: list[list[Any]]) -> pa.Table:
    if not rows:
        return pa.table({})
    names, columns = [], []
    for at, title in enumerate(rows[0]):
        cells = [None if row[at] == "" else row[at] for row in rows[1:]]
        if title == "" and not any(cell is not None for cell in cells):
            continue
        names.append(clean_text(str(_whole(title))) or f"column {at + 1}")
        fractions = any(isinstance(cell, float) and not cell.is_integer() for cell in cells)
        columns.append(column_of(cells if fractions else list(map(_whole, cells))))
    return pa.Table.from_arrays(columns, names=names)


def _whole(cell: Any) -> Any:
    """Return a whole number as an integer: a sheet holds floats only."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def _not_installed(what: str, extra: str, else_: str) -> NoBatchError:
    return refused(what, f"to read it, pip install 'drift-checker[{extra}]', or {else_}")


_READERS: dict[Format, Callable[[bytes], pa.Table]] = {
    "arrow": _read_arrow,
    "arrow stream": _read_stream,
    "orc": _read_orc,
    "avro": _read_avro,
    "zip": _read_excel,
    "ole2": _read_excel,
}
