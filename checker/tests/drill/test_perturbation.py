from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from drift_checker.drill.perturbation import PERTURBATIONS, perturb

ROWS = 2000


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def a_table() -> pa.Table:
    numbers = rng().normal(100, 10, ROWS)
    missing = rng(2).random(ROWS) < 0.1
    return pa.table(
        {
            "real": pa.array(numbers, mask=missing),
            "whole": pa.array(numbers.astype(int), mask=missing),
            "text": pa.array(rng(3).choice(["a", "b", "c"], ROWS), mask=missing),
            "flag": pa.array(numbers > 100, mask=missing),
            "other": pa.array(np.arange(ROWS)),
        }
    )


NUMBERS, CATEGORIES = ("real", "whole"), ("text", "flag")
CASES = [
    (scenario, column)
    for scenario, (kinds, _) in PERTURBATIONS.items()
    for column in (*NUMBERS, *CATEGORIES)
    if ("numeric" if column in NUMBERS else "categorical") in kinds
]


@pytest.mark.parametrize(("scenario", "column"), CASES)
@pytest.mark.parametrize("strength", [0.1, 1.0, 4.0])
def test_only_one_column_changes_and_keeps_its_type(
    scenario: str, column: str, strength: float
) -> None:
    before = a_table()
    after = perturb(before, column, scenario, strength, rng())

    assert after.schema == before.schema
    assert after.num_rows == before.num_rows
    changed = {name for name in before.column_names if after[name] != before[name]}
    # A small shift of whole numbers is rounded away.
    assert changed == {column} or (strength < 1 and column == "whole" and not changed)
    assert perturb(before, column, scenario, strength, rng()) == after
    if scenario not in {"missing_values", "correlation_change"}:
        assert pc.is_null(after[column]).equals(pc.is_null(before[column]))


def values(table: pa.Table, column: str) -> np.ndarray:
    return np.asarray(table[column].drop_null().to_numpy(), dtype=float)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_strengths_mean_what_is_documented(strength: float) -> None:
    before = a_table()
    real, rows = values(before, "real"), before.num_rows

    def after(scenario: str, column: str = "real") -> pa.Table:
        return perturb(before, column, scenario, strength, rng())

    shifted = values(after("mean_shift"), "real")
    assert abs(shifted.mean() - real.mean()) == pytest.approx(0.5 * strength * 10, rel=0.1)
    assert values(after("scale"), "real").std() == pytest.approx(real.std() * 2**strength)
    lost = after("missing_values")["real"].null_count / rows
    assert lost == pytest.approx(0.1 + 0.9 * 0.3 * strength, abs=0.03)
    far = np.abs(values(after("tail_contamination"), "real") - 100) > 60
    assert far.mean() == pytest.approx(0.05 * strength, abs=0.01)
    mixed = after("category_mix", "text")["text"].value_counts().to_pylist()
    most = max(row["counts"] for row in mixed if row["values"] is not None)
    assert most / (0.9 * rows) == pytest.approx(1 / 3 + 2 / 3 * 0.2 * strength, abs=0.03)
    pairs = after("correlation_change", "other")
    places = np.corrcoef(pairs["other"].to_numpy(), np.arange(rows))[0, 1]
    assert places == pytest.approx(1 - strength, abs=0.1)
    assert sorted(pairs["other"].to_pylist()) == before["other"].to_pylist()
