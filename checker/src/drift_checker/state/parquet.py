"""Tables in the store, as Parquet, each with a document that describes it.

The document stands in the file itself, so that both are there at once or not at all, and beside it,
where it is read without the rows and with the checksum of the file. What stands beside is made anew
of the file where it is lost, or is another table's.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from drift_checker.errors import DamagedObjectError
from drift_checker.state.documents import Document, parsed

_WITHIN = b"drift_checker"


class TableDocument(Document):
    """What describes a table; `sha256` is that of the Parquet file, which cannot know it.

    It is None within the file, and in what older versions wrote.
    """

    sha256: str | None = None


D = TypeVar("D", bound=TableDocument)


def as_parquet(table: pa.Table) -> bytes:
    """The bytes of a table; the same table again has the same ones."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def described_parquet(table: pa.Table, document: D) -> tuple[bytes, D]:
    """The bytes of a table that has a document within, and the document that stands beside it."""
    text = document.model_copy(update={"sha256": None}).model_dump_json().encode()
    metadata = {**(table.schema.metadata or {}), _WITHIN: text}
    data = as_parquet(table.replace_schema_metadata(metadata))
    return data, _with_checksum(document, data)


def table_of(data: bytes) -> pa.Table:
    """The table that a Parquet file's bytes hold."""
    return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)


def described_table(
    key: str, data: bytes, kind: type[D], beside: D | None
) -> tuple[pa.Table, D | None]:
    """The table of a file, and the document that has to stand beside it.

    It is None where the file holds none, as references of older versions.

    Raises:
        DamagedObjectError: It is no Parquet, or its checksum is another than the one beside.
    """
    table = parsed(key, data, table_of)
    digest = sha256(data).hexdigest()
    if beside is not None and beside.sha256 == digest:
        return table, beside
    text = (table.schema.metadata or {}).get(_WITHIN)
    within = None if text is None else parsed(key, text, kind.model_validate_json)
    if beside is not None and within in (None, beside.model_copy(update={"sha256": None})):
        if beside.sha256 is not None:
            raise DamagedObjectError(key, f"its SHA-256 is {digest}, and was {beside.sha256}")
        return table, beside  # an older version's, which says nothing of the bytes
    return table, within and within.model_copy(update={"sha256": digest})


def _with_checksum(document: D, data: bytes) -> D:
    return document.model_copy(update={"sha256": sha256(data).hexdigest()})
