"""A check as a process of the worker."""

from __future__ import annotations

import os
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import BaseOperator, Context

from drift_checks.command import arguments, failure

STOP_SECONDS = 10
"""How long the checker may take to end after SIGTERM."""


class CheckProcessOperator(BaseOperator):
    """Checks one monitor at the run's logical date, by `drift-checker` as a process.

    The environment names the command (`DRIFT_CHECKER`) and its settings (`DRIFT_CHECKER_SETTINGS`).
    """

    def __init__(self, *, monitor: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.monitor = monitor
        # Its methods have no types.
        self._subprocess: Any = SubprocessHook()

    def execute(self, context: Context) -> None:
        """Run the checker, with its output in the task's log.

        Raises:
            AirflowFailException: the checker failed in a way that a retry cannot mend.
            AirflowException: it failed in another way.
        """
        command = [os.environ["DRIFT_CHECKER"], "--settings", os.environ["DRIFT_CHECKER_SETTINGS"]]
        code: int = self._subprocess.run_command(
            command + arguments(self.monitor, context)
        ).exit_code
        if code != 0:
            raise failure(code)

    def on_kill(self) -> None:
        """End the checker and wait for its end, so that it never overlaps with a retry."""
        process = self._subprocess.sub_process
        if process is not None and process.poll() is None:
            self._subprocess.send_sigterm()
            process.wait(timeout=STOP_SECONDS)
