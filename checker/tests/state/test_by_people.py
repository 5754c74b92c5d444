"""What people leave in the store: mutes, notes and requests for another reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from feeds import Memory

from drift_checker.errors import UsageError
from drift_checker.state import (
    AcceptanceOutcome,
    add_note,
    keys,
    mute,
    mute_in_force,
    newest_mute,
    read_acceptance_requests,
    read_notes,
    request_acceptance,
    settle_acceptance,
)

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
VERSION = "0123456789ab"
EPISODE = "m-20261123T090000Z"


def muted(store: Memory, until: datetime, at: datetime = NOW, **said: Any) -> None:
    mute(store, "m", **{"until": until, "reason": "a release", "by": "ada", "at": at} | said)


def test_a_mute_holds_until_its_time() -> None:
    store = Memory()
    assert mute_in_force(store, "m", NOW) is None
    muted(store, NOW + HOUR)
    found = mute_in_force(store, "m", NOW)
    assert found is not None
    assert (found.by, found.reason, found.until) == ("ada", "a release", NOW + HOUR)
    assert mute_in_force(store, "m", NOW + HOUR) is None
    assert mute_in_force(store, "other", NOW) is None


def test_the_newest_mute_counts_and_one_of_no_time_ends_it() -> None:
    store = Memory()
    muted(store, NOW + 9 * HOUR)
    muted(store, NOW + 2 * HOUR, NOW + timedelta(microseconds=1))
    assert mute_in_force(store, "m", NOW + 3 * HOUR) is None
    muted(store, NOW + HOUR, NOW + HOUR)
    assert mute_in_force(store, "m", NOW + HOUR) is None
    assert len(store.objects) == 3  # who asked for what can be read later


def test_a_damaged_mute_keeps_nobody_from_being_told() -> None:
    store = Memory()
    muted(store, NOW + HOUR)
    store.put(keys.mutes("m", "20990101T000000000000Z-00000000"), b"{")
    assert newest_mute(store, "m") is None


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"until": NOW - HOUR}, "it is over already"),
        ({"until": datetime(2026, 11, 24)}, "until: Input should have timezone"),  # noqa: DTZ001
        ({"by": " "}, "by: "),
        ({"by": "x" * 81}, "by: "),
        ({"reason": "x" * 501}, "reason: "),
    ],
)
def test_a_mute_that_says_nothing_sensible_is_refused(said: dict[str, Any], words: str) -> None:
    store = Memory()
    with pytest.raises(UsageError, match=words):
        muted(store, **{"until": NOW + HOUR} | said)
    assert not store.objects


def test_notes_are_kept_beside_their_episode_as_they_are() -> None:
    store = Memory()
    for number, text in enumerate(["<b>{{ 7 * 7 }}</b>", "a second one"]):
        at = NOW + timedelta(seconds=number)
        add_note(store, "m", EPISODE, text=text, by="ada", at=at)
    add_note(store, "m", "m-20261123T100000Z", text="of another", by="ada", at=NOW)
    notes = read_notes(store, "m", EPISODE)
    assert [note.text for note in notes] == ["<b>{{ 7 * 7 }}</b>", "a second one"]


@pytest.mark.parametrize(
    ("episode", "text"),
    [(EPISODE, " "), (EPISODE, "x" * 2001), ("../m-20261123T090000Z", "x"), ("m", "x")],
)
def test_a_note_without_text_or_episode_is_refused(episode: str, text: str) -> None:
    store = Memory()
    with pytest.raises(UsageError):
        add_note(store, "m", episode, text=text, by="ada", at=NOW)
    assert not store.objects


def test_what_is_damaged_is_passed_over_and_left_where_it_is() -> None:
    store = Memory()
    store.put(keys.notes("m", EPISODE, "x"), b"{")
    store.put(keys.acceptances("m", "x.json"), b"{")
    assert read_notes(store, "m", EPISODE) == []
    assert read_acceptance_requests(store, "m") == []
    assert len(store.objects) == 2


def test_a_request_is_open_until_it_is_settled_once() -> None:
    store = Memory()
    asked = {"instead_of": VERSION, "by": "ada"}
    first = request_acceptance(store, "m", at=NOW, ticks=[NOW], **asked)
    second = request_acceptance(store, "m", at=NOW + HOUR, version="abc", **asked)
    requests = read_acceptance_requests(store, "m")
    assert [each.id for each in requests] == [first, second]
    assert requests[0].request.ticks == [NOW]
    assert requests[1].request.version == "abc"
    done = AcceptanceOutcome(at=NOW, state="done", version="abc")
    settle_acceptance(store, "m", first, done)
    settle_acceptance(store, "m", first, AcceptanceOutcome(at=NOW, state="refused", reason="no"))
    assert [each.outcome for each in read_acceptance_requests(store, "m")] == [done, None]
    assert [each.id for each in read_acceptance_requests(store, "m", open_only=True)] == [second]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"ticks": [NOW], "version": "abc"},
        {"ticks": []},
        {"version": "../abc"},
        {"version": "abc", "instead_of": "x y"},
    ],
)
def test_a_request_for_nothing_or_for_two_things_is_refused(asked: dict[str, Any]) -> None:
    store = Memory()
    with pytest.raises(UsageError):
        request_acceptance(store, "m", **{"instead_of": VERSION, "by": "ada", "at": NOW} | asked)
    assert not store.objects
