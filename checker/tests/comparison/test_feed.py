"""The feed's faults, as functions of facts."""

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from drift_checker.comparison import ColumnRoles, FeedSettings
from drift_checker.comparison.feed import (
    FeedVerdict,
    PastBatch,
    PresentBatch,
    distinct_batches,
    judge_feed,
    newest_time,
    older_rows,
    repeated_since,
    with_feed,
)
from drift_checker.comparison.row_keys import (
    RowKeys,
    SeenRows,
    overlap_of,
    row_keys,
    same_rows,
)
from drift_checker.decision import row_counts
from drift_checker.result import (
    AlarmBudget,
    CurrentInfo,
    ReferenceInfo,
    Result,
    Severity,
    Verdict,
)
from drift_checker.tables import Batch

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def past(
    counts: Sequence[int],
    *,
    step: timedelta = HOUR,
    newest: Sequence[int | None] = (),
    digests: Sequence[str] = (),
) -> list[PastBatch]:
    """Batches of so many rows; the newest row of each so many minutes after the start."""
    return [
        PastBatch(
            logical_date=START + place * step,
            rows=count,
            digest=digests[place] if digests else f"digest {place}",
            newest_row=_minutes(newest[place]) if newest else None,
        )
        for place, count in enumerate(counts)
    ]


def present(place: int, rows: int = 200, **facts: Any) -> PresentBatch:
    newest = facts.pop("newest", None)
    return PresentBatch(
        logical_date=START + place * facts.pop("step", HOUR),
        rows=rows,
        digest=facts.pop("digest", f"digest {place}"),
        newest_row=_minutes(newest),
        **facts,
    )


def _minutes(count: int | None) -> datetime | None:
    return None if count is None else START + count * timedelta(minutes=1)


def judged(
    batch: PresentBatch, before: Sequence[PastBatch], **settings: Any
) -> tuple[FeedVerdict, dict[str, Severity]]:
    verdict = judge_feed(batch, before, FeedSettings(**settings))
    return verdict, {fault.fault: fault.severity for fault in verdict.faults}


def drifts(verdict: FeedVerdict, level: float = 3e-4) -> bool:
    """Whether the number of rows does, at the part `feed` of a tick an hour."""
    return (
        verdict.count_fault is not None
        and verdict.count_p_value is not None
        and verdict.count_p_value <= level
    )


def test_a_batch_is_repeated_since_the_first_tick_that_had_it() -> None:
    before = past([200] * 4, digests=["aaaa", "bbbb", "bbbb", "cccc"])

    assert repeated_since("bbbb" + "0" * 60, before) == START + HOUR
    assert repeated_since("dddd" + "0" * 60, before) is None
    assert [batch.digest for batch in distinct_batches(before)] == ["aaaa", "bbbb", "cccc"]
    verdict, faults = judged(present(4, repeated_since=START + HOUR), before)
    assert faults == {"repeated": Severity.NOTE}
    assert "2026-11-02 01:00:00Z" in verdict.faults[0].detail
    assert (verdict.feed.new_rows, verdict.feed.overlap) == (0, 1.0)
    assert verdict.count_p_value is None


def batch(columns: dict[str, Any]) -> Batch:
    return Batch(pa.table(columns), "digest")


def keys_of(columns: dict[str, Any], **roles: Any) -> RowKeys:
    keys = row_keys(batch(columns), ColumnRoles(**roles))
    assert keys is not None
    return keys


def seen(keys: RowKeys) -> SeenRows:
    return SeenRows(START, keys.kind, keys.ordered)


def stream(rows: int, seed: int = 1) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {
        "id": np.arange(rows),
        "at": pa.array(np.arange(rows) * 1_000_000, pa.timestamp("us")),
        "x": rng.normal(size=rows),
        "kind": rng.choice(["a", "b"], rows).tolist(),
    }


def part(columns: dict[str, Any], first: int, rows: int, *names: str) -> dict[str, Any]:
    return {name: columns[name][first : first + rows] for name in names or columns}


