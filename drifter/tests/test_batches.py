from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import demo_settings
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binomtest, chisquare

from drifter import RequestError, ScenarioName
from drifter.batches import CHUNK_ROWS, Batch, BatchRequest, Drifter, Mode
from drifter.population import Population


@pytest.fixture(scope="module")
def drifter() -> Drifter:
    return Drifter.load(demo_settings(prob=0.3, allow_override=True))


def draw(drifter: Drifter, **request: Any) -> Batch:
    return drifter.draw(BatchRequest(**request))


def table(batch: Batch) -> pa.Table:
    return pa.Table.from_batches(batch.chunks(), batch.table.schema)


def test_same_seed_same_batch_and_another_seed_another(drifter: Drifter) -> None:
    one, again, other = (table(draw(drifter, seed=seed)) for seed in (5, 5, 6))
    assert one == again
    assert one != other


def test_drift_does_not_change_which_rows_are_drawn(drifter: Drifter) -> None:
    clean = table(draw(drifter, seed=5, scenario="none"))
    drifted = draw(drifter, seed=5, scenario="mean_shift")
    assert drifted.truth.columns
    untouched = [name for name in clean.column_names if name not in drifted.truth.columns]
    assert table(drifted).select(untouched) == clean.select(untouched)
    assert table(drifted) != clean


def test_drifts_come_with_the_set_probability_and_scenarios_alike(drifter: Drifter) -> None:
    drawn = [draw(drifter, rows=1, seed=seed).truth.scenario for seed in range(1000)]
    injected = [scenario for scenario in drawn if scenario is not None]
    assert binomtest(len(injected), len(drawn), 0.3).pvalue > 0.001
    counts = [injected.count(scenario) for scenario in ScenarioName]
    assert chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize(("prob", "injected"), [(0, {False}), (1, {True})])
def test_probability_of_nothing_and_of_everything(prob: float, injected: set[bool]) -> None:
    drifter = Drifter.load(demo_settings(prob=prob, scenarios=("scale",)))
    truths = [draw(drifter, rows=1, seed=seed).truth for seed in range(100)]
    assert {truth.scenario is not None for truth in truths} == injected
    assert {truth.scenario for truth in truths} <= {None, ScenarioName.SCALE}
    assert {len(truth.columns) for truth in truths} == ({1, 2} if prob else {0})


def test_batch_without_drift_is_a_sample_without_replacement(
    drifter: Drifter, base: pa.Table
) -> None:
    everything = draw(drifter, rows=base.num_rows, scenario="none")
    assert table(everything) == base
    batch = table(draw(drifter, rows=5000, scenario="none"))
    assert batch.num_rows == 5000
    assert batch.group_by(batch.column_names).aggregate([]).num_rows == 5000


def test_more_rows_than_the_base_are_drawn_with_replacement(
    drifter: Drifter, base: pa.Table
) -> None:
    batch = draw(drifter, rows=100_000, seed=1, scenario="none")
    assert table(batch).num_rows == 100_000
    drawn = np.bincount(batch.positions(np.arange(100_000)), minlength=base.num_rows)
    assert chisquare(drawn).pvalue > 0.001


def test_rows_are_held_one_chunk_at_a_time(drifter: Drifter) -> None:
    assert max(chunk.num_rows for chunk in draw(drifter, rows=50_000).chunks()) == CHUNK_ROWS


@given(rows=st.integers(1, 40_000), seed=st.integers(0, 2**63 - 1), mode=st.sampled_from(Mode))
def test_batch_has_the_rows_asked_for(drifter: Drifter, rows: int, seed: int, mode: Mode) -> None:
    batch = draw(drifter, rows=rows, seed=seed, mode=mode)
    assert sum(chunk.num_rows for chunk in batch.chunks()) == rows


def test_override_needs_permission() -> None:
    drifter = Drifter.load(demo_settings())
    for override in ({"scenario": "scale"}, {"scenario": "none"}, {"strength": 2}):
        with pytest.raises(RequestError, match="DRIFT_ALLOW_OVERRIDE") as refused:
            draw(drifter, **override)
        assert refused.value.status == 403


def test_scenario_without_a_column_is_refused(drifter: Drifter, stream: pa.Table) -> None:
    times = Population(stream.select(["time_hour"]))
    timeless = Drifter(drifter.settings, drifter.base, times)
    with pytest.raises(RequestError, match="No column could show scale") as refused:
        draw(timeless, mode="replay", scenario="scale")
    assert refused.value.status == 422


def replay(drifter: Drifter, at: str, rows: int = 500, **request: Any) -> pa.Table:
    return table(draw(drifter, mode="replay", at=at, rows=rows, **request))


def test_replayed_window_ends_at_the_time_asked_for(drifter: Drifter, stream: pa.Table) -> None:
    window = replay(drifter, "2013-07-04T12:00:00Z")
    times = stream["time_hour"].to_pylist()
    past = sum(time <= datetime(2013, 7, 4, 12, tzinfo=UTC) for time in times)
    assert window == stream.slice(past - 500, 500)


def test_replay_depends_on_nothing_but_the_time_of_year(drifter: Drifter) -> None:
    window = replay(drifter, "2013-07-04T12:00:00Z", seed=1)
    for at in ("2024-07-04T12:00:00Z", "1999-07-04T14:00:00+02:00", "2026-07-04T12:00:00"):
        assert replay(drifter, at, seed=2) == window
    assert replay(drifter, "2013-07-04T13:00:00Z", seed=1) != window


def test_leap_day_is_the_first_of_march(drifter: Drifter) -> None:
    assert replay(drifter, "2024-02-29T12:00:00Z") == replay(drifter, "2013-03-01T12:00:00Z")


@given(at=st.datetimes(timezones=st.none() | st.timezones()))
def test_any_time_has_a_window_or_is_refused(drifter: Drifter, at: datetime) -> None:
    try:
        request = BatchRequest(mode=Mode.REPLAY, at=at, rows=10)
    except ValidationError as refused:
        assert "1 to 9999" in str(refused)  # noqa: PT017  either outcome is right
    else:
        assert table(drifter.draw(request)).num_rows == 10


def test_replay_carries_only_the_drift_of_the_stream_unless_told(drifter: Drifter) -> None:
    certain = Drifter.load(demo_settings(prob=1, allow_override=True))
    assert draw(certain, mode="replay").truth.scenario is None
    overridden = draw(certain, mode="replay", scenario="missing_values")
    assert overridden.truth.scenario is ScenarioName.MISSING_VALUES
    name = overridden.truth.columns[0]
    assert table(overridden)[name].null_count > 200


def test_before_its_first_row_the_stream_goes_on_from_its_last(
    drifter: Drifter, stream: pa.Table
) -> None:
    assert replay(drifter, "2026-01-15T00:00:00Z") == stream.slice(stream.num_rows - 500)
    around = replay(drifter, "2026-01-15T00:00:00Z", rows=2 * stream.num_rows)
    assert around == pa.concat_tables([stream, stream])


def test_now_is_where_a_replay_ends_when_nothing_is_said(drifter: Drifter) -> None:
    request = BatchRequest(mode=Mode.REPLAY)
    assert abs(request.at - datetime.now(UTC)) < timedelta(minutes=1)
