"""Logs of tasks that are older than they have to be kept."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from pathlib import Path


def remove_old_logs(folder: Path, before: datetime) -> int:
    """Remove the files below a folder that were last written before a moment; return how many.

    Folders in which nothing was made since then go as well, once they are empty.
    """
    limit = before.timestamp()
    # Looked at before anything is removed, which counts as a change of its folder.
    old = [path for path in folder.rglob("*") if path.lstat().st_mtime < limit]
    files = [path for path in old if not path.is_dir()]
    for path in files:
        path.unlink(missing_ok=True)
    for path in sorted(set(old) - set(files), reverse=True):
        with suppress(OSError):  # it is not empty
            path.rmdir()
    return len(files)
