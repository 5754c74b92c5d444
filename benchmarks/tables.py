# mypy: ignore-errors
"""Tables to count and to compare: `python tables.py ROWS COLUMNS SEED DATA.parquet [EDGES.npy]`.

Normal, lognormal and Poisson numbers by turns. The edges, if a file for them is named, are 1,024
quantiles of each column, and of the Poisson numbers steps that many of them share.
"""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

EDGES = 1024
VALUES_PER_GROUP = 10 << 20
"""In each row group of the file, but of a million rows at most."""
HALVED_VALUES = 1 << 31
"""Tables of more are written in single precision, for the disk's sake."""


def draws(seed: int, rows: int) -> list[NDArray[np.float64]]:
    """Draw the columns that the table repeats."""
    rng = np.random.default_rng(seed)
    return [
        rng.normal(size=rows),
        rng.lognormal(size=rows),
        rng.poisson(20, rows).astype(float),
        rng.normal(size=rows),
    ]


def write(path: str, rows: int, columns: int, seed: int) -> None:
    """Write the table, a row group at a time."""
    size = min(1 << 20, VALUES_PER_GROUP // columns)
    type_ = pa.float32() if rows * columns > HALVED_VALUES else pa.float64()
    schema = pa.schema([(f"x{place}", type_) for place in range(columns)])
    with pq.ParquetWriter(path, schema) as writer:
        for group, first in enumerate(range(0, rows, size)):
            drawn = draws(seed + group, min(size, rows - first))
            arrays = [pa.array(values).cast(type_) for values in drawn]
            table = pa.table([arrays[i % 4] for i in range(columns)], schema)
            writer.write_table(table, row_group_size=size)


def edges(columns: int) -> NDArray[np.float64]:
    """Return increasing edges, a row for each column."""
    normal, lognormal, poisson, other = draws(0, 1 << 18)
    shares = np.linspace(0, 1, EDGES)
    steps = np.linspace(poisson.min(), poisson.max(), EDGES)
    rows = [np.quantile(normal, shares), np.quantile(lognormal, shares), steps]
    rows.append(np.quantile(other, shares))
    return np.array([rows[place % 4] for place in range(columns)])


def main(rows: str, columns: str, seed: str, data: str, edges_path: str | None = None) -> None:
    """Write what is asked for."""
    write(data, int(rows), int(columns), int(seed))
    if edges_path:
        np.save(edges_path, edges(int(columns)))


if __name__ == "__main__":
    main(*sys.argv[1:])
