# mypy: disable-error-code="import-untyped"
"""Evidently's defaults on the same draws."""

from __future__ import annotations

import pyarrow as pa
from evidently import Report
from evidently.presets import DataDriftPreset


def drifted_columns(reference: pa.Table, current: pa.Table) -> int:
    """Return how many columns Evidently's preset calls drifted."""
    snapshot = Report([DataDriftPreset()]).run(current.to_pandas(), reference.to_pandas())
    return int(snapshot.dict()["metrics"][0]["value"]["count"])
