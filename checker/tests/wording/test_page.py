from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from samples import table

from drift_checker.result import EvidentlySummary, Explanation
from drift_checker.tables import Batch

pytestmark = pytest.mark.skipif(
    find_spec("evidently") is None, reason="the extra `report` is not installed"
)
EXPLANATION = Explanation(
    summary="drift: x < y", changes=["x: median 0 -> 2"], since="Monday", certainty="very"
)
MAX_BYTES = 5 * 1024 * 1024


def write_report(*arguments: Any) -> EvidentlySummary:
    """Import it where a test runs: that takes seconds, of each process that only collects."""
    from drift_checker.wording import page  # noqa: PLC0415

    return page.write_report(*arguments)


def batch(content: pa.Table, *, untyped: bool = False) -> Batch:
    return Batch(content, "", untyped=untyped)


def test_a_report_stands_beside_the_verdict(tmp_path: Path) -> None:
    page = tmp_path / "report.html"

    summary = write_report(
        batch(table(5000, seed=1)), batch(table(300, seed=2, shift=2)), page, EXPLANATION
    )

    assert (summary.reference_rows, summary.current_rows, summary.columns) == (2000, 300, 3)
    assert summary.drifted_columns >= 1
    html = page.read_text()
    assert html.count("<body>") == 1
    heading = html.partition("<body>")[2][:1000]
    for text in ("drift: x &lt; y", "x: median 0 -&gt; 2", "since Monday", "how sure: very"):
        assert text in heading


def test_the_sample_is_the_same_each_time(tmp_path: Path) -> None:
    reference, current = batch(table(5000, seed=1)), batch(table(5000, seed=2))

    first, second = (write_report(reference, current, tmp_path / name) for name in "ab")

    assert first == second


def test_broken_columns_are_left_out(tmp_path: Path) -> None:
    before = table(300, seed=1)
    empty = pa.nulls(300, pa.float64())
    infinite = pa.array([np.inf, np.nan] + [1.0] * 298)
    reference = before.append_column("gone", before["x"]).append_column("empty", before["x"])
    reference = reference.append_column("infinite", before["x"]).append_column("text", before["x"])
    current = table(300, seed=2).append_column("empty", empty).append_column("infinite", infinite)
    current = current.append_column("text", current["kind"]).append_column("new", empty)

    summary = write_report(batch(reference), batch(current), tmp_path / "report.html")

    assert summary.columns == 4


def test_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a column with values on both sides"):
        write_report(
            batch(pa.table({"a": [1]})), batch(pa.table({"b": [1]})), tmp_path / "report.html"
        )


def test_the_page_is_bounded(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)

    def wide() -> Batch:
        numbers = {f"n{i}": pa.array(rng.normal(size=3000)) for i in range(12)}
        labels = {f"c{i}": pa.array(rng.integers(0, 9999, 3000).astype(str)) for i in range(13)}
        return batch(pa.table(numbers | labels))

    write_report(wide(), wide(), tmp_path / "report.html")

    assert (tmp_path / "report.html").stat().st_size <= MAX_BYTES
