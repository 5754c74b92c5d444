"""Who is told of what: channels, mutes, reminders, widened episodes, and several events at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from deployment import DATE, Deployment
from feeds import START, Memory, stored_result
from pydantic import SecretStr
from web import Receiver, Web

from drift_checker.config import Monitor, Monitors, Settings, load_settings
from drift_checker.errors import UsageError
from drift_checker.outputs import (
    Event,
    deliver_events,
    notification_addresses,
    send_heartbeat,
    tick_events,
)
from drift_checker.result import Alarm, Result, Verdict
from drift_checker.state import mute

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


def event(monitor: str, kind: str = "alarm_opened", **values: Any) -> Event:
    title = f"{monitor}: drift"
    return Event(
        **{"kind": kind, "monitor": monitor, "date": DATE, "title": title, "message": "x"} | values
    )


def with_channels(settings: Settings, default: str = "", **channels: Any) -> Settings:
    return settings.model_copy(
        update={
            "notification_urls": SecretStr(default),
            "channels": SecretStr(json.dumps(channels)),
        }
    )


def result(state: str = "ongoing", since: datetime = START, **alarm: Any) -> Result:
    opened = Alarm(state=state, id="m-x", since=since, **alarm)  # type: ignore[arg-type]
    return stored_result(5, Verdict.DRIFT).model_copy(update={"alarm": opened})


def told(store: Memory, settings: Settings, of: Result, **monitor: Any) -> list[Event]:
    content = {"name": "m", "current": {"url": "http://a/b"}, "reference": {"path": "r"}}
    before: Iterator[Result] = iter(())
    watched = Monitor.model_validate(content | monitor)
    return list(tick_events(store, settings, watched, of, before))


def test_channels_get_what_they_want_and_an_address_of_two_gets_it_once(
    deployment: Deployment, web: Web
) -> None:
    usual, oncall = Receiver(web, "/usual"), Receiver(web, "/oncall")
    settings = with_channels(
        deployment.settings,
        usual.url,
        oncall={"urls": oncall.url, "events": ["alarm_opened"]},
        both={"urls": [usual.url, oncall.url]},
    )
    addresses = notification_addresses(settings)
    assert len(addresses) == 2
    events = [
        event("a"),
        event("b", channels=("oncall",)),
        event("c", "batch_invalid", channels=("oncall",)),
        event("d", channels=("default", "oncall", "both")),
    ]
    for each in events:
        deliver_events(deployment.store, [each], addresses, DATE)
    assert usual.titles == ["a: drift", "d: drift"]
    assert oncall.titles == ["b: drift", "d: drift"]
    assert deployment.store.list("outbox") == []


def test_what_is_due_at_once_is_one_message(deployment: Deployment, web: Web) -> None:
    receiver = Receiver(web, "/hook")
    settings = with_channels(deployment.settings, receiver.url)
    page = "http://board/monitors/m"
    events = [event(f"m{number:03}", page=page) for number in range(99)]
    addresses = notification_addresses(settings)
    events.append(event("n", "batch_invalid"))
    deliver_events(deployment.store, events, addresses, DATE, board="http://board")
    (message,) = receiver.messages
    assert message["title"] == "100 monitors: 99 new alarms, 1 invalid batch"
    lines = message["message"].splitlines()
    assert [line for line in lines if line.startswith("- ")] == [
        f"- m{number:03}: drift" for number in range(10)
    ]
    assert "and 90 more: http://board/" in lines
    assert deployment.store.list("outbox") == []

    deliver_events(deployment.store, events, addresses, DATE + HOUR)
    assert len(receiver.messages) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "DRIFT_CHANNELS: allowed: JSON"),
        ('{"a": {"urls": "x://secret-part", "events": ["nothing"]}}', "DRIFT_CHANNELS: a.events.0"),
        ('{"a": {"url": "x://secret-part"}}', "DRIFT_CHANNELS: a.urls"),
        ('{"A b": {"urls": "x://secret-part"}}', "DRIFT_CHANNELS: A b"),
        ('["x://secret-part"]', "DRIFT_CHANNELS: Input should be a valid dictionary"),
    ],
)
def test_wrong_channels_are_named_and_no_address_shown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.setenv("DRIFT_CHANNELS", text)
    with pytest.raises(UsageError) as caught:
        load_settings(settings._env_file)
    assert str(caught.value).startswith(words)
    assert "secret-part" not in str(caught.value)


def test_a_channel_that_nobody_has_is_named(monitors: Monitors) -> None:
    monitor = monitors.monitors[0].model_copy(update={"notify": ("oncal",)})
    asked = monitors.model_copy(update={"monitors": [monitor]})
    with pytest.raises(UsageError, match=r"m: notify: no channel is named 'oncal'.*mean oncall"):
        asked.check_channels(["default", "oncall"])


def test_a_notification_says_where_to_look_and_what_to_do(settings: Settings) -> None:
    board = settings.model_copy(update={"board_url": "http://board:8050"})
    (opened,) = told(
        Memory(),
        board,
        result("opened"),
        owner="<b>ada</b>\n",
        severity="critical",
        notify=["oncall"],
    )
    page = "http://board:8050/monitors/m/ticks/20261102T050000Z"
    assert (opened.page, opened.channels) == (page, ("oncall",))
    for line in (
        f"look: {page}",
        "mute: drift-checker mute --monitor m --for 4h",
        "accept as the new normal: drift-checker baseline accept --monitor m",
        "what now: docs/alarm.md",
    ):
        assert line in opened.message.splitlines()
    assert "severity: critical, of " in opened.message
    assert "ada</b>\n\n" not in opened.message


def test_columns_that_join_are_told(settings: Settings) -> None:
    (widened,) = told(Memory(), settings, result(widened=["humid", "wind"]))
    assert (widened.kind, widened.title) == ("widened", "m: humid, wind drift too")
    assert told(Memory(), settings, result()) == []


def test_while_a_monitor_is_muted_nobody_is_told_of_its_drift(settings: Settings) -> None:
    store = Memory()
    mute(store, "m", until=NOW + HOUR, reason="", by="ada", at=NOW - HOUR)
    assert told(store, settings, result("opened")) == []
    assert told(store, settings, result(widened=["x"])) == []
    invalid = stored_result(5, Verdict.INVALID)
    assert [each.kind for each in told(store, settings, invalid)] == ["batch_invalid"]


def test_a_mute_that_ended_with_an_open_alarm_is_told_once(
    deployment: Deployment, web: Web
) -> None:
    receiver, store = Receiver(web, "/hook"), Memory()
    settings = with_channels(deployment.settings, receiver.url)
    mute(store, "m", until=NOW - HOUR, reason="", by="ada", at=NOW - 2 * HOUR)
    for _ in range(3):
        events = told(store, settings, result())
        assert [each.kind for each in events] == ["mute_ended"]
        deliver_events(store, events, notification_addresses(settings), NOW)
    (title,) = receiver.titles
    assert title.startswith("m: no longer muted, and drift goes on since ")

    assert told(store, settings, stored_result(5)) == []
    assert told(store, settings, result(since=NOW)) == []


def test_an_open_alarm_is_told_again_where_that_is_asked_for(settings: Settings) -> None:
    assert told(Memory(), settings, result()) == []
    often = settings.model_copy(update={"remind_after": 2 * HOUR})
    (reminder,) = told(Memory(), often, result())
    assert (reminder.kind, reminder.date) == ("reminder", START + 4 * HOUR)
    rarely = settings.model_copy(update={"remind_after": 6 * HOUR})
    assert told(Memory(), rarely, result()) == []


def test_a_heartbeat_follows_a_tick_that_ended_well_and_fails_nothing(
    deployment: Deployment, web: Web
) -> None:
    url = SecretStr(web.answer("/beat", b""))
    deployment.settings = deployment.settings.model_copy(update={"heartbeat_url": url})
    beats = lambda: sum("/beat" in each for each in web.requests)  # noqa: E731
    deployment.run(DATE, "scheduled")
    assert beats() == 1
    deployment.run(DATE + HOUR, "manual")
    assert beats() == 1
    web.answer("/beat", status=500)
    deployment.run(DATE + 2 * HOUR, "scheduled")
    away = SecretStr("http://127.0.0.1:1/secret")
    send_heartbeat(deployment.settings.model_copy(update={"heartbeat_url": away}))
