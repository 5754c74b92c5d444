"""Tables of the tests, and their bytes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from drift_checker.profiles.numeric import NumericProfile


def table(rows: int, *, seed: int, shift: float = 0) -> pa.Table:
    """Numbers and categories; `shift` moves the numbers by so many standard deviations."""
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "x": pa.array(rng.normal(shift, 1, rows)),
            "y": pa.array(rng.normal(0, 1, rows)),
            "kind": pa.array(rng.choice(["a", "b", "c"], rows)),
        }
    )


def parquet(content: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(content, sink)
    return sink.getvalue().to_pybytes()


def as_csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pa.csv.write_csv(table, sink)
    return sink.getvalue().to_pybytes()


def same_counts(one: NumericProfile, other: NumericProfile) -> bool:
    """Whether two profiles count the same; moments depend on the order in which rows are added."""
    return (
        (one.rows, one.nulls, one.infinite, one.minimum, one.maximum)
        == (other.rows, other.nulls, other.infinite, other.minimum, other.maximum)
        and one.below.tolist() == other.below.tolist()
        and one.up_to.tolist() == other.up_to.tolist()
    )
