"""Notes that people leave beside an episode."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import StringConstraints

from drift_checker.state import keys
from drift_checker.state.by_people import ByPeople, add, id_at, left, read_added
from drift_checker.state.store import Store

MOST_TEXT = 2000
"""Characters of a note."""


class Note(ByPeople):
    """What somebody noted of an episode, which is named by its id (`Alarm.id`); plain text."""

    episode: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][-a-z0-9]*-\d{8}T\d{6}Z$")]
    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MOST_TEXT)
    ]


def add_note(store: Store, monitor: str, episode: str, *, text: str, by: str, at: datetime) -> Note:
    """Leave a note beside an episode.

    Raises:
        UsageError: The text is empty or too long, or the episode is no id of one.
        ServiceAwayError: The store stayed away.
    """
    note = left(Note, monitor=monitor, episode=episode, text=text, by=by, at=at)
    add(store, keys.notes(monitor, episode, id_at(at)), note)
    return note


def read_notes(store: Store, monitor: str, episode: str) -> list[Note]:
    """Return the notes of an episode, the oldest first; one that is damaged is not among them.

    Raises:
        ServiceAwayError: The store stayed away.
    """
    listed = store.list(keys.notes(monitor, episode))
    notes = (read_added(store, each.key, Note) for each in listed)
    return [note for note in notes if note]
