"""The simulations themselves: what they cover, what they draw, and that they miss no alarm."""

from dataclasses import fields, replace
from itertools import combinations, product
from pathlib import Path
from statistics import correlation

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.trust import (
    agreement,
    dependent,
    derived,
    design,
    profiled,
    sequences,
    windows,
)
from benchmarks.trust.design import Cell
from benchmarks.trust.draws import Population
from benchmarks.trust.rates import clustered_interval, spread
from benchmarks.trust.tables import Table
from benchmarks.trust.ticks import alarms

from drift_checker import CompareSettings, Floors
from drift_checker.comparison.columns import judge_columns
from drift_checker.comparison.samples import NumericSample
from drift_checker.profiles import Bins, numeric
from drift_checker.profiles.categorical import CategoricalProfile
from drift_checker.profiles.numeric import NumericProfile
from drift_checker.result import ColumnResult, Verdict

FACTORS = {
    "current": design.CURRENT,
    "reference": design.REFERENCE,
    "columns": design.COLUMNS,
    "kind": design.KINDS,
    "dependence": design.DEPENDENCE,
}


def says_nothing(**levels: object) -> bool:
    """One column depends on no other, and is of one kind."""
    dependent = levels.get("dependence", "independent") != "independent"
    return levels.get("columns") == 1 and (dependent or levels.get("kind") == "mixed")


def test_every_pair_of_levels_is_in_some_cell() -> None:
    assert [field.name for field in fields(Cell)] == list(FACTORS)
    cells = design.covering()
    for one, other in combinations(FACTORS, 2):
        for levels in product(FACTORS[one], FACTORS[other]):
            wanted = dict(zip((one, other), levels, strict=True))
            found = any(all(getattr(c, n) == v for n, v in wanted.items()) for c in cells)
            assert found != says_nothing(**wanted), wanted


def test_every_corner_of_the_sizes_is_a_cell() -> None:
    cells = set(design.covering())
    for current, reference, columns in product((50, 10_000), (500, 50_000), (1, 100)):
        assert Cell(current, reference, columns) in cells


def test_all_levels_are_simulated_and_the_weekly_one_in_six_cells() -> None:
    cells = design.covering()
    assert all(cell.levels[:2] == (0.05, 0.005) for cell in cells)
    assert sum(1 / 2016 in cell.levels for cell in cells) >= 6
    assert len({cell.name for cell in cells}) == len(cells)


@pytest.mark.parametrize("dependence", design.DEPENDENCE)
def test_categories_and_integers_have_the_same_shares_under_any_copula(
    dependence: design.Dependence,
) -> None:
    population = Population("mixed", 5, dependence)
    drawn = population.draw(np.random.default_rng(5), 40_000)
    assert population.kinds == list(design.KINDS[:-1])
    assert drawn[1].mean() == pytest.approx(3, abs=0.05)
    assert drawn[1].var() == pytest.approx(3, abs=0.15)
    assert (drawn[2] == 0).mean() == pytest.approx(2 / 3, abs=0.02)
    assert (drawn[3] == 1).mean() / (drawn[3] == 0).mean() == pytest.approx(0.5, abs=0.05)
    assert (abs(correlation(drawn[0], drawn[1])) > 0.3) == (dependence != "independent")


@pytest.mark.parametrize(
    "cell",
    [
        Cell(50, 500, 3),
        Cell(200, 500, 5, dependence="t"),
        Cell(1000, 1000, 4),
        Cell(60, 200, 2, "integers", "gaussian"),
        Cell(50, 500, 2, "2 categories"),
        Cell(50, 500, 2, "20 categories"),
        Cell(50, 500, 1, "1000 categories"),
        Cell(200, 300, 5, "mixed", "gaussian"),
        Cell(1000, 400, 3, "1000 categories"),
        Cell(10_000, 500, 2),
    ],
    ids=lambda cell: cell.name,
)
def test_the_screen_loses_no_alarm(cell: Cell) -> None:
    found = [
        alarms(cell, np.random.default_rng(7), 16, {0.05: 10, 0.005: 5}, screened=screened)
        for screened in (True, False)
    ]
    assert found[1].bare.sum() > 0
    assert (found[0].bare == found[1].bare).all()
    assert (found[0].floored == found[1].floored).all()
    assert (found[0].floored <= found[0].bare).all()


