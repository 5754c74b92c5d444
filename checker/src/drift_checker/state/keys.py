"""Where things lie in the object store; see `docs/result.md`."""

from __future__ import annotations

from datetime import datetime

from drift_checker.config import date_key


def reference(monitor: str, version: str, name: str) -> str:
    """Key of a file of one version of a reference: `data.parquet`, `profile.json`, and so on."""
    return f"{reference_version(monitor, version)}/{name}"


def in_force(monitor: str, number: int | None = None) -> str:
    """Key of an entry of the history of versions in force, or the prefix of such keys."""
    prefix = f"reference/{monitor}/in-force"
    return prefix if number is None else f"{prefix}/{number:06}.json"


def reference_version(monitor: str, version: str) -> str:
    """Prefix of the files of one version of a reference."""
    return f"reference/{monitor}/{version}"


def batch(monitor: str, logical_date: datetime, name: str) -> str:
    """Key of a file of one batch: `meta.json`, `current.parquet` or `evidence`."""
    return f"batches/{monitor}/{date_key(logical_date)}/{name}"


def result(monitor: str, logical_date: datetime, name: str = "result.json") -> str:
    """Key of a file of one result: `result.json`, `profile.json`, `report.html`, and so on."""
    return f"results/{monitor}/{date_key(logical_date)}/{name}"


def notification(monitor: str, date: datetime, name: str | None = None) -> str:
    """Key of an attempt to tell an event, or the prefix of such keys of a date."""
    return "/".join(part for part in ["notifications", monitor, date_key(date), name] if part)


def outbox(monitor: str | None = None, event: str | None = None) -> str:
    """Key of an event that is not yet told, or the prefix of such keys."""
    return "/".join(part for part in ["outbox", monitor, event and f"{event}.json"] if part)


def latest(monitor: str) -> str:
    """Key of the pointer to the monitor's latest result."""
    return f"results/{monitor}/latest.json"


def recent(monitor: str) -> str:
    """Key of the monitor's last ticks in short form."""
    return f"results/{monitor}/recent.json"


def series(monitor: str) -> str:
    """Key of which run of MLflow has all ticks of the monitor."""
    return f"results/{monitor}/series.json"


def seen_rows(monitor: str) -> str:
    """Key of what the rows of the monitor's last batches are known by."""
    return f"results/{monitor}/rows.bin"


def drill(drill: str, name: str) -> str:
    """Key of a file of a drill: `drill.json`, or `<scenario>-<strength>-<trial>.parquet`."""
    return f"drill/{drill}/{name}"


def pending(monitor: str | None = None, logical_date: datetime | None = None) -> str:
    """Key of the marker of a result that is not yet published, or the prefix of such keys."""
    parts = ["pending", monitor, logical_date and date_key(logical_date)]
    return "/".join(part for part in parts if part)


def damaged(key: str | None = None) -> str:
    """Where a damaged object is moved to, or the prefix of such keys."""
    return f"damaged/{key}" if key else "damaged"


def mutes(monitor: str | None = None, id_: str | None = None) -> str:
    """Key of a mute, or the prefix of such keys."""
    return "/".join(part for part in ["mutes", monitor, id_ and f"{id_}.json"] if part)


def notes(monitor: str, episode: str, id_: str | None = None) -> str:
    """Key of a note beside an episode, or the prefix of such keys."""
    return "/".join(part for part in ["notes", monitor, episode, id_ and f"{id_}.json"] if part)


def acceptances(monitor: str, name: str | None = None) -> str:
    """Key of a request for another reference or of its outcome, or the prefix of such keys."""
    return "/".join(part for part in ["acceptances", monitor, name] if part)


def pushed(monitor: str, logical_date: datetime, digest: str | None = None) -> str:
    """Key of a pushed body by its SHA-256, or of what is known of it, `push.json`."""
    return f"pushed/{monitor}/{date_key(logical_date)}/{digest or 'push.json'}"
