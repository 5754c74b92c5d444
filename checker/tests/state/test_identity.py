"""The digests are those of version 0.1.0, which named what lies in stores today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import obstore
import pytest
from obstore.store import MemoryStore

from drift_checker.comparison.options import ColumnRoles, CompareSettings
from drift_checker.config import Settings
from drift_checker.profiles.readers import read_here
from drift_checker.references import fitted_by
from drift_checker.sources.listings import list_files
from drift_checker.sources.prefixes import Prefix, read_prefix
from drift_checker.sources.request import Selection

DATE = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


@pytest.fixture
def lake() -> Any:
    """A store whose tags are always the same: it numbers what is put."""
    store = MemoryStore()
    for key in ("lake/day=1/it's é.csv", "lake/day=2/b.csv"):
        obstore.put(store, key, b"at,x\n2026-11-23T08:30:00,1\n")
    obstore.put(store, "damaged/day=1/a.parquet", b"no table")
    obstore.put(store, "damaged/b.parquet", b"neither")
    return store


@pytest.mark.parametrize(
    ("selection", "digest"),
    [
        (Selection(), "a8f0dba075556ad20fe744d66b4d3d447ca97ba3a3421d948f898bd99b25bbc4"),
        (Selection(("x",)), "0f5f8ac5787050fb8d808d1969a3308ec3be1804203f8e12b66f95804ae0055d"),
        (
            Selection(("x", "at")),
            "9a1bf71171fa7a7516cc9b00886e93da6c2d358d41cea3a59a77e0d609c9ed8e",
        ),
        (
            Selection(("x",), "at", (DATE - timedelta(hours=1), DATE)),
            "8b0a393f56d019969ad82d9eb6eb72ed776c7b38f5616c8a1de03d7f89607053",
        ),
        (
            Selection((), "at", (DATE.replace(second=30), DATE.replace(second=31, microsecond=5))),
            "cdd17fac87503c084d24651f2494d7c2daf19f42241d65331568e839b53667b6",
        ),
    ],
)
def test_files_that_are_read_where_they_lie(lake: Any, selection: Selection, digest: str) -> None:
    assert list_files(Prefix(lake, "lake/", "a lake"), selection, read_here).digest == digest


def test_files_of_which_one_is_damaged(lake: Any, settings: Settings) -> None:
    batch = read_prefix(Prefix(lake, "damaged/", "a lake"), Selection(), settings).batch()
    assert batch.unreadable
    assert batch.digest == "6192f96f21ec5419cf88a0fc9cbef50e5281cd0b49c612a5e48658b949ce02d5"


EVERY_ROLE = ColumnRoles(timestamp="at", target="it's", prediction="é", id="n", ignore=("a", "b"))


@pytest.mark.parametrize(
    ("settings", "digest"),
    [
        (CompareSettings(), "21d29ea9df61"),
        (CompareSettings(columns=EVERY_ROLE, joint_columns=7), "085d1d76045c"),
        (CompareSettings(columns=ColumnRoles(ignore=("one",))), "100f63f7fd03"),
    ],
)
def test_what_a_profile_of_a_reference_was_fitted_by(
    settings: CompareSettings, digest: str
) -> None:
    assert fitted_by(settings) == digest
