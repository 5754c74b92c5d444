"""Every wrong setting through `make up`'s own playbook: told soon, and nothing is begun."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from copies import Copy
from wrong_settings import WRONG, Wrong

SECONDS = 60
"""Within which a mistake has to be told, whatever else the machine does; alone it takes three."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return Copy.make(tmp_path_factory.mktemp("d"))


def processes_of(folder: Path) -> list[psutil.Process]:
    """Return the processes that work in a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:  # it ended, or it is another user's
            continue
    return found


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.new.strip()[-30:])
def test_a_wrong_setting_is_told_soon_and_nothing_is_begun(copy: Copy, wrong: Wrong) -> None:
    copy.edit(wrong)

    code, lines, seconds = copy.play("site.yml")

    assert code != 0
    assert any(line.startswith(f"group_vars/all/main.yml: {wrong.told}") for line in lines), lines
    assert any("changed=0" in line for line in lines)
    assert seconds < SECONDS
    assert not copy.state.exists()
    assert processes_of(copy.root) == []
