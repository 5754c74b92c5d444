"""The state that all readers share: one look into the store for however many of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from drift_board.reader import Reader
from drift_board.view import Snapshot
from drift_checker.errors import DriftCheckerError, ServiceAwayError

PATIENCE_SECONDS = 2.0
"""A reader waits so long for what is new, and then takes what is known."""
FIRST_SECONDS = 30.0
"""The same before anything is known."""

log = structlog.get_logger()


class Board:
    """Keeps the last snapshot, and makes another one when it is asked for and that one is old.

    Nobody asks the store while nobody reads.
    """

    def __init__(
        self,
        reader: Reader,
        refresh_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reader = reader
        self._refresh_seconds = refresh_seconds
        self._clock, self.now = clock, now
        # Entered again where a look has ended before it is known who settles it.
        self._lock = threading.RLock()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="refresh")
        self._last: Snapshot | None = None
        self._looked = float("-inf")
        self._under_way: Future[None] | None = None
        self._why: str | None = None

    def snapshot(self) -> Snapshot:
        """Return all monitors, at most so many seconds old as a refresh is apart.

        Raises:
            ServiceAwayError: The store has been away since the board began.
        """
        with self._lock:
            under_way = self._under_way
            if under_way is None and self._clock() - self._looked >= self._refresh_seconds:
                under_way = self._under_way = self._pool.submit(self._refresh)
                under_way.add_done_callback(self._settle)
        if under_way is not None:
            try:
                under_way.result(PATIENCE_SECONDS if self._last else FIRST_SECONDS)
            except TimeoutError:
                log.warning("the store takes long, what is known is shown")
        if self._last is None:
            raise ServiceAwayError(self._why or "the store has not answered yet")
        return self._last

    def refresh(self) -> None:
        """Let the next reader look again: something was just written.

        A look that is under way may have begun before, so the next one follows it.
        """
        with self._lock:
            self._looked = float("-inf")
            self._under_way = None

    def _refresh(self) -> None:
        try:
            self._last, self._why = self._reader.snapshot(self.now()), None
        except DriftCheckerError as error:
            self._why = str(error)
            log.warning("the store is away, what is known is shown", reason=self._why)
            if self._last is not None:
                self._last = replace(self._last, away=self._why)

    def _settle(self, look: Future[None]) -> None:
        with self._lock:
            if look is self._under_way:
                self._looked, self._under_way = self._clock(), None
