"""One monitor or one tick, as pages and API look for it; a name that is none brings near ones."""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime
from difflib import get_close_matches
from functools import partial

from drift_board.board import Board
from drift_board.errors import Problem
from drift_board.ondemand import OnDemand
from drift_board.view import MonitorView, Snapshot
from drift_checker.config import date_key, date_of_key
from drift_checker.errors import DamagedObjectError, DriftCheckerError
from drift_checker.outputs import Publication
from drift_checker.result import Result
from drift_checker.state import (
    AskedAcceptance,
    Note,
    RecentTicks,
    Store,
    keys,
    read_acceptance_requests,
    read_document,
    read_notes,
    read_object,
    result_of,
)
from drift_checker.wording import Pictures

NEAR = 3
"""Names that are named beside one that is none."""
MOST_KEPT = 32
"""Things that are kept of what is read on demand."""


class Lookup:
    """Finds what is asked for, in the snapshot or, for a refresh, in the store."""

    def __init__(self, store: Store, board: Board, seconds: float) -> None:
        self._store, self._board = store, board
        self.kept = OnDemand(seconds, MOST_KEPT)

    def monitor(self, name: str) -> tuple[Snapshot, MonitorView]:
        """Return a monitor with all the others.

        Raises:
            Problem: 404 with the nearest names, 503 where nothing is known yet.
        """
        snapshot = self.snapshot()
        view = snapshot.get(name)
        if view is None:
            names = [each.name for each in snapshot.monitors]
            near = get_close_matches(name, names, n=NEAR, cutoff=0.4) or sorted(names)[:NEAR]
            raise Problem(404, f"no monitor is named {name[:80]!r}", near)
        return snapshot, view

    def view(self, name: str) -> MonitorView:
        """Return a monitor alone; raises as `monitor` does."""
        return self.monitor(name)[1]

    def snapshot(self) -> Snapshot:
        """Return all monitors.

        Raises:
            Problem: 503 where nothing is known yet.
        """
        try:
            return self._board.snapshot()
        except DriftCheckerError as error:
            raise Problem(503, f"the object store is away: {error}") from None

    def recent(self, view: MonitorView) -> RecentTicks:
        """Return the last ticks of a monitor."""
        return view.past.unpacked(view.name) if view.past else RecentTicks(monitor=view.name)

    def date(self, view: MonitorView, key: str) -> datetime:
        """Return the logical date that a key or ISO 8601 names.

        Raises:
            Problem: 404 where it names none.
        """
        try:
            return date_of_key(key)
        except ValueError:
            pass
        try:
            date = datetime.fromisoformat(key)
            return date_of_key(date_key(date))
        except (ValueError, OverflowError):
            near = [date_key(tick.logical_date) for tick in self.recent(view).ticks[-NEAR:]]
            raise Problem(404, f"{key[:80]!r} is no logical date", near[::-1]) from None

    def result(self, view: MonitorView, date: datetime) -> Result:
        """Return the result of a tick.

        Raises:
            Problem: 404 with the nearest ticks, 500 where it is damaged, 503 where the store is
                away.
        """
        return self.kept.get(("result", view.name, date), partial(self._result, view, date))

    def _result(self, view: MonitorView, date: datetime) -> Result:
        key = keys.result(view.name, date)
        try:
            found = read_object(self._store, key, partial(result_of, view.name, date))
        except DamagedObjectError as error:
            raise Problem(500, str(error)) from None
        except DriftCheckerError as error:
            raise Problem.of(error) from None
        if found is None:
            near = [date_key(each) for each in self._near(view, date)]
            raise Problem(404, f"{view.name} has no result of {date_key(date)}", near)
        return found

    def _near(self, view: MonitorView, date: datetime) -> list[datetime]:
        dates = [tick.logical_date for tick in self.recent(view).ticks]
        place = bisect_left(dates, date)
        around = dates[max(0, place - NEAR) : place + NEAR]
        return sorted(around, key=lambda each: abs(each - date))[:NEAR]

    def pictures(self, view: MonitorView, date: datetime) -> Pictures | None:
        """Return what is drawn of a tick; None where nothing was stored or can be read."""
        key = keys.result(view.name, date, "pictures.json")
        try:
            return read_document(self._store, key, Pictures)
        except DriftCheckerError:
            return None

    def publication(self, view: MonitorView, date: datetime) -> Publication | None:
        """Return what is recorded of a tick's run in MLflow; None where nothing can be read."""
        key = keys.result(view.name, date, "published.json")
        try:
            return self.kept.get(key, lambda: read_document(self._store, key, Publication))
        except DriftCheckerError:
            return None

    def file(self, view: MonitorView, key: str) -> bytes:
        """Return a file of a tick as it lies in the store.

        Raises:
            Problem: 404 where there is none, 503 where the store is away.
        """
        try:
            data = self._store.get(key)
        except DriftCheckerError as error:
            raise Problem.of(error) from None
        if data is None:
            raise Problem(404, f"{view.name} has no {key.rpartition('/')[2]} of this tick")
        return data

    def notes(self, view: MonitorView, episode: str) -> list[Note]:
        """Return the notes of an episode, the oldest first; none where they cannot be read."""
        try:
            return self.kept.get(
                ("notes", view.name, episode), lambda: read_notes(self._store, view.name, episode)
            )
        except DriftCheckerError:
            return []

    def acceptances(self, view: MonitorView) -> list[AskedAcceptance]:
        """Return what was asked to become the reference, the oldest first."""
        try:
            return self.kept.get(
                ("acceptances", view.name),
                lambda: read_acceptance_requests(self._store, view.name),
            )
        except DriftCheckerError:
            return []
