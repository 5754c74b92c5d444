"""What is drawn is counted."""

from __future__ import annotations

from benchmarks.trust.certainty import combination


def test_draws_are_counted() -> None:
    common, rare = combination(3, 0.5, seed=1, draws=20_000)
    assert common["trials"] == rare["trials"] == 20_000
    assert 100 < int(str(common["said"])) < 250
    assert int(str(rare["said"])) < int(str(common["said"])) / 4
