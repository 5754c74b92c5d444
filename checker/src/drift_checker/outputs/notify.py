"""Notifications: each event once to each address, whoever else is at it and whatever is killed.

An event waits in the outbox until each address has it. Before an attempt is made it is claimed by a
conditional put, so that of several senders one sends; how it ended is noted afterwards. An attempt
that failed is followed by another when twice as much time has passed since the first, for two
days. One whose end is not known, because its process was killed, is not followed: the event may
have arrived, and is never sent twice.
What counts is that the address itself has taken it: who answers with another address, as by a
redirect, has not, and is not followed there, since of a POST only a GET without a body may arrive.
What is due to one address at once is one message: who watches a hundred monitors of a source that
is away wants to know that, and once.
`deliver_events` raises nothing: what is not sent fails nothing else, and the next tick tries again.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import TYPE_CHECKING, Literal

import structlog

from drift_checker.config import Channel, EventKind, Settings
from drift_checker.errors import (
    DamagedObjectError,
    DriftCheckerError,
    ServiceAwayError,
    UsageError,
)
from drift_checker.outputs.events import Event, event_anew
from drift_checker.result import PlainDocument
from drift_checker.state import Document, Store, keys, read_document

if TYPE_CHECKING:
    from apprise import AppriseResult

KEEP_TRYING = timedelta(days=2)
"""Time after the first attempt in which others follow."""
ABANDONED_ATTEMPT = timedelta(hours=1)
"""Age from which an attempt without an end is taken for one whose process was killed."""
HEARTBEAT_SECONDS = 10
"""Seconds that a heartbeat may take."""
SEND_SECONDS = 30
"""Seconds that one attempt may take in all, whatever the other side sends meanwhile."""
NOTIFICATION_TITLE = "Drift detection"

MOST_NAMED = 10
"""Events that one message names."""
_IN_WORDS: Mapping[EventKind, tuple[str, str]] = {
    "alarm_opened": ("new alarm", "new alarms"),
    "alarm_closed": ("alarm over", "alarms over"),
    "batch_invalid": ("invalid batch", "invalid batches"),
    "monitor_silent": ("silent", "silent"),
    "widened": ("alarm widened", "alarms widened"),
    "mute_ended": ("mute over", "mutes over"),
    "reminder": ("alarm still open", "alarms still open"),
}
"""What one, and what several of a kind are called."""

_KIND = re.compile(r"([a-z0-9]{1,20})://")
_STATUS = re.compile(r"\berror=(\d{3})\b")
"""How each of apprise's services says what HTTP status it was answered with."""
_REDIRECTS = range(300, 400)

_CLAIM = re.compile(r"(?P<kind>\w+)\.(?P<address>[\w-]+)\.(?P<number>\d+)\.json")
"""What `_claim_key` names an attempt."""

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Attempt(PlainDocument):
    """One try to notify one address; `outcome` is null until it has ended."""

    at: datetime
    outcome: Literal["sent", "failed"] | None = None
    reason: str | None = None
    """Why it failed; never a part of the address."""


class WaitingNotification(Document):
    """An event that an address does not have yet."""

    event: str
    address: str | None
    """Its kind and digest; null where the settings name none."""
    since: datetime
    """When the first attempt was made; before it, when the event was kept."""
    attempts: int
    reason: str
    """Why the last attempt failed, or why there is none."""