@pytest.mark.parametrize("share", [0.25, 0.5, 0.95, 0.99])
@pytest.mark.parametrize(
    ("names", "roles", "kind"),
    [
        (("id", "x", "kind"), {"id": "id"}, "id"),
        (("at", "x", "kind"), {"timestamp": "at"}, "time"),
        (("x", "kind"), {}, "row"),
        (("kind",), {}, "run"),
    ],
)
def test_rows_that_were_there_before_are_known(
    share: float, names: tuple[str, ...], roles: dict[str, str], kind: str
) -> None:
    every, again = stream(800), round(share * 400)
    before = keys_of(part(every, 0, 400, *names), **roles)
    after = keys_of(part(every, 400 - again, 400, *names), **roles)

    found = overlap_of(after, [seen(before)], 400)

    assert found is not None
    assert found.kind == kind
    # Known by what is in their order, a few rows more are, where these are alike by chance.
    assert found.new[again:].all()
    assert not found.new[:again].any()


def test_what_changes_beside_the_id_leaves_a_row_the_same() -> None:
    every = stream(400)
    before = keys_of(every, id="id")
    changed = every | {"x": np.zeros(400)}

    found = overlap_of(keys_of(changed, id="id"), [seen(before)], 400)

    assert found is not None
    assert found.rows == 0
    assert overlap_of(keys_of(changed), [seen(keys_of(every))], 400) is None


@pytest.mark.parametrize("seed", range(6))
def test_rows_of_few_categories_that_coincide_are_new(seed: int) -> None:
    """A third of the rows of either batch is in the other."""
    rng = np.random.default_rng(seed)

    def drawn() -> dict[str, Any]:
        codes = rng.zipf(1.5, (2, 300)) % 500
        return {"a": codes[0], "b": codes[1] % 7}

    before, after = drawn(), drawn()
    pairs = set(zip(before["a"].tolist(), before["b"].tolist(), strict=True))
    again = sum(
        each in pairs for each in zip(after["a"].tolist(), after["b"].tolist(), strict=True)
    )
    assert again > 100
    one, other = (row_keys(batch(each), ColumnRoles()) for each in (before, after))
    assert one is None or other is None or overlap_of(other, [seen(one)], 300) is None


def test_independent_rows_are_new() -> None:
    one, other = (keys_of(part(stream(300, seed), 0, 300, "x", "kind")) for seed in (1, 2))
    assert overlap_of(other, [seen(one)], 300) is None


def test_the_same_rows_in_other_bytes_are_known() -> None:
    every = part(stream(300), 0, 300, "x", "kind")
    keys = keys_of(every)
    shuffled = np.random.default_rng(1).permutation(300)
    turned = {name: np.asarray(values)[shuffled].tolist() for name, values in every.items()}

    assert same_rows(keys_of(turned), [seen(keys)]) == START
    assert same_rows(keys_of(part(every, 1, 299)), [seen(keys)]) is None
    # An id is the same where its row is another.
    by_id = keys_of(stream(300), id="id")
    assert same_rows(by_id, [seen(by_id)]) is None


@pytest.mark.parametrize(
    "values",
    [
        pa.array([1, None, 3]),
        pa.array(["a", None, "c"]),
        pa.array([True, None, False]),
        pa.array([1.5, None, float("nan")]),
        pa.array([START, None, START + HOUR]),
        pa.array([START.date(), None, START.date()]),
        pa.array(["a", None, "c"]).dictionary_encode(),
        pa.array([b"a", None, b"\xff"]),
        pa.array([None, None, None]),
        pa.array([[1], None, [2]]),
        pa.array([HOUR, None, 2 * HOUR]),
        pa.array([pa.MonthDayNano([1, 2, 3]), None, pa.MonthDayNano([1, 2, 4])]),
        pa.array(["1.5", None, "2"]).cast(pa.decimal128(4, 1)),
        pa.array(["a", None, "c"], pa.string_view()),
    ],
    ids=lambda values: str(values.type),
)
def test_values_of_every_type_tell_rows_apart_or_are_left_out(values: Any) -> None:
    table = {"n": np.arange(3), "v": values}
    first, same = keys_of(table), keys_of(table)
    assert first.kind == "row"
    assert (first.keys == same.keys).all()
    other = keys_of({"n": np.arange(3), "v": pa.array(values.to_pylist()[::-1], values.type)})
    assert other.keys[1] == first.keys[1]
    alike = pa.types.is_null(values.type) or pa.types.is_nested(values.type)
    alike |= pa.types.is_interval(values.type)
    assert (other.keys[0] == first.keys[0]) == (alike or pa.types.is_date(values.type))


