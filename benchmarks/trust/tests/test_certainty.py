"""What is ruled out before it is compared is nothing of which anything rare would be said."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.trust.certainty import CELLS, combination, run_of_ticks
from benchmarks.trust.design import Cell


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_nothing_rare_is_ruled_out(cell: Cell) -> None:
    compared, screened = (
        np.array([run_of_ticks(number, cell, 7, screened=screen) for number in range(15)])
        for screen in (False, True)
    )
    rare = (compared <= 0.013) | (screened <= 0.013)
    assert np.array_equal(compared[rare], screened[rare])
    assert 0 < (screened < 1).mean() < 0.6


def test_draws_are_counted() -> None:
    common, rare = combination(3, 0.5, seed=1, draws=20_000)
    assert common["trials"] == rare["trials"] == 20_000
    assert 100 < int(str(common["said"])) < 250
    assert int(str(rare["said"])) < int(str(common["said"])) / 4