class Address:
    """Who is notified, by a URL that apprise knows, which is a secret.

    `name` is safe to be stored and logged. It is told of the kinds of events that each of its
    `channels` wants, and of all without any.
    """

    def __init__(self, url: str, channels: Mapping[str, Channel] | None = None) -> None:
        self._url, self._channels = url, channels
        # With the kind of service, for people; the digest tells addresses of one kind apart.
        kind = _KIND.match(url)
        digest = sha256(url.encode()).hexdigest()[:8]
        self.name = f"{kind[1] if kind else 'unknown'}-{digest}"

    def wants(self, event: Event) -> bool:
        """Whether one of its channels is the monitor's, and wants such events."""
        if self._channels is None:
            return True
        named = (self._channels.get(name) for name in event.channels)
        return any(channel and event.kind in channel.events for channel in named)

    def send(self, title: str, message: str) -> None:
        """Send, once, by apprise, within `SEND_SECONDS`.

        Raises:
            ServiceAwayError: the address did not take it; says why.
            UsageError: apprise is not installed, or does not know such a URL.
        """
        with warnings.catch_warnings():
            # Apprise imports what is deprecated, and does without where it is gone.
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                import apprise  # noqa: PLC0415  # costs more than a comparison
            except ImportError as error:
                raise UsageError("notifications need 'drift-checker[notify]'") from error
            # Its messages may hold parts of URLs.
            logger = logging.getLogger("apprise")
            logger.handlers, logger.propagate = [logging.NullHandler()], False
            asset = apprise.AppriseAsset(
                app_id=NOTIFICATION_TITLE,
                app_desc=NOTIFICATION_TITLE,
                app_url="",
                image_url_mask="",
                http_redirects=False,
                service_timeout=SEND_SECONDS,
                allow_templates=False,
            )
            service = apprise.Apprise(asset=asset)
            if not service.add(self._url):
                raise UsageError(
                    f"DRIFT_NOTIFICATION_URLS, DRIFT_CHANNELS: {self.name} is no URL "
                    "that apprise knows"
                )
            for one in service:
                one.redirects = False  # also where `redirect=yes` is in the URL
            result = service.notify(title=title, body=message, body_format="text")
            if not result:
                raise ServiceAwayError(f"{self.name} took no message: {_refusal(result)}")


def _refusal(result: AppriseResult) -> str:
    """Say why an address took no message; apprise's own words may hold parts of its URL."""
    if any(each.status.name == "TIMEOUT" for each in result):
        return f"no answer within {SEND_SECONDS} s"
    found = [match[1] for entry in result.logs() if (match := _STATUS.search(entry.message))]
    if not found:
        return "it is away, or refuses"
    if int(found[-1]) in _REDIRECTS:
        return (
            f"it redirects (HTTP {found[-1]}), which is not followed: "
            "DRIFT_NOTIFICATION_URLS must name the address that takes messages"
        )
    return f"it answered HTTP {found[-1]}"


def notification_addresses(settings: Settings) -> list[Address]:
    """Return the addresses of all channels, each once, with the channels that it is in."""
    channels = settings.notification_channels
    urls = dict.fromkeys(url for channel in channels.values() for url in channel.urls)
    return [
        Address(url, {name: each for name, each in channels.items() if url in each.urls})
        for url in urls
    ]


def deliver_events(
    store: Store,
    events: Iterable[Event],
    addresses: Sequence[Address],
    now: datetime,
    *,
    monitor: str | None = None,
    board: str | None = None,
) -> None:
    """Notify addresses of new events, and of older ones that still wait.

    Args:
        store: Where events wait, and attempts are noted.
        events: The new ones.
        addresses: Who is notified; without any, nothing is stored.
        now: The time of the attempts, which says whether another is due.
        monitor: The one whose older events are sent; without it, those of all.
        board: The board's address, for what one message has no room for.
    """
    if not addresses:
        return
    try:
        _keep_events(store, events, addresses)
        _Delivery(store, addresses, now, board).deliver(monitor)
    except Exception:  # whatever fails here fails nothing else
        log.exception("not notified", monitor=monitor)


