"""What bytes are: their compression and their format, told by magic bytes, then by a name.

What is recognised and not read is refused in words that say what it is and what helps.
"""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

import pyarrow as pa

from drift_checker.errors import NoBatchError
from drift_checker.tables.batch import UnreadableError
from drift_checker.tables.limits import too_large

Format = Literal["parquet", "csv", "json", "arrow", "arrow stream", "orc", "avro", "zip", "ole2"]
"""A zip archive may be a workbook of Excel or hold one file, an OLE2 file an old workbook."""
Compression = Literal["gzip", "zstd", "bz2", "xz", "lz4"]

HEAD_BYTES = 1024
"""The first bytes of a file, by which its format is recognised."""
_PIECE_BYTES = 1 << 20

_FORMATS: tuple[tuple[bytes, Format], ...] = (
    (b"PAR1", "parquet"),
    (b"ARROW1", "arrow"),
    (b"\xff\xff\xff\xff", "arrow stream"),
    (b"ORC", "orc"),
    (b"Obj\x01", "avro"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2"),
)
_NAMES: dict[str, Format] = {
    "parquet": "parquet",
    "parq": "parquet",
    "pq": "parquet",
    "json": "json",
    "jsonl": "json",
    "ndjson": "json",
    "geojson": "json",
    "feather": "arrow",
    "arrow": "arrow",
    "ipc": "arrow",
    "arrows": "arrow stream",
    "stream": "arrow stream",
    "orc": "orc",
    "avro": "avro",
}
"""Words of a suffix or a content type."""
_BZ2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
_COMPRESSIONS: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    *((bytes([frame]) + b"\x2a\x4d\x18", "zstd") for frame in range(0x50, 0x60)),
    *((b"BZh%d%b" % (level, block), "bz2") for level in range(1, 10) for block in _BZ2_BLOCKS),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
"""Data of zstd may begin with frames that are skipped."""
# Patterns are compiled where they are needed: for Parquet and most JSON, they are not.
_COMPRESSED_SUFFIX = r"\.(gz|gzip|zst|zstd|bz2|xz|lz4|zip)$"

_EXPORT = "export the table as Parquet, CSV or JSON"
_UNPACK = "unpack it, and point at the file inside"
_REFUSED: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"FEA1", "a Feather file of version 1", "write it as version 2, which is Arrow IPC"),
    (0, b"PARE", "an encrypted Parquet file", "write it without encryption"),
    (0, b"%PDF-", "a PDF document", _EXPORT),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file (also netCDF or MATLAB)", _EXPORT),
    (0, b"CDF\x01", "a netCDF file", _EXPORT),
    (0, b"CDF\x02", "a netCDF file", _EXPORT),
    (0, b"CDF\x05", "a netCDF file", _EXPORT),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file", _EXPORT),
    (0, b"SQLite format 3\x00", "an SQLite database", _EXPORT),
    (8, b"DUCK", "a DuckDB database", "name it as a source `duckdb:`, with a query"),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", _EXPORT),
    (0, b"X\n\x00\x00\x00", "an R object (.rds)", "write it by arrow::write_parquet()"),
    (0, b"A\n2\n", "an R object (.rds)", "write it by arrow::write_parquet()"),
    (0, b"A\n3\n", "an R object (.rds)", "write it by arrow::write_parquet()"),
    (0, b"RDX2\n", "an R workspace (.RData)", "write its table by arrow::write_parquet()"),
    (0, b"RDX3\n", "an R workspace (.RData)", "write its table by arrow::write_parquet()"),
    (12, b"\xc2\xea\x81\x60\xb3\x14\x11\xcf\xbd\x92\x08\x00", "a SAS data set", _EXPORT),
    (0, b"HEADER RECORD*******LIB", "a SAS transport file (.xpt)", _EXPORT),
    (0, b"<stata_dta>", "a Stata data set (.dta)", _EXPORT),
    (0, b"$FL2", "an SPSS data set (.sav)", _EXPORT),
    (0, b"$FL3", "an SPSS data set (.zsav)", _EXPORT),
    (0, b"\x89PNG\r\n", "an image (PNG)", _EXPORT),
    (0, b"\xff\xd8\xff", "an image (JPEG)", _EXPORT),
    (0, b"GIF8", "an image (GIF)", _EXPORT),
    (0, b"II*\x00", "an image (TIFF)", _EXPORT),
    (0, b"MM\x00*", "an image (TIFF)", _EXPORT),
    (8, b"WEBP", "an image (WebP)", _EXPORT),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (0, b"\x1f\x9d", "a file compressed by compress (.Z)", "unpack it, or use gzip or zstd"),
    (0, b"\xff\x06\x00\x00sNaPpY", "a Snappy stream", "unpack it, or use gzip or zstd"),
    (0, b"{\\rtf", "a rich-text document", _EXPORT),
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the data", "get them: git lfs pull"),
    (0, b"-----BEGIN PGP", "an encrypted message (PGP)", "decrypt it"),
)
"""Where a magic stands, the magic, what it means, and what helps."""
_PATTERNS: tuple[tuple[bytes, str, str], ...] = (
    (rb"\x80[\x02-\x05][\x95}\](c\x8cXq]", "a Python pickle", "write the frame by to_parquet()"),
    (rb"[\x68-\x73][\x01\x02]\x01\x00", "a Stata data set (.dta)", _EXPORT),
    # A tag of which the next is the neighbour; in a CSV file, names in brackets have a delimiter.
    (
        rb"\s*(<\?xml\b|<!--|<[A-Za-z_][\w:.-]*(\s+[\w:.-]+\s*=[^<>]*)?>\s*<)",
        "an XML document",
        _EXPORT,
    ),
)
_WEB_PAGE = rb"(?s)\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<(!doctype html|html|head|body|table)\b"
_JSON_START = rb"""[\s\x1e]*(\{\s*(["'}]|$)|\[\s*([{\["\]\d-]|null|true|false|NaN|-?Inf|$))"""
_CONTROLS = bytes({0, *range(2, 9), *range(14, 27), 127})  # but for those that separate values
_MOST_CONTROLS = 0.05
"""Of text, by its characters."""


