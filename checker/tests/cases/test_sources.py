"""Monitors of files and folders: what is read of them, and feeds that change."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.orc
import pyarrow.parquet as pq
import pytest

ROWS = 400
FILE = "    current: {path: %s}\n    reference: {path: %s}\n"


def table(seed: int, mean: float = 0, rows: int = ROWS) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table({"kind": rng.choice(["a", "b"], rows), "value": rng.normal(mean, 1, rows)})


def csv(content: pa.Table, gap: str = ",") -> bytes:
    sink = io.BytesIO()
    pa.csv.write_csv(content, sink, pa.csv.WriteOptions(delimiter=gap, quoting_style="none"))
    return sink.getvalue()


def json_lines(content: pa.Table) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in content.to_pylist()).encode()


def parquet(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(content, sink)
    return sink.getvalue()


def feather(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.feather.write_feather(content, sink)
    return sink.getvalue()


def orc(content: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.orc.write_table(content, sink)
    return sink.getvalue()


OTHERS: dict[str, Callable[[pa.Table], bytes]] = {
    "09.csv.gz": lambda content: gzip.compress(csv(content), mtime=0),
    "09.CSV": csv,
    "09.tsv": lambda content: csv(content, "\t"),
    "09.txt": csv,
    "09.csv.bz2": lambda content: bz2.compress(csv(content)),
    "09.csv.zst": lambda content: pa.compress(csv(content), codec="zstd", asbytes=True),
    "09.parquet": parquet,
    "09.PARQUET": parquet,
    "09.jsonl": json_lines,
    "09.json.gz": lambda content: gzip.compress(json_lines(content), mtime=0),
    "09.feather": feather,
    "09.orc": orc,
}


@pytest.mark.parametrize("name", OTHERS)
def test_no_file_of_a_folder_is_left_out_without_a_word(feed: Any, name: str) -> None:
    feed.put("reference.csv", csv(table(1)))
    feed.put("day/08.csv", csv(table(2)))
    feed.put(f"day/{name}", OTHERS[name](table(3, mean=3)))
    feed.fit(FILE % ("day", "reference.csv"))
    outcome = feed.tick(9)
    suffix = name.split(".", 1)[1]
    told = re.search(rf"[.]{suffix}|{name}", outcome.told, re.IGNORECASE) is not None
    assert told or (outcome.rows, outcome.verdict) == (2 * ROWS, "drift")


@pytest.mark.parametrize("name", ["_SUCCESS", ".hidden.csv", "_temporary/part.csv", "empty.csv"])
def test_files_that_are_no_data(feed: Any, name: str) -> None:
    feed.put("reference.csv", csv(table(1)))
    feed.put("day/08.csv", csv(table(2)))
    feed.put(f"day/{name}", b"" if "." not in name[1:] or "empty" in name else csv(table(3, 5)))
    feed.fit(FILE % ("day", "reference.csv"))
    outcome = feed.tick(9)
    assert (outcome.verdict, outcome.rows) == ("ok", ROWS)


def delta(folder: str, feed: Any, actions: list[list[dict[str, Any]]], parts: list[str]) -> None:
    """Write the log of a Delta table."""
    fields = [
        {"name": name, "type": kind, "nullable": True, "metadata": {}}
        for name, kind in (("kind", "string"), ("value", "double"))
    ]
    begin = {
        "id": "00000000-0000-4000-8000-000000000000",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": parts,
        "configuration": {},
    }
    first = [{"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}}, {"metaData": begin}]
    for version, each in enumerate(actions):
        lines = [json.dumps(one) + "\n" for one in ([*first, *each] if version == 0 else each)]
        feed.put(f"{folder}/_delta_log/{version:020}.json", "".join(lines).encode())


def added(feed: Any, folder: str, name: str, **values: str) -> dict[str, Any]:
    size = (feed.folder / folder / name).stat().st_size
    entry = {"path": name, "partitionValues": values, "size": size}
    return {"add": entry | {"modificationTime": 1, "dataChange": True}}


def removed(name: str) -> dict[str, Any]:
    return {"remove": {"path": name, "deletionTimestamp": 2, "dataChange": True}}


@pytest.mark.parametrize("replaced", ["replaced", "deleted", "never committed", "partitions"])
def test_a_delta_table_is_what_its_log_says(feed: Any, replaced: str) -> None:
    feed.put("reference.parquet", parquet(table(1)))
    old, new = "part-0.parquet", "part-1.parquet"
    content = {old: table(2, mean=6), new: table(3)}
    parts: list[str] = []
    if replaced == "partitions":
        old, new = "kind=a/part-0.parquet", "kind=a/part-1.parquet"
        content = {old: table(2, mean=6).drop(["kind"]), new: table(3).drop(["kind"])}
        parts = ["kind"]
        feed.put("reference.parquet", parquet(table(1).drop(["kind"])))
    for name, each in content.items():
        feed.put(f"table/{name}", parquet(each))
    values = {"kind": "a"} if parts else {}
    first = [added(feed, "table", old, **values)]
    then = [removed(old), added(feed, "table", new, **values)]
    if replaced == "deleted":
        first, then = [*first, added(feed, "table", new)], [removed(old)]
    log = [first, then]
    if replaced == "never committed":
        log = [[added(feed, "table", new)]]
    delta("table", feed, log, parts)
    feed.fit(FILE % ("table", "reference.parquet"))
    outcome = feed.tick(9)
    if outcome.result is not None and outcome.verdict == "ok":
        assert outcome.rows == ROWS
    else:
        assert "delta" in outcome.told.lower()


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("metadata/v1.metadata.json", b'{"format-version": 2}', "iceberg"),
        (".hoodie/hoodie.properties", b"hoodie.table.name=t\n", "hudi"),
    ],
)
def test_other_tables_are_refused_by_name(feed: Any, name: str, content: bytes, word: str) -> None:
    feed.put("reference.parquet", parquet(table(1)))
    data = "data/part.parquet" if word == "iceberg" else "part.parquet"
    feed.put(f"table/{data}", parquet(table(2)))
    feed.put(f"table/{name}", content)
    feed.fit(FILE % ("table", "reference.parquet"))
    outcome = feed.tick(9)
    assert outcome.result is None or outcome.verdict == "invalid"
    assert word in outcome.told.lower()


def amounts(values: Any, seed: int) -> pa.Table:
    return pa.table({"coupon": values, "amount": np.random.default_rng(seed).normal(size=ROWS)})


PLAIN: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "null": (lambda: pa.nulls(ROWS), lambda: pa.array(["ten"] * ROWS)),
    "null and numbers": (lambda: pa.nulls(ROWS), lambda: pa.array(np.arange(ROWS) % 7)),
    "int and float": (
        lambda: pa.array(np.arange(ROWS) % 7),
        lambda: pa.array(np.arange(ROWS) % 7 + 0.5),
    ),
    "widths": (
        lambda: pa.array(np.arange(ROWS) % 7, pa.int8()),
        lambda: pa.array(np.arange(ROWS) % 7, pa.int64()),
    ),
    "floats": (
        lambda: pa.array(np.arange(ROWS) % 7, pa.float32()),
        lambda: pa.array(np.arange(ROWS) % 7, pa.float64()),
    ),
    "texts": (
        lambda: pa.array(["ten"] * ROWS, pa.large_string()),
        lambda: pa.array(["ten"] * ROWS).dictionary_encode(),
    ),
    "times": (
        lambda: pa.array(np.arange(ROWS)).cast(pa.timestamp("ms")),
        lambda: pa.array(np.arange(ROWS)).cast(pa.timestamp("us", "UTC")),
    ),
}


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", PLAIN)
def test_files_of_other_schemas_are_united(feed: Any, name: str, *, turned: bool) -> None:
    one, other = PLAIN[name]
    feed.put("reference.parquet", parquet(amounts(other(), 1)))
    feed.put("hours/08.parquet", parquet(amounts((other if turned else one)(), 2)))
    feed.put("hours/09.parquet", parquet(amounts((one if turned else other)(), 3)))
    feed.fit(FILE % ("hours", "reference.parquet"))
    outcome = feed.tick(9)
    assert outcome.rows == 2 * ROWS
    assert outcome.verdict != "invalid"


def test_a_column_that_one_file_does_not_have(feed: Any) -> None:
    feed.put("reference.parquet", parquet(table(1)))
    feed.put("hours/08.parquet", parquet(table(2).drop(["kind"])))
    feed.put("hours/09.parquet", parquet(table(3)))
    feed.fit(FILE % ("hours", "reference.parquet"))
    assert feed.tick(9).rows == 2 * ROWS


def test_what_cannot_be_united_is_named_with_its_file(feed: Any) -> None:
    feed.put("reference.parquet", parquet(amounts(pa.array(["a"] * ROWS), 1)))
    feed.put("hours/08.parquet", parquet(amounts(pa.array(["a"] * ROWS), 2)))
    feed.put("hours/09.parquet", parquet(amounts(pa.array([{"a": 1}] * ROWS), 3)))
    feed.fit(FILE % ("hours", "reference.parquet"))
    outcome = feed.tick(9)
    assert "coupon" in outcome.told
    assert "09.parquet" in outcome.told


STAMPS: dict[str, Callable[[int, int], Any]] = {
    "Z": lambda hour, minute: f"2026-11-23T{hour:02}:{minute:02}:00Z",
    "an offset": lambda hour, minute: f"2026-11-23T{hour + 2:02}:{minute:02}:00+02:00",
    "milliseconds": lambda hour, minute: f"2026-11-23T{hour:02}:{minute:02}:00.123Z",
    "nanoseconds": lambda hour, minute: f"2026-11-23T{hour:02}:{minute:02}:00.123456789Z",
    "seven digits": lambda hour, minute: f"2026-11-23T{hour:02}:{minute:02}:00.1234567",
    "no zone": lambda hour, minute: f"2026-11-23 {hour:02}:{minute:02}:00",
}
WINDOW = (
    "    current: {path: current.%s, time: at, window: 1h}\n    reference: {path: reference.%s}\n"
)
WRITERS: dict[str, Callable[[pa.Table], bytes]] = {
    "parquet": parquet,
    "csv": csv,
    "jsonl": json_lines,
}


@pytest.mark.parametrize("suffix", WRITERS)
@pytest.mark.parametrize("name", STAMPS)
def test_a_window_of_times_as_text(feed: Any, name: str, suffix: str) -> None:
    def file(hours: list[int], seed: int) -> bytes:
        at = [STAMPS[name](hour, row % 60) for hour in hours for row in range(ROWS)]
        rng = np.random.default_rng(seed)
        return WRITERS[suffix](pa.table({"at": at, "amount": rng.normal(size=len(at))}))

    feed.put(f"reference.{suffix}", file([1], 1))
    feed.put(f"current.{suffix}", file([7, 8, 9], 2))
    feed.fit(WINDOW % (suffix, suffix))
    outcome = feed.tick(9)
    assert (outcome.rows, outcome.verdict) == (ROWS, "ok")


CHANGED: dict[str, Callable[[pa.Table], bytes]] = {
    "a semicolon": lambda content: csv(content, ";"),
    "a tab": lambda content: csv(content, "\t"),
    "a bar": lambda content: csv(content, "|"),
    "JSON lines": json_lines,
    "Parquet": parquet,
    "gzip": lambda content: gzip.compress(csv(content), mtime=0),
    "UTF-16": lambda content: csv(content).decode().encode("utf-16"),
    "a decimal comma": lambda content: csv(content, ";").replace(b".", b","),
    "other names": lambda content: csv(content.rename_columns(["a", "b"])),
    "no header": lambda content: csv(content).split(b"\n", 1)[1],
    "a title": lambda content: b"Report\n\n" + csv(content),
    "nothing": lambda _: b"",
}


@pytest.mark.parametrize("name", CHANGED)
def test_a_feed_that_changes_leaves_a_result(feed: Any, name: str) -> None:
    feed.put("reference.csv", csv(table(1)))
    feed.fit(FILE % ("current.csv", "reference.csv"))
    feed.put("current.csv", csv(table(2)))
    assert feed.tick(9).verdict == "ok"
    feed.put("current.csv", CHANGED[name](table(3)))
    after = feed.tick(10)
    same = name not in {"other names", "no header", "nothing"}
    assert after.verdict in ({"ok", "invalid"} if same else {"invalid"})
    if after.verdict == "ok":
        assert after.rows == ROWS