def test_an_interval_over_clusters_is_wider_than_one_over_trials() -> None:
    rng = np.random.default_rng(9)
    chances = rng.beta(2, 38, 1000)
    hits, independent = rng.binomial(30, chances), rng.binomial(30, 0.05, 1000)
    low, high = clustered_interval(hits, 30)
    assert low < 0.05 < high
    assert high - low > 1.2 * np.subtract(*clustered_interval(independent, 30)[::-1])


def test_the_spread_over_clusters_is_that_of_their_chances() -> None:
    rng = np.random.default_rng(10)
    chances = rng.beta(2, 38, 4000)
    found = spread(rng.binomial(30, chances), 30)
    assert found == pytest.approx(np.quantile(chances, [0.05, 0.5, 0.95]), rel=0.15)
    assert spread(np.full(100, 3), 30) == (0.1, 0.1, 0.1)


def test_a_table_keeps_the_rows_of_other_cells(tmp_path: Path) -> None:
    table = Table(tmp_path / "new" / "budget.csv", named_by=2)
    table.put({"cell": "b", "level": 0.05, "rate": 0.1})
    table.put({"cell": "a", "level": 0.05, "rate": 0.2})
    table.put({"cell": "b", "level": 0.05, "rate": 0.3})
    assert table.path.read_text() == "cell,level,rate\na,0.05,0.2\nb,0.05,0.3\n"


def test_the_screen_of_a_week_loses_no_alarm() -> None:
    def weeks(*, screened: bool) -> list[sequences.Week]:
        return [
            sequences.week(place, seed=8, ticks=60, level=0.05, screened=screened)
            for place in range(3)
        ]

    some, every = weeks(screened=True), weeks(screened=False)
    assert sum(one.drift for one in every) > 0
    assert sum(one.only_pooled for one in every) > 0
    assert [replace(one, compared=60) for one in some] == every
    assert all(one.compared < 60 for one in some)


@pytest.mark.parametrize("case", dependent.CASES.values(), ids=lambda case: case.name)
def test_ticks_among_windows_are_ranked_as_compare_ranks_them(case: dependent.Case) -> None:
    drawn = dependent.Drawn.of(case, np.random.default_rng(11), 12, 8)
    ranks = dependent.Ranks(drawn, Floors())
    for tick, level in product(range(8), (0.1, 1 / 2016)):
        result = drawn.judge(tick, level, windowed=True)
        assert result.calibration.windows == 12
        p_values = [column.p_value for column in result.columns if column.p_value is not None]
        p_values += [result.joint.p_value] if result.joint else []
        assert ranks.p_value(tick, level) == pytest.approx(min(p_values), rel=1e-9)


def test_batches_have_the_rows_and_times_that_their_case_says() -> None:
    def drawn(name: str) -> tuple[pa.Table, pa.Table]:
        reference, batches = windows.CASES[name].draw(np.random.default_rng(5), 2)
        return reference, batches[0]

    def hours(table: pa.Table) -> float:
        times = np.asarray(table["time"])
        return float((times[-1] - times[0]) / np.timedelta64(1, "h"))

    reference, spread = drawn("50 of 200 rows, spread, AR(1) 0.6")
    assert (reference.num_rows, spread.num_rows) == (40 * 200, 50)
    assert spread["time"][0].as_py() > reference["time"][-1].as_py()
    assert 22 < hours(spread) < 24
    assert 11 < hours(drawn("100 of 200 rows, first, AR(1) 0.6")[1]) < 12
    assert 23 < hours(drawn("a day among hours, day effect")[1]) < 24
    reference, batch = drawn("10 windows, 4 a day share it")
    assert (hours(reference) + 0.03, hours(batch) + 0.03) == pytest.approx((60, 6))
    first, last = (float(np.mean(reference["x0"][at : at + 200])) for at in (0, 600))
    assert abs(first - last) < 0.3


@pytest.mark.parametrize("phi", [0.5, 0.9])
def test_an_autoregressive_series_is_stationary_from_its_first_row_on(phi: float) -> None:
    case = dependent.CASES[f"AR(1) {phi}"]
    drawn = np.array([case.draw(np.random.default_rng(seed), 1)[0, 0] for seed in range(2000)])
    assert drawn[:, 0].var() == pytest.approx(1, abs=0.1)
    assert drawn[:, -1].var() == pytest.approx(1, abs=0.1)
    assert np.corrcoef(drawn[:, -2], drawn[:, -1])[0, 1] == pytest.approx(phi, abs=0.05)


