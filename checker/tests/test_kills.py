"""Killed at any moment, nothing is lost, nothing is doubled, and every next command ends well."""

from __future__ import annotations

from pathlib import Path

import pytest
from kills import BLOCKS, Block, figures
from services import MLFLOW

WITH_MLFLOW = pytest.mark.skipif(not MLFLOW, reason="DRIFT_TEST_MLFLOW does not name its command")


@pytest.mark.parametrize(
    ("command", "kills"), [("tick", 6), ("accept", 3), ("prune", 3), ("store", 3)]
)
def test_a_few_kills(tmp_path: Path, command: str, kills: int) -> None:
    block = Block(command, seed=1000, kills=kills).run(tmp_path)
    assert block.problems == []
    assert block.fell.total() == kills


@pytest.mark.long
@pytest.mark.parametrize(
    ("command", "kills"),
    [
        ("tick", 200),
        ("accept", 20),
        ("prune", 20),
        ("store", 40),
        pytest.param("mlflow", 10, marks=[pytest.mark.mlflow, WITH_MLFLOW]),
    ],
)
def test_many_kills(tmp_path: Path, command: str, kills: int) -> None:
    every = []
    for seed in range(kills // BLOCKS[command]):
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        every.append(Block(command, seed, BLOCKS[command]).run(folder))
    print(figures(every))  # noqa: T201  the figures of what was tried
    assert [problem for block in every for problem in block.problems] == []
