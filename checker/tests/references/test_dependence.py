"""What a reference says of its rows: in their order, in time, and what follows for batches."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deployment import Deployment
from samples import parquet
from web import FakeMlflow, Web

from drift_checker import ColumnRoles
from drift_checker.config import load_monitors, load_settings
from drift_checker.references import Dependence
from drift_checker.references.dependence import MAX_ROWS, row_dependence
from drift_checker.references.versions import ReferenceSummary
from drift_checker.tables import from_frame, infer_readings

START = datetime(2026, 1, 1, tzinfo=UTC)


def known(table: pa.Table, **roles: str) -> Dependence:
    reference, columns = from_frame(table), ColumnRoles(**roles)  # type: ignore[arg-type]
    return row_dependence(reference, infer_readings(reference, columns.reading), columns)


def times(rows: int, step: timedelta) -> pa.Array:
    return pa.array([START + row * step for row in range(rows)], pa.timestamp("us", "UTC"))


def walk(rows: int, seed: int) -> np.ndarray:
    noise, values = np.random.default_rng(seed).normal(size=rows), np.zeros(rows)
    for row in range(1, rows):
        values[row] = 0.8 * values[row - 1] + noise[row]
    return values


def test_without_times_only_the_order_of_rows_is_tested() -> None:
    rng = np.random.default_rng(1)
    found = known(pa.table({"chain": walk(2000, 1), "noise": rng.normal(size=2000)}))
    assert (found.order, found.period, found.tested, found.rows) == ("rows", None, 2, 2000)
    assert list(found.columns) == ["chain"]
    assert found.columns["chain"].neighbours == pytest.approx(0.8, abs=0.05)


def test_with_times_rows_are_taken_in_their_order_and_by_day() -> None:
    rng = np.random.default_rng(2)
    days = np.arange(3000) // 72
    table = pa.table(
        {
            "at": times(3000, timedelta(minutes=20)),
            "daily": rng.normal(size=3000) + rng.normal(size=42)[days],
            "plain": rng.choice(["a", "b", "c"], 3000),
            "key": np.arange(3000),
        }
    )
    mixed = table.take(pa.array(rng.permutation(3000)))
    in_order, shuffled = (known(one, timestamp="at", id="key") for one in (table, mixed))
    assert in_order == shuffled
    assert (in_order.order, in_order.period, in_order.tested) == ("time", "day", 2)
    assert list(in_order.columns) == ["daily"]
    assert in_order.columns["daily"].period == pytest.approx(0.33, abs=0.1)
    # As rows without times, their mixed order tells nothing.
    assert known(mixed.select(["daily", "plain"])).columns == {}


def test_few_days_are_hours() -> None:
    found = known(
        pa.table({"at": times(2000, timedelta(minutes=1)), "x": np.ones(2000)}), timestamp="at"
    )
    assert (found.period, found.tested, found.columns) == ("hour", 0, {})


def test_short_and_empty_columns_are_not_tested() -> None:
    few = known(pa.table({"x": walk(150, 3), "empty": pa.nulls(150, pa.float64())}))
    assert (few.tested, few.columns) == (0, {})
    gaps = [None if row % 20 else value for row, value in enumerate(walk(2000, 3))]
    assert known(pa.table({"x": gaps})).tested == 0


def test_of_large_references_stretches_are_looked_at() -> None:
    found = known(pa.table({"x": walk(50_500, 4)}))
    assert found.rows == MAX_ROWS
    assert found.columns["x"].neighbours == pytest.approx(0.8, abs=0.03)
    assert set(found.columns["x"].blocks) == {50, 200, 1000}


def test_what_is_expected_of_batches_grows_with_their_rows() -> None:
    found = known(pa.table({"x": walk(5000, 5)}))
    small, large = (found.expected(rows, 3, 0.01) for rows in (10, 200))
    assert small is not None
    assert large is not None
    # That of the mean of a chain is (1 + 0.8) / (1 - 0.8), of its largest distance less.
    assert 1.5 < small.design_effect < 4 < large.design_effect < 9
    assert 0.03 < small.false_alarms < large.false_alarms < 1
    assert (
        known(pa.table({"x": np.random.default_rng(1).normal(size=2000)})).expected(200, 3, 0.01)
        is None
    )


def test_of_a_batch_from_all_over_the_time_nothing_is_expected() -> None:
    days = np.arange(3000) // 72
    values = walk(3000, 6) + np.random.default_rng(6).normal(size=42)[days]
    table = pa.table({"at": times(3000, timedelta(minutes=20)), "x": values})
    found = known(table, timestamp="at")
    moments = np.asarray(table["at"].cast(pa.int64()))

    near, far = (found.expected(72, 1, 0.01, chosen) for chosen in (moments[:72], moments[::41]))
    assert near is not None
    assert far is None
    assert near.design_effect > 5


@pytest.mark.parametrize("seed", range(4))
def test_independent_rows_are_nothing_to_tell_of(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = {f"x{number}": rng.normal(size=1000) for number in range(20)}
    table = pa.table({"at": times(1000, timedelta(hours=1)), **columns})
    assert known(table, timestamp="at").columns == {}


def test_fit_show_and_the_first_result_say_what_is_known(
    env_file: Path,
    web: Web,
    mlflow: FakeMlflow,
) -> None:
    folder = env_file.parent
    days = np.arange(3000) // 72
    rng = np.random.default_rng(11)
    daily = rng.normal(size=3000) + rng.normal(size=42)[days]
    reference = pa.table({"at": times(3000, timedelta(minutes=20)), "x": daily})
    (folder / "reference.parquet").write_bytes(parquet(reference))
    monitors = folder / "monitors.yml"
    monitors.write_text(
        f"{monitors.read_text()}    sampling: iid\n    columns: {{timestamp: at}}\n"
    )
    deployment = Deployment(env_file, load_settings(env_file), load_monitors(monitors))

    fitted = deployment.cli("baseline", "fit", "--all").output
    assert "rows hang together in x 0." in fitted
    shown = deployment.cli("baseline", "show", "--all").output
    assert "time and each day); of batches of 1000 rows that lie next to each other: rows" in shown

    web.answer("/data", parquet(reference.slice(2900)))
    result = deployment.run(trigger="scheduled")
    assert result.calibration.dependence is not None
    assert result.calibration.dependence.columns == ["x"]
    assert result.explanation is not None
    assert "unless windows tell what is normal" in result.explanation.certainty
    again = deployment.cli("baseline", "show", "--all").output
    assert "each day); rows are taken as independent, but" in again


def test_a_summary_of_before_says_that_nothing_is_known() -> None:
    summary = {"version": "1", "digest": "1", "source": "", "rows": 1, "untyped": False}
    old = ReferenceSummary.model_validate(summary | {"columns": {}})
    assert old.dependence is None
