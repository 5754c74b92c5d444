"""What each scenario does to each column of the demo data that it may be given, at strength 1."""

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp, spearmanr

from drifter import ScenarioName
from drifter.population import find_groups
from drifter.scenarios import SCENARIOS

NUMBERS = [
    "arr_delay", "dep_delay", "air_time", "distance", "temp", "humid", "wind_speed", "visib",
]  # fmt: skip
CATEGORIES = ["carrier", "origin", "dest"]
SPREAD = [name for name in NUMBERS if name != "visib"]  # most flights have ten miles of it
PER_COLUMN = [
    *((ScenarioName.MEAN_SHIFT, name) for name in SPREAD),
    *((ScenarioName.SCALE, name) for name in SPREAD),
    *((ScenarioName.CATEGORY_MIX, name) for name in CATEGORIES),
    *((ScenarioName.MISSING_VALUES, name) for name in NUMBERS + CATEGORIES),
    *((ScenarioName.TAIL_CONTAMINATION, name) for name in NUMBERS),
]
CORRELATED = [
    ("arr_delay", "dep_delay"),
    ("air_time", "distance"),
    ("humid", "wind_speed"),
    ("humid", "visib"),
]


def apply(scenario: ScenarioName, table: pa.Table, *columns: str, strength: float = 1) -> pa.Table:
    return SCENARIOS[scenario](table, columns, strength, np.random.default_rng(7))


def numbers(table: pa.Table, name: str) -> np.ndarray:
    return table[name].drop_null().to_numpy()


def shares(table: pa.Table, name: str) -> dict[str, float]:
    counts = Counter(table[name].drop_null().to_pylist())
    return {category: count / counts.total() for category, count in counts.items()}


def effect(scenario: ScenarioName, before: pa.Table, after: pa.Table, name: str) -> float:
    """Kolmogorov-Smirnov or total variation distance, or the share of rows hit."""
    match scenario:
        case ScenarioName.MISSING_VALUES:
            return (after[name].null_count - before[name].null_count) / after.num_rows
        case ScenarioName.TAIL_CONTAMINATION:
            low, high = np.quantile(numbers(before, name), [0.001, 0.999])
            values = numbers(after, name)
            return float(np.mean((values <= 2 * low - high) | (values >= 2 * high - low)))
        case ScenarioName.CATEGORY_MIX:
            old, new = shares(before, name), shares(after, name)
            assert new.keys() <= old.keys()
            return sum(abs(new.get(key, 0) - old[key]) for key in old) / 2
        case _:
            return float(ks_2samp(numbers(before, name), numbers(after, name)).statistic)


EXPECTED = {
    ScenarioName.MEAN_SHIFT: (0.15, 0.5),
    ScenarioName.SCALE: (0.12, 0.4),
    ScenarioName.CATEGORY_MIX: (0.199, 0.201),
    ScenarioName.MISSING_VALUES: (0.29, 0.301),
    ScenarioName.TAIL_CONTAMINATION: (0.049, 0.053),
}


@pytest.mark.parametrize(("scenario", "name"), PER_COLUMN)
def test_default_strength_shows_in_every_column_it_may_be_given(
    base: pa.Table, scenario: ScenarioName, name: str
) -> None:
    drifted = apply(scenario, base, name)
    low, high = EXPECTED[scenario]
    assert low <= effect(scenario, base, drifted, name) <= high
    assert drifted.schema == base.schema
    assert drifted.drop_columns([name]) == base.drop_columns([name])


@pytest.mark.parametrize("scenario", EXPECTED)
def test_effect_grows_with_strength(base: pa.Table, scenario: ScenarioName) -> None:
    name = "dest" if scenario is ScenarioName.CATEGORY_MIX else "temp"
    effects = [
        effect(scenario, base, apply(scenario, base, name, strength=strength), name)
        for strength in (0.25, 0.5, 1, 2)
    ]
    assert effects == sorted(effects)
    assert effects[0] < effects[-1] / 2


@pytest.mark.parametrize("pair", CORRELATED)
def test_correlation_change_breaks_a_pair_and_keeps_each_column(
    base: pa.Table, pair: tuple[str, str]
) -> None:
    drifted = apply(ScenarioName.CORRELATION_CHANGE, base, *pair)
    kept = drifted.select(pair).drop_null()
    assert abs(spearmanr(kept[pair[0]], kept[pair[1]]).statistic) < 0.05
    for name in base.column_names:
        assert Counter(drifted[name].to_pylist()) == Counter(base[name].to_pylist())


def test_columns_are_those_in_which_a_scenario_can_show(base: pa.Table) -> None:
    groups = find_groups(base)
    assert [(scenario, *group) for scenario in EXPECTED for group in groups[scenario]] == PER_COLUMN
    assert set(CORRELATED[:3]) <= set(groups[ScenarioName.CORRELATION_CHANGE])


def test_columns_in_which_nothing_can_show_are_left_out() -> None:
    table = pa.table(
        {
            "when": pa.array(range(10), pa.timestamp("s")),
            "constant": [1.5] * 10,
            "null": pa.array([None] * 10, pa.float64()),
            "one": ["a"] * 10,
            "none": pa.array([None] * 10, pa.string()),
        }
    )
    groups = find_groups(table)
    assert groups.pop(ScenarioName.MISSING_VALUES) == [("constant",), ("one",)]
    assert not any(groups.values())


@pytest.mark.parametrize("scenario", ScenarioName)
@given(
    integers=st.lists(st.none() | st.integers(-128, 127), min_size=1, max_size=30),
    strength=st.floats(0.01, 10),
)
def test_schema_length_and_nulls_hold_for_any_table(
    scenario: ScenarioName, integers: list[int | None], strength: float
) -> None:
    table = pa.table(
        {
            "small": pa.array(integers, pa.int8()),
            "real": pa.array(integers, pa.float32()),
            "flag": pa.array([None if x is None else x > 0 for x in integers], pa.bool_()),
            "text": pa.array([None if x is None else str(x % 4) for x in integers]),
        }
    )
    for group in find_groups(table)[scenario]:
        drifted = apply(scenario, table, *group, strength=strength)
        assert drifted.schema == table.schema
        assert drifted.num_rows == table.num_rows
        if scenario is not ScenarioName.MISSING_VALUES:
            assert drifted[group[0]].null_count == table[group[0]].null_count
