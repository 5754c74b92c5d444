"""Comparisons that learn what is normal from windows of the reference."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner
from deployment import Deployment
from hypothesis import given
from hypothesis import strategies as st
from samples import parquet
from web import FakeMlflow, Web

from drift_checker import ColumnRoles, CompareSettings, Result, compare
from drift_checker.cli import main
from drift_checker.comparison.options import parse_span
from drift_checker.comparison.windows import Windows, cut_windows, windows_for
from drift_checker.config import load_monitors, load_settings
from drift_checker.errors import BadReferenceError, UsageError
from drift_checker.tables import plain

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
START = np.datetime64("2026-01-05T00:00:00", "us")
"""A Monday."""


def day(number: int, seed: int, *, rows: int = 300, shift: float = 0, weekend: float = 0) -> Any:
    """One day: `warm` differs from day to day by a standard deviation, `calm` does not."""
    rng = np.random.default_rng([seed, number])
    moments = START + np.sort(rng.integers(0, 86_400, rows)) * np.timedelta64(1, "s")
    busy = weekend if number % 7 >= 5 else 0.0
    warm = rng.normal() + rng.normal(size=rows)
    gap = rng.random(rows) < 0.02
    return pa.table(
        {
            "time": pa.array(moments + number * np.timedelta64(1, "D")),
            "warm": pa.array(warm, mask=gap),
            "calm": pa.array(rng.normal(shift + busy, 1, rows)),
            "other": pa.array(warm + rng.normal(size=rows)),
            "kind": pa.array(rng.choice(["a", "b", "c"], rows)),
        }
    )


def days(count: int, *, seed: int = 1, **options: Any) -> pa.Table:
    return pa.concat_tables([day(number, seed, **options) for number in range(count)])


def judged(current: pa.Table, reference: pa.Table | None = None, **settings: Any) -> Result:
    chosen = {"level": 0.05, "window": DAY, "columns": ColumnRoles(timestamp="time")} | settings
    return compare(reference or days(30), current, settings=CompareSettings(**chosen))


def test_days_that_differ_as_days_do_are_ok() -> None:
    """One in 31 is not, over the draw of the reference; nearly all are, by independent rows."""
    windowed, alone = [], []
    for seed in range(10, 40):
        reference, current = days(30, seed=seed), day(30, seed)
        windowed.append(judged(current, reference).verdict)
        alone.append(judged(current, reference, window=None).verdict)

    assert windowed.count("drift") <= 4
    assert alone.count("drift") >= 25


def test_a_shift_of_a_calm_column_is_found_and_named() -> None:
    result = judged(day(30, 3, shift=1))

    assert (result.verdict, result.drifted_columns) == ("drift", ["calm"])
    assert (result.calibration.method, result.calibration.windows) == ("ranked", 30)
    assert result.alarm_budget.parts == {"windows": 0.05}
    assert result.alarm_budget.level_attained is None
    calm = next(column for column in result.columns if column.name == "calm")
    assert calm.p_value == pytest.approx(1 / 31)
    assert calm.threshold == 0.05
    assert calm.change is not None
    assert Result.model_validate_json(result.model_dump_json()) == result


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Kolkata"])
def test_times_of_every_unit_are_cut_alike(unit: str, zone: str | None) -> None:
    seconds = pa.array([1_795_423_140, 1_795_423_141, None, 1_795_430_000])
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    finer = 411_890_694 if unit == "ns" else 0  # of a nanosecond's worth
    times = pc.add(pc.multiply(seconds, scale), finer).cast(pa.timestamp(unit, zone))
    windows = cut_windows(plain(times), timedelta(hours=1), least=1)
    assert windows.sizes.tolist() == [2, 1]
    assert windows.numbers.tolist() == [0, 0, -1, 1]


def test_new_nulls_are_a_fault() -> None:
    table = day(30, 4)
    holes = pa.array(table["calm"].to_pylist(), mask=np.random.default_rng(1).random(300) < 0.3)
    index = table.column_names.index("calm")

    result = judged(table.set_column(index, "calm", holes))

    assert result.verdict == "drift"
    assert [(fault.fault, fault.column) for fault in result.faults] == [("nulls", "calm")]
    assert "0 % -> " in result.faults[0].detail


def test_a_changed_correlation_is_found() -> None:
    table = day(30, 5)
    shuffled = pa.array(np.random.default_rng(1).permutation(np.asarray(table["other"])))

    result = judged(table.set_column(table.column_names.index("other"), "other", shuffled))

    assert result.joint is not None
    assert result.joint.verdict == "drift"
    assert result.joint.pairs[0].columns == ("warm", "other")


def test_a_missing_column_is_still_a_fault() -> None:
    result = judged(day(30, 6).drop_columns(["warm"]))

    assert (result.verdict, result.faults[0].fault) == ("invalid", "missing_column")


def test_a_level_beyond_the_ranks_is_extrapolated_and_says_so() -> None:
    result = judged(day(30, 7, shift=4), level=1e-3)

    assert (result.verdict, result.drifted_columns) == ("drift", ["calm"])
    assert (result.calibration.method, result.calibration.windows) == ("extrapolated", 30)
    assert result.alarm_budget.level_attained == pytest.approx(1 / 31)
    assert "999 windows" in (result.calibration.reason or "")
    assert "999 windows" in (result.explanation.certainty if result.explanation else "")


def test_few_windows_are_ranked_all_the_same_and_say_so() -> None:
    """Rows of a day are not independent because there are few days."""
    result = judged(day(12, 8, shift=2), days(12))

    assert (result.verdict, result.drifted_columns) == ("drift", ["calm"])
    assert (result.calibration.method, result.calibration.windows) == ("extrapolated", 12)
    said = result.calibration.reason or ""
    assert "12 windows of 1 day" in said
    assert "20 are needed: only what is far beyond all of them is found" in said
    assert judged(day(12, 8), days(12)).verdict == "ok"
    assert judged(day(19, 8), days(19), min_windows=10).calibration.reason is None


def test_fewer_windows_than_have_a_spread_are_independent_rows_and_say_so() -> None:
    result = judged(day(4, 8), days(4))

    assert result.calibration.method == "exact"
    assert "4 windows of 1 day" in (result.calibration.reason or "")
    assert "where they are not, alarms come several times" in (result.calibration.reason or "")
    assert set(result.alarm_budget.parts) >= {"columns", "faults"}


def hours(count: int, *, first: int = 0, rows: int = 60, per: int = 1) -> pa.Table:
    """Rows at the same distance of each other; a column has the number of each."""
    numbers = np.arange(first * rows, (first + count) * rows, per)
    moments = START + numbers * np.timedelta64(3_600_000_000 // rows, "us")
    return pa.table({"time": pa.array(moments), "number": pa.array(numbers)})


def chosen(reference: pa.Table, current: pa.Table, **settings: Any) -> tuple[Windows, str | None]:
    times = [table["time"].combine_chunks() for table in (reference, current)]
    defaults = {"window": HOUR, "columns": ColumnRoles(timestamp="time")}
    return windows_for(
        *times, CompareSettings(**(defaults | settings)), settings.get("window", HOUR)
    )


def test_a_batch_of_fewer_rows_is_ranked_among_the_first_rows_of_windows() -> None:
    reference = hours(40)
    shuffled = reference.take(np.random.default_rng(1).permutation(40 * 60))

    windows, reason = chosen(shuffled, hours(1, first=50, per=4), min_rows=15)

    assert (len(windows), windows.most_rows, reason) == (40, 15, None)
    first, second, *_ = windows.split(np.asarray(shuffled["number"]), np.array([]))
    # In the order of their times, so that what hangs together stays so.
    assert first.tolist() == list(range(60))
    assert second.tolist() == list(range(60, 120))
    assert chosen(reference, hours(1, first=50))[0].most_rows is None


def test_a_batch_of_several_windows_is_ranked_among_as_many_joined() -> None:
    reference = hours(30 * 24, first=3)

    windows, reason = chosen(reference, hours(24, first=1000))

    # They begin at the batch's hour.
    assert (len(windows), windows.span, reason) == (29, DAY, None)
    assert {int(start) // 3_600_000_000 % 24 for start in windows.starts} == {1000 % 24}
    assert windows.sizes.tolist() == [24 * 60] * 29

    few, reason = chosen(hours(100), hours(24, first=1000))
    assert (len(few), few.span) == (20, 5 * HOUR)
    assert "as long as 24 windows of 1:00:00" in (reason or "")
    assert "5 are joined" in (reason or "")


def test_a_batch_of_a_part_of_its_window_is_ranked_among_that_part() -> None:
    reference, batch = hours(40 * 24), hours(6, first=50 * 24 + 12)

    windows, _ = chosen(reference, batch, window=DAY)
    assert len(windows) == 40
    first, *_ = windows.split(np.asarray(reference["number"]), np.array([]))
    assert (first[0] // 60, first[-1] // 60) == (12, 17)
    assert (windows.sizes.tolist(), windows.most_rows) == ([360] * 40, None)

    # Times that rows were loaded at, once a day, are no part of it.
    loaded = pa.table({"time": pa.array([START + np.timedelta64(3, "h")] * 300)})
    at = START + np.arange(40).repeat(300) * np.timedelta64(86_500, "s")
    assert len(chosen(pa.table({"time": pa.array(at)}), loaded, window=DAY)[0]) == 40


def test_a_season_of_few_windows_is_judged_among_all_of_them_and_says_so() -> None:
    reference = days(35, weekend=2)
    seasonal = {"baseline": "seasonal", "level": 1 / 36}
    sunday = judged(day(41, 9, weekend=2), reference, **seasonal)

    assert (sunday.verdict, sunday.calibration.windows) == ("ok", 35)
    said = sunday.calibration.reason or ""
    assert "the season of this batch has 5 windows of 1 day" in said
    assert "the 35 windows of all seasons, each by its distance from the mean of its season" in said
    like_monday = judged(day(41, 9), reference, **seasonal)
    assert "calm" in like_monday.drifted_columns

    lone, reason = chosen(hours(24 * 21), hours(24, first=24 * 30), window=DAY, baseline="seasonal")
    assert lone.groups is not None
    assert (len(lone), len(lone.groups)) == (21, 22)
    lone, reason = chosen(hours(24 * 4), hours(24, first=24 * 6), window=DAY, baseline="seasonal")
    assert lone.groups is None
    assert "all seasons, as they are" in (reason or "")


def test_hours_of_alike_days_are_ranked_among_the_days() -> None:
    rng = np.random.default_rng(3)
    reference = hours(24 * 25)
    levels = 2 * rng.normal(size=26).repeat(24 * 60)
    both = pa.concat_tables([reference, hours(1, first=24 * 25 + 7)])
    values = rng.normal(size=len(both)) + levels[: len(both)]
    table = pa.table({"time": both["time"], "x": pa.array(values)})

    result = judged(table.slice(len(reference)), table.slice(0, len(reference)), window=HOUR)

    assert (result.calibration.windows, result.calibration.method) == (600, "ranked")
    assert "of which the reference has 25" in (result.calibration.reason or "")
    assert min(column.p_value or 1 for column in result.columns) >= 1 / 26


def test_a_seasonal_baseline_has_the_same_weekdays() -> None:
    reference = days(70, weekend=2)
    sunday = day(76, 9, weekend=2)
    like_monday = day(76, 9)
    seasonal = {"baseline": "seasonal", "min_windows": 10, "level": 1 / 11}

    assert judged(sunday, reference, **seasonal).calibration.windows == 10
    assert judged(sunday, reference, **seasonal).verdict == "ok"
    assert "calm" in judged(like_monday, reference, **seasonal).drifted_columns
    assert "calm" not in judged(like_monday, reference, level=1 / 71).drifted_columns


def test_hours_of_a_day_are_a_season() -> None:
    table = day(3, 1, rows=5000)
    windows = cut_windows(table["time"].combine_chunks(), timedelta(minutes=15), least=1)
    nine = pa.array([START + np.timedelta64(9 * 60 + 40, "m")])

    assert len(windows) == 96
    assert len(windows.in_season_of(nine)) == 4


def test_windows_of_some_hours_are_a_season_by_when_they_begin() -> None:
    table = days(5)
    windows = cut_windows(table["time"].combine_chunks(), timedelta(hours=6), least=1)
    afternoon = pa.array([START + np.timedelta64(15 * 60 + 40, "m")])

    assert len(windows) == 20
    assert len(windows.in_season_of(afternoon)) == 5


@pytest.mark.parametrize("kind", ["timestamp[s]", "timestamp[ms, UTC]", "date32"])
def test_windows_hold_every_row_of_theirs(kind: str) -> None:
    types = {
        "timestamp[s]": pa.timestamp("s"),
        "timestamp[ms, UTC]": pa.timestamp("ms", tz="UTC"),
        "date32": pa.date32(),
    }
    table = pa.concat_tables([day(0, 1, rows=10), day(1, 1), day(2, 1)])
    times = plain(pc.cast(table["time"], types[kind], safe=False).combine_chunks())

    windows = cut_windows(times, DAY, least=50)

    assert windows.sizes.tolist() == [300, 300]
    assert np.bincount(windows.numbers + 1).tolist() == [10, 300, 300]
    first, second, current = windows.split(np.arange(610), np.array([7]))
    assert (first.tolist(), second.tolist()) == (list(range(10, 310)), list(range(310, 610)))
    assert current.tolist() == [7]


@pytest.mark.parametrize("unit", ["s", "ms"])
def test_windows_by_whole_numbers_that_count_since_1970(unit: str) -> None:
    def counted(table: pa.Table) -> pa.Table:
        times = pc.cast(table["time"], pa.timestamp(unit), safe=False).cast(pa.int64())
        return table.set_column(0, "time", times)

    result = judged(counted(day(30, 1)), counted(days(30)))
    assert (result.verdict, result.columns[0].kind) == ("ok", "timestamp")
    assert result.calibration.windows == 30


def test_a_timestamp_that_is_none() -> None:
    with pytest.raises(BadReferenceError, match="'calm' has values of type double"):
        judged(day(30, 1), columns=ColumnRoles(timestamp="calm"))
    with pytest.raises(UsageError, match="window: needs a timestamp"):
        CompareSettings(window=DAY)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("1h", 3600), (" 2d ", 172_800)]
)
def test_spans(text: str, seconds: int) -> None:
    assert parse_span(text) == timedelta(seconds=seconds)


@given(st.text(max_size=6).filter(lambda text: text.strip()[-1:] not in "smhd" or not text.strip()))
def test_what_is_no_span(text: str) -> None:
    with pytest.raises(UsageError, match="allowed: such as 15m, 1h or 1d"):
        parse_span(text)


def test_a_monitor_with_a_timestamp_is_judged_by_windows(
    env_file: Path, web: Web, mlflow: FakeMlflow
) -> None:
    folder = env_file.parent
    (folder / "reference.parquet").write_bytes(parquet(days(30)))
    monitors = folder / "monitors.yml"
    daily = "    columns: {timestamp: time}\n    schedule: 0 6 * * *\n"
    monitors.write_text(monitors.read_text() + daily)
    settings = load_settings(env_file)
    deployment = Deployment(env_file, settings, load_monitors(monitors))
    web.answer("/data", parquet(day(30, 11, shift=1)))

    result = deployment.run(trigger="scheduled")

    assert (result.verdict, result.drifted_columns) == ("drift", ["calm"])
    assert (result.calibration.method, result.calibration.windows) == ("ranked", 30)
    assert result.sequential is None
    shown = deployment.cli("baseline", "show", "--all").output
    assert "30 windows of 1 day, 0:00:00, 2026-01-05T00:00:00Z to 2026-02-04T00:00:00Z" in shown
    assert "level 1 of 20, ranks alone attain 1 of 20: ranked" in shown


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("alarms_per_week: 0.1", "level 1 of 70, ranks alone attain 1 of 31: extrapolated"),
        ("min_windows: 31", "with 50 rows or more, and 31 are needed"),
        ("baseline: {kind: seasonal}", "the seasonal baseline has 4 windows in a season"),
        ("min_rows: 400", "no windows: rows are taken as independent"),
        ("sampling: iid", ""),
    ],
)
def test_windows_of_a_stored_reference_are_shown(env_file: Path, settings: str, said: str) -> None:
    folder = env_file.parent
    (folder / "reference.parquet").write_bytes(parquet(days(30)))
    monitors = folder / "monitors.yml"
    daily = "    columns: {timestamp: time}\n    schedule: 0 6 * * *\n"
    indent = "" if settings.startswith("alarms_per_week") else "    "
    monitors.write_text(f"{monitors.read_text()}{daily}{indent}{settings}\n")
    deployment = Deployment(env_file, load_settings(env_file), load_monitors(monitors))

    shown = deployment.cli("baseline", "show", "--monitor", "m")

    assert shown.exit_code == 0
    assert ("windows of" in shown.output or "no windows" in shown.output) == bool(said)
    assert said in shown.output


def test_the_command(tmp_path: Path) -> None:
    (tmp_path / "reference.parquet").write_bytes(parquet(days(30)))
    (tmp_path / "current.parquet").write_bytes(parquet(day(30, 3, shift=1)))
    files = [str(tmp_path / f"{name}.parquet") for name in ("reference", "current")]

    def run(*options: str) -> Any:
        return CliRunner().invoke(main, ["compare", *files, "--level", "0.05", *options])

    result = json.loads(run("--timestamp", "time", "--window", "1d", "--format", "json").stdout)
    assert result["calibration"] == {
        "method": "ranked",
        "windows": 30,
        "reason": None,
        "dependence": None,
    }
    assert result["drifted_columns"] == ["calm"]
    wrong = [("--window", "1d"), ("--window", "day", "--timestamp", "time")]
    assert [run(*options).exit_code for options in wrong] == [2, 2]


def test_data_that_do_not_lie_in_memory_have_no_windows() -> None:
    result = judged(day(30, 3, shift=1), large_in_parts=1)

    assert result.drifted_columns == ["warm", "calm", "other"]
    assert result.calibration.method == "exact"
    assert "not cut into windows" in (result.calibration.reason or "")
