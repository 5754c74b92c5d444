"""Write the store of version 0.1.0 that `test_continued_store.py` has later versions continue.

Run it with the package of that version, commit 8df3804, from the root of this repository:

    git worktree add /tmp/first 8df3804
    PYTHONPATH=/tmp/first/checker/tests .venv/bin/uv run --frozen --no-editable --all-extras \
        --project /tmp/first/checker python checker/tests/data/write_store.py store-0.1.0.tar.xz

Everything is written below `/tmp/drift-store`, which stands in what is stored as the place of the
sources, and is removed again. Java is needed, for Spark.

| monitor | what there is of it |
| --- | --- |
| `orders` | a version that was accepted, ok ticks and their counts, an open episode, a drill |
| `ledger` | a reference of more values than are compared by their rows: its profile |
| `sensors` | a rolling reference, CSV, a broken batch, and a page that is no batch |
| `lake` | files that Spark reads where they lie: the profiles of the reference and of batches |

The last ticks of `orders` and `lake` found MLflow away, and nobody took the message of the alarm.
"""

from __future__ import annotations

import shutil
import sys
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from web import FakeMlflow

from drift_checker.cli import main

ROOT = Path("/tmp/drift-store")  # noqa: S108  the same on every machine
DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
AWAY = 10**6
"""More requests than are made here."""
KEPT = ("monitors.yml", "store", "orders/reference.parquet", "sensors/reference.csv")
"""What the archive holds."""

MONITORS = """
check_schedule: "*/5 * * * *"
monitors:
  - name: orders
    current: {{url: "file://{root}/orders/{{logical_date:%H%M}}.parquet"}}
    reference: {{path: orders/reference.parquet}}
    columns: {{timestamp: at, target: late, id: order, ignore: [note], segments: [kind]}}
    sampling: iid
  - name: ledger
    current: {{url: "file://{root}/ledger/{{logical_date:%H%M}}.parquet"}}
    reference: {{path: ledger/reference.parquet}}
    columns: {{timestamp: at, target: side}}
    sampling: iid
  - name: sensors
    current: {{url: "file://{root}/sensors/{{logical_date:%H%M}}.csv"}}
    reference: {{path: sensors/reference.csv}}
    columns: {{prediction: load}}
    baseline: {{kind: rolling, ticks: 3}}
  - name: lake
    engine: spark
    current:
      url: "file://{root}/lake/hour={{logical_date:%H}}/"
      time: at
      window: 5m
    reference: {{url: "file://{root}/lake/reference/"}}
    columns: {{timestamp: at, target: kind}}
    sampling: iid
"""


def date(number: int) -> datetime:
    """The logical date of a tick every five minutes."""
    return DATE + number * timedelta(minutes=5)


