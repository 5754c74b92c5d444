"""Whatever the types, the format, the roles and the segments: a result, or an error of ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import formats
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drift_checker import Batch, ColumnRoles, CompareSettings, Result, compare
from drift_checker.errors import DriftCheckerError
from drift_checker.result import Verdict
from drift_checker.wording import result_text

NAMES = ["a", "b", "c"]
BITS = [
    *(pa.int8(), pa.int64(), pa.uint64(), pa.float16(), pa.float32(), pa.float64()),
    *(pa.date32(), pa.timestamp("s"), pa.timestamp("ns", "Europe/Berlin"), pa.duration("s")),
]
"""Types any bits of which are a value."""
TEXTS = st.none() | st.text(max_size=6) | st.sampled_from(["1", "0x1f", "1,5", "-", " 2", "NA"])


@st.composite
def columns(draw: st.DrawFn, rows: int) -> Any:
    """Return a column of any type, with any values of it, some missing."""
    way = draw(st.sampled_from(["type", "bits", "texts"]))
    seed = draw(st.integers(0, 3))
    rng = np.random.default_rng(seed)
    if way == "texts":
        values = draw(st.lists(TEXTS, min_size=rows, max_size=rows))
        return pa.array([one and one.encode("utf-8", "replace").decode() for one in values], "str")
    if way == "bits":
        type_ = draw(st.sampled_from(BITS))
        data = rng.bytes(rows * type_.bit_width // 8)
        return pa.Array.from_buffers(type_, rows, [None, pa.py_buffer(data)])
    make = formats.TYPES[draw(st.sampled_from(sorted(formats.TYPES)))]
    column = make(rng.normal(size=rows) if draw(st.booleans()) else np.zeros(rows))
    if not draw(st.booleans()):
        return column
    missing = rng.random(rows) < draw(st.sampled_from([0.1, 1.0]))
    try:
        where = pa.array([None if gone else row for row, gone in enumerate(missing)], pa.int64())
        return column.take(where)
    except pa.ArrowException:  # not of each type
        return column


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Return a table of up to three columns."""
    rows = draw(st.sampled_from([0, 1, 2, 60, 120]))
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))
    return pa.table({name: draw(columns(rows)) for name in names})


@st.composite
def batches(draw: st.DrawFn) -> Batch | None:
    """Return a table as it was read in any format, or nothing where that cannot hold it."""
    table = draw(tables())
    # polars makes frames of fewer values than Arrow's types have: its frames are tried elsewhere.
    ways = [way for name, each in formats.FORMATS.items() if name != "polars" for way in each]
    way = draw(st.sampled_from(ways))
    try:
        written = way.write(table)
    except formats.REFUSED:
        return None
    try:
        return way.read(written)
    except DriftCheckerError:
        return None


@st.composite
def comparisons(draw: st.DrawFn) -> CompareSettings:
    """Return settings with any roles, segments and windows."""
    roles = {
        role: draw(st.none() | st.sampled_from(NAMES))
        for role in ("timestamp", "target", "prediction", "id")
    }
    windows = {
        "window": timedelta(hours=1),
        "baseline": draw(st.sampled_from(["fixed", "seasonal"])),
    }
    return CompareSettings(
        columns=ColumnRoles(**roles),
        segments=tuple(draw(st.lists(st.sampled_from(NAMES), max_size=2, unique=True))),
        min_rows=draw(st.sampled_from([1, 50])),
        large_values=draw(st.sampled_from([1, 1 << 22])),
        **(windows if roles["timestamp"] and draw(st.booleans()) else {}),
    )


def assert_judged(reference: Batch | None, batch: Batch | None, how: CompareSettings) -> None:
    if reference is None or batch is None:
        return
    try:
        result = compare(reference, batch, settings=how)
    except DriftCheckerError:
        return
    assert result_text(result)
    assert Result.model_validate_json(result.model_dump_json()).verdict == result.verdict


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Batch | None, Batch | None]:
    """Return a reference and a batch: another one, or itself."""
    reference = draw(batches())
    return reference, reference if draw(st.booleans()) else draw(batches())


@pytest.mark.parametrize("segments", [(), ("b",)])
def test_a_union_without_rows(segments: tuple[str, ...]) -> None:
    union = pa.sparse_union([pa.field("0", pa.int64()), pa.field("1", pa.null())])
    reference = pa.table({"a": [1.0] * 50, "b": ["x"] * 50})
    columns = {"a": pa.chunked_array([], pa.float64()), "b": pa.chunked_array([], union)}
    how = CompareSettings(segments=segments)

    result = compare(Batch(reference, "a"), Batch(pa.table(columns), "b"), settings=how)

    assert result.verdict is Verdict.INVALID


@given(pairs(), comparisons())
@settings(max_examples=200)
def test_any_table(pair: tuple[Batch | None, Batch | None], how: CompareSettings) -> None:
    assert_judged(*pair, how)


@pytest.mark.long
@given(pairs(), comparisons())
@settings(max_examples=2000)
def test_any_table_at_length(pair: tuple[Batch | None, Batch | None], how: CompareSettings) -> None:
    assert_judged(*pair, how)
