"""The recent past: what is kept of a tick, how much, and what happens where it is lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from feeds import HOUR, START, Memory, Series, rows, stored_result
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.result import Alarm, ColumnResult, Feed, Verdict
from drift_checker.state import (
    LOOK_BACK,
    LatestResult,
    RecentTicks,
    ShortTick,
    keys,
    read_recent,
    short_tick,
    ticks_before,
    write_latest_result,
    write_recent,
)
from drift_checker.state.recent import DIGEST_LENGTH, MOST_BYTES, MOST_TICKS, STRONGEST

HOURLY = "0 * * * *"


def column(number: int, p_value: float | None, *, name: str = "x") -> ColumnResult:
    return ColumnResult(
        name=f"{name}{number}",
        kind="numeric",
        role="feature",
        verdict=Verdict.OK,
        p_value=p_value,
        effect_size=0.123456,
    )


def short(number: int, verdict: Verdict = Verdict.OK, **update: Any) -> ShortTick:
    tick = short_tick(stored_result(number, verdict).model_copy(update=update))
    assert tick is not None
    return tick


def recent_of(*ticks: ShortTick) -> RecentTicks:
    recent = RecentTicks(monitor="m")
    for tick in ticks:
        recent = recent.with_tick(tick)
    return recent


def keep(store: Memory, number: int, verdict: Verdict = Verdict.OK) -> None:
    """Store a result as a tick does."""
    result = stored_result(number, verdict)
    assert result.logical_date is not None
    store.put(keys.result("m", result.logical_date), result.model_dump_json().encode())
    write_latest_result(
        store,
        "m",
        LatestResult(
            logical_date=result.logical_date,
            verdict=verdict,
            drifted_columns=[],
            faults=[],
            alarm=result.alarm,
            reported=None,
        ),
    )
    write_recent(store, HOURLY, result)


def test_a_tick_in_short_form() -> None:
    since = START - HOUR
    tick = short(
        3,
        Verdict.DRIFT,
        alarm=Alarm(state="ongoing", id="m-20261101T230000Z", since=since),
        columns=[column(n, n / 100 if n else None) for n in range(9, -1, -1)],
        timings={"fetch": 0.25, "compare": 0.5},
        feed=Feed(newest_row=since, new_rows=7),
    )

    assert [strong.name for strong in tick.columns] == ["x1", "x2", "x3", "x4", "x5"]
    assert (tick.columns[0].p_value, tick.columns[0].effect_size) == (0.01, 0.123)
    assert (tick.seconds, tick.new_rows, tick.newest_row) == (0.75, 7, since)
    assert len(tick.digest) == DIGEST_LENGTH
    recent = recent_of(short(1), tick)
    assert RecentTicks.from_json(recent.as_json(), "m") == recent
    assert recent.totals == {"ok": 1, "drift": 1, "invalid": 0}


def test_the_order_in_which_ticks_come_changes_nothing() -> None:
    @given(st.permutations([*range(6), 2, 4]))
    def holds(order: list[int]) -> None:
        recent = recent_of(*(short(number, list(Verdict)[number % 3]) for number in order))
        assert recent == recent_of(*(short(n, list(Verdict)[n % 3]) for n in range(6)))

    holds()


def test_another_result_of_a_tick_takes_its_place() -> None:
    recent = recent_of(short(0), short(1), short(0, Verdict.DRIFT))
    assert [tick.verdict for tick in recent.ticks] == ["drift", "ok"]
    assert recent.totals == {"ok": 1, "drift": 1, "invalid": 0}


def test_the_last_ticks_are_kept_and_all_are_counted() -> None:
    tick = short(0)
    ticks = tuple(
        ShortTick(**vars(tick) | {"logical_date": START + n * HOUR}) for n in range(MOST_TICKS)
    )
    full = RecentTicks(monitor="m", ticks=ticks, totals={Verdict.OK: 7000})

    later = full.with_tick(short(MOST_TICKS, Verdict.DRIFT))
    assert (len(later.ticks), later.ticks[0].logical_date) == (MOST_TICKS, START + HOUR)
    assert later.totals == {"ok": 7000, "drift": 1, "invalid": 0}
    before = ShortTick(**vars(tick) | {"logical_date": START - HOUR})
    assert full.with_tick(before) == full


def test_of_many_ticks_the_last_are_read_and_those_that_opened_an_alarm() -> None:
    opened = short(2, Verdict.DRIFT, alarm=Alarm(state="opened", id="a", since=START))
    data = recent_of(*map(short, (0, 1)), opened, *map(short, range(3, 9))).as_json()
    whole = RecentTicks.from_json(data, recent_of().monitor)

    brief = RecentTicks.brief_from_json(data, recent_of().monitor, most=3)

    assert whole is not None
    assert brief is not None
    assert brief.ticks == tuple(whole.ticks[place] for place in (0, 2, 6, 7, 8))
    assert brief.totals == whole.totals
    assert RecentTicks.brief_from_json(data[:-9], recent_of().monitor, most=3) is None


@pytest.mark.parametrize("length", [2, 60, 400])
def test_the_object_is_never_larger(length: int) -> None:
    """The names of the columns may be of any length, and others in each tick."""
    name = "n" * length
    ticks = tuple(
        short(
            n,
            columns=[column(8 * n + k, 1.23e-45, name=name) for k in range(STRONGEST)],
            feed=Feed(newest_row=START + timedelta(microseconds=1), new_rows=10**7),
        )
        for n in range(0, MOST_TICKS, 5)
    )
    every = tuple(
        ShortTick(**vars(tick) | {"logical_date": tick.logical_date + n * HOUR})
        for tick in ticks
        for n in range(5)
    )
    recent = RecentTicks(monitor="m", ticks=every)
    data = recent.as_json()

    assert len(data) <= MOST_BYTES
    read = RecentTicks.from_json(data, "m")
    assert read is not None
    assert [tick.logical_date for tick in read.ticks] == [tick.logical_date for tick in every]
    assert read.ticks[-1].columns == every[-1].columns


DAMAGES: dict[str, tuple[bytes, bytes]] = {
    "another monitor's": (b'"m"', b'"other"'),
    "an unknown verdict": (b'"ok",', b'"perhaps",'),
    "without fields": (b'"fields"', b'"names"'),
    "cut off": (b"]]}", b""),
}


@pytest.mark.parametrize("damage", [*DAMAGES, "empty", "lost"])
def test_what_is_damaged_or_lost_is_made_anew(damage: str) -> None:
    store = Memory()
    for number in range(20):
        keep(store, number, list(Verdict)[number % 3])
    whole = read_recent(store, "m", HOURLY)
    if damage == "lost":
        del store.objects[keys.recent("m")]
    elif damage == "empty":
        store.objects[keys.recent("m")] = b""
    else:
        damaged = store.objects[keys.recent("m")].replace(*DAMAGES[damage])
        assert damaged != store.objects[keys.recent("m")]
        store.objects[keys.recent("m")] = damaged
    before, store.requests = ticks_before(store, "m", HOURLY, START + 20 * HOUR), 0

    assert read_recent(store, "m", HOURLY) == whole
    assert store.requests <= MOST_TICKS + 2
    assert before.everything == whole
    keep(store, 20)
    assert RecentTicks.from_json(store.objects[keys.recent("m")], "m") == read_recent(
        store, "m", HOURLY
    )
    assert len(read_recent(store, "m", HOURLY).ticks) == 21


def test_what_is_behind_is_brought_up() -> None:
    store = Memory()
    for number in range(30):
        keep(store, number)
        if number == 4:
            old = store.objects[keys.recent("m")]
    whole = read_recent(store, "m", HOURLY)
    store.objects[keys.recent("m")] = old

    assert read_recent(store, "m", HOURLY) == whole
    store.requests = 0
    read_recent(store, "m", HOURLY)
    assert store.requests < MOST_TICKS + 3


def test_a_tick_that_another_has_overwritten_is_found_again() -> None:
    store = Memory()
    for number in range(LOOK_BACK):
        keep(store, number)
        if number == LOOK_BACK - 3:
            old = store.objects[keys.recent("m")]
    store.objects[keys.recent("m")] = old
    write_recent(store, HOURLY, stored_result(LOOK_BACK - 1))

    history = ticks_before(store, "m", HOURLY, START + LOOK_BACK * HOUR)
    assert len(history.ticks) == LOOK_BACK
    write_recent(store, HOURLY, stored_result(LOOK_BACK), history.everything)
    recent = RecentTicks.from_json(store.objects[keys.recent("m")], "m")
    assert recent is not None
    assert len(recent.ticks) == LOOK_BACK + 1


def test_a_monitor_without_any_result_has_no_past() -> None:
    store = Memory()
    assert read_recent(store, "m", HOURLY) == RecentTicks(monitor="m")
    assert store.requests == 2


def test_ticks_by_hand_are_kept_and_belong_to_no_series() -> None:
    recent = recent_of(short(0), short(1, trigger="manual"), short(2))
    assert len(recent.ticks) == 3
    assert [tick.logical_date for tick in recent.scheduled_before(START + 2 * HOUR)] == [START]


@pytest.mark.parametrize("ticks", [20, pytest.param(MOST_TICKS + 20, marks=pytest.mark.long)])
def test_requests_in_a_tick_stay_as_many(tmp_path: Path, ticks: int) -> None:
    """From the first that knows of as many ticks as are pooled, and as an episode looks back."""
    series, used = Series(tmp_path, rows(3000, 1)), []
    for number in range(ticks):
        before = series.store.requests
        series.tick(number, rows(60, number + 9))
        used.append(series.store.requests - before)

    assert len(set(used[LOOK_BACK + 1 :])) == 1, used
    assert max(used) <= used[-1] + LOOK_BACK
    assert len(series.store.objects[keys.recent("m")]) <= MOST_BYTES
