"""The object store, and what lies where in it."""

from drift_checker.state import keys
from drift_checker.state.documents import Document, read_document
from drift_checker.state.history import (
    LOOK_BACK,
    History,
    past_tick_counts,
    results_before,
    ticks_before,
)
from drift_checker.state.identity import Record, identity
from drift_checker.state.latest import LatestResult, read_latest_result, write_latest_result
from drift_checker.state.parquet import as_parquet, read_parquet
from drift_checker.state.recent import (
    RecentTicks,
    ShortTick,
    StrongColumn,
    read_recent,
    short_tick,
    write_recent,
)
from drift_checker.state.seen_rows import read_seen_rows, write_seen_rows
from drift_checker.state.store import PAGE, Entry, Store, first_line, open_s3

__all__ = [
    "LOOK_BACK",
    "PAGE",
    "Document",
    "Entry",
    "History",
    "LatestResult",
    "RecentTicks",
    "Record",
    "ShortTick",
    "Store",
    "StrongColumn",
    "as_parquet",
    "first_line",
    "identity",
    "keys",
    "open_s3",
    "past_tick_counts",
    "read_document",
    "read_latest_result",
    "read_parquet",
    "read_recent",
    "read_seen_rows",
    "results_before",
    "short_tick",
    "ticks_before",
    "write_latest_result",
    "write_recent",
    "write_seen_rows",
]
