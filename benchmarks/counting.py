# ruff: noqa: T201  a command, which prints
# mypy: ignore-errors
"""Counts of every column on given edges, by one of several ways: what `engines` measures.

Runs in an environment of its own (`engines-requirements.txt` beside it), as
`python counting.py WAY EDGES.npy DATA.parquet`. EDGES are rows of increasing numbers, one for each
column of DATA; the counts are of the rows above one edge and at most at the next. Prints JSON: the
CPU-seconds and the peak of memory of the process and all its children from the end of imports and
of the engine's start, and a digest of the counts, in which all ways have to agree.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SPARK_MEMORY = "4g"
SAMPLE_SECONDS = 0.5


class Usage:
    """CPU time and memory of this process and of all that descend from it, from now on."""

    def __init__(self) -> None:
        self.peak, self._ended = 0, threading.Event()
        self._before = self._cpu()
        self._watch = threading.Thread(target=self._sample, daemon=True)
        self._watch.start()

    def _tree(self) -> list[psutil.Process]:
        own = psutil.Process()
        return [own, *own.children(recursive=True)]

    def _cpu(self) -> float:
        return sum(sum(process.cpu_times()[:4]) for process in self._tree())

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            try:
                held = sum(process.memory_info().rss for process in self._tree())
            except psutil.NoSuchProcess:
                continue
            self.peak = max(self.peak, held)

    def end(self) -> dict[str, float]:
        """Return what was used."""
        cpu = self._cpu() - self._before
        self._ended.set()
        self._watch.join()
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {"cpu": cpu, "peak": max(self.peak, own)}


def _numpy(values: pa.Array) -> NDArray[Any]:
    # np.asarray() would import pandas, which takes ten times as long as all the counting.
    return np.from_dlpack(values)


def _cells(ordered: Floats, edges: Floats) -> Ints:
    ends = np.searchsorted(ordered, edges, side="right")
    return np.diff(ends, prepend=0, append=len(ordered))


def _sorted(values: Floats, edges: Floats) -> Ints:
    return _cells(np.sort(values), edges)


def _searched(values: Floats, edges: Floats) -> Ints:
    return np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)


def _weighted(values: Floats, counts: Ints, edges: Floats) -> Ints:
    cells = np.bincount(np.searchsorted(edges, values), counts, minlength=len(edges) + 1)
    return cells.astype(np.int64)


def _distinct(values: Floats, edges: Floats) -> Ints:
    found = pc.value_counts(pa.array(values))
    return _weighted(_numpy(found.field(0)), _numpy(found.field(1)), edges)


def _arrow(count: Callable[[Floats, Floats], Ints]) -> Callable[[Path, Floats], Ints]:
    """Read each column chunk once, one at a time."""

    def counts(data: Path, edges: Floats) -> Ints:
        found = np.zeros((len(edges), edges.shape[1] + 1), np.int64)
        file = pq.ParquetFile(data)
        for group in range(file.num_row_groups):
            for place, name in enumerate(file.schema_arrow.names):
                chunk = file.read_row_group(group, [name], use_threads=False).column(0)
                for part in chunk.chunks:
                    found[place] += count(_numpy(part), edges[place])
        return found

    return counts


def _duckdb_histogram(data: Path, edges: Floats) -> Ints:
    import duckdb  # noqa: PLC0415

    names = pq.read_schema(data).names
    lists = ", ".join(
        f"histogram({name}, {[*ends.tolist(), float('inf')]}) AS {name}".replace(
            "inf", "'inf'::DOUBLE"
        )
        for name, ends in zip(names, edges, strict=True)
    )
    connection = duckdb.connect(config={"threads": 2})
    query = f"SELECT {lists} FROM read_parquet('{data}')"  # noqa: S608  our own file
    row = connection.execute(query).fetchone()
    return np.array([list(one.values()) for one in row], np.int64)


def _duckdb_distinct(data: Path, edges: Floats) -> Ints:
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect(config={"threads": 2})
    found = []
    for name, ends in zip(pq.read_schema(data).names, edges, strict=True):
        query = f"SELECT {name} AS x, count(*) AS n FROM read_parquet('{data}') GROUP BY 1"  # noqa: S608
        columns = connection.execute(query).fetchnumpy()
        found.append(_weighted(columns["x"], columns["n"], ends))
    return np.array(found)


def _bucket(table: Any, edges: Floats) -> Ints:
    """Ibis' own, one query for each column."""
    found = np.zeros((len(edges), edges.shape[1] + 1), np.int64)
    for place, (name, ends) in enumerate(zip(table.columns, edges, strict=True)):
        bucket = table[name].bucket(
            ends.tolist(), closed="right", close_extreme=False, include_under=True,
            include_over=True,
        )  # fmt: skip
        counted = table.group_by(bucket=bucket).agg(n=table.count()).to_pyarrow()
        found[place, np.asarray(counted["bucket"])] = np.asarray(counted["n"])
    return found


