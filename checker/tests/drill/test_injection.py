from __future__ import annotations

import numpy as np
import pyarrow as pa

from drift_checker.config import Monitor
from drift_checker.drill.injection import SCENARIOS, BatchRequest, StoredBatchSource
from drift_checker.tables import Batch

ROWS = 500
MONITOR = Monitor.model_validate(
    {
        "name": "m",
        "current": {"url": "http://source"},
        "reference": {"url": "http://source"},
        "columns": {"id": "key", "ignore": ["noise"]},
    }
)


def batch(*, paired: bool) -> Batch:
    rng = np.random.default_rng(1)
    x = rng.normal(size=ROWS)
    y = x + rng.normal(size=ROWS) if paired else rng.normal(size=ROWS)
    columns = {"x": x, "y": y, "key": np.arange(ROWS), "noise": x * 2}
    return Batch(pa.table({**columns, "alone": rng.normal(size=ROWS)}), "digest")


def changed(source: StoredBatchSource, original: Batch, request: BatchRequest) -> set[str]:
    table = source.batch(request).table
    return {name for name in table.column_names if table[name] != original.table[name]}


def test_only_tested_columns_change_and_the_same_one_throughout_a_trial() -> None:
    stored = batch(paired=True)
    source = StoredBatchSource([stored], stored, MONITOR, "d")

    seen = set()
    for trial in range(20):
        ticks = [changed(source, stored, BatchRequest("mean_shift", 1, trial, n)) for n in range(3)]
        assert ticks[0] == ticks[1] == ticks[2]
        seen |= ticks[0]
    assert seen == {"x", "y", "alone"}


def test_correlations_change_where_there_are_some() -> None:
    stored = batch(paired=True)
    source = StoredBatchSource([stored], stored, MONITOR, "d")
    assert source.scenarios() == tuple(n for n in SCENARIOS if n != "category_mix")
    trials = [changed(source, stored, BatchRequest("correlation_change", 1, n)) for n in range(20)]
    assert set.union(*trials) == {"x", "y"}

    alone = batch(paired=False)
    source = StoredBatchSource([alone], alone, MONITOR, "d")
    assert "correlation_change" not in source.scenarios()


def test_a_column_that_a_scenario_does_not_change_is_left_out() -> None:
    rng = np.random.default_rng(1)
    columns = {
        "key": np.arange(ROWS),
        "noise": rng.normal(size=ROWS),
        # Mostly 0, so that it neither moves nor spreads.
        "rare": (rng.random(ROWS) < 0.1) * rng.normal(size=ROWS),
        "one": ["a"] * ROWS,
        "two": ["a", "b"] * (ROWS // 2),
    }
    stored = Batch(pa.table(columns), "digest")
    source = StoredBatchSource([stored], stored, MONITOR, "d")

    assert source.scenarios() == ("category_mix", "missing_values", "tail_contamination")
    trials = [changed(source, stored, BatchRequest("category_mix", 1, n)) for n in range(20)]
    assert set.union(*trials) == {"two"}


def test_numbers_that_are_text_drift_like_numbers() -> None:
    """As those of a CSV, with a decimal comma or without."""
    rng = np.random.default_rng(1)
    x = rng.normal(100, 10, ROWS)
    whole = ["0"] * (ROWS - 50) + ["7"] * 50
    columns = {
        "key": list(map(str, range(ROWS))),
        "noise": ["1"] * ROWS,
        "comma": [f"{value:.2f}".replace(".", ",") for value in x],
        "point": [f"{value:.2f}" for value in 2 * x + rng.normal(size=ROWS)],
        "rare": whole,
    }
    stored = Batch(pa.table(columns), "digest", untyped=True)
    source = StoredBatchSource([stored], stored, MONITOR, "d")

    assert source.scenarios() == tuple(n for n in SCENARIOS if n != "category_mix")
    seen = set()
    for trial in range(20):
        table = source.batch(BatchRequest("mean_shift", 1, trial)).table
        means = {"comma": x.mean(), "point": 2 * x.mean()}
        moved = {
            name for name, mean in means.items() if abs(np.mean(table[name].to_numpy()) - mean) > 1
        }
        assert len(moved) == 1
        seen |= moved
        # It is mostly one value, and stays what it is.
        assert table["rare"].cast(pa.string()).to_pylist() == whole
    assert seen == {"comma", "point"}


def test_of_categories_no_change_is_too_small_to_be_detected() -> None:
    """Were the most frequent one favoured, hardly any row would change."""
    kind = ["often"] * 470 + ["seldom"] * 30
    stored = Batch(pa.table({"kind": kind, "key": np.arange(ROWS), "noise": [1.0] * ROWS}), "d")
    source = StoredBatchSource([stored], stored, MONITOR, "d")

    for trial in range(20):
        table = source.batch(BatchRequest("category_mix", 1, trial)).table
        assert table["kind"].to_pylist().count("seldom") > 100