def _keep_events(store: Store, events: Iterable[Event], addresses: Sequence[Address]) -> None:
    """Put the events that somebody wants into the outbox.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    for event in events:
        if any(address.wants(event) for address in addresses):
            key = keys.outbox(event.monitor, event.id)
            store.put_if_absent(key, event.model_dump_json().encode())


def leave_events(store: Store, events: Iterable[Event], addresses: Sequence[Address]) -> None:
    """Put events into the outbox for a later `deliver_events`; raises nothing either."""
    try:
        _keep_events(store, events, addresses)
    except Exception:  # whatever fails here fails nothing else
        log.exception("not kept")


def send_heartbeat(settings: Settings) -> None:
    """Ask `heartbeat_url`, if there is one, to say that all is well; raises nothing."""
    url = settings.heartbeat_url
    if url is None:
        return
    import httpx  # noqa: PLC0415  # MLflow's client has it already

    from drift_checker.config.clients import BoundedClient  # noqa: PLC0415

    try:
        with BoundedClient(HEARTBEAT_SECONDS) as client:
            client.get(url.get_secret_value()).raise_for_status()
    except httpx.HTTPStatusError as error:
        log.warning("heartbeat not taken", status=error.response.status_code)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        # Its words may hold the address.
        log.warning("heartbeat not taken", reason=type(error).__name__)


class _Delivery:
    def __init__(
        self, store: Store, addresses: Sequence[Address], now: datetime, board: str | None
    ) -> None:
        self.store, self.addresses, self.now, self.board = store, addresses, now, board

    def deliver(self, monitor: str | None) -> None:
        listed = self.store.list(keys.outbox(monitor))
        read = {entry.key: _waiting_event(self.store, entry.key) for entry in listed}
        events = {key: event for key, event in read.items() if event}
        waiting = set[str]()
        for address in self.addresses:
            due = list[tuple[Event, int]]()
            for event in events.values():
                if not address.wants(event):
                    continue
                settled, number = self._settled(event, address)
                if number is not None:
                    due.append((event, number))
                elif not settled:
                    waiting.add(event.id)
            waiting |= self._attempt(due, address)
        for key, event in events.items():
            if event.id not in waiting:
                self.store.delete(key)

    def _settled(self, event: Event, address: Address) -> tuple[bool, int | None]:
        """Whether nothing is left to do for an event and an address; else the attempt now due."""
        attempts = list(_attempts(self.store, event, address))
        if attempts:
            first, last = attempts[0], attempts[-1]
            if last.outcome == "sent":
                return True, None
            if last.outcome is None:
                limit = last.at + ABANDONED_ATTEMPT
                return self._is_given_up(limit, event, address, "it may have arrived"), None
            limit = first.at + KEEP_TRYING
            if self._is_given_up(limit, event, address, "it failed too often"):
                return True, None
            if self.now < last.at + (last.at - first.at):
                return False, None
        return False, len(attempts) + 1

    def _is_given_up(self, limit: datetime, event: Event, address: Address, reason: str) -> bool:
        if self.now < limit:
            return False
        log.error("given up", notification=event.id, address=address.name, reason=reason)
        return True

    def _attempt(self, due: Sequence[tuple[Event, int]], address: Address) -> set[str]:
        """Claim the attempts that are due and make them, as one; returns what still waits."""
        claimed, claim = dict[str, Event](), Attempt(at=self.now).model_dump_json().encode()
        waiting = {event.id for event, _ in due}
        for event, number in due:
            key = _claim_key(event, address, number)
            if self.store.put_if_absent(key, claim):  # else another sender is at it
                claimed[key] = event
        if not claimed:
            return waiting
        reason = None
        try:
            address.send(*_as_message(list(claimed.values()), self.board))
        except Exception as error:  # noqa: BLE001  # of a hundred services
            # Its message may hold parts of a URL, ours do not.
            reason = str(error) if isinstance(error, DriftCheckerError) else type(error).__name__
        ended = Attempt(at=self.now, outcome="failed" if reason else "sent", reason=reason)
        for key, event in claimed.items():
            self.store.put(key, ended.model_dump_json().encode())
            if reason is None:
                log.info("notified", notification=event.id, address=address.name)
                waiting.discard(event.id)
            else:
                log.warning(
                    "not notified", notification=event.id, address=address.name, reason=reason
                )
        return waiting


def _as_message(events: Sequence[Event], board: str | None) -> tuple[str, str]:
    """Return title and text of one message: of an event, or of several by name."""
    if len(events) == 1:
        return events[0].title, f"{events[0].message}\n\n{events[0].id}"
    monitors = {event.monitor for event in events}
    number = f"{len(monitors)} monitors" if len(monitors) > 1 else events[0].monitor
    counted = Counter(event.kind for event in events)
    kinds = ", ".join(f"{count} {_IN_WORDS[kind][count > 1]}" for kind, count in counted.items())
    lines = list[str]()
    for event in events[:MOST_NAMED]:
        summary = event.message.partition("\n")[0]
        lines += [f"- {event.title}", f"  {summary}"]
        lines += [f"  {event.page}"] if event.page else []
    if len(events) > MOST_NAMED:
        where = f": {board}/" if board else "; `drift-checker status` names them"
        lines.append(f"and {len(events) - MOST_NAMED} more{where}")
    return f"{number}: {kinds}", "\n".join([*lines, "", "what now: docs/alarm.md"])


def waiting_notifications(
    store: Store, addresses: Sequence[Address]
) -> Iterator[WaitingNotification]:
    """Yield what waits in the outbox: each event and address that does not have it, and why."""
    for entry in store.list(keys.outbox(None)):
        event = _waiting_event(store, entry.key)
        if event is None:
            continue
        if not addresses:
            yield WaitingNotification(
                event=event.id,
                address=None,
                since=entry.modified,
                attempts=0,
                reason="DRIFT_NOTIFICATION_URLS and DRIFT_CHANNELS name no address",
            )
        for address in addresses:
            if not address.wants(event):
                continue
            attempts = list(_attempts(store, event, address))
            last = attempts[-1] if attempts else None
            if last is None or last.outcome != "sent":
                yield WaitingNotification(
                    event=event.id,
                    address=address.name,
                    since=attempts[0].at if attempts else entry.modified,
                    attempts=len(attempts),
                    reason=_waiting_reason(last),
                )


def untold_events(store: Store) -> Counter[str]:
    """Count by monitor the events that wait since the last attempt to tell an address failed.

    Whoever asks knows no address, and may not mend what is damaged: it counts for nothing.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    found = Counter[str]()
    for entry in store.list(keys.outbox(None)):
        with suppress(DamagedObjectError):
            event = read_document(store, entry.key, Event)
            if event and _failed_somewhere(store, event):
                found[event.monitor] += 1
    return found


