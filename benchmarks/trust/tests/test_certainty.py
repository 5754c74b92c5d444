"""What is drawn is counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from benchmarks.trust import certainty
from benchmarks.trust.certainty import CELLS, RUN, combination, runs_of_ticks, whole_ticks


def test_draws_are_counted() -> None:
    common, rare = combination(3, 0.5, seed=1, draws=20_000)
    assert common["trials"] == rare["trials"] == 20_000
    assert 100 < int(str(common["said"])) < 250
    assert int(str(rare["said"])) < int(str(common["said"])) / 4


def test_what_was_stopped_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certainty, "RUNS_AT_ONCE", 1)
    kept = tmp_path / "results" / "said.npy"
    first = runs_of_ticks(CELLS[0], seed=1, runs=2, jobs=1, kept=kept)
    assert np.array_equal(np.load(kept), first)
    all_of_it = runs_of_ticks(CELLS[0], seed=1, runs=3, jobs=1, kept=kept)
    assert np.array_equal(all_of_it[:2], first)
    assert np.array_equal(all_of_it, runs_of_ticks(CELLS[0], seed=1, runs=3, jobs=1, kept=None))


def test_ticks_that_are_kept_are_counted_once_and_then_done_with(tmp_path: Path) -> None:
    said = np.ones((25, RUN))
    said[3, :2] = 0.001, 0.01
    np.save(tmp_path / f"certainty-{CELLS[0].name}-1.npy", said)
    common, rare = whole_ticks(CELLS[0], seed=1, ticks=100, jobs=1, output=tmp_path)
    assert (common["trials"], common["said"], common["times"]) == (100, 2, 2.0)
    assert (rare["trials"], rare["said"], rare["times"]) == (100, 1, 10.0)
    assert not list(tmp_path.iterdir())
