"""What people ask for, by page or API: each is one small object of the store, or a run of Airflow.

Nothing is computed here: the next tick carries it out. Each is logged with who and when.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from drift_board.airflow import Airflow
from drift_board.board import Board
from drift_board.errors import Problem
from drift_board.ondemand import OnDemand
from drift_board.view import MonitorView
from drift_checker.config import date_key
from drift_checker.state import (
    Mute,
    Note,
    Pushed,
    Store,
    add_note,
    mute,
    push_batch,
    request_acceptance,
)

PREVIEW_SECONDS = 120
"""A preview compares up to 5,000 rows of both sides, in a process of its own."""
MEDIA_TYPES = {
    "application/json",
    "application/x-ndjson",
    "application/vnd.apache.parquet",
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream",
    "application/octet-stream",
    "application/x-parquet",
    "application/avro",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/csv",
    "text/tab-separated-values",
    "text/plain",
}

log = structlog.get_logger()


class Actions:
    """Writes what people ask for, in their name."""

    def __init__(
        self,
        store: Store,
        board: Board,
        airflow: Airflow,
        kept: OnDemand,
        settings_file: Path | None,
    ) -> None:
        self._store, self._board, self._airflow, self._kept = store, board, airflow, kept
        self._settings_file = settings_file

    def mute(self, view: MonitorView, until: datetime, reason: str, by: str) -> Mute:
        """Tell nobody of a monitor's drift until then; until now or before ends a mute."""
        now = self._board.now()
        made = mute(self._store, view.name, until=max(until, now), reason=reason, by=by, at=now)
        self._done("mute", view.name, by, until=made.until.isoformat(), reason=reason)
        return made

    def note(self, view: MonitorView, episode: str, text: str, by: str) -> Note:
        """Leave a note beside an episode."""
        made = add_note(self._store, view.name, episode, text=text, by=by, at=self._board.now())
        self._done("note", view.name, by, episode=episode)
        return made

    def accept(
        self,
        view: MonitorView,
        *,
        by: str,
        instead_of: str,
        ticks: Sequence[datetime] | None = None,
        version: str | None = None,
    ) -> str:
        """Ask the next tick to make batches, or an older version, the reference."""
        made = request_acceptance(
            self._store,
            view.name,
            instead_of=instead_of,
            by=by,
            at=self._board.now(),
            ticks=sorted(ticks) if ticks else None,
            version=version,
        )
        self._done("accept", view.name, by, id=made, instead_of=instead_of)
        return made

    def check(self, view: MonitorView, by: str, logical_date: datetime | None = None) -> str:
        """Start a check by hand; returns the id of Airflow's run."""
        if view.monitor.current.push and logical_date is None:
            raise Problem(409, f"{view.name} takes pushed batches: push one, or name its date")
        conf: dict[str, Any] = {"monitor": view.name}
        if logical_date is not None:
            conf["logical_date"] = f"{logical_date:%Y-%m-%dT%H:%M:%SZ}"
        run = self._airflow.check(conf)
        self._done("check now", view.name, by, run=run)
        return run

    def push(
        self, view: MonitorView, logical_date: datetime, body: bytes, media_type: str, by: str
    ) -> tuple[Pushed, str]:
        """Keep a batch that a pipeline pushes, and start its check; the same one again is known.

        Raises:
            Problem: 409 for a monitor that takes none, 503 where Airflow is away: the batch is
                kept then, and the same push again starts its check.
        """
        pushed = push_batch(
            self._store,
            view.name,
            logical_date,
            body,
            media_type=media_type,
            by=by,
            schedule=view.schedule,
            at=self._board.now(),
        )
        date = pushed.logical_date
        conf = {
            "monitor": view.name,
            "logical_date": f"{date:%Y-%m-%dT%H:%M:%SZ}",
            "trigger": pushed.trigger,
        }
        self._done("push", view.name, by, key=pushed.key, known=pushed.known)
        try:
            run = self._airflow.check(conf, f"push__{view.name}__{date_key(date)}")
        except Problem as problem:
            detail = f"the batch is kept, its check is not started; push it again: {problem.detail}"
            raise Problem(problem.status, detail) from None
        return pushed, run

    async def preview(self, view: MonitorView, *, version: str | None = None) -> dict[str, Any]:
        """Return what `make rebaseline` shows; nothing is changed.

        It is computed by the checker's command, in a process that gives its memory back.

        Raises:
            Problem: 422 with what the command says where there is nothing that can be accepted.
        """
        command = [str(Path(sys.executable).with_name("drift-checker"))]
        if self._settings_file is not None:
            command += ["--settings", str(self._settings_file)]
        command += ["baseline"]
        command += ["use", version] if version else ["accept"]
        command += ["--monitor", view.name, "--dry-run", "--format", "json"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            printed, said = await asyncio.wait_for(process.communicate(), PREVIEW_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise Problem(503, f"the preview took longer than {PREVIEW_SECONDS} s") from None
        if process.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            raise Problem(422, re.sub(r"^Error: ", "", lines[-1]) if lines else "no preview")
        preview: dict[str, Any] = json.loads(printed)
        return preview

    def _done(self, what: str, monitor: str, by: str, **more: object) -> None:
        # Whoever did it sees it at once.
        self._board.refresh()
        self._kept.clear()
        log.info("action", action=what, monitor=monitor, by=by, **more)


def check_push(view: MonitorView, media_type: str) -> None:
    """Refuse a push before its body is read.

    Raises:
        Problem: 409 for a monitor that takes none, 415 for a format that is not known.
    """
    if not view.monitor.current.push:
        raise Problem(
            409, f"{view.name} fetches its batches; `current: push` makes it take pushed ones"
        )
    if media_type not in MEDIA_TYPES:
        allowed = ", ".join(sorted(MEDIA_TYPES))
        raise Problem(415, f"Content-Type {media_type!r}: allowed: {allowed}")
