"""A part of the stack as a process of the worker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import BaseOperator, Context

from drift_checks.command import CHECKER, came_to, check, failure
from drift_checks.links import BoardLink

STOP_SECONDS = 10
"""How long the command may take to end after SIGTERM."""


class PartProcessOperator(BaseOperator):
    """Runs the command of a part with `arguments`.

    The environment names the folder with the commands (`DRIFT_COMMANDS`), each by its part.
    """

    template_fields: Sequence[str] = ("arguments",)

    def __init__(self, *, part: str, arguments: Sequence[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.part = part
        self.arguments = arguments
        # Its methods have no types.
        self._subprocess: Any = SubprocessHook()

    def execute(self, context: Context) -> None:  # noqa: ARG002  Airflow's signature
        """Run the command, with its output in the task's log.

        Raises:
            AirflowFailException: it failed in a way that a retry cannot mend.
            AirflowException: it failed in another way.
        """
        command = str(Path(os.environ["DRIFT_COMMANDS"], self.part))
        code: int = self._subprocess.run_command([command, *self.arguments]).exit_code
        if code != 0:
            raise failure(self.part, code)

    def on_kill(self) -> None:
        """End the command and wait for its end, so that it never overlaps with a retry."""
        process = self._subprocess.sub_process
        if process is not None and process.poll() is None:
            self._subprocess.send_sigterm()
            process.wait(timeout=STOP_SECONDS)


class CheckProcessOperator(PartProcessOperator):
    """Checks one monitor at the run's logical date, by `drift-checker` as a process."""

    template_fields: Sequence[str] = (*PartProcessOperator.template_fields, "monitor")

    operator_extra_links = (BoardLink(),)
    board_page = ""

    def __init__(self, *, monitor: str, tell_later: bool = False, **kwargs: Any) -> None:
        super().__init__(part=CHECKER, arguments=[], **kwargs)
        self.monitor, self.tell_later = monitor, tell_later

    def execute(self, context: Context) -> dict[str, Any] | None:  # type: ignore[override]
        """Run the checker; return the outcome of a check that opened an alarm."""
        with TemporaryDirectory() as folder:
            outcome = Path(folder, "outcome.json")
            self.arguments = check(self.monitor, context, str(outcome), tell_later=self.tell_later)
            super().execute(context)
            return came_to(outcome.read_text() if outcome.exists() else "", context)
