"""Episodes as a fold over the ticks before one, in whatever order these were made."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.config import Settings
from drift_checker.outputs import result_events
from drift_checker.result import (
    Alarm,
    AlarmBudget,
    CurrentInfo,
    ReferenceInfo,
    Result,
    Verdict,
)
from drift_checker.state import LOOK_BACK, Store, keys, results_before, ticks_before
from drift_checker.ticks import alarm_of
from drift_checker.ticks.alarms import CLOSING_TICKS

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OK, DRIFT, INVALID = Verdict.OK, Verdict.DRIFT, Verdict.INVALID
Tick = tuple[Verdict, str]


def date(place: int) -> datetime:
    return DATE + timedelta(minutes=5 * place)


def take(store: Store, place: int, tick: Tick) -> Alarm:
    """Take a tick as `run` does, and store its result."""
    verdict, version = tick
    result = Result(
        monitor="m",
        logical_date=date(place),
        trigger="scheduled",
        verdict=verdict,
        reference=ReferenceInfo(version=version, rows=100),
        current=CurrentInfo(rows=100, digest=""),
        columns=[],
        faults=[],
        drifted_columns=[],
        alarm_budget=AlarmBudget(per_week=1, ticks_per_week=2016, level=1 / 2016, parts={}),
    )
    alarm = alarm_of(result, ticks_before(store, "m", "*/5 * * * *", date(place)))
    stored = result.model_copy(update={"alarm": alarm}).model_dump_json()
    store.put(keys.result("m", date(place)), stored.encode())
    return alarm


class Memory(Store):
    """A store in memory."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.objects.get(key)

    def put(self, key: str, data: bytes | Path) -> None:
        assert isinstance(data, bytes)
        self.objects[key] = data


def alarms(ticks: Sequence[Tick]) -> list[Alarm]:
    store = Memory()
    return [take(store, place, tick) for place, tick in enumerate(ticks)]


def states(*verdicts: Verdict) -> list[str]:
    return [alarm.state for alarm in alarms([(verdict, "1") for verdict in verdicts])]


def test_an_episode_closes_when_ticks_are_ok_again() -> None:
    assert states(OK, DRIFT, DRIFT, *[OK] * (CLOSING_TICKS + 1)) == [
        "none", "opened", "ongoing", *["ongoing"] * (CLOSING_TICKS - 1), "closed", "none",
    ]  # fmt: skip


def test_drift_that_most_ticks_show_is_one_episode() -> None:
    found = alarms([(verdict, "1") for verdict in [DRIFT, OK, DRIFT, OK, OK] * 20])

    assert {alarm.id for alarm in found} == {"m-20261123T090000Z"}
    assert [alarm.state for alarm in found] == ["opened", *["ongoing"] * 99]


def test_what_is_invalid_says_nothing() -> None:
    assert states(INVALID, DRIFT, INVALID, OK, INVALID, OK, INVALID, OK) == [
        "none", "opened", *["ongoing"] * 5, "closed",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "state"), [(OK, "closed"), (INVALID, "closed"), (DRIFT, "opened")]
)
def test_the_new_normal_ends_an_episode(verdict: Verdict, state: str) -> None:
    ticks = [(DRIFT, "1")] * (LOOK_BACK + 3) + [(verdict, "2"), (OK, "2")]
    *before, accepted, last = alarms(ticks)

    assert before[-1].state == "ongoing"
    assert accepted.state == state
    assert (accepted.since == DATE) == (state == "closed")
    assert last.state == ("ongoing" if state == "opened" else "none")


def test_an_episode_without_any_result_is_over() -> None:
    store = Memory()
    take(store, 0, (DRIFT, "1"))

    assert take(store, LOOK_BACK, (DRIFT, "1")).state == "ongoing"
    assert take(store, 2 * LOOK_BACK + 1, (DRIFT, "1")).state == "opened"


@st.composite
def unordered(draw: st.DrawFn) -> tuple[list[Tick], list[int]]:
    """As many ticks as a fold looks at, and the order in which those before the last are made."""
    tick = st.tuples(st.sampled_from([OK, DRIFT, DRIFT, INVALID]), st.sampled_from("1112"))
    content = draw(st.lists(tick, min_size=1, max_size=LOOK_BACK + 1))
    return content, draw(st.permutations(range(len(content) - 1)))