def _duckdb_bucket(data: Path, edges: Floats) -> Ints:
    import ibis  # noqa: PLC0415

    return _bucket(ibis.duckdb.connect(threads=2).read_parquet(data), edges)


def _spark() -> Any:
    from pyspark.sql import SparkSession  # noqa: PLC0415

    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.master("local[2]").config("spark.driver.memory", SPARK_MEMORY)
    for name, value in {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.log.level": "ERROR",
    }.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.range(1).count()
    return session


def _spark_bucket(data: Path, edges: Floats) -> Ints:
    import ibis  # noqa: PLC0415

    return _bucket(ibis.pyspark.connect(_spark()).read_parquet(data), edges)


def _spark_bucketizer(data: Path, edges: Floats) -> Ints:
    """Spark's own transformer; its intervals are closed on the left."""
    from pyspark.ml.feature import Bucketizer  # noqa: PLC0415
    from pyspark.sql import functions as f  # noqa: PLC0415

    frame = _spark().read.parquet(str(data))
    names = frame.columns
    after = np.nextafter(edges, np.inf)
    bucketizer = Bucketizer(
        inputCols=names,
        outputCols=[f"cell_{name}" for name in names],
        splitsArray=[[-np.inf, *ends.tolist(), np.inf] for ends in after],
    )
    cells = f.array(*[f.col(f"cell_{name}") for name in names])
    placed = bucketizer.transform(frame).select(f.posexplode(cells).alias("column", "cell"))
    rows = placed.groupBy("column", "cell").count().toArrow()
    found = np.zeros((len(edges), edges.shape[1] + 1), np.int64)
    found[np.asarray(rows["column"]), np.asarray(rows["cell"]).astype(int)] = rows["count"]
    return found


def _spark_distinct(data: Path, edges: Floats) -> Ints:
    frame = _spark().read.parquet(str(data))
    found = []
    for name, ends in zip(frame.columns, edges, strict=True):
        rows = frame.groupBy(name).count().toArrow()
        found.append(_weighted(np.asarray(rows[name]), np.asarray(rows["count"]), ends))
    return np.array(found)


def _spark_arrow(data: Path, edges: Floats) -> Ints:
    """The function for Arrow on the batches of Spark's workers."""

    def partial(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        found = np.zeros((len(edges), edges.shape[1] + 1), np.int64)
        for batch in batches:
            for place, column in enumerate(batch.columns):
                found[place] += _sorted(_numpy(column), edges[place])
        yield pa.record_batch({"counts": pa.array([found.tobytes()])})

    session = _spark()
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", 0)
    rows = session.read.parquet(str(data)).mapInArrow(partial, "counts binary").collect()
    parts = [np.frombuffer(row.counts, np.int64) for row in rows]
    return np.sum(parts, axis=0).reshape(len(edges), -1)


WAYS: dict[str, Callable[[Path, Floats], Ints]] = {
    "arrow-sorted": _arrow(_sorted),
    "arrow-searched": _arrow(_searched),
    "arrow-distinct": _arrow(_distinct),
    "duckdb-histogram": _duckdb_histogram,
    "duckdb-distinct": _duckdb_distinct,
    "duckdb-bucket": _duckdb_bucket,
    "spark-arrow": _spark_arrow,
    "spark-bucketizer": _spark_bucketizer,
    "spark-distinct": _spark_distinct,
    "spark-bucket": _spark_bucket,
}


def main(way: str, edges_path: str, data: str) -> None:
    """Count, and print what it took."""
    edges = np.load(edges_path)
    if way.startswith("spark"):
        _spark()
    elif way.startswith("duckdb"):
        import duckdb  # noqa: PLC0415, F401
    if way.endswith("-bucket"):
        import ibis  # noqa: PLC0415, F401
    usage = Usage()
    counts = WAYS[way](Path(data), edges)
    print(json.dumps(usage.end() | {"digest": sha256(counts.tobytes()).hexdigest()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
