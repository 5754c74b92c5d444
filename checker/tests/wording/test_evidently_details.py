from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pyarrow as pa
import pytest
from samples import table

from drift_checker.comparison import CompareSettings, compare_with_explanation, read_tables
from drift_checker.comparison.pictures import draw
from drift_checker.result import EvidentlySummary, Result
from drift_checker.tables import Batch
from drift_checker.wording import Details, standalone_page

pytestmark = pytest.mark.skipif(
    find_spec("evidently") is None, reason="the extra `report` is not installed"
)
MAX_BYTES = 1_500_000


def drawn(
    reference: pa.Table, current: pa.Table
) -> tuple[Result, str, tuple[Details, EvidentlySummary] | None]:
    """Return the result of two tables, its page, and what Evidently draws on it."""
    # Imported where a test runs: that takes seconds, of each process that only collects.
    from drift_checker.wording.evidently_details import evidently_details  # noqa: PLC0415

    settings = CompareSettings()
    tables = read_tables(Batch(reference, ""), Batch(current, ""), settings)
    result = compare_with_explanation(tables, settings)
    found = evidently_details(Batch(reference, ""), Batch(current, ""), result)
    page = standalone_page(result, draw(tables, result), details=found[0] if found else None)
    return result, page, found


def summary(reference: pa.Table, current: pa.Table) -> EvidentlySummary:
    _, _, found = drawn(reference, current)
    assert found is not None
    return found[1]


def test_drawings_stand_below_the_verdict() -> None:
    result, page, found = drawn(table(5000, seed=1), table(300, seed=2, shift=2))

    assert found is not None
    details, shown = found
    assert (shown.reference_rows, shown.current_rows, shown.columns) == (1000, 300, 3)
    assert shown.drifted_columns == len(result.drifted_columns) == 1
    assert page.index("median") < page.index(details.heading) < page.index(f'id="{details.root}"')


def test_the_sample_is_the_same_each_time() -> None:
    reference, current = table(5000, seed=1), table(5000, seed=2)

    assert summary(reference, current) == summary(reference, current)


def test_broken_columns_are_left_out() -> None:
    before = table(300, seed=1)
    empty = pa.nulls(300, pa.float64())
    infinite = pa.array([np.inf, np.nan] + [1.0] * 298)
    reference = before.append_column("gone", before["x"]).append_column("empty", before["x"])
    reference = reference.append_column("infinite", before["x"]).append_column("text", before["x"])
    current = table(300, seed=2).append_column("empty", empty).append_column("infinite", infinite)
    current = current.append_column("text", current["kind"]).append_column("new", empty)

    assert summary(reference, current).columns == 4


def test_nothing_to_draw() -> None:
    result, page, found = drawn(table(300, seed=1), table(300, seed=1).slice(0, 0))

    assert found is None
    assert f'verdict-{result.verdict}">' in page
    assert "<script" not in page


def test_the_page_is_bounded() -> None:
    rng = np.random.default_rng(1)

    def wide() -> pa.Table:
        numbers = {f"n{i}": pa.array(rng.normal(size=3000)) for i in range(12)}
        labels = {f"c{i}": pa.array(rng.integers(0, 9999, 3000).astype(str)) for i in range(13)}
        return pa.table(numbers | labels)

    _, page, _ = drawn(wide(), wide())

    assert len(page.encode()) <= MAX_BYTES