_OUT_OF_MEMORY = ("bad_alloc", "Error -4 ", "llocation error", "out of memory", "not enough memory")
"""In errors of C++, zlib, zstd and other libraries that were given no memory."""


@contextmanager
def unreadable_where(raised: tuple[type[Exception], ...], damage: str) -> Iterator[None]:
    """Raise what a library raises of damaged bytes as an error that says what is damaged.

    Raises:
        MemoryError: There is no memory for them, in whatever words it was said.
        UnreadableError: They cannot be read.
    """
    try:
        yield
    except MemoryError:  # which Arrow's own errors are, too: the data may be sound
        raise
    except raised as error:
        if any(words in str(error) for words in _OUT_OF_MEMORY):
            raise MemoryError from error
        raise UnreadableError(f"{damage}: {error}") from error


def format_of(head: bytes, kind: str = "") -> Format:
    """Return the format by the first bytes, then by a content type or a file's name.

    Raises:
        NoBatchError: It is one that is not read.
    """
    for magic, format_ in _FORMATS:
        if _has_magic(head, 0, magic):
            return format_
    named = _NAMES.get(_suffix(kind))
    text = plain_text(head)
    _raise_for_refused(head, text, kind)
    if re.match(_JSON_START, text) and not _is_delimited(kind, text):
        return "json"
    if named is None and _is_binary(text):
        raise refused("binary data of a format that is not known", _EXPORT)
    return named or "csv"


def refused(what: str, help_: str) -> NoBatchError:
    """Return the error of data that are recognised, and not read."""
    return NoBatchError(f"The data are {what}, which is not read; {help_}.")


def plain_text(head: bytes) -> bytes:
    """Return the first bytes of text of any Unicode encoding as UTF-8, and all else as it is."""
    if b"\x00" not in head and head[:1] not in {b"\xef", b"\xfe", b"\xff"}:
        return head
    from drift_checker.tables.encoding import unicode_encoding  # noqa: PLC0415  # of odd text only

    encoding = unicode_encoding(head)
    return head.decode(encoding, "ignore").removeprefix("\ufeff").encode() if encoding else head


def compression_of(head: bytes) -> Compression | None:
    """Return how bytes are compressed, by the first of them."""
    for magic, compression in _COMPRESSIONS:
        if head.startswith(magic):
            return compression
    return None


@contextmanager
def decoded_stream(source: Path | bytes | io.IOBase, compression: Compression) -> Iterator[Any]:
    """Open compressed data as a stream of the bytes that they stand for.

    Raises:
        UnreadableError: They are damaged or cut off; raised inside the context, too.
    """
    damage = f"The {compression} data are damaged or cut off"
    if compression == "xz":
        import lzma  # noqa: PLC0415  # seldom needed

        raw: Any = io.BytesIO(source) if isinstance(source, bytes) else source
        with unreadable_where((lzma.LZMAError, EOFError), damage), lzma.open(raw) as stream:
            yield stream
    else:
        with unreadable_where((OSError,), damage):
            yield pa.CompressedInputStream(_arrow_file(source), compression)


