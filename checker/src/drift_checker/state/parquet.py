"""Tables in the store, as Parquet."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from drift_checker.state.store import Store


def as_parquet(table: pa.Table) -> bytes:
    """The bytes of a table; the same table again has the same ones."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def read_parquet(store: Store, key: str) -> pa.Table | None:
    """The table below a key, or None where there is none.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    data = store.get(key)
    if data is None:
        return None
    return pq.ParquetFile(pa.BufferReader(data)).read(use_threads=False)