def times(number: int, rows: int) -> pa.Array:
    """Moments of the five minutes before a tick."""
    start = np.datetime64((date(number) - timedelta(minutes=5)).replace(tzinfo=None), "us")
    return pa.array(start + (np.arange(rows) * (300_000_000 // rows)).astype("timedelta64[us]"))


def orders(number: int, rows: int = 120, shift: float = 0) -> pa.Table:
    """Numbers with and without ties, texts, booleans, nulls, a key, and bytes."""
    rng = np.random.default_rng(number + 1000)
    price = rng.normal(20 + 5 * shift, 5, rows).round(3)
    return pa.table(
        {
            "at": times(number, rows),
            "order": pa.array(np.arange(rows) + number * rows),
            "price": pa.array(price, mask=rng.random(rows) < 0.05),
            "weight": pa.array((price / 4 + rng.normal(0, 1, rows)).round(3)),
            "items": pa.array(rng.poisson(3 + shift, rows)),
            "kind": pa.array(rng.choice(["book", "film", "música"], rows)),
            "late": pa.array(rng.random(rows) < 0.3),
            "note": pa.array([f"note {n}" for n in rng.integers(0, 9, rows)]),
            "label": pa.array([bytes([n]) for n in rng.integers(0, 9, rows)], pa.binary()),
        }
    )


def ledger(number: int, rows: int = 300) -> pa.Table:
    """Amounts of which there are few, so that a million of them is a small file."""
    rng = np.random.default_rng(number + 2000)
    return pa.table(
        {
            "at": times(number, rows),
            "amount": pa.array(rng.integers(0, 1500, rows) / 8),
            "side": pa.array(rng.choice(["credit", "debit"], rows, p=[0.4, 0.6])),
            "key": pa.array([b"k"] * rows, pa.binary()),
        }
    )


def large_ledger() -> pa.Table:
    """More than four million values, of rows that come again and again."""
    return pa.concat_tables([ledger(-1, 4096)] * 257).combine_chunks()


def sensors(number: int, rows: int = 120) -> pa.Table:
    """Numbers, and a number with text among it."""
    rng = np.random.default_rng(number + 3000)
    return pa.table(
        {
            "load": rng.gamma(3, 2, rows).round(3),
            "site": rng.choice(["north", "south"], rows),
            "count": [str(n) if n else "NA" for n in rng.poisson(4, rows)],
        }
    )


def lake(number: int, rows: int = 250, shift: float = 0) -> pa.Table:
    """As orders, with a column of dates that arrive as text."""
    table = orders(number, rows, shift).drop_columns(["order", "note"])
    days = [f"2026-11-{n:02}" for n in np.random.default_rng(number + 4000).integers(1, 30, rows)]
    return table.append_column("day", pa.array(days))


def in_words(table: pa.Table) -> pa.Table:
    """The same with text in two columns of numbers."""
    texts = {
        "weight": table["weight"].cast(pa.string()),
        "items": pa.array(["many"] * table.num_rows),
    }
    return pa.table({name: texts.get(name, table[name]) for name in table.column_names})


def write(table: pa.Table, path: Path) -> None:
    """Write a file of the format that its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        pq.write_table(table, path, compression="zstd")


def write_sources() -> None:
    """Write the references, and the batches of all ticks."""
    write(orders(-1, 1000), ROOT / "orders/reference.parquet")
    for number in range(9):
        write(orders(number), ROOT / f"orders/{date(number):%H%M}.parquet")
    for number in (9, 10):
        write(orders(number, shift=2), ROOT / f"orders/{date(number):%H%M}.parquet")
    write(large_ledger(), ROOT / "ledger/reference.parquet")
    for number in range(2):
        write(ledger(number), ROOT / f"ledger/{date(number):%H%M}.parquet")
    write(sensors(-1, 1000), ROOT / "sensors/reference.csv")
    for number in range(6):
        write(sensors(number), ROOT / f"sensors/{date(number):%H%M}.csv")
    (ROOT / f"sensors/{date(6):%H%M}.csv").write_text('load,site,count\n1,"north\n')
    (ROOT / f"sensors/{date(7):%H%M}.csv").write_text("<!doctype html><title>Busy</title>")
    for part in range(3):
        write(lake(-1 - part, 400), ROOT / f"lake/reference/{part}.parquet")
    # A tick reads the five minutes before it.
    write(lake(1), ROOT / f"lake/hour=09/{date(1):%H%M}.parquet")
    write(lake(2, shift=2), ROOT / f"lake/hour=09/{date(2):%H%M}.parquet")
    write(in_words(lake(12)), ROOT / f"lake/hour=10/{date(12):%H%M}.parquet")


def command(*arguments: str, expected: int = 0) -> None:
    """Run a command of the checker."""
    code = main(["--settings", str(ROOT / "checker.env"), *arguments], standalone_mode=False)
    if (code or 0) != expected:
        raise SystemExit(f"{' '.join(arguments)}: exit code {code}")


def tick(monitor: str, number: int, expected: int = 0) -> None:
    """Check a scheduled tick."""
    moment = date(number).isoformat()
    options = ("--monitor", monitor, "--logical-date", moment, "--trigger", "scheduled")
    command("run", *options, "--dag-run-id", f"scheduled__{moment}", expected=expected)


def write_store(mlflow: FakeMlflow) -> None:
    """Have the checker do its work."""
    command("baseline", "fit", "--all")
    for number in range(5):
        tick("orders", number)
    command("baseline", "accept", "--monitor", "orders", "--last", "5")
    for number in range(5, 9):
        tick("orders", number)
    drill = ("--strengths", "1", "--trials", "1", "--drift-free", "2", "--no-tell")
    # Not all that it injects can be found in one tick of 120 rows.
    command("drill", "--monitor", "orders", "--id", "drill-1", *drill, expected=6)
    tick("ledger", 0)
    tick("ledger", 1)
    for number in range(7):
        tick("sensors", number)
    tick("sensors", 7, expected=3)
    tick("lake", 1)
    tick("lake", 2)
    mlflow.failing = AWAY
    tick("orders", 9, expected=4)
    tick("orders", 10, expected=4)
    tick("lake", 12, expected=4)


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def run(archive: Path) -> None:
    """Write the store, and keep it with its monitors file and with references that are small."""
    shutil.rmtree(ROOT, ignore_errors=True)
    write_sources()
    (ROOT / "monitors.yml").write_text(MONITORS.format(root=ROOT))
    with FakeMlflow().serve() as mlflow:
        (ROOT / "checker.env").write_text(
            f"DRIFT_STORE_URL=file://{ROOT}/store\n"
            f"DRIFT_MLFLOW_URL={mlflow.url}\n"
            f"DRIFT_MONITORS_FILE={ROOT}/monitors.yml\n"
            "DRIFT_NOTIFICATION_URLS=json://127.0.0.1:9/\n"
            "DRIFT_REPORT=never\nDRIFT_RETRY_SECONDS=0.2\nDRIFT_SPARK_MASTER=local[1]\n"
        )
        write_store(mlflow)
    with tarfile.open(archive, "w:xz") as tar:
        for name in KEPT:
            tar.add(ROOT / name, name, filter=_without_owner)
    shutil.rmtree(ROOT)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