def _arrow_file(source: Path | bytes | io.IOBase) -> pa.NativeFile:
    if isinstance(source, bytes):
        return pa.BufferReader(source)
    return pa.OSFile(str(source), "rb") if isinstance(source, Path) else pa.PythonFile(source, "r")


def unpack(data: bytes, max_bytes: int) -> bytes:
    """Return data without the compression that they may have, once or twice.

    Raises:
        TooLargeError: They are more than `max_bytes` then.
        UnreadableError: They are damaged or cut off.
    """
    for _ in range(2):
        compression = compression_of(data[:HEAD_BYTES])
        if compression is None:
            break
        unpacked = bytearray()
        with decoded_stream(data, compression) as stream:
            while piece := stream.read(_PIECE_BYTES):
                unpacked += piece
                if len(unpacked) > max_bytes:
                    raise too_large(f"The {compression} data", max_bytes)
        data = bytes(unpacked)
    return data


def _suffix(kind: str) -> str:
    """Return the word of a content type or of a file's name that may be a format's."""
    kind = kind.lower()
    if "/" in kind:
        words = re.split(r"[^a-z0-9]+", kind.partition(";")[0])
        return next((word for word in reversed(words) if word in _NAMES), words[-1])
    return re.sub(_COMPRESSED_SUFFIX, "", kind).rpartition(".")[2]


def _is_delimited(kind: str, text: bytes) -> bool:
    """Whether brackets are those of names of delimited text: it says so, and has a delimiter."""
    named = _suffix(kind) in {"csv", "tsv", "tab", "psv", "txt"}
    return named and re.match(rb"\s*\[[^\]\[{}\"]*\]\s*[,;\t|]", text) is not None


def _raise_for_refused(head: bytes, text: bytes, kind: str) -> None:
    for at, magic, what, help_ in _REFUSED:
        if _has_magic(head, at, magic):
            raise refused(what, help_)
    if re.match(_WEB_PAGE, text.lower()) or _suffix(kind) in {"html", "htm"}:
        raise NoBatchError("The source answered with a web page (HTML), not with a batch.")
    for pattern, what, help_ in _PATTERNS:
        if re.match(pattern, head) or re.match(pattern, text):
            raise refused(what, help_)


def _has_magic(head: bytes, at: int, magic: bytes) -> bool:
    """Whether bytes have a magic; one of letters may be a column's name, such as ORCID, in text."""
    if not head.startswith(magic, at):
        return False
    return not magic.isalnum() or head == magic or _controls(head) > 0


def _controls(text: bytes) -> int:
    return len(text) - len(text.translate(None, _CONTROLS))


def _is_binary(text: bytes) -> bool:
    return _controls(text) > _MOST_CONTROLS * len(text)


def open_regular(path: Path) -> BinaryIO:
    """Open a file for reading; what may be waited for without end (pipes, devices) is none.

    Raises:
        OSError: It cannot be read, or is no regular file.
    """
    return open(path, "rb", opener=_open_regular)


def _open_regular(path: str, flags: int) -> int:
    # Before, since to open a device may do something; after, since it may have become another.
    _raise_for_irregular(Path(path).stat(), path)
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
    try:
        _raise_for_irregular(os.fstat(descriptor), path)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _raise_for_irregular(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFDIR: "a directory"}
        kind = kinds.get(stat.S_IFMT(status.st_mode), "a device")
        raise OSError(errno.EINVAL, f"is {kind}, and no regular file", path)


def told_format(path: Path) -> tuple[Format | None, Compression | None]:
    """Return the format of a file, or None of one that is empty, and how it is compressed.

    Raises:
        NoBatchError: The format is one that is not read.
        OSError: It cannot be read, or is no regular file.
    """
    with open_regular(path) as file:
        head = file.read(HEAD_BYTES)
    compression = compression_of(head)
    if compression:
        with suppress(UnreadableError), decoded_stream(path, compression) as stream:
            head = stream.read(HEAD_BYTES)
    # What is compressed twice is read as a whole.
    told = head.strip() and not (compression and compression_of(head))
    return (format_of(head, path.name) if told else None), compression
