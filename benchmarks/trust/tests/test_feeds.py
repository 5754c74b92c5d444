"""The simulated feeds: what they serve, that ticks are those of a store, and what is counted."""

from datetime import timedelta
from itertools import islice, pairwise
from math import inf
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.trust import feeds
from benchmarks.trust.feeds_kinds import CHANGED, KINDS, SIGMA, STOPPED, Kind
from benchmarks.trust.feeds_ticks import START, Watched, date_of

from drift_checker.state import Store, keys
from drift_checker.ticks import Tick, judge_tick


def served(name: str, ticks: int, *, drifts: bool = False) -> list[pa.Table | None]:
    _, batches = KINDS[name].draw(np.random.default_rng(3), drifts=drifts)
    return list(islice(batches, ticks))


def tables(name: str, ticks: int) -> list[pa.Table]:
    return [batch for batch in served(name, ticks) if batch is not None]


@pytest.mark.parametrize(("share", "new"), [(0, 200), (50, 100), (95, 10), (99, 2)])
def test_a_sliding_window_moves_on_by_its_new_rows(share: int, new: int) -> None:
    kind, batches = (
        KINDS[f"overlap of {share} % by time"],
        tables(f"overlap of {share} % by time", 9),
    )
    assert kind.overlap == 200 / new - 1
    for before, after in pairwise(batches):
        assert before.num_rows == after.num_rows == 200
        assert after.slice(0, 200 - new).equals(before.slice(new))
        assert not set(before["x0"].to_pylist()) & set(after.slice(200 - new)["x0"].to_pylist())
        assert np.all(np.diff(after["time"].to_numpy()) > np.timedelta64(0))


def test_ids_go_on_from_tick_to_tick_and_from_the_reference() -> None:
    reference, batches = KINDS["overlap of 95 % by id"].draw(np.random.default_rng(3), drifts=False)
    first, second = islice(batches, 2)
    assert first is not None
    assert second is not None
    assert first["id"].to_pylist() == list(range(reference.num_rows, reference.num_rows + 200))
    assert second["id"].to_pylist() == list(
        range(reference.num_rows + 10, reference.num_rows + 210)
    )


def test_a_batch_is_served_again_where_a_file_is_not_written() -> None:
    daily, stopped = served("a new batch every 24 ticks", 50), served("a source that stops", 50)
    assert [tick for tick, batch in enumerate(daily) if batch is not None] == [0, 24, 48]
    assert [tick for tick, batch in enumerate(stopped) if batch is not None] == list(range(STOPPED))


def test_newest_rows_stand_still_though_batches_differ() -> None:
    batches = tables("newest row stands still", CHANGED + 4)
    newest = [batch["time"].to_numpy().max() for batch in batches]
    assert np.all(np.diff(newest[:CHANGED]) > np.timedelta64(55, "m"))
    assert set(newest[CHANGED:]) == {newest[CHANGED - 1]}
    values = [set(batch["x0"].to_pylist()) for batch in batches]
    assert not values[0] & values[1]
    assert 0 < len(values[-1] & values[-2]) < len(values[-1]) / 2


@pytest.mark.parametrize(
    ("name", "factor"), [("half the rows", 0.5), ("a quarter", 0.25), ("double", 2)]
)
def test_the_number_of_rows_changes_from_a_tick_on(name: str, factor: float) -> None:
    rows = [batch.num_rows for batch in tables(name, 2 * CHANGED)]
    assert np.mean(rows[:CHANGED]) == pytest.approx(400, rel=0.05)
    assert np.mean(rows[CHANGED:]) == pytest.approx(factor * 400, rel=0.05)


def test_weekends_have_fewer_rows() -> None:
    kind = KINDS["weekend dips"]
    for tick, batch in enumerate(tables("weekend dips", 28)):
        day = date_of(tick, kind.step).weekday()
        assert batch.num_rows == pytest.approx(240 if day in {5, 6} else 800, rel=0.3)


def test_a_trend_and_a_step_move_the_first_column_alone() -> None:
    name = "rolling, 0.005 sigma a tick, 1000 rows"
    drawn = [batch for batch in served(name, 36, drifts=True) if batch is not None]
    means = {
        column: [batch[column].to_numpy().mean() for batch in drawn] for column in ("x0", "x1")
    }
    slope = np.polyfit(range(30), means["x0"][:30], 1)[0]
    assert slope == pytest.approx(0.005, abs=0.002)
    assert np.mean(means["x0"][30:]) == pytest.approx(SIGMA + 0.005 * 33, abs=0.05)
    assert np.mean(means["x1"]) == pytest.approx(0, abs=0.03)


