"""Runs suites of tests at once, and tells all the while how far they are.

    python3 tests/suites.py --install test-installs test-walk test-checker

Each is a target of the Makefile that runs pytest once. What a suite prints lies in `.cache/tests`,
and is shown where the suite fails. The target of `--install` is made first, so that its seconds
stand apart. At the end come the ten slowest tests of all, and each suite's result.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache/tests"
EVERY_SECONDS = 10
"""Between two lines of progress."""
SLOWEST = 10
RESULT = re.compile(r"=+ (.* in [\d.]+s.*?) =+$")
PERCENT = re.compile(r"\[ *(\d+)%\]")
FAILURE = re.compile(r"\b(FAILED|ERROR)\b.*::|::.* (FAILED|ERROR)\b")


def say(line: str = "") -> None:
    """Print a line at once, also where nobody looks at a terminal."""
    print(line, flush=True)  # noqa: T201  the output of a command


def make(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start make with the variables of the make that this runs under, but not with its jobs."""
    inherited = os.environ.get("MAKEFLAGS", "").split()
    flags = [flag for flag in inherited if not re.match(r"-j|--job", flag)]
    return subprocess.Popen(
        [shutil.which("make") or "make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**os.environ, "MAKEFLAGS": " ".join(flags), **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@dataclass
class Suite:
    """A suite that runs, or has ended."""

    target: str
    begun: float = field(default_factory=time.monotonic)
    seconds: float = 0
    percent: int = 0
    result: str = "no test was run"
    status: int | None = None

    @property
    def name(self) -> str:
        return self.target.removeprefix("test-")

    @property
    def log(self) -> Path:
        return LOGS / f"{self.target}.log"

    @property
    def report(self) -> Path:
        return LOGS / f"{self.target}.xml"

    def run(self) -> None:
        """Run the suite to its end; every test that fails is told at once."""
        self.report.unlink(missing_ok=True)
        process = make(self.target, PYTEST_ADDOPTS=f"--verbose --junitxml={self.report}")
        assert process.stdout is not None
        with self.log.open("w") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if found := PERCENT.search(line):
                    self.percent = int(found[1])
                if found := RESULT.match(line):
                    self.result = found[1]
                if FAILURE.search(line):
                    say(f"{self.name}: {line.strip()}")
        self.status = process.wait()
        self.seconds = time.monotonic() - self.begun

    def tests(self) -> Iterator[tuple[float, str]]:
        """The seconds and the name of each test, set-up and tear-down included."""
        if self.report.exists():
            for case in ElementTree.parse(self.report).iter("testcase"):  # noqa: S314  our own
                yield float(case.get("time", 0)), f"{case.get('classname')}::{case.get('name')}"


def install(target: str) -> bool:
    """Make what the suites need, with what that prints."""
    begun = time.monotonic()
    process = make("--jobs=2", "--output-sync=line", target)
    assert process.stdout is not None
    for line in process.stdout:
        say(f"  {line.rstrip()}")
    done = process.wait() == 0
    say(f"installs {'took' if done else 'failed after'} {time.monotonic() - begun:.0f} s")
    return done


def run(targets: list[str], jobs: int) -> list[Suite]:
    """Run the suites, at most `jobs` at once, in their order."""
    begun = time.monotonic()
    waiting, running, ended = list(targets), dict[Thread, Suite](), list[Suite]()
    told = begun
    while waiting or running:
        while waiting and len(running) < jobs:
            suite = Suite(waiting.pop(0))
            thread = Thread(target=suite.run)
            running[thread] = suite
            thread.start()
        time.sleep(0.2)
        for thread in [thread for thread in running if not thread.is_alive()]:
            suite = running.pop(thread)
            ended.append(suite)
            if suite.status != 0:
                say(f"\n{suite.name} failed:\n{suite.log.read_text()}")
            say(f"{suite.name}: {suite.result}")
        if running and time.monotonic() - told >= EVERY_SECONDS:
            told = time.monotonic()
            progress = ", ".join(f"{suite.name} {suite.percent} %" for suite in running.values())
            say(f"{told - begun:5.0f} s: {progress}")
    return ended


def main() -> int:
    """Install, run and report; return 1 where a suite failed."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--install", metavar="TARGET")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 1) + 1)
    parser.add_argument("targets", nargs="+", metavar="TARGET")
    arguments = parser.parse_args()
    LOGS.mkdir(parents=True, exist_ok=True)
    if arguments.install and not install(arguments.install):
        return 1
    begun = time.monotonic()
    suites = run(arguments.targets, arguments.jobs)
    say(f"\nthe {SLOWEST} slowest tests, of what ran side by side:")
    tests = sorted((test for suite in suites for test in suite.tests()), reverse=True)
    for seconds, name in tests[:SLOWEST]:
        say(f"{seconds:7.1f} s  {name}")
    say()
    for suite in suites:
        say(f"{suite.seconds:7.0f} s  {suite.name}: {suite.result}")
    say(f"{time.monotonic() - begun:7.0f} s  together, without installs")
    return max(suite.status != 0 for suite in suites)


if __name__ == "__main__":
    sys.exit(main())
