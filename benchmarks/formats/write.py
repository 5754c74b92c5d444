"""`python -m benchmarks.formats.write FOLDER`: the data sets in the forms that people keep them in.

Rows are shuffled by a seed, and halved: a reference, and a batch without drift. Runs in an
environment of its own (requirements.txt), whose packages hold the data.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import distribution
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

from benchmarks.formats.datasets import DATA_SETS, MOST_ROWS, DataSet

SEED = 20_261_129


def read(data: DataSet) -> pa.Table:
    """Return at most `MOST_ROWS` of a data set, columns of the types that a person gives them."""
    frame = pd.read_csv(
        str(distribution(data.package).locate_file(data.file)),
        sep=data.delimiter,
        quotechar=data.quote,
        header=None if data.names else 0,
        names=list(data.names) or None,
        skiprows=data.skip,
        na_values=[data.missing] if data.missing else None,
        parse_dates=list(data.times),
        dtype_backend="pyarrow",
    )
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
    order = np.random.default_rng(SEED).permutation(len(frame))
    return table.take(order[:MOST_ROWS])


def _delimited(delimiter: str, decimal: str) -> Callable[[pa.Table, Path, str], None]:
    def write(table: pa.Table, path: Path, missing: str) -> None:
        frame = table.to_pandas()
        frame.to_csv(path, sep=delimiter, decimal=decimal, index=False, na_rep=missing)

    return write


def _json_lines(table: pa.Table, path: Path, _missing: str) -> None:
    pl.DataFrame(table).write_ndjson(path)


def _pandas(table: pa.Table, path: Path, _missing: str) -> None:
    table.to_pandas().to_parquet(path)


def _polars(table: pa.Table, path: Path, _missing: str) -> None:
    pl.DataFrame(table).write_parquet(path)


def _duckdb(table: pa.Table, path: Path, _missing: str) -> None:
    with duckdb.connect() as connection:
        connection.register("data", table)
        connection.execute(f"COPY data TO '{path}' (FORMAT parquet)")


FORMS: dict[str, tuple[str, Callable[[pa.Table, Path, str], None]]] = {
    "csv": ("csv", _delimited(",", ".")),
    "tsv": ("tsv", _delimited("\t", ".")),
    "semicolon": ("csv", _delimited(";", ",")),
    "jsonl": ("jsonl", _json_lines),
    "pandas": ("parquet", _pandas),
    "polars": ("parquet", _polars),
    "duckdb": ("parquet", _duckdb),
}
"""By name, the suffix and the function that writes a table with a word for what is missing."""


def main(folder: Path) -> None:
    """Write `FOLDER/<data set>/<form>/reference.<suffix>` and `batch.<suffix>`."""
    for data in DATA_SETS:
        table = read(data)
        half = table.num_rows // 2
        halves = {"reference": table.slice(0, half), "batch": table.slice(half)}
        for form, (suffix, write) in FORMS.items():
            place = folder / data.name / form
            place.mkdir(parents=True, exist_ok=True)
            for name, part in halves.items():
                write(part, place / f"{name}.{suffix}", data.missing)
        sys.stdout.write(f"{data.name}: {table.num_rows} rows, {table.num_columns} columns\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
