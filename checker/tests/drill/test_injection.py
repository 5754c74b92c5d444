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


def test_a_column_that_a_scenario_cannot_change_is_left_out() -> None:
    rng = np.random.default_rng(1)
    spread, rare = rng.normal(size=ROWS), (rng.random(ROWS) < 0.2).astype(float)
    columns = {"key": np.arange(ROWS), "noise": spread, "rare": rare * spread}
    text = pa.array([f"{value:.3f}".replace(".", ",") for value in spread])
    stored = Batch(
        pa.table({**columns, "comma": text, "one": ["a"] * ROWS, "two": ["a", "b"] * 250}), "digest"
    )
    source = StoredBatchSource([stored], stored, MONITOR, "d")

    # Of the numbers one column is mostly 0, and the other is text.
    assert source.scenarios() == ("category_mix", "missing_values", "tail_contamination")
    trials = [changed(source, stored, BatchRequest("category_mix", 1, n)) for n in range(20)]
    assert set.union(*trials) == {"two"}


def test_of_categories_no_change_is_too_small_to_be_detected() -> None:
    """Were the most frequent one favoured, hardly any row would change."""
    kind = ["often"] * 470 + ["seldom"] * 30
    stored = Batch(pa.table({"kind": kind, "key": np.arange(ROWS), "noise": [1.0] * ROWS}), "d")
    source = StoredBatchSource([stored], stored, MONITOR, "d")

    for trial in range(20):
        table = source.batch(BatchRequest("category_mix", 1, trial)).table
        assert table["kind"].to_pylist().count("seldom") > 100
