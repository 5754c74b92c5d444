"""Playbooks that ask the deployed checker, here a script: what people see, and are asked."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT

MONITORS = [
    {"name": name, "current": {"url": "http://127.0.0.1/x"}, "reference": {"path": "x.parquet"}}
    for name in ("flights", "orders")
]


class Checker:
    """A script in the place of `drift-checker`; it notes its arguments and what time it was."""

    def __init__(self, state: Path, port: int) -> None:
        self.state, self._port = state, port
        self._command = state / "etc/commands/checker"
        self._command.parent.mkdir(parents=True)
        self._calls = state / "calls"
        self._calls.touch()

    def answers(self, code: str) -> None:
        """Set the code that answers, which has `words`, the arguments."""
        self._command.write_text(
            f"#!{sys.executable}\nimport sys, time\nwords = sys.argv[1:]\n"
            f"open({str(self._calls)!r}, 'a').write(' '.join(words) + '\\n')\n{code}\n"
        )
        self._command.chmod(0o755)

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines()

    def command(self, playbook: str, **settings: Any) -> list[str]:
        extra = {"state_dir": str(self.state), "monitors": MONITORS, "airflow_port": self._port}
        return [
            str(Path(sys.executable).with_name("ansible-playbook")),
            *("--inventory=inventory/local", playbook),
            f"--extra-vars={json.dumps(extra | settings)}",
        ]

    def play(
        self, playbook: str, *options: str, **settings: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a playbook without a terminal."""
        return subprocess.run(
            [*self.command(playbook, **settings), *options],
            cwd=ROOT,
            env=os.environ | {"ANSIBLE_NOCOLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )


@pytest.fixture
def airflow() -> Iterator[int]:
    """The port of an Airflow that refuses every login."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # a name of http.server
            self.send_response(401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


@pytest.fixture
def checker(tmp_path: Path, airflow: int) -> Checker:
    return Checker(tmp_path, airflow)


DRILL = """
name = words[words.index("--monitor") + 1]
print(f"{name}: 1 of 2: mean_shift at 1: 0 of 3 detected", file=sys.stderr, flush=True)
if name == "orders":
    sys.exit("Error: orders has no batch that was ok")
time.sleep(2)
print("SCENARIO  STRENGTH\\nmean_shift 1 0/3")
print(f"{name}: FAILED: mean_shift at strength 1 was detected in 0 of 3 trials")
sys.exit(6)
"""


def test_every_monitor_is_drilled_whatever_fails_and_what_failed_is_named(checker: Checker) -> None:
    checker.answers(DRILL)
    ended = checker.play("playbooks/drill.yml")

    assert ended.returncode == 2
    drilled = [call.split("--monitor ")[1] for call in checker.calls()]
    assert drilled == ["flights", "orders"]
    assert "mean_shift 1 0/3" in ended.stdout
    last = " ".join(ended.stdout.rpartition("TASK [Check that every drill")[2].split())
    assert "short drills through Airflow: Airflow refuses the login of admin" in last
    assert "flights: FAILED: mean_shift at strength 1 was detected in 0 of 3 trials" in last
    assert "orders: Error: orders has no batch that was ok What is drilled" in last


def test_a_step_of_a_drill_is_shown_while_it_goes_on(checker: Checker) -> None:
    checker.answers(DRILL)
    command = checker.command("playbooks/drill.yml", monitors=MONITORS[:1])
    shown: dict[str, float] = {}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or []:
            shown[line.strip()] = time.monotonic()

    step = shown["flights: 1 of 2: mean_shift at 1: 0 of 3 detected"]
    assert shown["mean_shift 1 0/3"] - step > 1


REBASELINE = """
import json
preview = {
    "changed": True, "before": {"version": "aaa"}, "after": {"version": "bbb"},
    "ticks": [{"logical_date": "2026-11-23T09:05:00Z"}, {"logical_date": "2026-11-23T09:10:00Z"}],
    "text": "x: median 1 -> 3",
}
changed = {"version": "bbb", "before": "aaa", "rows": 600, "source": "2 batches", "changed": True}
print(json.dumps(preview if "--dry-run" in words else changed))
"""
LOOKED = "baseline accept --monitor flights --format json --dry-run"
ACCEPTED = (
    "baseline accept --monitor flights --format json --instead-of aaa "
    "--logical-date=2026-11-23T09:05:00Z --logical-date=2026-11-23T09:10:00Z"
)


def flat(text: str) -> str:
    return " ".join(text.split())


def test_without_a_terminal_nothing_is_accepted_unless_it_was_said(checker: Checker) -> None:
    checker.answers(REBASELINE)
    ended = checker.play("playbooks/rebaseline.yml", monitor="flights")

    assert ended.returncode == 2
    assert checker.calls() == [LOOKED]
    assert "x: median 1 -> 3" in ended.stdout
    assert "nothing was changed. Where there is no terminal to ask at, -e yes=true" in ended.stdout


def test_what_was_shown_is_accepted_and_the_way_back_is_said(checker: Checker) -> None:
    checker.answers(REBASELINE)
    ended = checker.play("playbooks/rebaseline.yml", "-eyes=true", monitor="flights")

    assert ended.returncode == 0, ended.stdout
    assert checker.calls() == [LOOKED, ACCEPTED]
    assert "changed=1 " in ended.stdout
    assert "x: median 1 -> 3" in ended.stdout
    assert "drift-checker baseline use --monitor flights aaa" in flat(ended.stdout)
    assert "-e use=aaa" in flat(ended.stdout)


def test_check_mode_shows_what_would_change_and_asks_nothing(checker: Checker) -> None:
    checker.answers(REBASELINE)
    ended = checker.play("playbooks/rebaseline.yml", "--check", monitor="flights")

    assert ended.returncode == 0, ended.stdout
    assert checker.calls() == [LOOKED]
    assert "changed=1 " in ended.stdout
    assert "x: median 1 -> 3" in ended.stdout


def test_an_older_version_is_shown_and_asked_for_too(checker: Checker) -> None:
    checker.answers(REBASELINE)
    ended = checker.play("playbooks/rebaseline.yml", monitor="flights", use="bbb", yes=True)

    assert ended.returncode == 0, ended.stdout
    assert checker.calls() == [
        "baseline use --monitor flights --format json --dry-run bbb",
        "baseline use --monitor flights --format json --instead-of aaa bbb",
    ]


AT_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Runs a command whose standard input is the terminal that it belongs to, as of a shell."""


@pytest.mark.parametrize(("answer", "calls"), [("yes", [LOOKED, ACCEPTED]), ("no", [LOOKED])])
def test_at_a_terminal_it_is_asked(checker: Checker, answer: str, calls: list[str]) -> None:
    checker.answers(REBASELINE)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", AT_TERMINAL]
    command += checker.command("playbooks/rebaseline.yml", monitor="flights")
    with subprocess.Popen(
        command, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    ) as process:
        os.close(theirs)
        shown, printed = "", " "
        while printed:
            # Ansible throws away what was typed before it listens, which is after it has asked.
            if not select.select([ours], [], [], 1)[0] and "Type yes" in shown:
                os.write(ours, f"{answer}\r".encode())
            else:
                printed = read(ours)
                shown += printed
    os.close(ours)

    assert "x: median 1 -> 3" in shown.partition("Type yes")[0]
    assert checker.calls() == calls
    assert (process.returncode == 0) is (answer == "yes")


def read(terminal: int) -> str:
    """Read what comes next; nothing once all processes of the terminal have ended."""
    try:
        return os.read(terminal, 4096).decode(errors="replace")
    except OSError:
        return ""