def test_the_newest_row_is_the_latest_time() -> None:
    times = pa.array([START, None, START + HOUR, START - HOUR], pa.timestamp("s", "UTC"))
    assert newest_time(times) == START + HOUR
    assert newest_time(pa.array([START.date(), None])) == START
    assert newest_time(pa.array([None], pa.timestamp("us"))) is None
    assert newest_time(pa.array(["no time"])) is None
    assert older_rows(times, START + HOUR) == 2
    assert older_rows(times, START + HOUR, np.array([False, True, True, True])) == 1


MOVING = [60 * n for n in range(14)]


def stale(newest: Sequence[int | None], after: int, **settings: Any) -> bool:
    before = past([200] * len(newest), newest=newest)
    return "stale" in judged(present(len(newest), newest=after), before, **settings)[1]


def test_a_feed_that_moved_on_and_stands_still_is_stale_within_three_ticks() -> None:
    assert not stale(MOVING, MOVING[-1] + 60)
    told = [stale(MOVING + [MOVING[-1]] * still, MOVING[-1]) for still in range(3)]
    assert told == [False, False, True]


@pytest.mark.parametrize(
    ("newest", "after"),
    [
        # Old, but it moves on as it did: rows of 2013.
        ([n - 6_000_000 for n in MOVING], 14 * 60 - 6_000_000),
        # Too few ticks to know.
        ([0] * 3 + MOVING[:5], MOVING[4]),
        # Samples of the past, whose newest row goes back and forth.
        ([500, 510, 505, 490, 512, 511, 500, 509, 513, 498, 507, 514, 501, 502, 503], 501),
        # Once a day, by a tick an hour: until the next day has passed twice.
        ([1440 * (n // 24) for n in range(24 * 8 + 20)], 1440 * 8),
        # Never moved.
        ([5] * 40, 5),
    ],
)
def test_a_feed_that_goes_on_as_it_did_is_not_stale(newest: list[int], after: int) -> None:
    assert not stale(newest, after)


def test_freshness_is_a_bound_of_age() -> None:
    hours = timedelta(hours=2)
    assert not stale([], -120, freshness=hours)
    assert stale([], -121, freshness=hours)
    verdict, faults = judged(present(0, newest=-180), [], freshness=hours)
    assert faults == {"stale": Severity.STRUCTURAL}
    assert verdict.feed.age_seconds == 3 * 3600
    assert "3 h before the tick; allowed: 2 h" in verdict.faults[0].detail
    # What is set takes the place of what is learned.
    assert not stale(MOVING + [MOVING[-1]] * 6, MOVING[-1], freshness=timedelta(days=1))


def test_without_times_a_batch_that_was_always_new_is_stale_when_it_stays() -> None:
    digests = [f"{n}" * 8 for n in range(14)]

    def told(repeats: int) -> bool:
        before = past([200] * (14 + repeats), digests=digests + digests[-1:] * repeats)
        batch = present(14 + repeats, repeated_since=START + 13 * HOUR)
        return "stale" in judged(batch, before)[1]

    assert [told(repeats) for repeats in range(3)] == [False, False, True]
    # A file that changes once a day does not.
    daily = past([200] * 72, digests=[f"{n // 24}" * 8 for n in range(72)])
    assert judged(present(72, repeated_since=START + 48 * HOUR), daily)[1].keys() == {"repeated"}


COUNTS = [200, 203, 195, 210, 188, 199, 204, 207, 193, 201, 196, 205]


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 4.0])
def test_another_number_of_rows_is_drift_by_its_part_of_the_level(factor: float) -> None:
    verdict, faults = judged(present(12, rows=round(factor * 200)), past(COUNTS))

    assert not faults
    assert drifts(verdict)
    assert verdict.count_fault is not None
    assert verdict.count_fault.column is None
    assert verdict.count_fault.detail.startswith(f"{factor * 200:.0f} rows, 200 expected (")
    assert verdict.feed.expected_rows == 200.5


@pytest.mark.parametrize("rows", [180, 199, 200, 216])
def test_a_usual_number_of_rows_is_none(rows: int) -> None:
    verdict, faults = judged(present(12, rows=rows), past(COUNTS))
    assert not faults
    assert not drifts(verdict)


def test_before_enough_ticks_only_extremes_are_told() -> None:
    before = past(COUNTS[:4])
    assert judged(present(4, rows=50), before)[0].count_p_value is None
    for rows, told in ((0, True), (20, True), (21, False), (2014, False), (2015, True)):
        faults = judged(present(4, rows=rows), before)[1]
        assert faults == ({"row_count": Severity.STRUCTURAL} if told else {}), rows
    assert judged(present(2, rows=0), past(COUNTS[:2]))[1] == {}


def test_bounds_that_are_set_count_alone() -> None:
    bounds = {"least_rows": 100, "most_rows": 300}
    for rows, told in ((99, True), (100, False), (300, False), (301, True)):
        verdict, faults = judged(present(12, rows=rows), past([200] * 12), **bounds)
        assert ("row_count" in faults) == told
        assert verdict.count_p_value is None


def test_what_the_same_hour_had_before_is_no_news() -> None:
    """Weekends of daily ticks, nights of hourly ones, once they were seen."""
    day = timedelta(days=1)
    weeks = [900, 1000, 950, 1010, 980, 300, 310] * 2
    assert not drifts(judged(present(14, 320, step=day), past(weeks, step=day))[0])
    nights = [400 if n % 24 < 12 else 40 for n in range(36)]
    assert not drifts(judged(present(36, 42), past(nights))[0])
    assert drifts(judged(present(36, 3000), past(nights))[0], 0.05)


@pytest.mark.long
def test_rows_that_came_again_are_left_out_without_large_imports(tmp_path: Path) -> None:
    script = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from drift_checker.comparison import ColumnRoles, InMemoryPair
from drift_checker.comparison.feed import newest_time, older_rows
from drift_checker.comparison.row_keys import SeenRows, overlap_of, row_keys
from drift_checker.decision.row_counts import p_value
from drift_checker.tables import read_batch

before, after = (read_batch(Path(path)) for path in sys.argv[1:])
keys = [row_keys(batch, ColumnRoles()) for batch in (before, after)]
seen = SeenRows(datetime(2026, 11, 2, tzinfo=UTC), keys[0].kind, keys[0].ordered)
overlap = overlap_of(keys[1], [seen], after.rows)
tables = InMemoryPair(before, after)
new = tables.with_rows(overlap.new)
times = tables.column_pair("at").arrays[0]
late = older_rows(times, newest_time(times), overlap.new)
unusual = p_value(1000, [100, 90, 110, 95] * 5) < 0.01
loaded = {"pandas", "numpy.ma", "scipy"} & set(sys.modules)
print(new.current.rows, late, unusual, sorted(loaded))
"""
    paths = [str(tmp_path / name) for name in ("before.parquet", "after.parquet")]
    for path, first in zip(paths, (0, 100), strict=True):
        pq.write_table(pa.table(part(stream(500), first, 400)), path)
    ended = subprocess.run(
        [sys.executable, "-c", script, *paths], stdout=subprocess.PIPE, text=True, check=False
    )
    assert ended.stdout == "100 99 True []\n"


def test_of_a_feed_that_overlaps_new_rows_are_counted() -> None:
    every = stream(1000)
    keys = [keys_of(part(every, first, 240), id="id") for first in (0, 10, 20)]
    overlap = overlap_of(keys[1], [seen(keys[0])], 240)
    before = [
        PastBatch(
            logical_date=START + place * HOUR,
            rows=240,
            digest=str(place),
            new_rows=10 if place else 240,
        )
        for place in range(20)
    ]
    verdict, faults = judged(present(20, rows=240, overlap=overlap), before)

    assert faults == {"overlapping": Severity.NOTE}
    assert verdict.feed.new_rows == verdict.feed.expected_rows == 10
    assert verdict.feed.overlap == pytest.approx(230 / 240)
    assert "230 of 240 rows (96 %) were in earlier batches, by their id" in verdict.faults[0].detail
    assert not drifts(verdict, 0.05)


def test_late_rows_are_a_note() -> None:
    verdict, faults = judged(present(3, late_rows=7), past([200] * 3))
    assert faults == {"late": Severity.NOTE}
    assert verdict.faults[0].detail.startswith("7 of 200 rows are older than the newest row")


def result(verdict: Verdict, part: float) -> Result:
    return Result(
        monitor="m",
        logical_date=START,
        trigger="scheduled",
        verdict=verdict,
        reference=ReferenceInfo(version="1", rows=100),
        current=CurrentInfo(rows=100, digest=""),
        columns=[],
        faults=[],
        drifted_columns=[],
        alarm_budget=AlarmBudget(per_week=1, ticks_per_week=168, level=0.006, parts={"feed": part}),
    )


def test_a_feed_changes_a_verdict_by_the_severity_of_its_faults() -> None:
    half, gone = present(12, rows=100), present(12, rows=0)
    counts, empty = judged(half, past(COUNTS))[0], judged(gone, past(COUNTS))[0]
    notes = judged(present(12, repeated_since=START), past(COUNTS))[0]

    assert with_feed(result(Verdict.OK, 3e-4), counts).verdict is Verdict.DRIFT
    assert with_feed(result(Verdict.INVALID, 3e-4), counts).verdict is Verdict.INVALID
    assert with_feed(result(Verdict.OK, 0.0), counts).verdict is Verdict.OK
    assert with_feed(result(Verdict.DRIFT, 3e-4), empty).verdict is Verdict.INVALID
    assert with_feed(result(Verdict.OK, 3e-4), notes).verdict is Verdict.OK
    drifted = with_feed(result(Verdict.OK, 3e-4), counts)
    assert drifted.drifted_columns == []
    assert drifted.feed == counts.feed


@pytest.mark.long
@pytest.mark.parametrize("level", [0.05, 0.01])
@pytest.mark.parametrize(
    "kind",
    ["poisson 5", "poisson 60", "poisson 1000", "lognormal", "negative binomial", "constant"],
)
def test_the_level_of_counts_holds(kind: str, level: float) -> None:
    """Also where they vary by more than chance."""
    rng = np.random.default_rng(11)
    series, size = 400, 25
    name, _, number = kind.partition(" ")
    drawn = {
        "poisson": lambda: rng.poisson(float(number), (series, size)),
        "lognormal": lambda: np.round(np.exp(rng.normal(6, 0.5, (series, size)))),
        "negative": lambda: rng.negative_binomial(4, 4 / 204, (series, size)),
        "constant": lambda: np.full((series, size), 300),
    }[name]()
    p_values = np.array([row_counts.p_value(int(row[-1]), row[:-1].tolist()) for row in drawn])
    allowed = level + 2.6 * (level * (1 - level) / series) ** 0.5
    assert (p_values <= level).mean() <= allowed
