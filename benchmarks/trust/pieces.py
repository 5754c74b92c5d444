"""Work in pieces, each of which is kept as it ends: what was stopped goes on where it was."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
_UNFINISHED = "unfinished"


def kept_in(output: Path | None, *names: object) -> Path | None:
    """Return the file of some work below the directory of tables; None if there is none."""
    if output is None:
        return None
    name = re.sub(r"[^\w.]+", "-", "-".join(map(str, names)))
    return output / _UNFINISHED / f"{name}.jsonl"


def pieces(pool: Executor, work: Callable[[int], T], number: int, kept: Path | None) -> Iterator[T]:
    """Yield what `work` returns of 0, 1, ..., which JSON has to give back as it is.

    Those that the file has are not done again; more than `number` of them are yielded, too. It is
    for whoever has taken all to delete it.
    """
    done = _whole_lines(kept) if kept and kept.exists() else []
    yield from map(json.loads, done)
    found = pool.map(work, range(len(done), number))
    if kept is None:
        yield from found
        return
    kept.parent.mkdir(parents=True, exist_ok=True)
    with kept.open("w", encoding="utf-8") as file:
        file.writelines(done)
        for one in found:
            file.write(f"{json.dumps(one)}\n")
            file.flush()
            yield one


def _whole_lines(path: Path) -> list[str]:
    """Return the lines of a file but for one that was not written to its end."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [line for line in lines if line.endswith("\n")]
