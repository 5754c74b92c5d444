"""The object store, and what lies where in it."""

from drift_checker.state import keys
from drift_checker.state.acceptance_requests import (
    AcceptanceOutcome,
    AcceptanceRequest,
    AskedAcceptance,
    read_acceptance_requests,
    request_acceptance,
    settle_acceptance,
)
from drift_checker.state.by_people import ByPeople
from drift_checker.state.documents import (
    Document,
    parsed,
    read_cache,
    read_document,
    read_object,
    read_truth,
    set_aside,
)
from drift_checker.state.history import (
    LOOK_BACK,
    History,
    past_tick_counts,
    results_before,
    ticks_before,
)
from drift_checker.state.identity import Record, identity
from drift_checker.state.latest import (
    LatestResult,
    LatestTick,
    latest_of_results,
    read_latest_result,
    rebuild_latest_result,
    write_latest_result,
)
from drift_checker.state.mutes import Mute, mute, mute_in_force, newest_mute
from drift_checker.state.notes import Note, add_note, read_notes
from drift_checker.state.parquet import (
    TableDocument,
    as_parquet,
    described_parquet,
    described_table,
)
from drift_checker.state.pushes import Pushed, PushedBatch, push_batch, read_push, slot_of
from drift_checker.state.recent import (
    MOST_TICKS,
    RecentTicks,
    ShortTick,
    StrongColumn,
    read_recent,
    rebuild_recent,
    short_tick,
    write_recent,
)
from drift_checker.state.results import read_result, result_dates, result_of
from drift_checker.state.seen_rows import read_seen_rows, write_seen_rows
from drift_checker.state.store import PAGE, Entry, Store, first_line, open_s3

__all__ = [
    "LOOK_BACK",
    "MOST_TICKS",
    "PAGE",
    "AcceptanceOutcome",
    "AcceptanceRequest",
    "AskedAcceptance",
    "ByPeople",
    "Document",
    "Entry",
    "History",
    "LatestResult",
    "LatestTick",
    "Mute",
    "Note",
    "Pushed",
    "PushedBatch",
    "RecentTicks",
    "Record",
    "ShortTick",
    "Store",
    "StrongColumn",
    "TableDocument",
    "add_note",
    "as_parquet",
    "described_parquet",
    "described_table",
    "first_line",
    "identity",
    "keys",
    "latest_of_results",
    "mute",
    "mute_in_force",
    "newest_mute",
    "open_s3",
    "parsed",
    "past_tick_counts",
    "push_batch",
    "read_acceptance_requests",
    "read_cache",
    "read_document",
    "read_latest_result",
    "read_notes",
    "read_object",
    "read_push",
    "read_recent",
    "read_result",
    "read_seen_rows",
    "read_truth",
    "rebuild_latest_result",
    "rebuild_recent",
    "request_acceptance",
    "result_dates",
    "result_of",
    "results_before",
    "set_aside",
    "settle_acceptance",
    "short_tick",
    "slot_of",
    "ticks_before",
    "write_latest_result",
    "write_recent",
    "write_seen_rows",
]
