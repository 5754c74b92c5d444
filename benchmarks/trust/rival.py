# mypy: disable-error-code="import-untyped"
"""Evidently's defaults on the same draws: its scores, at its own thresholds and at ours."""

from __future__ import annotations

from collections.abc import Mapping
from math import floor, nan
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from evidently import Report
from evidently.legacy.calculations.stattests import jensenshannon_stat_test, wasserstein_stat_test
from evidently.legacy.core import ColumnType
from evidently.presets import DataDriftPreset

TESTS = {"num": wasserstein_stat_test, "cat": jensenshannon_stat_test}
"""What the preset takes of references of more than 1,000 rows, by the kind of a column."""
DEFAULTS = {kind: float(test.default_threshold) for kind, test in TESTS.items()}


Scores: TypeAlias = Mapping[str, list[float]]
"""By the kind of the columns."""
Thresholds: TypeAlias = Mapping[str, float]


def scores(reference: pa.Table, current: pa.Table) -> Scores:
    """Return the drift scores of the columns, by their kind, as the preset's tests give them."""
    found: dict[str, list[float]] = {kind: [] for kind in TESTS}
    for name in reference.column_names:
        before, after = (side[name].drop_null().to_pandas() for side in (reference, current))
        kind = "cat" if pa.types.is_string(reference[name].type) else "num"
        result = TESTS[kind](before, after, ColumnType(kind), DEFAULTS[kind])
        found[kind].append(float(result.drift_score))
    return found


def drifted(found: Scores, thresholds: Thresholds) -> int:
    """Return how many columns reach the threshold of their kind."""
    return sum(score >= thresholds[kind] for kind, some in found.items() for score in some)


def check(reference: pa.Table, current: pa.Table) -> None:
    """Raise an error unless the preset itself calls as many columns drifted."""
    snapshot = Report([DataDriftPreset()]).run(current.to_pandas(), reference.to_pandas())
    preset = int(snapshot.dict()["metrics"][0]["value"]["count"])
    ours = drifted(scores(reference, current), DEFAULTS)
    if ours != preset:
        raise AssertionError(f"Evidently's preset: {preset} columns drifted; its scores: {ours}")


def threshold(null: list[float], level: float) -> float:
    """Return what so small a share of drift-free scores reaches, NaN where too few are known."""
    reaching = floor(level * len(null))
    return float(np.sort(null)[-reaching]) if reaching else nan
