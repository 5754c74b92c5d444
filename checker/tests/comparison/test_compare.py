"""What bad input gets: each row of the table in `docs/faults.md` that concerns a batch."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import NormalDist
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet
import pytest

import drift_checker
from drift_checker import Batch, ColumnRoles, CompareSettings, Result
from drift_checker.comparison.joint import SAMPLE_ROWS, sampled_rows
from drift_checker.errors import BadReferenceError, UsageError
from drift_checker.tables import read_batch
from drift_checker.wording import result_text, summarize

Columns: TypeAlias = dict[str, Any]
Compare: TypeAlias = Callable[..., Result]
Judged: TypeAlias = Callable[..., Result]


@pytest.fixture(params=["tables", "profiles"])
def profiled(request: pytest.FixtureRequest) -> bool:
    """Take either path, of small tables and of large ones: both have to answer alike."""
    return bool(request.param == "profiles")


@pytest.fixture
def compare(*, profiled: bool) -> Compare:
    def compare(reference: Any, current: Any, settings: CompareSettings | None = None) -> Result:
        settings = settings or CompareSettings()
        settings = replace(settings, large_values=0) if profiled else settings
        return drift_checker.compare(reference, current, settings=settings)

    return compare


@pytest.fixture
def judged(compare: Compare) -> Judged:
    """Compare a changed batch with the reference."""

    def judged(changed: Callable[[Columns], Any] | None = None, rows: int = 500) -> Result:
        batch = columns(rows, 2)
        source = changed(batch) if changed else batch
        return compare(REFERENCE, pa.table(source) if isinstance(source, dict) else source)

    return judged


def columns(rows: int, seed: int) -> Columns:
    rng = np.random.default_rng(seed)
    start = np.datetime64("2026-01-01T00:00:00")
    return {
        "time": start + np.arange(rows) * np.timedelta64(60, "s"),
        "x": rng.normal(size=rows),
        "count": rng.poisson(4, size=rows),
        "city": rng.choice(["Oslo", "Rome", "Bern"], size=rows, p=[0.5, 0.3, 0.2]),
        "paid": rng.random(rows) < 0.3,
    }


REFERENCE = pa.table(columns(5000, 1))


def faults(result: Result) -> list[tuple[str, str | None]]:
    return [(fault.fault, fault.column) for fault in result.faults]


def with_p_value(result: Result) -> set[str]:
    return {column.name for column in result.columns if column.p_value is not None}


EVERYTHING = {"x", "count", "city", "paid"}


def test_no_drift(judged: Judged) -> None:
    result = judged()
    assert (result.verdict, faults(result), with_p_value(result)) == ("ok", [], EVERYTHING)


def test_a_shift_is_told_in_words(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"x": batch["x"] + 1})
    assert (result.verdict, result.drifted_columns) == ("drift", ["x"])
    drifted = next(column for column in result.columns if column.name == "x")
    assert drifted.change is not None
    assert drifted.change.startswith("median ")


def test_empty_batch(judged: Judged) -> None:
    result = judged(rows=0)
    assert (result.verdict, faults(result)) == ("invalid", [("empty", None)])


def test_one_row(judged: Judged) -> None:
    result = judged(rows=1)
    assert (result.verdict, faults(result)) == ("invalid", [("too_few_rows", None)])


def test_missing_column(judged: Judged) -> None:
    result = judged(lambda batch: {k: v for k, v in batch.items() if k != "x"})
    assert (result.verdict, faults(result)) == ("invalid", [("missing_column", "x")])
    assert with_p_value(result) == EVERYTHING - {"x"}


def test_extra_column(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"new": batch["x"]})
    assert (result.verdict, faults(result)) == ("ok", [("extra_column", "new")])


def test_column_all_null(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"x": pa.nulls(500)})
    assert (result.verdict, faults(result)) == ("drift", [("nulls", "x")])
    assert result.drifted_columns == ["x"]
    assert with_p_value(result) == EVERYTHING - {"x"}


@pytest.mark.parametrize("name", ["x", "city", "time"])
def test_ten_per_cent_nulls(judged: Judged, name: str) -> None:
    def changed(batch: Columns) -> Columns:
        return batch | {name: pa.array(batch[name], mask=np.arange(500) % 10 == 0)}

    result = judged(changed)
    assert (result.verdict, faults(result)) == ("drift", [("nulls", name)])
    assert with_p_value(result) == EVERYTHING


def test_nan_is_null(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"x": np.where(np.arange(500) % 10, batch["x"], np.nan)})
    assert (result.verdict, faults(result)) == ("drift", [("nulls", "x")])


def test_numbers_arriving_as_text(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"count": [str(n) for n in batch["count"]]})
    assert (result.verdict, faults(result)) == ("invalid", [("changed_type", "count")])
    assert with_p_value(result) == EVERYTHING - {"count"}


def test_categories_arriving_as_numbers(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"city": batch["count"]})
    assert (result.verdict, faults(result)) == ("invalid", [("changed_type", "city")])


def test_integers_and_floats_are_both_numbers(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"count": batch["count"].astype(float)})
    assert (result.verdict, faults(result)) == ("ok", [])


def test_infinities(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"x": np.where(np.arange(500) % 20, batch["x"], np.inf)})
    assert result.verdict == "drift"
    assert ("not_finite", "x") in faults(result)
    assert with_p_value(result) == EVERYTHING


def test_a_single_infinity_is_noted(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"x": np.where(np.arange(500), batch["x"], np.inf)})
    assert (result.verdict, faults(result)) == ("ok", [("infinities_left_out", "x")])


def test_constant_column(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"x": np.zeros(500), "city": ["Rome"] * 500})
    assert result.verdict == "drift"
    assert {("constant", "x"), ("constant", "city")} <= set(faults(result))


def test_a_category_never_seen(judged: Judged) -> None:
    result = judged(
        lambda batch: batch | {"city": np.where(np.arange(500) % 20, batch["city"], "Wien")}
    )
    assert (result.verdict, faults(result)) == ("drift", [("unseen_categories", "city")])
    assert "'Wien'" in result.faults[0].detail


def test_a_hundred_thousand_categories(compare: Compare, *, profiled: bool) -> None:
    reference = pa.table({"id": [f"r{i % 100_000}" for i in range(200_000)]})
    current = pa.table({"id": [f"r{i * 7 % 100_000}" for i in range(20_000)]})
    assert compare(reference, current).verdict == "ok"
    if profiled:  # of so many, what is new is not known
        return
    unseen = pa.table({"id": [f"s{i}" for i in range(20_000)]})
    result = compare(reference, unseen)
    assert (result.verdict, faults(result)) == ("drift", [("unseen_categories", "id")])


def test_out_of_range(judged: Judged) -> None:
    result = judged(lambda batch: batch | {"x": np.where(np.arange(500) % 20, batch["x"], 100.0)})
    assert (result.verdict, faults(result)) == ("drift", [("out_of_range", "x")])


def test_duplicate_column_names(judged: Judged) -> None:
    result = judged(
        lambda batch: pa.Table.from_arrays(
            [pa.array(values) for values in (*batch.values(), batch["x"])], [*batch, "x"]
        )
    )
    assert (result.verdict, faults(result)) == ("invalid", [("duplicate_column", "x")])
    assert with_p_value(result) == EVERYTHING - {"x"}


def test_timestamps_out_of_order(compare: Compare) -> None:
    settings = CompareSettings(columns=ColumnRoles(timestamp="time"))
    batch = columns(500, 2)
    result = compare(REFERENCE, pa.table(batch | {"time": batch["time"][::-1]}), settings=settings)
    assert (result.verdict, faults(result)) == ("ok", [("timestamps_out_of_order", "time")])


def with_ids(ids: list[Any]) -> pa.Table:
    return pa.table({**columns(len(ids), 3), "id": ids})


@pytest.mark.parametrize(
    ("reference", "current", "expected"),
    [
        # Numbers that go on, as keys do, are neither drift nor out of range.
        (range(5000), range(9000, 9500), []),
        (range(5000), [*range(9000, 9499), 9000], [("duplicate_ids", "id")]),
        ([*map(str, range(5000))], ["a", "a", *map(str, range(498))], [("duplicate_ids", "id")]),
        # Missing ids are counted as nulls, not as each other's duplicates.
        ([None, None, *range(4998)], [None, None, *range(498)], []),
        # The reference says that this is the id of something with several rows.
        ([7, *range(4999)], [7] * 500, []),
    ],
)
def test_ids_that_repeat_are_no_ids(
    compare: Compare,
    reference: Any,
    current: Any,
    expected: list[tuple[str, str]],
    *,
    profiled: bool,
) -> None:
    if profiled:
        expected = [("ids_not_checked", "id")]
    settings = CompareSettings(columns=ColumnRoles(id="id"))
    result = compare(with_ids(list(reference)), with_ids(list(current)), settings=settings)
    assert faults(result) == expected
    assert result.verdict == ("invalid" if ("duplicate_ids", "id") in expected else "ok")
    assert next(c for c in result.columns if c.name == "id").p_value is None


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (pa.binary(2), ["duplicate_ids"]),
        (pa.binary_view(), ["duplicate_ids"]),
        (pa.list_(pa.uint8()), ["ids_not_checked"]),
        (pa.null(), []),
    ],
)
def test_ids_of_any_type(
    compare: Compare, type_: pa.DataType, expected: list[str], *, profiled: bool
) -> None:
    ids = [None if type_ == pa.null() else row.to_bytes(2, "big") for row in range(500)]
    ids = [each and list(each) for each in ids] if pa.types.is_nested(type_) else ids
    reference, current = (with_ids(pa.array(each, type_)) for each in (ids, [*ids[:-1], ids[0]]))
    settings = CompareSettings(columns=ColumnRoles(id="id"))
    result = compare(reference, current, settings=settings)
    expected = ["ids_not_checked"] if profiled else expected
    assert [fault for fault, _ in faults(result)] == expected
    assert {column.name for column in result.columns} == {"id", *columns(1, 3)}


@pytest.mark.parametrize(
    "values", [[["a"]] * 500, [{"a": 1}] * 500, [b"a", b"b"] * 250, [[True, False]] * 500]
)
def test_a_target_that_cannot_be_compared_is_told(compare: Compare, values: list[Any]) -> None:
    table = pa.table({"x": columns(500, 3)["x"], "y": values})
    for role in ("target", "prediction"):
        settings = CompareSettings(columns=ColumnRoles(**{role: "y"}))
        result = compare(table, table, settings=settings)
        assert result.verdict == "ok"
        assert f"{role} 'y' was not compared" in result.explanation.summary


def test_structural_faults_go_before_drift_which_is_still_named(judged: Judged) -> None:
    result = judged(lambda batch: {"x": batch["x"] + 1})
    assert (result.verdict, result.drifted_columns) == ("invalid", ["x"])


def csv(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.csv.write_csv(table, sink)
    return sink.getvalue()


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pa.parquet.write_table(table, sink)
    return sink.getvalue()


def records(batch: Columns) -> bytes:
    frame = pd.DataFrame(batch)
    return frame.to_json(orient="records", date_format="iso").encode()


@pytest.mark.parametrize(
    "write", [lambda b: csv(pa.table(b)), lambda b: parquet(pa.table(b)), records]
)
def test_every_format_says_the_same(compare: Compare, write: Callable[[Columns], bytes]) -> None:
    batch = columns(500, 2)
    result = compare(REFERENCE, read_batch(write(batch | {"x": batch["x"] + 1})))
    assert (result.verdict, result.drifted_columns, faults(result)) == ("drift", ["x"], [])


def test_a_reference_may_be_csv(compare: Compare) -> None:
    reference = read_batch(csv(REFERENCE))
    result = compare(reference, read_batch(csv(pa.table(columns(500, 2)))))
    kinds = {column.name: column.kind for column in result.columns}
    assert result.verdict == "ok"
    assert kinds == {
        "time": "timestamp",
        "x": "numeric",
        "count": "numeric",
        "city": "categorical",
        "paid": "categorical",
    }


def test_data_frames(compare: Compare) -> None:
    current = pd.DataFrame(columns(500, 2)).rename(columns={"paid": "x"})
    result = compare(pd.DataFrame(columns(5000, 1)), current)
    assert faults(result) == [("duplicate_column", "x"), ("missing_column", "paid")]


@pytest.mark.parametrize("share", [10, 1])
def test_csv_with_text_among_the_numbers(compare: Compare, share: int) -> None:
    batch = columns(500, 2)
    texts = [str(value) if i % share else "soon" for i, value in enumerate(batch["x"])]
    result = compare(REFERENCE, read_batch(csv(pa.table(batch | {"x": texts}))))
    expected = "changed_type" if share == 1 else "mixed_types"
    assert (result.verdict, faults(result)) == ("invalid", [(expected, "x")])
    assert "'soon'" in result.faults[0].detail


def test_missing_numbers_in_csv_are_null(compare: Compare) -> None:
    batch = columns(500, 2)
    texts = [str(value) if i % 10 else "NA" for i, value in enumerate(batch["x"])]
    result = compare(REFERENCE, read_batch(csv(pa.table(batch | {"x": texts}))))
    assert faults(result) == [("nulls", "x")]


def test_json_with_mixed_types(compare: Compare) -> None:
    rows = json.loads(records(columns(500, 2)))
    rows[3]["x"] = "high"
    result = compare(REFERENCE, read_batch(json.dumps(rows).encode()))
    assert (result.verdict, faults(result)) == ("invalid", [("mixed_types", "x")])
    assert with_p_value(result) == EVERYTHING - {"x"}


def test_json_with_infinities_and_nested_values(compare: Compare) -> None:
    rows = json.loads(records(columns(500, 2)))
    rows[3]["x"], rows[4]["x"] = float("inf"), float("nan")
    for row in rows:
        row["tags"] = [1, {"a": 2}]
    result = compare(REFERENCE, read_batch(json.dumps(rows).encode()))
    assert faults(result) == [("extra_column", "tags"), ("infinities_left_out", "x")]


@pytest.mark.parametrize(
    ("data", "detail"),
    [
        (parquet(REFERENCE)[:-20], "Parquet"),
        (b"PAR1", "Parquet"),
        (b"x,city\n1,Oslo\n2,Rome,3\n4,Bern\n", "line 3"),
        (b"x,city\n1,\xff\xfe\n", "CSV"),
        (b'[{"x": 1}, {"x": ', "JSON"),
    ],
)
def test_unreadable(compare: Compare, data: bytes, detail: str) -> None:
    result = compare(REFERENCE, read_batch(data))
    assert (result.verdict, faults(result)) == ("invalid", [("unreadable", None)])
    assert detail in result.faults[0].detail


@pytest.mark.parametrize("data", [b"", b"\n", b"[]", csv(REFERENCE.slice(0, 0))])
def test_nothing_to_read_is_an_empty_batch(compare: Compare, data: bytes) -> None:
    result = compare(REFERENCE, read_batch(data))
    assert (result.verdict, faults(result)) == ("invalid", [("empty", None)])


@pytest.mark.parametrize(
    "reference",
    [
        Path("nowhere.parquet"),
        pa.table({"x": pa.array([], pa.float64())}),
        pa.table({"other": [1.0]}),
        pa.Table.from_arrays([pa.array([1.0])] * 2, ["x", "x"]),
    ],
)
def test_bad_reference(compare: Compare, reference: Any) -> None:
    with pytest.raises(BadReferenceError):
        compare(reference, pa.table(columns(500, 2)))


def test_a_role_of_a_column_that_is_not_there(compare: Compare) -> None:
    settings = CompareSettings(columns=ColumnRoles(target="y"))
    with pytest.raises(BadReferenceError, match="'y'"):
        compare(REFERENCE, pa.table(columns(500, 2)), settings=settings)


def test_settings_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="level"):
        CompareSettings(level=0)
    with pytest.raises(UsageError, match="min_rows"):
        CompareSettings(min_rows=0)


def test_roles(compare: Compare) -> None:
    settings = CompareSettings(
        columns=ColumnRoles(target="x", id="city", ignore=("count",), timestamp="time")
    )
    batch = columns(500, 2)
    result = compare(REFERENCE, pa.table(batch | {"count": batch["count"] + 9}), settings=settings)
    assert result.verdict == "ok"
    assert with_p_value(result) == {"x", "paid"}
    assert {column.name: column.role for column in result.columns} == {
        "time": "timestamp",
        "x": "target",
        "count": "ignored",
        "city": "id",
        "paid": "feature",
    }


def test_effects_below_their_floor_raise_no_alarm(compare: Compare) -> None:
    rng = np.random.default_rng(3)
    reference = pa.table({"x": pa.array(rng.normal(size=200_000))})
    result = compare(reference, pa.table({"x": pa.array(rng.normal(0.04, 1, size=200_000))}))
    column = result.columns[0]
    assert column.p_value is not None
    assert column.threshold is not None
    assert column.p_value < column.threshold
    assert result.verdict == "ok"


def test_a_column_alone_needs_little_more_than_its_equal_part_of_the_level(judged: Judged) -> None:
    result = judged()
    thresholds = [column.threshold for column in result.columns if column.threshold is not None]
    equal = result.alarm_budget.parts["columns"] / len(EVERYTHING)
    assert len(thresholds) == len(EVERYTHING)
    assert all(0.9 * equal < threshold < 1.1 * equal for threshold in thresholds)
    assert sum(result.alarm_budget.parts.values()) == pytest.approx(0.01)


def test_many_columns_that_moved_a_little_are_drift_together(compare: Compare) -> None:
    def table(rows: int, shift: float) -> pa.Table:
        values = [NormalDist(shift).inv_cdf((rank + 0.5) / rows) for rank in range(rows)]
        return pa.table({f"x{number}": values for number in range(30)})

    result = compare(table(500, 0), table(100, 0.3), settings=CompareSettings(level=0.05))
    p_values = {column.p_value for column in result.columns}
    drifted = [column for column in result.columns if column.verdict == "drift"]
    assert len(p_values) == 1
    assert p_values.pop() == pytest.approx(0.018, abs=0.01)
    assert result.verdict == "drift"
    assert 1 < len(drifted) < 30
    assert [column.name for column in drifted] == result.drifted_columns
    for column in drifted:
        assert column.p_value is not None
        assert column.threshold is not None
        assert column.p_value <= column.threshold


def correlated(rows: int, seed: int, rho: float) -> pa.Table:
    rng = np.random.default_rng(seed)
    x, y, z = rng.normal(size=(3, rows))
    y[0] = np.nan  # as anywhere, a missing value is no value
    return pa.table({"x": x, "y": rho * x + (1 - rho**2) ** 0.5 * y, "z": np.exp(3 * z)})


def test_a_correlation_that_came_is_drift_though_no_column_drifted(compare: Compare) -> None:
    result = compare(correlated(5000, 1, 0), correlated(1000, 2, 0.6))
    assert (result.verdict, result.drifted_columns) == ("drift", [])
    assert result.joint is not None
    assert result.joint.p_value < 1e-20
    (pair,) = result.joint.pairs
    assert pair.columns == ("x", "y")
    assert pair.interval[0] < pair.current - pair.reference < pair.interval[1]
    assert "rank correlation of 'x' and 'y'" in summarize(result)
    assert "joint: drift; at most rank correlation of 'x' and 'y' -0.03 -> 0.60" in result_text(
        result
    )


def test_monotone_transformations_change_no_verdict(compare: Compare) -> None:
    reference, current = correlated(2000, 1, 0.2), correlated(500, 2, 0.2)

    def bent(table: pa.Table) -> pa.Table:
        return pa.table({name: pc.atan(table[name]) for name in table.column_names})

    plain, monotone = compare(reference, current), compare(bent(reference), bent(current))
    assert plain.verdict == monotone.verdict
    assert plain.joint == monotone.joint
    for column, transformed in zip(plain.columns, monotone.columns, strict=True):
        assert (column.test, column.p_value, column.effect_size) == (
            transformed.test,
            transformed.p_value,
            transformed.effect_size,
        )


def test_a_joint_verdict_needs_rows_and_two_columns(compare: Compare) -> None:
    reference = correlated(5000, 1, 0)
    for current in (correlated(199, 2, 0.6), correlated(1000, 2, 0.6).select(["x"])):
        result = compare(reference, current)
        assert result.joint is None
        assert "200 values" in str(result.joint_reason)
        assert result.alarm_budget.parts["joint"] == 0
        assert sum(result.alarm_budget.parts.values()) == pytest.approx(0.01)


def test_target_and_prediction_are_judged_jointly_before_all_others(compare: Compare) -> None:
    roles = ColumnRoles(target="z", prediction="y", ignore=("x",))
    settings = CompareSettings(columns=roles, joint_columns=2)
    result = compare(correlated(5000, 1, 0), correlated(1000, 2, 0), settings=settings)
    assert result.joint is not None
    assert result.joint.pairs[0].columns == ("y", "z")


def test_a_sample_is_of_the_same_rows_each_time() -> None:
    sampled = sampled_rows(100_000)
    assert len(sampled) == len(np.unique(sampled)) == SAMPLE_ROWS
    assert np.array_equal(sampled, sampled_rows(100_000))
    # No period of the data is in it.
    for period in (2, 7, 24, 100):
        assert np.bincount(sampled % period).min() > 0.7 * SAMPLE_ROWS / period


def test_the_digest_is_that_of_the_bytes(compare: Compare, tmp_path: Path) -> None:
    path = tmp_path / "batch.csv"
    path.write_bytes(csv(REFERENCE))
    batch = read_batch(path)
    assert isinstance(batch, Batch)
    assert compare(REFERENCE, path).current.digest == batch.digest
    assert len(batch.digest) == 64