def _failed_somewhere(store: Store, event: Event) -> bool:
    last: dict[str, tuple[int, str]] = {}
    for entry in store.list(keys.notification(event.monitor, event.date)):
        match = _CLAIM.fullmatch(entry.key.rpartition("/")[2])
        if match and match["kind"] == event.kind:
            attempt = int(match["number"]), entry.key
            last[match["address"]] = max(last.get(match["address"], attempt), attempt)
    attempts = (read_document(store, key, Attempt) for _, key in last.values())
    return any(attempt is not None and attempt.outcome == "failed" for attempt in attempts)


def _waiting_event(store: Store, key: str) -> Event | None:
    """An event that waits, made anew where it is damaged; None where it is gone."""
    try:
        return read_document(store, key, Event)
    except DamagedObjectError as error:
        event = event_anew(store, key)
        log.warning("damaged, and made anew", key=key, reason=error.reason)
        if event is None:
            store.delete(key)
        else:
            store.put(key, event.model_dump_json().encode())
        return event


def _waiting_reason(last: Attempt | None) -> str:
    if last is None:
        return "not tried yet"
    if last.outcome is None:
        return "its last attempt goes on, or was killed: it may have arrived"
    return last.reason or "the service did not take it"


def _attempts(store: Store, event: Event, address: Address) -> Iterator[Attempt]:
    for number in count(1):
        key = _claim_key(event, address, number)
        try:
            attempt = read_document(store, key, Attempt)
        except DamagedObjectError as error:
            # It may have arrived, and nothing says when it was made.
            log.warning("damaged", key=key, reason=error.reason)
            attempt = Attempt(at=event.date)
        if attempt is None:
            return
        yield attempt


def _claim_key(event: Event, address: Address, number: int) -> str:
    name = f"{event.kind}.{address.name}.{number}.json"
    return keys.notification(event.monitor, event.date, name)
