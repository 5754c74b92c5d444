"""The p-value of a whole tick: what each part of the budget adds to it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker import CompareSettings, Floors, Result, Verdict, compare
from drift_checker.comparison import combine_parts
from drift_checker.comparison.options import NO_FLOORS

PARTS = {"columns": 0.005, "joint": 0.0015, "faults": 0.002, "sequential": 0.0}


def normal(rows: int, seed: int, columns: int = 3) -> pa.Table:
    values = np.random.default_rng(seed).normal(size=(columns, rows))
    return pa.table({f"c{number}": column for number, column in enumerate(values)})


def compared(current: pa.Table, **settings: object) -> Result:
    options = CompareSettings(level=0.01, **settings)  # type: ignore[arg-type]
    return compare(normal(1000, 1), current, settings=options)


def test_each_part_weighs_by_its_level() -> None:
    assert combine_parts({"columns": 0.1, "joint": 0.001}, PARTS) == pytest.approx(0.001 / 15 * 85)
    assert combine_parts({"columns": 0.9, "joint": 1.0}, PARTS) == 1
    assert combine_parts({"columns": None, "joint": None}, PARTS) is None
    # A part without a level has nothing to say.
    assert combine_parts({"sequential": 1e-9}, PARTS) is None


@given(st.dictionaries(st.sampled_from(list(PARTS)), st.floats(0, 1) | st.none()))
def test_it_is_within_the_level_where_a_part_is_within_its_own(
    p_values: dict[str, float | None],
) -> None:
    combined = combine_parts(p_values, PARTS)
    alarms = [p <= PARTS[part] for part, p in p_values.items() if p is not None and PARTS[part]]
    assert (combined is None) == (not alarms)
    if combined is not None:
        level = sum(PARTS.values())
        assert any(alarms) == (combined <= level) or combined == pytest.approx(level)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shift", [0.0, 0.15, 0.3])
def test_it_agrees_with_the_verdict(seed: int, shift: float) -> None:
    current = normal(300, 100 + seed)
    moved = pa.array(np.asarray(current["c0"]) + shift)
    result = compared(current.set_column(0, "c0", moved))
    assert result.p_value is not None
    assert (result.verdict is Verdict.DRIFT) == (result.p_value <= result.alarm_budget.level)


def test_it_is_that_of_a_fault_or_a_pair_where_these_are_clearest() -> None:
    current = normal(300, 5)
    nulls = pa.array([None if row % 10 == 0 else 0.1 * row for row in range(300)])
    faulty = compared(current.set_column(1, "c1", nulls))
    assert faulty.p_value is not None
    assert faulty.p_value < 1e-6

    together = np.asarray(current["c0"]) * 0.8 + 0.6 * np.asarray(current["c1"])
    correlated = compared(current.set_column(1, "c1", pa.array(together)))
    assert correlated.joint is not None
    assert correlated.p_value == pytest.approx(correlated.joint.p_value / 0.15)


def test_what_is_below_its_floor_is_not_clear() -> None:
    current = normal(300, 6)
    moved = pa.array(np.asarray(current["c0"]) + 1)
    high = Floors(distance=0.9, tail=0.9, share=0.9, ratio=1e6, unseen_rows=400, correlation=0.9)
    assert compared(current.set_column(0, "c0", moved), floors=high).p_value == 1


def test_without_anything_tested_there_is_none() -> None:
    assert compared(normal(0, 1)).p_value is None


def test_segments_have_their_part() -> None:
    def table(rows: int, seed: int, shift: float) -> pa.Table:
        rng = np.random.default_rng(seed)
        groups = rng.choice(["a", "b", "c", "d"], rows)
        return pa.table({"x": rng.normal(size=rows) + shift * (groups == "a"), "g": groups})

    settings = CompareSettings(level=0.01, segments=("g",))
    result = compare(table(8000, 1, 0), table(2000, 2, 0.35), settings=settings)
    assert [each.name for each in result.segments if each.verdict is Verdict.DRIFT] == ["g=a"]
    assert result.p_value is not None
    assert result.p_value <= 0.01


@pytest.mark.long
@pytest.mark.parametrize("columns", [3, 12])
def test_it_is_not_rarer_than_it_says(columns: int) -> None:
    settings = CompareSettings(level=0.01, floors=NO_FLOORS)
    said = []
    for seed in range(600):
        reference, current = (normal(rows, seed + rows * 1000, columns) for rows in (500, 100))
        said.append(compare(reference, current, settings=settings).p_value or 0.0)
    rate = float((np.array(said) <= 0.1).mean())
    assert rate < 0.1 * 1.25 + 3 * (0.1 / 600) ** 0.5