def test_rows_of_an_autoregressive_feed_go_on_from_batch_to_batch() -> None:
    batches = tables("the last 24 hours each hour, windows", 300)
    values = np.concatenate(
        [batches[0]["x0"], *(batch["x0"].to_numpy()[-20:] for batch in batches[1:])]
    )
    assert np.corrcoef(values[:-1], values[1:])[0, 1] == pytest.approx(0.6, abs=0.04)
    ends = np.arange(480, len(values), 20)
    assert np.corrcoef(values[ends - 1], values[ends])[0, 1] == pytest.approx(0.6, abs=0.15)


def test_ticks_in_memory_are_those_of_a_store(tmp_path: Path) -> None:
    kind = Kind("small", rows=120, reference=600)
    reference, batches = kind.draw(np.random.default_rng(4), drifts=False)
    watched = Watched(tmp_path, reference, schedule=kind.schedule, level=0.05, monitor={})
    on_disk = Store(watched.settings.model_copy(update={"store_url": f"{tmp_path.as_uri()}/store"}))
    for key in [entry.key for entry in watched.store.list("reference")]:
        on_disk.put(key, watched.store.get(key) or b"")
    for number, batch in enumerate(islice(batches, 5)):
        assert batch is not None
        watched.serve(batch)
        found = watched.tick(number)
        tick = Tick(watched.monitor, date_of(number, timedelta(hours=1)), "scheduled")
        again = judge_tick(on_disk, watched.settings, watched.monitors, tick)
        assert found.model_copy(update={"timings": {}}) == again.model_copy(update={"timings": {}})
    assert found.logical_date == START + timedelta(hours=4)
    assert found.sequential is not None
    assert found.sequential.ticks > 1
    assert watched.store.get(keys.latest("m")) == on_disk.get(keys.latest("m"))


def _series(opened: int, values: int, told: list[list[str]]) -> feeds.Series:
    ticks = len(told)
    return feeds.Series(
        opened=[place < opened for place in range(ticks)],
        values=[place < values for place in range(ticks)],
        feed=[False] * ticks,
        told=told,
    )


REPEATED = Kind("kind", ticks=40, fault="repeated", since=10)
TOLD: list[list[str]] = [[]] * 11 + [["repeated"]] * 29


def test_alarms_are_counted_over_what_is_allowed() -> None:
    still = [_series(1, 3, TOLD) for _ in range(10)]
    row = feeds.rates(REPEATED, 0.05, still, [1.0, 1.0])
    assert (row.allowed, row.alarms, row.drift) == (20, 10, 30)
    assert (row.alarms_over, row.drift_over) == (0.5, 1.5)
    assert row.drift_low < 1.5 < row.drift_high
    assert (row.told, row.told_after, row.told_turns, row.told_else) == (1.0, 2, 1, "")
    assert row.holds


@pytest.mark.parametrize(
    ("values", "told", "delays"),
    [
        (6, TOLD, [1.0]),
        (2, [[]] * 14 + [["repeated"]] * 26, [1.0]),
        (2, [[]] * 40, [1.0]),
        (2, TOLD, [2.0]),
        (2, TOLD, [inf]),
    ],
    ids=["too many", "told late", "not told", "found late", "not found"],
)
def test_a_bound_that_does_not_hold_is_said(
    values: int, told: list[list[str]], delays: list[float]
) -> None:
    still = [_series(1, values, told) for _ in range(10)]
    assert not feeds.rates(REPEATED, 0.05, still, delays).holds


def test_what_is_told_of_a_feed_without_cause_is_counted() -> None:
    still = [_series(0, 0, [["row_count", "repeated"]] * 40)] * 2
    row = feeds.rates(REPEATED, 0.05, still, [1.0])
    assert (row.told_else, row.told_after) == ("row_count 80", 1)


def test_half_a_standard_deviation_is_found_at_once_where_rows_are_new() -> None:
    assert feeds.delay(0, name="new rows each tick", level=1 / 24, seed=1) == 1
