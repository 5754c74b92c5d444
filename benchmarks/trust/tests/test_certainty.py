"""What is drawn is counted."""

from __future__ import annotations

from pathlib import Path

from benchmarks.trust.certainty import CELLS, combination, whole_ticks
from benchmarks.trust.pieces import kept_in


def test_draws_are_counted() -> None:
    common, rare = combination(3, 0.5, seed=1, draws=20_000)
    assert common["trials"] == rare["trials"] == 20_000
    assert 100 < int(str(common["said"])) < 250
    assert int(str(rare["said"])) < int(str(common["said"])) / 4


def test_ticks_that_are_kept_are_counted_once_and_then_done_with(tmp_path: Path) -> None:
    kept = kept_in(tmp_path, "certainty", CELLS[0].name, 1)
    assert kept
    kept.parent.mkdir()
    kept.write_text("[0.001, 0.01, 1.0, 1.0]\n" + 24 * "[1.0, 1.0, 1.0, 1.0]\n")
    common, rare = whole_ticks(CELLS[0], seed=1, ticks=100, jobs=1, output=tmp_path)
    assert (common["trials"], common["said"], common["times"]) == (100, 2, 2.0)
    assert (rare["trials"], rare["said"], rare["times"]) == (100, 1, 10.0)
    assert not kept.exists()