@given(unordered())
def test_the_order_in_which_ticks_are_made_changes_nothing_for_the_last(
    ticks: tuple[list[Tick], list[int]],
) -> None:
    content, order = ticks
    store = Memory()
    for place in order:
        take(store, place, content[place])

    assert take(store, len(content) - 1, content[-1]) == alarms(content)[-1]


def test_a_repeated_tick_is_the_same(settings: Settings) -> None:
    store = Store(settings)
    content = [(OK, "1"), (DRIFT, "1"), (DRIFT, "1"), (OK, "1")]
    first = [take(store, place, tick) for place, tick in enumerate(content)]

    assert [take(store, place, tick) for place, tick in enumerate(content)] == first


@pytest.mark.parametrize(
    ("ticks", "told"),
    [
        # A new reference that drifts at once ends the episode of the old one, and opens its own.
        (
            [(DRIFT, "a"), (DRIFT, "b"), (DRIFT, "b")],
            [[("opened", 0)], [("closed", 0), ("opened", 1)], []],
        ),
        (
            [(DRIFT, "a"), (OK, "b"), (DRIFT, "b")],
            [[("opened", 0)], [("closed", 0)], [("opened", 2)]],
        ),
        ([(OK, "a"), (DRIFT, "b")], [[], [("opened", 1)]]),
    ],
)
def test_every_episode_that_opens_is_told_to_end(
    ticks: list[Tick], told: list[list[tuple[str, int]]]
) -> None:
    store, found = Memory(), []
    for place, tick in enumerate(ticks):
        take(store, place, tick)
        before = results_before(store, "m", "*/5 * * * *", date(place), LOOK_BACK)
        result = Result.model_validate_json(store.get(keys.result("m", date(place))) or b"")
        found.append([(event.kind, event.date) for event in result_events(result, before)])
    assert found == [[(f"alarm_{kind}", date(at)) for kind, at in each] for each in told]


def judged(place: int, *drifted: str, **alarm: Any) -> Result:
    verdict = DRIFT if drifted else OK
    return Result(
        monitor="m",
        logical_date=date(place),
        trigger="scheduled",
        verdict=verdict,
        reference=ReferenceInfo(version="a", rows=100),
        current=CurrentInfo(rows=100, digest=""),
        columns=[],
        faults=[],
        drifted_columns=list(drifted),
        alarm_budget=AlarmBudget(per_week=1, ticks_per_week=2016, level=1 / 2016, parts={}),
        alarm=Alarm(**alarm),
    )


def test_columns_join_an_open_episode_once_each() -> None:
    store, last, widened = Memory(), None, []
    drifts = [("temp",), ("temp",), (), ("humid", "temp", "wind"), ("wind",), (), (), (), ("wind",)]
    for place, drifted in enumerate(drifts):
        result = judged(place, *drifted)
        before = ticks_before(store, "m", "*/5 * * * *", date(place))
        last = result.model_copy(update={"alarm": alarm_of(result, before, last)})
        store.put(keys.result("m", date(place)), last.model_dump_json().encode())
        widened.append(last.alarm.widened)
        if place == CLOSING_TICKS + 4:
            assert last.alarm.state == "closed"
            known = {"temp": date(0), "humid": date(3), "wind": date(3)}
            assert last.alarm.columns == known
    assert widened == [[], [], [], ["humid", "wind"], *[[]] * 5]
    assert last is not None
    assert (last.alarm.state, last.alarm.columns) == ("opened", {"wind": date(8)})


@pytest.mark.parametrize(
    ("last", "widened", "columns"),
    [
        (judged(0, "x", state="opened", id="m-1", since=date(0)), ["y"], {"x": 0, "y": 1}),
        (judged(0, state="ongoing", id="m-1", since=date(0)), [], {"x": 1, "y": 1}),
        (None, [], {"x": 1, "y": 1}),
    ],
)
def test_episodes_of_older_builds_have_no_columns_and_tell_of_none_twice(
    monkeypatch: pytest.MonkeyPatch,
    last: Result | None,
    widened: list[str],
    columns: dict[str, int],
) -> None:
    going_on = Alarm(state="ongoing", id="m-1", since=date(0))
    monkeypatch.setattr("drift_checker.ticks.alarms._state_of", lambda *_: going_on)
    before = ticks_before(Memory(), "m", "*/5 * * * *", date(1))
    alarm = alarm_of(judged(1, "x", "y"), before, last)
    assert alarm.widened == widened
    assert alarm.columns == {name: date(place) for name, place in columns.items()}
