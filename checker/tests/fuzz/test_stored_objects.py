"""Any bytes of a stored object say something, or are named as damaged, whichever object it is."""

from __future__ import annotations

import re
import tarfile
from typing import Any

import pytest
from fuzz.damage import bounded, damaged
from hypothesis import given, settings
from hypothesis import strategies as st
from test_continued_store import ARCHIVE, FORMS

from drift_checker.errors import DamagedObjectError
from drift_checker.state.documents import parsed


def _objects() -> dict[str, tuple[str, bytes]]:
    """Return the smallest object of each form, with its key."""
    found: dict[str, tuple[str, bytes]] = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            key = member.name.partition("store/")[2]
            forms = [form for form in FORMS if re.fullmatch(form, key)]
            file = archive.extractfile(member)
            if file and forms:
                data = file.read()
                if forms[0] not in found or len(data) < len(found[forms[0]][1]):
                    found[forms[0]] = key, data
    return found


OBJECTS = _objects()


def said(form: str, data: bytes) -> Any:
    """Return what an object says, or the error that names it."""
    key = OBJECTS[form][0]
    with bounded():
        try:
            return parsed(key, data, FORMS[form].model_validate_json)
        except DamagedObjectError as error:
            assert key in str(error)  # noqa: PT017  it may say something, too
            return error


def test_every_form_is_there() -> None:
    assert OBJECTS.keys() == FORMS.keys()
    for form, (_, data) in OBJECTS.items():
        assert not isinstance(said(form, data), DamagedObjectError), form


@pytest.mark.long
@pytest.mark.parametrize("form", OBJECTS)
@given(st.data())
@settings(max_examples=300)
def test_damaged_objects(form: str, data: st.DataObject) -> None:
    said(form, data.draw(damaged(OBJECTS[form][1], [each for _, each in OBJECTS.values()])))
