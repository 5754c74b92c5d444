"""Ticks of feeds that repeat, overlap, stop, and change their size."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from feeds import HOUR, START, Series, faults, rows, windows

from drift_checker.outputs import read_status, result_events
from drift_checker.result import Result, Verdict
from drift_checker.state import keys, read_recent, read_seen_rows
from drift_checker.wording import result_text

REFERENCE = rows(3000, 1)


def series(folder: Path, reference: pa.Table = REFERENCE, **monitor: Any) -> Series:
    return Series(folder, reference, **monitor)


def told(results: list[Result]) -> list[str]:
    """What people are notified of."""
    before: list[Result] = []
    kinds = []
    for result in results:
        kinds += [event.kind for event in result_events(result, iter(before[::-1]))]
        before.append(result)
    return kinds


def pooled(result: Result) -> int:
    return result.sequential.rows if result.sequential else 0


def counted(series: Series) -> int:
    """How many ticks have left tick counts."""
    return sum(key.endswith("/profile.json") for key in series.store.objects if "results" in key)


def figures(result: Result) -> Any:
    """What a result says of values."""
    columns = [(column.p_value, column.threshold, column.verdict) for column in result.columns]
    return columns, result.sequential, result.verdict


def test_a_batch_that_is_served_again_is_judged_as_it_was(tmp_path: Path) -> None:
    feed = series(tmp_path)
    feed.ticks([rows(250, seed) for seed in (5, 6, 7)])
    first = feed.tick(3, rows(250, 8))
    again = [feed.tick(number) for number in range(4, 8)]
    later = feed.tick(8, rows(250, 9))

    assert not faults(first)
    assert [faults(result) for result in again] == [{"repeated"}] * 4
    assert {result.feed.repeated_since for result in again if result.feed} == {START + 3 * HOUR}
    assert [figures(result)[1:] for result in again] == [figures(first)[1:]] * 4
    assert pooled(later) == 5 * 250
    assert counted(feed) == 5


@pytest.mark.parametrize("seed", [5, 8])
def test_a_batch_that_was_ok_stays_ok(tmp_path: Path, seed: int) -> None:
    """Pooled with itself it would be drift: these two are by the third tick."""
    rng = np.random.default_rng(seed)

    def table(count: int) -> pa.Table:
        return pa.table(
            {
                "price": rng.normal(20, 5, count),
                "stock": rng.poisson(4, count).astype("int64"),
                "kind": pa.array(rng.choice(["a", "b", "c"], count)),
            }
        )

    feed = series(tmp_path, table(3000))
    verdicts = [feed.tick(number, table(250) if not number else None) for number in range(4)]
    assert {result.verdict for result in verdicts} == {Verdict.OK}


def test_a_batch_that_drifts_is_one_episode_however_often_it_is_served(tmp_path: Path) -> None:
    feed = series(tmp_path)
    results = [feed.tick(0, rows(250, 5)), feed.tick(1, rows(250, 6, shift=1))]
    results += [feed.tick(number) for number in range(2, 6)]

    assert {result.verdict for result in results[1:]} == {Verdict.DRIFT}
    assert told(results) == ["alarm_opened"]
    assert counted(feed) == 1


def test_the_same_rows_in_another_order_are_the_same_batch(tmp_path: Path) -> None:
    feed, batch = series(tmp_path), rows(250, 6)
    feed.ticks([rows(250, 5), batch])
    again = feed.tick(2, batch.take(np.random.default_rng(1).permutation(250)))

    assert faults(again) == {"repeated"}
    assert pooled(again) == 500


@pytest.mark.parametrize("by", ["id", "time", "row"])
@pytest.mark.parametrize("step", [120, 12])
def test_rows_are_pooled_once(tmp_path: Path, by: str, step: int) -> None:
    """The last day of rows each hour, by id, by time, and by what stands in them."""
    every = rows(2000, 9, at=START)
    roles: dict[str, str] = {}
    if by == "id":
        every = every.append_column("id", pa.array(np.arange(2000))).drop_columns(["at"])
        roles = {"id": "id"}
    elif by == "time":
        roles = {"timestamp": "at"}
    else:
        every = every.drop_columns(["at"])
    reference = every.slice(0, 1000)
    feed = series(tmp_path, reference, columns=roles)
    results = feed.ticks(windows(every.slice(1000), 240, step)[:4])

    assert [faults(result) for result in results] == [set(), *[{"overlapping"}] * 3]
    assert [pooled(result) for result in results[1:]] == [240 + step * n for n in (1, 2, 3)]
    assert [result.feed.new_rows for result in results if result.feed] == [240, *[step] * 3]


def test_a_lasting_small_shift_is_found_in_new_batches_as_before(tmp_path: Path) -> None:
    feed = series(tmp_path)
    results = feed.ticks([rows(250, seed, shift=0.15) for seed in range(9)])
    pools = [result.sequential for result in results if result.sequential]

    assert results[0].verdict is Verdict.OK
    assert [pool.rows for pool in pools] == [0, *[250 * n for n in range(2, 10)]]
    assert pools[-1].verdict is Verdict.DRIFT
    assert [column.name for column in pools[-1].columns] == ["x"]


def test_rows_of_before_are_known_again_where_their_object_is_lost(tmp_path: Path) -> None:
    every = rows(600, 7)
    feed, batches = series(tmp_path), windows(every, 240, 12)
    feed.ticks(batches[:4])
    whole = read_seen_rows(feed.store, "m")
    assert whole is not None
    for damage in (None, b"[]", b"no JSON\n1234"):
        feed.store.objects.pop(keys.seen_rows("m"))
        if damage is not None:
            feed.store.objects[keys.seen_rows("m")] = damage
        result = feed.tick(4, batches[4], force=True)
        assert result.feed is not None
        assert result.feed.new_rows == (12 if damage != b"[]" else 240)
    assert [seen.logical_date for seen in whole] == [START + n * HOUR for n in range(4)]


def test_a_source_that_stops_is_told_once(tmp_path: Path) -> None:
    feed = series(tmp_path, rows(3000, 1, at=START), columns={"timestamp": "at"})
    results = [feed.tick(n, rows(120, n + 20, at=START + n * HOUR)) for n in range(13)]
    results += [feed.tick(number) for number in range(13, 18)]

    assert all(not faults(result) - {"overlapping", "late"} for result in results[:13])
    assert ["repeated" in faults(result) for result in results[13:]] == [True] * 5
    assert ["stale" in faults(result) for result in results[13:]] == [False, False, *[True] * 3]
    assert told(results) == ["batch_invalid"]


def test_an_empty_batch_is_told_once(tmp_path: Path) -> None:
    feed = series(tmp_path)
    results = feed.ticks([rows(250, n) for n in range(4)])
    results += [feed.tick(number, rows(0, 0)) for number in range(4, 7)]

    assert {"empty", "row_count"} <= faults(results[4])
    assert told(results) == ["batch_invalid"]
    assert {result.verdict for result in results[4:]} == {Verdict.INVALID}


def test_freshness_and_bounds_of_rows_are_settings(tmp_path: Path) -> None:
    feed = series(
        tmp_path,
        rows(3000, 1, at=START),
        columns={"timestamp": "at"},
        freshness="2h",
        row_count={"least": 100, "most": 300},
    )
    old = feed.tick(0, rows(200, 2, at=START - 2 * HOUR))
    few = feed.tick(1, rows(99, 3, at=START + HOUR))

    assert faults(old) == {"stale"}
    assert old.feed is not None
    assert old.feed.age_seconds == 7260
    assert "row_count" in faults(few)
    assert (old.verdict, few.verdict) == (Verdict.INVALID, Verdict.INVALID)


def test_half_the_rows_is_drift_without_any_column(tmp_path: Path) -> None:
    feed = series(tmp_path)
    counts = [200, 204, 196, 207, 193, 201, 199, 205, 195, 203, 197, 202, 198]
    feed.ticks([rows(count, place + 40) for place, count in enumerate(counts)])
    half = feed.tick(13, rows(100, 99))

    assert half.verdict is Verdict.DRIFT
    assert half.drifted_columns == []
    assert half.alarm.state == "opened"
    assert half.alarm_budget.parts["feed"] == pytest.approx(0.05 * half.alarm_budget.level)
    assert sum(half.alarm_budget.parts.values()) == pytest.approx(half.alarm_budget.level)
    assert half.p_value is not None
    assert half.p_value <= half.alarm_budget.level
    assert half.explanation is not None
    assert "row_count: 100 rows, 200 expected" in half.explanation.summary
    assert any(line.startswith("row_count: 100 rows") for line in half.explanation.changes)


def test_freshness_and_rows_are_shown_like_columns(tmp_path: Path) -> None:
    feed = series(
        tmp_path, rows(3000, 1, at=START), columns={"timestamp": "at"}, row_count={"most": 100}
    )
    late = feed.tick(3, rows(101, 3, at=START))

    lines = [line.split(maxsplit=6) for line in result_text(late).splitlines() if "(" in line[:1]]
    assert [line[:2] for line in lines] == [["(rows)", "invalid"], ["(newest", "row)"]]
    assert lines[0][-1] == "101"
    assert lines[1][-1].endswith("2026-11-01 23:59:00Z, 3.02 h before the tick")
    (status,) = read_status(feed.store, feed.monitors, START + 3 * HOUR).monitors
    assert status.feed == late.feed


def test_a_tick_by_hand_knows_of_no_feed(tmp_path: Path) -> None:
    feed = series(tmp_path)
    feed.tick(0, rows(250, 1))
    by_hand = feed.tick(1, trigger="manual")

    assert by_hand.feed is None
    assert not faults(by_hand)
    assert by_hand.alarm_budget.parts["feed"] == 0
    assert feed.tick(2).feed is not None
    assert [tick.trigger for tick in read_recent(feed.store, "m", "0 * * * *").ticks] == [
        "scheduled",
        "manual",
        "scheduled",
    ]


def test_late_rows_are_noted(tmp_path: Path) -> None:
    feed = series(tmp_path, rows(3000, 1, at=START), columns={"timestamp": "at"})
    feed.ticks([rows(60, n + 20, at=START + n * HOUR) for n in range(3)])
    late = pa.concat_tables(
        [rows(60, 30, at=START + 3 * HOUR), rows(5, 31, at=START - timedelta(days=1))]
    )
    noted = feed.tick(3, late)
    assert [fault.detail[:12] for fault in noted.faults if fault.fault == "late"] == [
        "5 of 65 rows"
    ]


def test_a_tick_made_anew_knows_what_it_knew(tmp_path: Path) -> None:
    every = rows(600, 7)
    feed, batches = series(tmp_path), windows(every, 240, 12)
    results = feed.ticks(batches[:4])

    anew = feed.tick(2, force=True)

    assert anew.feed == results[2].feed
    assert figures(anew) == figures(results[2])
    stored = json.loads(feed.store.objects[keys.result("m", START + 2 * HOUR)])
    assert stored["feed"]["new_rows"] == 12
