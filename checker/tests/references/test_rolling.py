"""A rolling reference: the last ticks that were ok, with the fixed one beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from deployment import DATE, Deployment
from samples import parquet, table
from ticks import Ticks, date
from web import FakeMlflow, Web

from drift_checker.comparison import ANCHOR_SHARE, CompareSettings
from drift_checker.config import load_monitors, load_settings, settings_of
from drift_checker.references import StoredReference, rolling
from drift_checker.result import CurrentInfo, ReferenceInfo, Result, Rolling, Verdict
from drift_checker.tables import Batch
from drift_checker.wording import result_text, summarize

NEEDED = 4


class Rolled(Ticks):
    """Ticks of a monitor whose baseline rolls."""

    def recent(self, number: int) -> tuple[Rolling, Batch | None]:
        """What the tick of that number is compared with."""
        deployment = self.deployment
        settings = settings_of(deployment.monitors, deployment.monitor)
        reference = StoredReference(deployment.store, "m", settings)
        references = rolling.rolling_references(
            deployment.store,
            deployment.monitors,
            deployment.monitor,
            date(number),
            reference,
            batch_rows=300,
        )
        return next(references)

    def numbers(self, number: int) -> list[int]:
        """The first and last of the ticks that it is compared with, and how many they are."""
        told = self.recent(number)[0]
        ends = [int((one - DATE) / timedelta(minutes=5)) for one in (told.first, told.last) if one]
        return [*ends, told.ticks]


@pytest.fixture
def ticks(env_file: Path, web: Web, mlflow: FakeMlflow, request: pytest.FixtureRequest) -> Rolled:
    """Of a parameter other than `alarm`, the anchor does what it says."""
    monitors = env_file.parent / "monitors.yml"
    anchor = getattr(request, "param", "alarm")
    baseline = f"    baseline: {{kind: rolling, ticks: {NEEDED}, anchor: {anchor}}}\n"
    monitors.write_text(monitors.read_text() + baseline)
    deployment = Deployment(env_file, load_settings(env_file), load_monitors(monitors))
    return Rolled(deployment, web)


def test_fewer_ticks_than_are_needed_fall_back_to_the_fixed_reference_and_say_so(
    ticks: Rolled,
) -> None:
    for number in range(NEEDED):
        result = ticks.tick(number)
        told = result.rolling
        assert told
        assert told.ticks == number
        assert f"{NEEDED} ticks among the last 8, each of another batch, and has {number}:" in (
            told.reason or ""
        )
        assert result.anchor is None
        assert sum(result.alarm_budget.parts.values()) == pytest.approx(1 / 2016)
        assert "compared with the fixed reference alone" in result_text(result)
        assert "300 rows against 1000" in result_text(result)


def test_the_last_ok_ticks_are_the_reference_and_the_level_is_shared(ticks: Rolled) -> None:
    for number in range(NEEDED):
        ticks.tick(number)

    result = ticks.tick(NEEDED)

    told, anchor = result.rolling, result.anchor
    assert told
    assert anchor
    assert (told.ticks, told.rows, told.reason) == (NEEDED, NEEDED * 300, None)
    assert (told.first, told.last) == (date(0), date(NEEDED - 1))
    assert result.reference.rows == anchor.reference.rows == 1000
    budget = result.alarm_budget
    assert budget.level == pytest.approx(1 / 2016)
    assert sum(budget.parts.values()) == pytest.approx(budget.level)
    assert budget.parts["anchor"] == anchor.alarm_budget.level
    assert anchor.alarm_budget.level == pytest.approx(ANCHOR_SHARE / 2016)
    assert sum(anchor.alarm_budget.parts.values()) == pytest.approx(anchor.alarm_budget.level)
    assert anchor.sequential
    assert anchor.sequential.ticks == 3
    shown = result_text(result)
    assert "300 rows against 1200 of the reference" in shown
    assert "rolling reference: 4 ticks, 2026-11-23 09:00:00Z to 2026-11-23 09:15:00Z" in shown
    assert "against the fixed one: ok" in shown
    again = Result.model_validate_json(result.model_dump_json())
    assert again.anchor == anchor


def test_only_scheduled_ticks_that_were_ok_roll_along(ticks: Rolled) -> None:
    for number in range(NEEDED):
        ticks.tick(number)
    assert ticks.tick(4, shift=2).verdict == "drift"
    assert ticks.tick(5, rows=20).verdict == "invalid"
    assert ticks.tick(6, trigger="manual").verdict == "ok"
    assert ticks.numbers(7) == [0, 3, NEEDED]
    ticks.tick(7)
    assert ticks.numbers(8) == [1, 7, NEEDED]

    # After so long a drift there is no recent normal.
    assert ticks.recent(12)[1] is None


def test_another_version_of_the_reference_starts_anew(ticks: Rolled) -> None:
    for number in range(NEEDED):
        ticks.tick(number)
    said = ticks.deployment.cli("baseline", "accept", "--monitor", "m", "--last", "2")
    assert said.exit_code == 0

    assert ticks.recent(NEEDED)[0].ticks == 0
    result = ticks.tick(NEEDED)
    assert result.verdict == "ok"
    assert result.rolling
    assert result.rolling.reason


def test_a_slow_trend_is_found_by_the_anchor_though_the_rolling_reference_follows(
    ticks: Rolled,
) -> None:
    """Of 0.02 sigma a tick; it is half a sigma in the end."""
    shifts = [0.0] * NEEDED + [0.02 * step for step in range(25)]
    results = (ticks.tick(number, shift, rows=1000) for number, shift in enumerate(shifts))

    first = next(result for result in results if result.verdict == "drift")
    assert first.anchor
    assert first.anchor.verdict == "drift"
    assert first.anchor.drifted_columns == first.drifted_columns == ["x"]
    assert all(column.verdict == "ok" for column in first.columns if column.verdict)
    assert first.alarm.state == "opened"
    explanation = first.explanation
    assert explanation
    assert "against the fixed reference" in explanation.summary
    assert explanation.changes[0].startswith("against the fixed reference: x: ")
    assert "against the fixed one: drift: x" in result_text(first)


def test_a_jump_is_found_against_both_and_leaves_nothing_to_pool(ticks: Rolled) -> None:
    for number in range(NEEDED):
        ticks.tick(number)
    result = ticks.tick(NEEDED, shift=1)

    assert result.anchor
    assert (result.verdict, result.anchor.verdict) == ("drift", "drift")
    assert [one.name for one in result.columns if one.verdict == "drift"] == ["x"]
    assert not ticks.deployment.store.get(f"results/m/{date(NEEDED):%Y%m%dT%H%M%SZ}/profile.json")


def test_what_only_the_rolling_reference_finds_is_drift_by_itself(ticks: Rolled) -> None:
    """The fixed reference is too small to tell; the ticks beside it are many rows."""
    for number in range(NEEDED):
        ticks.tick(number, rows=3000)
    result = ticks.tick(NEEDED, shift=0.11, rows=3000)

    assert result.anchor
    assert (result.verdict, result.anchor.verdict) == ("drift", "ok")
    assert result.drifted_columns == ["x"]
    assert not ticks.deployment.store.get(f"results/m/{date(NEEDED):%Y%m%dT%H%M%SZ}/profile.json")


def test_repeated_and_late_ticks_change_nothing(ticks: Rolled) -> None:
    for number in (0, 1, 2, 4, 5):
        ticks.tick(number)
    judged = ticks.tick(6)
    compared = ticks.numbers(5), ticks.numbers(6)

    late = ticks.tick(3)
    assert late.rolling
    assert late.rolling.last == date(2)
    assert ticks.tick(6, shift=3) == judged
    assert ticks.tick(5, force=True).drifted_columns == []
    # What came late is before them now, but for what was judged already it is as it was.
    assert compared == ([0, 4, 4], [1, 5, 4])
    assert ticks.numbers(4) == [0, 3, NEEDED]
    assert ticks.numbers(3) == [0, 2, 3]


def test_batches_too_large_to_lie_in_memory_are_compared_with_the_fixed_reference_alone(
    ticks: Rolled,
) -> None:
    for number in range(NEEDED):
        ticks.tick(number)
    settings = settings_of(ticks.deployment.monitors, ticks.deployment.monitor)

    small = replace(settings, large_values=NEEDED * 300 * 3)
    result = ticks.tick(NEEDED, compare_settings=small)
    assert result.rolling
    assert result.rolling.reason == rolling.TOO_LARGE
    assert result.anchor is None


@pytest.mark.parametrize("order", [range(6), range(5, -1, -1), [3, 0, 5, 1, 4, 2]])
def test_in_whatever_order_ticks_were_made_the_next_has_the_same_reference(
    ticks: Rolled, order: Sequence[int]
) -> None:
    for number in order:
        ticks.tick(number)

    assert ticks.numbers(6) == [2, 5, NEEDED]
    _, batch = ticks.recent(6)
    assert batch
    expected = [table(300, seed=number + 10) for number in range(2, 6)]
    assert batch.table["x"].to_pylist() == pa.concat_tables(expected)["x"].to_pylist()


def hour(number: int, *, shift: float = 0) -> pa.Table:
    """The hour that begins `number` hours after `DATE`; its rows have a level in common."""
    rng = np.random.default_rng([40, number + 1000])
    start = np.datetime64(DATE.replace(tzinfo=None), "us") + number * np.timedelta64(1, "h")
    moments = start + np.sort(rng.integers(0, 3600, 200)) * np.timedelta64(1, "s")
    level = shift + rng.normal(0, 0.5)
    columns = [pa.array(moments), *(pa.array(rng.normal(at, 1, 200)) for at in (level, 0))]
    return pa.table(columns, names=["time", "x", "y"])


def test_with_windows_the_ticks_that_rolled_along_are_the_windows_to_rank_among(
    env_file: Path, web: Web
) -> None:
    """Hours differ by more than their rows do by chance."""
    needed, before = 30, 40
    fixed = pa.concat_tables([hour(number) for number in range(-before, 0)])
    env_file.with_name("reference.parquet").write_bytes(parquet(fixed))
    monitors = env_file.with_name("monitors.yml")
    monitors.write_text(
        f"""
