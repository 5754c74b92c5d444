"""Floors that fit the question: rare things that became common, and small changes of many rows."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from drift_checker import CompareSettings, Floors, Result, Verdict, compare
from drift_checker.comparison import NO_FLOORS, InMemoryPair, judge, prepare, result_of
from drift_checker.comparison.faults import changed_share, combined_p_value, judge_counts
from drift_checker.decision import Floor
from drift_checker.errors import UsageError
from drift_checker.profiles import TickCounts
from drift_checker.tables import from_frame

HOURLY = CompareSettings(level=1 / 168)


def flags(rows: int, flagged: int) -> pa.Table:
    """Make rows of which so many failed."""
    return pa.table({"state": ["failed"] * flagged + ["done"] * (rows - flagged)})


def normal(rows: int, seed: int, by: float = 0, columns: int = 1) -> pa.Table:
    drawn = np.random.default_rng(seed).normal(size=(columns, rows))
    drawn[0] += by
    return pa.table({f"x{place}": values for place, values in enumerate(drawn)})


def only(result: Result) -> tuple[str, str | None]:
    (column,) = result.columns
    return result.verdict, column.reason


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (50, 1500, "drift"),
        (500, 1750, "drift"),
        (500, 750, "ok"),
        (5, 60, "ok"),
        (750, 200, "drift"),
    ],
)
def test_a_rare_failure_that_becomes_common_is_drift(before: int, after: int, verdict: str) -> None:
    result = compare(flags(50_000, before), flags(50_000, after), settings=HOURLY)
    assert result.verdict == verdict
    (column,) = result.columns
    assert column.p_value is not None
    assert column.p_value < 1e-9
    assert column.floor == 0.02


def test_so_is_one_that_is_a_number() -> None:
    tables = (pa.table({"failed": np.arange(50_000) < rows}) for rows in (50, 1450))
    before, after = (table.cast(pa.schema([("failed", pa.int8())])) for table in tables)
    assert compare(before, after, settings=HOURLY).verdict == "drift"


def test_a_thousandfold_value_in_less_than_a_hundredth_is_drift() -> None:
    rng = np.random.default_rng(1)
    before, after = rng.lognormal(size=5000), rng.lognormal(size=5000)
    after[:45] *= 1000
    result = compare(pa.table({"paid": before}), pa.table({"paid": after}), settings=HOURLY)
    assert result.verdict == "drift"
    assert "by more than its width" in result.faults[0].detail


def test_few_rows_far_out_of_range_need_no_share() -> None:
    rng = np.random.default_rng(2)
    before, after = rng.normal(size=50_000), rng.normal(size=50_000)
    after[:20] = 1e6
    tables = pa.table({"x": before}), pa.table({"x": after})
    assert [fault.fault for fault in compare(*tables, settings=HOURLY).faults] == ["out_of_range"]
    after[:20] = 6
    nearer = compare(tables[0], pa.table({"x": after}), settings=HOURLY)
    assert (nearer.verdict, nearer.faults) == ("ok", [])


def with_new(rows: int, new: int, seed: int) -> pa.Table:
    """Draw ten columns, of which one of five categories has `new` rows of another."""
    names = np.random.default_rng(seed).choice(list("abcde"), rows).astype(object)
    names[:new] = "new"
    return normal(rows, seed, columns=9).append_column("kind", pa.array(names))


def judged(batches: Sequence[pa.Table], reference: pa.Table) -> Result:
    """Judge the last of several ticks."""
    read = from_frame(reference)
    prepared = [prepare(InMemoryPair(read, from_frame(batch)), HOURLY) for batch in batches]
    past = [each.tick_counts for each in reversed(prepared[:-1])]
    return result_of(judge(prepared[-1], past=past))


@pytest.mark.parametrize(("rows", "new"), [(1000, 5), (5000, 15)])
def test_a_new_category_in_few_rows_is_drift(rows: int, new: int) -> None:
    """Of 0.5 % of 5,000 rows fifteen or more are new in 98 of 100 batches."""
    result = judged([with_new(rows, new, 4)], with_new(5000, 0, 3))
    assert result.drifted_columns == ["kind"]
    assert judged([with_new(rows, 4, 4)], with_new(5000, 0, 3)).verdict == "ok"


def test_new_categories_are_pooled_over_ticks() -> None:
    reference = with_new(5000, 0, 3)
    batches = [with_new(1000, 4, seed) for seed in (4, 5, 6)]
    assert judged(batches[:1], reference).verdict == "ok"
    result = judged(batches, reference)
    assert result.drifted_columns == ["kind"]
    assert result.sequential
    assert result.sequential.verdict is Verdict.DRIFT


def with_nulls(rows: int, missing: int, seed: int) -> pa.Table:
    values = np.random.default_rng(seed).normal(size=rows)
    return pa.table({"x": pa.array(values, mask=np.arange(rows) < missing)})


def test_nulls_are_pooled_over_ticks() -> None:
    reference = with_nulls(5000, 250, 1)
    batches = [with_nulls(200, 15, seed) for seed in range(2, 14)]
    assert judged(batches[:1], reference).verdict == "ok"
    result = judged(batches, reference)
    assert result.sequential
    assert [(each.name, each.test) for each in result.sequential.columns] == [("x", "nulls")]
    assert result.sequential.columns[0].change.startswith("nulls: 5 % -> 7.5 %")


def test_older_counts_pool_what_they_have() -> None:
    reference = with_nulls(5000, 250, 1)
    prepared = prepare(InMemoryPair(from_frame(reference), from_frame(reference)), HOURLY)
    old = prepared.tick_counts.model_copy(update={"shares": {}})
    data = old.model_dump_json().replace(', "shares": {}', "").replace(',"shares":{}', "")
    assert TickCounts.model_validate_json(data) == old
    assert "shares" not in data


def test_a_change_of_location_is_found_by_ranks() -> None:
    result = compare(normal(5000, 1), normal(5000, 2, by=0.1), settings=HOURLY)
    (column,) = result.columns
    assert (column.verdict, column.test, column.effect) == ("drift", "rank_sum", "distance")


def test_a_certain_change_below_its_floor_has_a_reason() -> None:
    verdict, reason = only(compare(normal(100_000, 1), normal(100_000, 2, by=0.04)))
    assert verdict == "ok"
    assert reason is not None
    assert reason.startswith("changed (p ")
    assert reason.endswith("), by less than its floor of 0.03")


def test_nulls_below_their_floor_have_a_reason() -> None:
    verdict, reason = only(compare(with_nulls(50_000, 2500, 1), with_nulls(50_000, 2850, 1)))
    assert verdict == "ok"
    assert reason is not None
    assert reason.startswith("nulls: 5 % -> 5.7 % of the rows (p ")
    assert reason.endswith("less than the floor of 1 points or 3 times")


def test_a_column_has_its_own_floors() -> None:
    tables = flags(50_000, 500), flags(50_000, 750)
    settings = CompareSettings(column_floors={"state": Floors(category=0.004)})
    result = compare(*tables, settings=settings)
    assert (result.verdict, result.columns[0].floor) == ("drift", 0.004)
    assert compare(*tables, settings=CompareSettings(floors=NO_FLOORS)).verdict == "drift"
    multiple = CompareSettings(column_floors={"state": Floors(ratio=1.4)})
    assert compare(*tables, settings=multiple).verdict == "drift"


def test_what_is_derived_has_the_floors_of_its_column() -> None:
    own, longer = Floors(distance=0.2), Floors(distance=0.3)
    settings = CompareSettings(column_floors={"a": own, "a: b": longer})
    floors = [settings.floors_of(name) for name in ("a", "a: norm", "a: b: norm", "ab: norm")]
    assert floors == [own, own, longer, settings.floors]


def test_counts_that_nothing_has_take_nothing_from_the_level() -> None:
    seen = changed_share("nulls", "x", "nulls", (8, 1000), (10, 5000), floors=NO_FLOORS)
    unseen = changed_share("nulls", "y", "nulls", (0, 1000), (0, 5000), floors=NO_FLOORS)
    assert seen.p_value < 0.05
    assert combined_p_value([seen, *[unseen] * 50]) == pytest.approx(seen.p_value)
    assert combined_p_value([seen] * 3) == pytest.approx(3 * seen.p_value)
    assert judge_counts([seen, *[unseen] * 50], seen.p_value)


@pytest.mark.parametrize(
    ("before", "after", "reached"),
    [
        (0.01, 0.02, True),
        (0.01, 0.0199, False),
        (0.0, 0.002, True),
        (0.0, 0.0019, False),
        (0.001, 0.003, True),
        (0.003, 0.001, True),
        (0.001, 0.0029, False),
        (0.3, 0.29, True),
        (0.0, 0.0, False),
    ],
)
def test_a_share_counts_by_points_or_by_a_multiple(
    before: float, after: float, *, reached: bool
) -> None:
    assert Floor(0.01, 3, 0.002).is_reached(before, after) is reached


@pytest.mark.parametrize(
    ("floors", "said"),
    [
        ({"distance": 1}, "distance: 1 can never be reached"),
        ({"correlation": 2}, "correlation: 2 can never be reached"),
        ({"share": -0.1}, "share: -0.1 is not at least 0"),
        ({"tail": float("nan")}, "tail: nan is not at least 0"),
        ({"ratio": 0.5}, "ratio: 0.5 is not at least 1"),
        ({"ratio_from": 2}, "ratio_from: 2 is no share"),
        ({"unseen_rows": -1}, "unseen_rows: -1 is not at least 0"),
    ],
)
def test_a_floor_that_is_none_is_refused(floors: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Floors(**floors)  # type: ignore[arg-type]
