"""A checker that does nothing but say how it was called."""

from __future__ import annotations

import json
from pathlib import Path

CHECKER = """\
#!/bin/sh
echo "$@" >> "{calls}"
for outcome; do :; done
[ "$1" = run ] && cat "{outcome}" > "$outcome"
exit $(cat "{code}")
"""


class FakeChecker:
    """Stands in for `drift-checker`: notes how it was called, and exits as it is told."""

    def __init__(self, directory: Path) -> None:
        self._calls = directory / "calls"
        self._code = directory / "code"
        self.command = directory / "checker"
        self._outcome = directory / "outcome"
        self.comes_to("none")
        self.command.write_text(
            CHECKER.format(calls=self._calls, code=self._code, outcome=self._outcome)
        )
        self.command.chmod(0o700)
        self.exits_with(0)

    def exits_with(self, code: int) -> None:
        self._code.write_text(str(code))

    def comes_to(self, state: str) -> None:
        """Sets what the alarm of the next checks is."""
        alarm = {"state": state, "id": "flights-20260101T000000Z", "since": "2026-01-01T00:00:00Z"}
        self._outcome.write_text(json.dumps({"monitor": "flights", "alarm": alarm}))

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []
