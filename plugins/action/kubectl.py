"""Action that runs kubectl."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from tempfile import TemporaryFile
from typing import Any

from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import action_loader

DOCUMENTATION = """
name: kubectl
short_description: Runs kubectl in the namespace of the stack
description:
  - Runs kubectl with the context and the namespace in the variables C(kubernetes_context) and
    C(kubernetes_namespace), if there are any. It is a child of Ansible itself, which takes a fifth
    of the time of a module, because that starts another Python first.
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
  background_until:
    description:
      - A regular expression with one group. kubectl is left running beside the playbook, and ends
        with it, however that ends. The task is done once a line that kubectl prints matches.
    type: str
  shown:
    description: Whether each line that kubectl prints is shown as soon as it comes.
    type: bool
    default: false
"""

EXAMPLES = r"""
- kubectl:
    argv: [get, pods, --output=json]
  register: pods
  changed_when: false
  check_mode: false

- kubectl:
    argv: [port-forward, service/airflow, ":8080"]
    background_until: '^Forwarding from 127\.0\.0\.1:(\d+) '
  register: forward
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
match:
  description: What the group of O(background_until) matched.
  type: str
  returned: where kubectl runs beside the playbook
"""

START_SECONDS = 10
"""How long the line may take that a kubectl in the background is waited for."""

END_WITH_PLAYBOOK = """
import sys, time
import psutil

kubectl = psutil.Process(int(sys.argv[2]))
try:
    playbook = psutil.Process(int(sys.argv[1]))
    while psutil.STATUS_ZOMBIE not in (playbook.status(), kubectl.status()):
        time.sleep(1)
finally:
    kubectl.terminate()
"""
"""Ends kubectl (the second pid) when the playbook (the first) has ended.

By a watch of its own: a playbook that fails runs no task more, and one that is killed no code.
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
                "background_until": {"type": "str"},
                "shown": {"type": "bool", "default": False},
            }
        )
        where = {
            name: self._templar.template(variables.get(f"kubernetes_{name}"))
            for name in ("context", "namespace")
        }
        command = ["kubectl", *(f"--{name}={value}" for name, value in where.items() if value)]
        command += arguments["argv"]
        if self._task.check_mode:
            return _outcome(command, 0, "", "")
        added: dict[str, str] = {}
        self._compute_environment_string(added)
        environment = {**os.environ, **added}
        if arguments["background_until"]:
            return _run_beside(command, environment, arguments["background_until"])
        if arguments["shown"]:
            shown = action_loader.get("shown", class_only=True)
            return dict(shown.run_shown(command, environment))
        ended = subprocess.run(
            command,
            env=environment,
            input=arguments["stdin"].encode(),
            capture_output=True,
            check=False,
        )
        return _outcome(command, ended.returncode, to_text(ended.stdout), to_text(ended.stderr))


def _run_beside(command: list[str], environment: dict[str, str], pattern: str) -> dict[str, Any]:
    """Start kubectl, and return once it printed what is waited for, or did not in time."""
    # No pipe: kubectl goes on writing when nobody reads any more.
    with TemporaryFile() as output:
        kubectl = _start(command, environment, output.fileno())
        # A task is a child of its playbook.
        watch = [sys.executable, "-c", END_WITH_PLAYBOOK, str(os.getppid()), str(kubectl.pid)]
        _start(watch, environment, subprocess.DEVNULL)
        deadline = time.monotonic() + START_SECONDS
        while True:
            ended = kubectl.poll()
            # Not by seeking, which would move the place where kubectl writes.
            printed = to_text(os.pread(output.fileno(), 65536, 0))
            if found := re.search(pattern, printed, re.MULTILINE):
                return {**_outcome(command, 0, printed, ""), "match": found[1]}
            if ended is not None or time.monotonic() > deadline:
                kubectl.kill()
                return _outcome(command, ended or 1, "", printed)
            time.sleep(0.05)


def _start(command: list[str], environment: dict[str, str], output: int) -> subprocess.Popen[bytes]:
    """Start a process that outlives the task."""
    return subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


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
