"""Profiles of references in the store: what is read back is what was written, and is used."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from samples import parquet, table
from web import Web

from drift_checker.comparison import ColumnRoles, CompareSettings, compare, compare_tables
from drift_checker.comparison.profiled_pairs import ProfiledPair, profile_batch, profile_reference
from drift_checker.config import Monitors, Settings, settings_of
from drift_checker.profiles import TickCounts, stored
from drift_checker.profiles.layout import fit_layout
from drift_checker.references import StoredReference, versions
from drift_checker.result import Result
from drift_checker.state import Store, keys
from drift_checker.tables import Batch, from_frame
from drift_checker.ticks import Tick, run_tick
from drift_checker.wording import with_explanation


def everything(rows: int, seed: int, shift: float = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table(
        {
            "x": np.where(rng.random(rows) < 0.1, np.nan, rng.normal(shift, 1, rows)),
            "endless": np.where(rng.random(rows) < 0.1, np.inf, rng.integers(0, 9, rows)),
            "missing": pa.array([None] * rows, pa.float64()),
            "many": [f"é{n % 12_000}" for n in range(rows)],
            "few": rng.choice(["a", "b"], rows, p=[0.5 + shift / 4, 0.5 - shift / 4]),
            "time": np.datetime64("2026-01-01T00:00:00") + rng.integers(0, 99, rows),
            "bytes": [b"1"] * rows,
        }
    )


def put_in_force(store: Store, batch: Batch, monitor: str = "m") -> None:
    version = versions.summary_of(batch, "a test")
    versions.store_version(store, monitor, batch.table, version)
    before = versions.version_in_force(store, monitor)
    assert versions.put_in_force(store, monitor, version.version, before, version.version)


def test_what_is_read_is_what_was_written() -> None:
    layout, reference = profile_reference(from_frame(everything(30_000, 1)), CompareSettings())
    data = stored.to_bytes(layout, reference.profile)
    read_layout, read_profile = stored.from_bytes(data)
    again = stored.to_bytes(read_layout, read_profile)
    with np.load(io.BytesIO(data)) as one, np.load(io.BytesIO(again)) as other:
        assert one.files == other.files
        for name in one.files:
            np.testing.assert_array_equal(one[name], other[name])
    assert read_layout.columns.keys() == layout.columns.keys()
    assert read_layout.fit_rows == layout.fit_rows
    for name, column in layout.columns.items():
        assert read_layout.columns[name].reading == column.reading
        np.testing.assert_array_equal(
            read_layout.columns[name].bins.tick_edges, column.bins.tick_edges
        )
    for name in ("many", "few", "time", "bytes"):
        assert read_profile.columns[name] == reference.profile.columns[name]


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(60, 3000),
    shift=st.sampled_from([0, 0.05, 0.2, 1]),
    dropped=st.sampled_from(["", "x", "few"]),
)
@hypothesis_settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_stored_profile_leads_to_the_result_of_compare(
    settings: Settings, seed: int, rows: int, shift: float, dropped: str
) -> None:
    before = from_frame(everything(4000, seed))
    after = everything(rows, seed + 1, shift)
    current = from_frame(after.drop_columns([dropped]) if dropped else after)
    roles = ColumnRoles(timestamp="time", target="few")
    options = CompareSettings(level=0.05, columns=roles, large_values=0)
    store = Store(settings)
    put_in_force(store, before)
    expected = compare(before, current, settings=options)
    for _ in ("fitted", "read back"):
        sides = StoredReference(store, "m", options).pair_with(current)
        assert isinstance(sides, ProfiledPair)
        found = with_explanation(compare_tables(sides, options))
        assert found.model_dump_json() == expected.model_dump_json()


def test_other_roles_are_fitted_anew(settings: Settings) -> None:
    store, batch = Store(settings), from_frame(table(300, seed=1))
    put_in_force(store, batch)
    kept = []
    for ignore in ((), ("x",), ()):
        options = CompareSettings(columns=ColumnRoles(ignore=ignore), large_values=0)
        sides = StoredReference(store, "m", options).pair_with(batch)
        assert isinstance(sides, ProfiledPair)
        kept.append("x" in sides.reference.profile.sample.columns)
    assert kept == [True, False, True]
    files = store.list(keys.reference_version("m", batch.digest[: versions.VERSION_LENGTH]))
    assert sum(file.key.endswith(".npz") for file in files) == 2


def test_windows_and_segments_are_judged_by_the_rows(settings: Settings) -> None:
    store, batch = Store(settings), from_frame(table(900, seed=1))
    put_in_force(store, batch)
    options = CompareSettings(segments=("kind",), large_values=0)
    result = compare_tables(StoredReference(store, "m", options).pair_with(batch), options)
    assert len(result.segments) == 3
    assert result.faults == []


def test_ticks_by_other_bins_are_not_pooled() -> None:
    reference = from_frame(table(900, seed=1))
    digest = reference.digest
    for layout, bins in (
        (fit_layout(reference), f"{digest}/rules-3"),
        (fit_layout(reference, fit_rows=500), f"{digest}/rules-3/500"),
    ):
        profiled = profile_batch(reference, layout)
        assert ProfiledPair(layout, profiled, profiled).bins_id == bins


def ticked(
    settings: Settings, monitors: Monitors, slot: int, *, large: bool, force: bool = False
) -> Result:
    monitor, date = monitors.monitors[0], datetime(2026, 1, 1, 0, 5 * slot, tzinfo=UTC)
    by = settings_of(monitors, monitor)
    by = replace(by, large_values=0) if large else by
    tick = Tick(monitor, date, "scheduled")
    return run_tick(settings, monitors, tick, force=force, compare_settings=by)[0]


def test_a_tick_reads_the_profile_and_not_the_rows(
    settings: Settings, monitors: Monitors, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = monitors.monitors[0]
    store = Store(settings)
    versions.fit_reference(store, monitor, settings)
    ticked(settings, monitors, 1, large=False)

    asked: list[str] = []
    get = Store.get

    def remembered(store: Store, key: str, **options: float) -> bytes | None:
        asked.append(key)
        return get(store, key, **options)

    monkeypatch.setattr(Store, "get", remembered)
    web.answer("/data", parquet(table(300, seed=3)))
    first = ticked(settings, monitors, 2, large=True)
    data = keys.reference(monitor.name, first.reference.version, "data.parquet")
    assert data in asked
    asked.clear()
    web.answer("/data", parquet(table(300, seed=4)))
    second = ticked(settings, monitors, 3, large=True)
    assert data not in asked
    left = _left(store, second)
    exact = ticked(settings, monitors, 3, large=False, force=True)

    assert second.verdict == exact.verdict
    assert second.joint == exact.joint
    assert second.reference == exact.reference
    # Cells for the pool of ticks are the same whichever way a tick took.
    assert second.sequential is not None
    assert second.sequential.ticks == 3
    assert left == _left(store, exact)


def _left(store: Store, result: Result) -> TickCounts:
    assert result.logical_date is not None
    data = store.get(keys.result("m", result.logical_date, "profile.json"))
    return TickCounts.model_validate_json(data or b"")
