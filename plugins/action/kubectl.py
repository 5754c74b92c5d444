"""Action that runs kubectl."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase

DOCUMENTATION = """
name: kubectl
short_description: Runs kubectl in the namespace of the stack
description:
  - Runs kubectl with the context and the namespace in the variables C(kubernetes_context) and
    C(kubernetes_namespace). It is a child of Ansible itself, which takes a fifth of the time of a
    module, because that starts another Python first.
  - In check mode nothing is run and a change is reported; a task that only reads says
    C(check_mode=false).
options:
  argv:
    description: The arguments of kubectl.
    type: list
    elements: str
    required: true
  stdin:
    description: What kubectl reads; the place for a secret, because others see arguments.
    type: str
    default: ""
"""

EXAMPLES = """
- kubectl:
    argv: [get, pods, --output=json]
  register: pods
  changed_when: false
  check_mode: false
"""

RETURN = """
rc:
  description: The exit code; the task has failed where it is not 0.
  type: int
stdout:
  description: What kubectl printed, without the last end of line. Its lines are in C(stdout_lines).
  type: str
stderr:
  description: The same of what went wrong. Its lines are in C(stderr_lines).
  type: str
"""


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible ships no types
    """Runs kubectl."""

    _requires_connection = False

    def run(
        self, tmp: str | None = None, task_vars: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return how kubectl ended."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        _, arguments = self.validate_argument_spec(
            {
                "argv": {"type": "list", "elements": "str", "required": True},
                "stdin": {"type": "str", "default": ""},
            }
        )
        place = [
            f"--{name}={self._templar.template(variables[f'kubernetes_{name}'])}"
            for name in ("context", "namespace")
        ]
        command = ["kubectl", *place, *arguments["argv"]]
        if self._task.check_mode:
            return _outcome(command, 0, "", "")
        environment: dict[str, str] = {}
        self._compute_environment_string(environment)
        ended = subprocess.run(
            command,
            env={**os.environ, **environment},
            input=arguments["stdin"].encode(),
            capture_output=True,
            check=False,
        )
        return _outcome(command, ended.returncode, to_text(ended.stdout), to_text(ended.stderr))


def _outcome(command: list[str], code: int, stdout: str, stderr: str) -> dict[str, Any]:
    stdout, stderr = stdout.rstrip("\r\n"), stderr.rstrip("\r\n")
    outcome = {
        "changed": True,
        "cmd": command,
        "rc": code,
        "stdout": stdout,
        "stdout_lines": stdout.splitlines(),
        "stderr": stderr,
        "stderr_lines": stderr.splitlines(),
    }
    return outcome if code == 0 else {**outcome, "failed": True, "msg": stderr or stdout}
