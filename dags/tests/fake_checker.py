"""A checker that does nothing but say how it was called."""

from __future__ import annotations

from pathlib import Path

CHECKER = """\
#!/bin/sh
echo "$@" >> "{calls}"
exit $(cat "{code}")
"""


class FakeChecker:
    """Stands in for `drift-checker`: notes how it was called, and exits as it is told."""

    def __init__(self, directory: Path) -> None:
        self._calls = directory / "calls"
        self._code = directory / "code"
        self.command = directory / "checker"
        self.command.write_text(CHECKER.format(calls=self._calls, code=self._code))
        self.command.chmod(0o700)
        self.exits_with(0)

    def exits_with(self, code: int) -> None:
        self._code.write_text(str(code))

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []
