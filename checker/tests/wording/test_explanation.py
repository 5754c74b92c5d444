"""What a result says in words, and where it says it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_checker import ColumnRoles, CompareSettings, Result, compare
from drift_checker.result import Alarm, Calibration, Explanation, RowDependence
from drift_checker.wording import (
    explanation_markdown,
    explanation_text,
    natural_frequency,
    numeric_change,
    p_value_phrase,
    plain_number,
    result_text,
    rounded_frequency,
    with_explanation,
)
from drift_checker.wording.explanation import MAX_CHANGES

ROLES = ColumnRoles(target="y", prediction="guess")


def table(rows: int, seed: int, *names: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=rows) for name in names or ("a", "y", "guess", "b")}


def judged(change: Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]) -> Result:
    settings = CompareSettings(columns=ROLES, level=0.001)
    return compare(pa.table(table(4000, 1)), pa.table(change(table(1000, 2))), settings=settings)


def explanation(result: Result) -> Explanation:
    assert result.explanation is not None
    return result.explanation


def test_target_and_prediction_come_first_under_their_names() -> None:
    result = judged(lambda batch: {name: values + 1 for name, values in batch.items()})

    names = [line.partition(":")[0] for line in explanation(result).changes]
    assert names[:2] == ["target y", "prediction guess"]
    assert sorted(names[2:]) == ["a", "b"]
    assert explanation(result).summary.startswith("drift: drift in target y, prediction guess, ")
    lines = result_text(result).splitlines()
    header = next(number for number, line in enumerate(lines) if line.startswith("column"))
    assert [line.split("  ")[0] for line in lines[header + 1 :][:2]] == names[:2]


def test_a_change_is_given_before_and_after_with_its_p_value() -> None:
    result = judged(lambda batch: batch | {"a": batch["a"] + 0.2})

    (line,) = explanation(result).changes
    p_value = next(column.p_value for column in result.columns if column.name == "a")
    assert re.match(r"a: median -?0\.\d+ -> 0\.[12]", line)
    assert line.endswith(f"({p_value_phrase(p_value or 0.0)})")
    assert "a false alarm in at most 1 of 1,000 checks" in explanation(result).certainty


def test_no_drift_says_how_sure_that_is_and_nothing_else() -> None:
    result = judged(lambda batch: batch)

    assert result.verdict == "ok"
    assert re.fullmatch(
        "how sure: (nothing here is unusual|without drift 1 of [0-9]+ batches looks as unusual as "
        "this), and (without drift )?there is a false alarm in at most 1 of 1,000 checks, "
        "if rows are independent of each other",
        explanation_text(explanation(result)),
    )


def test_an_episode_says_since_when() -> None:
    since = datetime(2026, 11, 23, 9, 5, tzinfo=UTC)
    alarm = Alarm(state="ongoing", id="m-20261123T090500Z", since=since)
    result = with_explanation(judged(lambda batch: batch).model_copy(update={"alarm": alarm}))

    since_line = "since 2026-11-23 09:05:00Z (alarm m-20261123T090500Z, ongoing)"
    for text in (
        explanation_text(explanation(result)),
        result_text(result),
    ):
        assert since_line in text


def test_faults_and_correlations_are_changes_too() -> None:
    def change(batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        nulls = np.where(np.arange(1000) % 10, batch["y"], np.nan)
        return {"y": nulls, "guess": batch["guess"], "b": batch["guess"] + batch["b"] / 9}

    changes = explanation(judged(change)).changes
    assert changes[0] == "missing_column in 'a': the column is missing"
    assert changes[1].startswith("target y: nulls, nulls: 0 % -> 10 % of the rows (p less than ")
    assert any("rank correlation of 'guess' and 'b'" in line for line in changes)


def test_many_and_long_names_are_bounded() -> None:
    names = [f"{number}{'x' * 400}" for number in range(30)]
    reference, current = table(2000, 1, *names), table(500, 2, *names)
    moved = {name: values + 0.5 for name, values in current.items()}

    explained = explanation(compare(pa.table(reference), pa.table(moved)))

    assert len(explained.changes) == MAX_CHANGES + 1
    assert re.fullmatch(r"and \d+ more", explained.changes[-1])
    assert explained.changes[0].partition(":")[0][-10:] == "xxxxxxxxx…"
    assert max(map(len, [explained.summary, *explained.changes])) <= 1000


def test_names_are_no_markup() -> None:
    hostile = "<b>*x*_[y](z)\n# |"
    reference, current = table(2000, 1, hostile), table(500, 2, hostile)
    explained = explanation(compare(pa.table(reference), pa.table({hostile: current[hostile] + 2})))

    markdown = explanation_markdown(explained)
    assert "&#60;b&#62;&#42;x&#42;&#95;&#91;y&#93;(z)&#92;n&#35; &#124;: median" in markdown
    items = [line for line in markdown.splitlines() if line.startswith("- ")]
    assert len(items) == len(explained.changes)


@pytest.mark.parametrize(
    ("probability", "phrase"),
    [
        (0.01, "1 of 100"),
        (1 / 2016, "1 of 2,016"),
        (1e-6, "1 of 1,000,000"),
        (3e-9, "fewer than 1 in a million"),
        (0, "fewer than 1 in a million"),
    ],
)
def test_a_probability_is_one_of_so_many(probability: float, phrase: str) -> None:
    assert natural_frequency(probability) == phrase


@pytest.mark.parametrize(
    ("probability", "phrase"),
    [
        (0.01, "1 of 100"),
        (1 / 2016, "1 of 2,000"),
        (1 / 40_999, "1 of 40,000"),
        (0.4, "1 of 2"),
        (0.9, "1 of 1"),
        (0, "fewer than 1 in a million"),
    ],
)
def test_what_is_rounded_is_never_rarer(probability: float, phrase: str) -> None:
    assert rounded_frequency(probability) == phrase


def test_a_p_value_too_small_to_be_told_is_not_nothing() -> None:
    assert [p_value_phrase(p) for p in (0.0123, 1, 1.24e-5, 3e-168, 0)] == [
        "p = 0.012",
        "p = 1",
        "p = 0.000012",
        "p less than one in a million",
        "p less than one in a million",
    ]


@given(st.floats(0, 1) | st.floats(-300, 0).map(lambda exponent: 10**exponent))
def test_no_probability_is_written_with_an_exponent(probability: float) -> None:
    phrases = p_value_phrase, natural_frequency, rounded_frequency, plain_number
    for phrase in phrases:
        assert not re.search(r"\de[-+]?\d|inf|nan", phrase(probability))
    said = re.fullmatch("1 of ([0-9,]+)", rounded_frequency(probability))
    if said:
        assert float(said[1].replace(",", "")) <= 1 / probability * (1 + 1e-8)
    else:
        assert probability < 1e-6


def test_what_dependent_rows_do_to_the_level_is_said() -> None:
    dependence = RowDependence(
        columns=["b", "a"],
        order="time",
        period="day",
        rows=1000,
        design_effect=9,
        false_alarms=0.0834,
    )

    def said(known: RowDependence) -> str:
        calibration = Calibration(dependence=known)
        result = judged(lambda batch: batch).model_copy(update={"calibration": calibration})
        return explanation(with_explanation(result)).certainty

    assert said(dependence).endswith(
        "at most 1 of 1,000 checks, if rows are independent of each other (rows are taken as "
        "independent, but in the reference they hang together within a day (b and 1 more): expect "
        "a false alarm in about 1 of 11 checks, 83 times as many, unless windows tell what is "
        "normal: `sampling: windows`)"
    )
    by_rows = dependence.model_copy(update={"order": "rows", "period": None, "columns": ["b"]})
    assert "hang together with their neighbours (b): expect" in said(by_rows)
    assert said(by_rows).endswith("name the time of each row as `columns.timestamp`)")
    # What changes next to nothing is not told.
    assert said(dependence.model_copy(update={"false_alarms": 0.00105})).endswith("of each other")


def test_certainty_is_that_of_the_whole_tick() -> None:
    drift = judged(lambda batch: batch | {"a": batch["a"] + 0.15})
    ok = judged(lambda batch: batch)

    def certainty(result: Result, p_value: float | None) -> str:
        said = with_explanation(result.model_copy(update={"p_value": p_value}))
        return explanation(said).certainty

    assert certainty(drift, 1 / 2345).startswith(
        "without drift a change as clear as this comes in 1 of 2,300 batches, and a false alarm "
    )
    assert "in fewer than 1 in a million batches" in certainty(drift, 0)
    assert certainty(ok, 0.03).startswith(
        "without drift 1 of 33 batches looks as unusual as this, and there is a false alarm in "
    )
    assert certainty(ok, 0.7).startswith("nothing here is unusual, and without drift there is ")
    assert certainty(ok, None).startswith("without drift there is a false alarm in at most 1 of ")


def test_where_quartiles_stay_the_place_of_the_change_is_given() -> None:
    reference = np.sort(np.array([1.0] * 10 + [10.0] * 90))
    current = np.sort(np.array([1.0] * 20 + [10.0] * 80))

    assert numeric_change(current, reference, "distance") == "rows up to 1: 10 % -> 20 %"