def test_windows_of_a_day_share_its_effect_and_a_season_its_hour() -> None:
    rng = np.random.default_rng(12)
    shared = dependent.CASES["day effect, 4 windows a day"].draw(rng, 400).mean(axis=2)
    by_day = shared.reshape(dependent.COLUMNS, -1, 4)
    assert by_day.mean(axis=2).std() == pytest.approx(dependent.EFFECT, rel=0.15)
    assert by_day.std(axis=2).max() < dependent.EFFECT

    seasonal = dependent.Drawn.of(dependent.CASES["daily cycle, seasonal"], rng, 20, 5)
    assert np.ptp(seasonal.windows[:, seasonal.places].mean(axis=2)) < 0.6
    assert np.ptp(seasonal.windows.mean(axis=2)) > 1


def test_what_ranks_alone_attain_is_said_with_each_rate() -> None:
    size = dependent.Size(references=3, ticks=4)
    rates = list(dependent.simulate(1, size, jobs=1, cases=["day effect"], windows=(10, 30)))
    found = {(rate.windows, round(rate.level, 4)): (rate.method, rate.attained) for rate in rates}
    assert found[10, 0.0909] == ("ranked", 1 / 11)
    assert found[10, 0.05] == ("extrapolated", 0.05)
    assert found[30, 0.05] == ("ranked", 1 / 31)
    assert found[30, 0.0005] == ("extrapolated", 1 / 2016)
    assert all(rate.low <= rate.rate <= rate.high and rate.ticks == 12 for rate in rates)


ROWS = 25_000


def _by_counts(rng: np.random.Generator) -> float:
    judge = profiled.Judge.of(Cell(ROWS, ROWS, 1), rng)
    sides = judge.batch(rng, ROWS), judge.reference
    one, other = (side.profile.columns["x0"] for side in sides)
    assert isinstance(one, NumericProfile)
    assert isinstance(other, NumericProfile)
    return agreement.distance_at_edges(one, other)


def _by_rows(rng: np.random.Generator) -> float:
    values = np.sort(rng.random(ROWS))
    bins = Bins.of(values, values[0], values[-1])
    one, other = (numeric.count_numbers(side, bins.edges) for side in (rng.random(ROWS), values))
    return agreement.distance_at_edges(one, other)


def test_drawn_counts_are_those_of_drawn_rows() -> None:
    rng = np.random.default_rng(7)
    ways = [[draw(rng) for _ in range(300)] for draw in (_by_counts, _by_rows)]
    middles = [np.mean(way) for way in ways]
    error = np.hypot(*(np.std(way) / len(way) ** 0.5 for way in ways))
    assert abs(middles[0] - middles[1]) < 4 * error


@pytest.mark.parametrize("kind", design.KINDS)
def test_a_drawn_profile_has_all_its_rows(kind: str) -> None:
    rng = np.random.default_rng(8)
    cell = Cell(40_000, 30_000, 2, kind)
    judge = profiled.Judge.of(cell, rng)
    batch = judge.batch(rng, cell.current)
    for side, rows in ((judge.reference, cell.reference), (batch, cell.current)):
        for column in side.profile.columns.values():
            assert isinstance(column, NumericProfile | CategoricalProfile)
            if isinstance(column, NumericProfile):
                assert column.counts_in_order.sum() == rows
            else:
                assert sum(column.counts.values()) == rows
    assert not judge.alarms(batch, 1e-9, Floors())


@pytest.mark.parametrize("level", derived.LEVELS)
def test_derived_columns_are_judged_as_compare_judges_columns(level: float) -> None:
    rng = np.random.default_rng(10)
    settings = CompareSettings(level=level)
    found = []
    for shift in np.linspace(0, 0.6, 40):
        pair = [np.sort(rng.standard_normal((3, rows))) for rows in (100, 300)]
        pair[0][0] += shift
        columns = [
            (
                ColumnResult(name=str(number), kind="numeric", role="feature", verdict=None),
                NumericSample(values[0], values[1], ((0, 1), (0, 1)), (values[0], values[1])),
            )
            for number, values in enumerate(zip(*pair, strict=True))
        ]
        judged = judge_columns(columns, settings, level)
        found.append(derived.drifts(list(pair[0]), list(pair[1]), level, settings.floors))
        assert found[-1] == any(column.verdict is Verdict.DRIFT for column in judged.results)
    assert 0 < sum(found) < len(found)
