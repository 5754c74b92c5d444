"""Action that runs a command and shows what it prints while it runs."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

DOCUMENTATION = """
name: shown
short_description: Runs a command and shows each line that it prints as soon as it comes
description:
  - For a command that takes minutes. It is a child of Ansible itself, on the control machine.
  - In check mode nothing is run and a change is reported; a task that changes nothing says
    C(check_mode=false).
options:
  argv:
    description: The command and its arguments.
    type: list
    elements: str
    required: true
"""

EXAMPLES = """
- shown:
    argv: [drift-checker, drill, --monitor, flights]
  register: drill
  changed_when: false
"""

RETURN = """
rc:
  description: The exit code; the task has failed where it is not 0.
  type: int
stdout:
  description: All that was printed, also what went wrong. Its lines are in C(stdout_lines).
  type: str
stderr:
  description: Empty; what went wrong stands in its place among the other lines.
  type: str
"""


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Runs a command and shows what it prints."""

    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return how the command ended."""
        super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {"argv": {"type": "list", "elements": "str", "required": True}}
        )
        if self._task.check_mode:
            return {"changed": True, "skipped": True, "cmd": arguments["argv"]}
        added: dict[str, str] = {}
        self._compute_environment_string(added)
        return self.run_shown(arguments["argv"], {**os.environ, **added})

    @staticmethod
    def run_shown(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
        """Run a command; the action `kubectl` does it so too."""
        display, lines = Display(), []
        with subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process:
            for line in process.stdout or []:
                text = "".join(map(_seen, line.rstrip()))
                lines.append(text)
                display.display(text)
        stdout = "\n".join(lines)
        outcome = {
            "changed": True,
            "cmd": command,
            "rc": process.returncode,
            "stdout": stdout,
            "stdout_lines": lines,
            "stderr": "",
        }
        return outcome if outcome["rc"] == 0 else {**outcome, "failed": True, "msg": stdout}


def _seen(char: str) -> str:
    """Return a character as it is shown: one that a terminal takes for a command, as text."""
    return char if char.isprintable() else char.encode("unicode_escape").decode()
