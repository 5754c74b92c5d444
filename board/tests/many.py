"""`python many.py DIRECTORY MONITORS`: a store as checks of many monitors leave it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from stored import MonitorFeed, write

from drift_board.settings import load
from drift_checker.state import MOST_TICKS, Store

EVERY = 10
"""Of so many monitors one drifts, one is invalid and one is silent."""


def main() -> None:
    """Make a few monitors, and give what they left to all others under their names."""
    folder, number = Path(sys.argv[1]), int(sys.argv[2])
    os.environ["DRIFT_STORE_URL"] = f"file://{folder}/made"
    file = folder / "monitors.yml"
    file.write_text("monitors: [{name: a, current: push, reference: {path: reference.parquet}}]")
    (folder / "reference.parquet").touch()
    settings = {"owner": "somebody", "tags": ["some"]}
    made = [
        MonitorFeed("made-0", ticks=MOST_TICKS, drift=9, settings=settings),
        MonitorFeed("made-1", ticks=MOST_TICKS, invalid=2, settings=settings),
        MonitorFeed("made-2", ticks=MOST_TICKS, ended=7, settings=settings),
        MonitorFeed("made-3", ticks=MOST_TICKS, settings=settings),
    ]
    now = datetime.now(UTC)
    write(Store(load().checker), folder, made, now)
    names = {f"monitor-{place}": made[min(place % EVERY, 3)].name for place in range(number)}
    for name, like in names.items():
        for path in (folder / "made/results" / like).rglob("*.json"):
            copy = (
                folder / "store/results" / name / path.relative_to(folder / "made/results" / like)
            )
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_text(path.read_text().replace(f'"{like}', f'"{name}'))
    feeds = [MonitorFeed(name, ticks=0, settings=settings) for name in names]
    write(Store(load().checker), folder, feeds, now)


if __name__ == "__main__":
    main()
