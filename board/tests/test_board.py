"""One look for all readers: who comes when one is under way, and who has just written."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from stored import NOW

from drift_board.board import Board
from drift_board.view import Snapshot

PATIENCE_SECONDS = 60


class SlowReader:
    """Reads what is written at the time, and answers when it is let."""

    def __init__(self) -> None:
        self.written = 0
        self.began, self.may_end = threading.Event(), threading.Event()

    def snapshot(self, now: datetime) -> Snapshot:
        found = Snapshot(at=now, monitors=(), alarms_per_week=self.written)
        self.began.set()
        assert self.may_end.wait(PATIENCE_SECONDS)
        return found


def test_who_has_just_written_sees_it_though_a_look_was_under_way() -> None:
    reader = SlowReader()
    board = Board(reader, 1000, now=lambda: NOW)  # type: ignore[arg-type]  # stands for a Reader
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(board.snapshot)
        assert reader.began.wait(PATIENCE_SECONDS)
        reader.written = 1
        board.refresh()
        reader.may_end.set()
        assert board.snapshot().alarms_per_week == 1
        assert other.result(PATIENCE_SECONDS).alarms_per_week in {0, 1}
    reader.written = 2
    assert board.snapshot().alarms_per_week == 1  # new enough: nobody has written here