check_schedule: "0 * * * *"
alarms_per_week: 100
monitors:
  - name: m
    current: {{url: "{web.url}/data"}}
    reference: {{path: reference.parquet}}
    columns: {{timestamp: time}}
    baseline: {{kind: rolling, ticks: {needed}, anchor: alarm}}
"""
    )
    deployment = Deployment(env_file, load_settings(env_file), load_monitors(monitors))

    def tick(number: int, shift: float = 0) -> Result:
        web.answer("/data", parquet(hour(number, shift=shift)))
        return deployment.run(DATE + number * timedelta(hours=1), "scheduled")

    results: list[Result] = []
    while sum(result.verdict == "ok" for result in results) < needed:
        results.append(tick(len(results)))
    assert all(result.calibration.windows == before for result in results)
    assert len(results) - needed <= 4

    result = tick(len(results))
    assert result.rolling
    assert result.anchor
    assert (result.rolling.ticks, result.rolling.reason) == (needed, None)
    assert (result.calibration.windows, result.anchor.calibration.windows) == (needed, before)
    assert result.alarm_budget.parts == {
        "windows": pytest.approx(0.05 * (1 - ANCHOR_SHARE) * 0.95),
        "feed": pytest.approx(0.05 * (1 - ANCHOR_SHARE) * 0.05),
        "anchor": pytest.approx(0.05 * ANCHOR_SHARE),
    }
    assert result.calibration.method == "ranked"

    moved = tick(len(results) + 1, shift=4)
    assert moved.anchor
    assert (moved.verdict, moved.anchor.verdict) == ("drift", "drift")
    assert moved.drifted_columns == ["x"]
    assert moved.columns[1].p_value == pytest.approx(1 / (needed + 1))


@pytest.mark.long
@pytest.mark.parametrize("ticks", ["tell"], indirect=True)
def test_a_slow_trend_is_told_and_a_step_is_found(ticks: Rolled) -> None:
    """Of 0.1 sigma a tick: the fixed reference is left far behind, and makes no alarm."""
    shifts = [0.05 * step for step in range(14)]
    results = [ticks.tick(number, shift) for number, shift in enumerate(shifts)]

    assert [result.verdict for result in results] == ["ok"] * 14
    last = results[-1]
    assert last.anchor
    assert last.rolling
    assert (last.anchor.verdict, last.anchor.drifted_columns) == ("drift", ["x"])
    assert set(last.alarm_budget.parts) == set(last.anchor.alarm_budget.parts)
    assert last.alarm_budget.level == pytest.approx(1 / 2016)
    farthest = last.rolling.trend[0]
    assert (farthest.name, len(farthest.distances)) == ("x", 14 - NEEDED)
    assert farthest.distances[-1] > farthest.distances[0] + 0.05
    assert last.explanation
    assert last.explanation.summary.startswith("ok: no drift")
    assert "no alarm, far from the fixed reference: x " in last.explanation.changes[0]
    assert f"-> {farthest.distances[-1]:.2g} in 10 ticks" in result_text(last)

    moved = ticks.tick(14, shift=shifts[-1] + 0.6)
    assert (moved.verdict, moved.drifted_columns) == ("drift", ["x"])
    assert moved.explanation
    assert "against the fixed reference" not in moved.explanation.summary


@pytest.mark.long
@pytest.mark.parametrize("ticks", ["off"], indirect=True)
def test_without_an_anchor_the_fixed_reference_is_for_the_first_ticks_alone(ticks: Rolled) -> None:
    results = [ticks.tick(number) for number in range(NEEDED + 1)]

    assert results[NEEDED - 1].rolling
    assert results[NEEDED - 1].rolling.reason
    assert results[NEEDED].anchor is None
    assert results[NEEDED].rolling
    assert (results[NEEDED].rolling.reason, results[NEEDED].rolling.trend) == (None, [])
    assert "1200 of the reference" in result_text(results[NEEDED])


@pytest.mark.long
@pytest.mark.parametrize("ticks", ["tell", "alarm"], indirect=True)
def test_a_step_that_lasts_as_many_ticks_is_normal_then(
    ticks: Rolled, request: pytest.FixtureRequest
) -> None:
    for number in range(NEEDED):
        ticks.tick(number)
    after = [ticks.tick(number, shift=2) for number in range(NEEDED, 3 * NEEDED)]

    assert [result.verdict for result in after[:NEEDED]] == ["drift"] * NEEDED
    accepted = after[NEEDED]
    assert accepted.rolling
    assert accepted.rolling.accepted
    assert (accepted.rolling.first, accepted.rolling.ticks) == (date(NEEDED), NEEDED)
    if request.node.callspec.params["ticks"] == "alarm":
        assert (accepted.columns[0].verdict, accepted.verdict) == ("ok", "drift")
        return
    assert [result.verdict for result in after[NEEDED:]] == ["ok"] * NEEDED
    assert [result.alarm.state for result in after] == [
        *("opened", "ongoing", "ongoing", "ongoing"),
        *("ongoing", "ongoing", "closed", "none"),
    ]
    assert "it is normal now" in result_text(accepted)
    assert ticks.tick(3 * NEEDED, shift=0).verdict == "drift"


@pytest.mark.long
@pytest.mark.parametrize("ticks", ["tell"], indirect=True)
def test_a_batch_that_stands_alone_is_no_part_of_what_is_normal(ticks: Rolled) -> None:
    for number in range(NEEDED):
        ticks.tick(number)

    assert ticks.tick(NEEDED, shift=3).verdict == "drift"
    after = [ticks.tick(number) for number in range(NEEDED + 1, 2 * NEEDED)]
    assert [result.verdict for result in after] == ["ok"] * (NEEDED - 1)
    assert not any(result.rolling.accepted for result in after if result.rolling)


def told(verdicts: str, rows: int = 300, repeated: int = 1) -> list[Result]:
    """Results of ticks one after the other, the latest first: `o` is ok, `d` drift, `i` invalid.

    Each batch is served so many times.
    """
    plain = Result(
        monitor="m",
        logical_date=None,
        verdict=Verdict.OK,
        reference=ReferenceInfo(version="1", rows=1000),
        current=CurrentInfo(rows=rows, digest=""),
        columns=[],
        faults=[],
        drifted_columns=[],
        alarm_budget=CompareSettings().alarm_budget(),
    )
    meaning = {"o": Verdict.OK, "d": Verdict.DRIFT, "i": Verdict.INVALID}
    return [
        plain.model_copy(
            update={
                "verdict": meaning[verdict],
                "logical_date": date(number),
                "current": CurrentInfo(rows=rows, digest=f"{number // repeated}"),
            }
        )
        for number, verdict in enumerate(verdicts)
    ][::-1]


def test_a_told_anchor_changes_no_verdict_and_one_that_alarms_does() -> None:
    (ok,), (drift,) = told("o"), told("d")
    summary = Rolling(ticks=5, rows=1500, first=date(0), last=date(4), reason=None)

    beside = rolling.with_anchor(ok, drift, summary)
    both = rolling.with_alarm_of_anchor(ok, drift, summary)

    assert (beside.verdict, beside.anchor, beside.deciding_anchor) == ("ok", drift, None)
    assert "against the fixed reference" not in summarize(beside)
    assert (both.verdict, both.deciding_anchor) == ("drift", drift)
    assert both.alarm_budget.level == 2 * ok.alarm_budget.level


@pytest.mark.parametrize(
    ("verdicts", "ok", "valid"),
    [
        ("oooooooo", [3, 4, 5, 6, 7], [3, 4, 5, 6, 7]),
        ("oooooddo", [1, 2, 3, 4, 7], [3, 4, 5, 6, 7]),
        ("ooooodddd", [0, 1, 2, 3, 4], [4, 5, 6, 7, 8]),
        ("ooooodiidddd", [0, 1, 2, 3, 4], [5, 8, 9, 10, 11]),
        ("oodddd", [0, 1], [1, 2, 3, 4, 5]),
        ("oooo", [0, 1, 2, 3], [0, 1, 2, 3]),
        ("iiii", [], []),
    ],
)
def test_which_ticks_are_the_recent_past(verdicts: str, ok: list[int], valid: list[int]) -> None:
    recent = rolling.recent_ticks(iter(told(verdicts)), ticks=10, least=5, rows=1500)

    for results, numbers in ((recent.ok, ok), (recent.valid, valid)):
        assert [one.logical_date for one in results][::-1] == [date(number) for number in numbers]


def test_small_batches_before_a_large_one_are_more_ticks() -> None:
    def chosen(rows: int) -> int:
        return len(rolling.recent_ticks(iter(told("o" * 30)), ticks=20, least=5, rows=rows).ok)

    assert (chosen(300), chosen(1500), chosen(2400), chosen(10**6)) == (5, 5, 8, 20)


def test_a_batch_that_is_served_again_counts_once() -> None:
    results = told("o" * 40, repeated=4)
    recent = rolling.recent_ticks(iter(results), ticks=20, least=5, rows=0)

    assert [one.logical_date for one in recent.ok] == [date(39 - 4 * place) for place in range(5)]
