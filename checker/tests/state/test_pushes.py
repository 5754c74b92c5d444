"""Pushed batches: the tick that each belongs to, once, whatever is killed or sent twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from feeds import Memory

from drift_checker.errors import UsageError
from drift_checker.state import Pushed, keys, push_batch, read_push, slot_of

SLOT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def push(store: Memory, body: bytes, date: datetime = SLOT, schedule: str = "0 * * * *") -> Pushed:
    return push_batch(
        store,
        "m",
        date,
        body,
        media_type="text/csv",
        by="pipeline",
        schedule=schedule,
        at=SLOT + MINUTE,
    )


def test_the_slot_is_the_last_firing_that_is_not_after_the_date() -> None:
    assert slot_of("0 * * * *", SLOT) == (SLOT, SLOT + 60 * MINUTE)
    assert slot_of("0 * * * *", SLOT + 59 * MINUTE) == (SLOT, SLOT + 60 * MINUTE)


def test_the_first_push_is_the_scheduled_tick_of_its_slot() -> None:
    store = Memory()
    pushed = push(store, b"a,b\n", SLOT + 7 * MINUTE)
    assert (pushed.known, pushed.trigger) == (False, "scheduled")
    assert pushed.slot == pushed.logical_date == SLOT
    found = read_push(store, "m", SLOT)
    assert found is not None
    assert found[1] == b"a,b\n"
    assert (found[0].media_type, found[0].by, found[0].bytes) == ("text/csv", "pipeline", 4)


def test_further_pushes_are_by_hand_with_dates_of_their_own() -> None:
    store = Memory()
    push(store, b"first")
    later = [push(store, body, SLOT + 7 * MINUTE) for body in (b"second", b"third")]
    at_slot = push(store, b"fourth")
    assert [each.trigger for each in [*later, at_slot]] == ["manual"] * 3
    seconds = [(each.logical_date - SLOT).total_seconds() for each in [*later, at_slot]]
    assert seconds == [420, 421, 1]
    assert {each.slot for each in later} == {SLOT}


def test_the_same_push_again_is_known_and_changes_nothing() -> None:
    store = Memory()
    for body, date in [(b"first", SLOT), (b"second", SLOT), (b"third", SLOT + MINUTE)]:
        first, objects = push(store, body, date), dict(store.objects)
        assert push(store, body, date) == first._replace(known=True)
        assert store.objects == objects


def test_a_push_that_was_killed_before_it_had_its_tick_leaves_it_to_the_next() -> None:
    store = Memory()
    store.put(keys.pushed("m", SLOT, "0" * 64), b"the body of one that was killed")
    assert push(store, b"another").logical_date == SLOT


def test_a_body_that_was_lost_is_pushed_anew() -> None:
    store = Memory()
    pushed = push(store, b"body")
    store.delete(pushed.key)
    assert read_push(store, "m", SLOT) is None
    assert push(store, b"body").known
    assert read_push(store, "m", SLOT) is not None


def test_a_tick_that_has_a_result_is_not_given_to_a_push() -> None:
    store = Memory()
    store.put(keys.result("m", SLOT + MINUTE), b"{}")
    push(store, b"first")
    assert push(store, b"second", SLOT + MINUTE).logical_date == SLOT + MINUTE + timedelta(0, 1)


def test_no_push_takes_the_next_slot() -> None:
    store = Memory()
    push(store, b"first")
    last = SLOT + 60 * MINUTE - timedelta(seconds=1)
    push(store, b"second", last)
    with pytest.raises(UsageError, match="too many batches were pushed for 2026-11-23T09:00:00Z"):
        push(store, b"third", last)
