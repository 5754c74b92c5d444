"""Statistical faults: counts of faulty rows tested against the reference's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np

from drift_checker.comparison.options import Floors
from drift_checker.decision import Exceedance, Floats, Ints, counts
from drift_checker.profiles import TickCounts
from drift_checker.result import Fault, Severity
from drift_checker.wording import p_value_phrase, percent, shortened

Share: TypeAlias = tuple[int, int]
"""How many rows are something, of how many."""


_RANGE_WEIGHT = 0.5
"""Rows out of range are told by the tails too, and are plain to see; what is new is not."""


@dataclass(frozen=True)
class CountTest:
    """One test of one kind of fault in one column.

    `before` and `after` are shares of rows, `floor` is the smallest change of them that counts, in
    words in `floor_words`; `is_relevant` says whether this one does. `attained` gives a bound on
    the chance that its p-value is at most a level, given what both tables have together: of counts
    that cannot be that unlikely it is 0.

    Of a level for all tests it has a part in proportion to its `weight`. `counted` are the batch's
    rows, which later ticks pool; `of_ticks` is the same test of the rows of several ticks, None
    where they do not have what it needs.
    """

    fault: str
    column: str
    p_value: float
    before: float
    after: float
    detail: str
    floor: float
    floor_words: str
    is_relevant: bool
    attained: Callable[[float], float]
    weight: float = 1.0
    counted: Share | None = None
    of_ticks: Callable[[TickCounts], CountTest | None] | None = None

    @property
    def weighted(self) -> float:
        """The p-value by its weight, as tests are compared."""
        return self.p_value / self.weight

    @property
    def effect(self) -> float:
        """The change of the share of rows."""
        return abs(self.after - self.before)


def changed_share(
    fault: str, column: str, counted: str, current: Share, reference: Share, *, floors: Floors
) -> CountTest:
    """Test the share of rows that are `counted`."""
    before, after = reference[0] / reference[1], current[0] / current[1]
    least = counts.least_share_p_value(current[1], current[0] + reference[0], reference[1])
    return _share_test(
        CountTest(
            fault,
            column,
            counts.share_p_value(*current, *reference),
            before,
            after,
            f"{counted}: {percent(before)} -> {percent(after)} of the rows",
            floors.share,
            "",
            is_relevant=False,
            attained=lambda level: level if level >= least else 0.0,
            counted=current,
        ),
        floors,
        lambda share: changed_share(fault, column, counted, share, reference, floors=floors),
    )


def out_of_range(column: str, outside: Exceedance, far: int, floors: Floors) -> CountTest:
    """Test the rows outside the reference's range; some are expected by chance.

    `far` of them are beyond it by more than its own width, where few matter.
    """
    share = outside.count / outside.rows
    further = f", {far} of them by more than its width" if far else ""
    test = _share_test(
        CountTest(
            "out_of_range",
            column,
            outside.p_value,
            outside.expected_share,
            share,
            f"{percent(share)} of the rows lie outside the reference's range "
            f"{outside.low:g} to {outside.high:g}{further} "
            f"({percent(outside.expected_share)} expected)",
            floors.share,
            "",
            is_relevant=False,
            attained=outside.attained,
            weight=_RANGE_WEIGHT,
            counted=(outside.count, outside.rows),
        ),
        floors,
        lambda rows: out_of_range(column, replace(outside, count=rows[0], rows=rows[1]), 0, floors),
    )
    return replace(test, is_relevant=test.is_relevant or far >= max(1, floors.unseen_rows))


def _share_test(test: CountTest, floors: Floors, again: Callable[[Share], CountTest]) -> CountTest:
    """Return the test of a share with its floor, and with what makes it of the rows of ticks."""

    def of_ticks(ticks: TickCounts) -> CountTest | None:
        rows = ticks.shares.get(test.fault, {}).get(test.column)
        return again((rows[0], rows[1])) if rows and rows[1] else None

    return replace(
        test,
        floor_words=f"{100 * floors.share:g} points or {floors.ratio:g} times",
        is_relevant=floors.of(floors.share).is_reached(test.before, test.after),
        of_ticks=of_ticks,
    )


def unseen_categories(
    column: str, names: list[str], current: Ints, reference: Ints, floors: Floors
) -> CountTest:
    """Test the rows whose category the reference does not have, above those expected.

    Their share has no floor, their number has: what was never there before is new, however rare.

    Expected by chance is the reference's share of categories seen once (Good 1953).
    """
    new = np.flatnonzero((reference == 0) & (current > 0))
    rows = int(current[new].sum())
    largest = names[new[np.argmax(current[new])]] if len(new) else ""
    expected = float((reference == 1).sum() / reference.sum())
    share = rows / int(current.sum())
    possible = counts.unseen_chance(current, reference)
    return CountTest(
        "unseen_categories",
        column,
        counts.unseen_p_value(current, reference),
        expected,
        share,
        f"{percent(share)} of the rows have categories that the reference does not have "
        f"({len(new)}, the largest {shortened(largest)!r}; "
        f"{percent(expected)} of the rows expected)",
        floors.unseen_rows,
        f"{floors.unseen_rows} rows",
        is_relevant=rows >= floors.unseen_rows and share > expected,
        attained=lambda level: min(level, possible),
        of_ticks=partial(
            _unseen_in_ticks, column, dict(zip(names, reference, strict=True)), floors
        ),
    )


def _unseen_in_ticks(
    column: str, reference: dict[str, int], floors: Floors, ticks: TickCounts
) -> CountTest | None:
    rows = ticks.categories.get(column)
    if not rows:
        return None
    names = sorted(rows.keys() | {name for name, count in reference.items() if count})
    current, before = (
        np.array([each.get(name, 0) for name in names]) for each in (rows, reference)
    )
    return unseen_categories(column, names, current, before, floors)


def constant(
    column: str,
    value: str | None,
    current: int,
    reference: Share,
    pooled: Ints,
    *,
    floors: Floors,
) -> CountTest:
    """Test that all `current` rows are one value; None of several.

    `reference` are the rows of the reference that have it, `pooled` (values,) the rows of both
    tables by value.
    """
    # It is constant, or it is not: there is one p-value below 1, its own chance.
    chance = counts.constant_p_value(pooled, current)
    share = reference[0] / reference[1]
    return CountTest(
        "constant",
        column,
        1.0 if value is None else chance,
        share,
        share if value is None else 1.0,
        f"every row is {value}, in the reference {percent(share)} are",
        floors.share,
        f"{100 * floors.share:g} points",
        is_relevant=value is not None and 1 - share >= floors.share,
        attained=lambda level: chance if level >= chance else 0.0,
    )


def constant_numeric(
    column: str, current: Floats, reference: Floats, pooled: Ints, floors: Floors
) -> CountTest:
    """Test that a numeric column which varied has one value only; both samples are sorted."""
    value = current[0]
    same = np.diff(np.searchsorted(reference, [value, np.nextafter(value, np.inf)]))
    only = f"{value:g}" if value == current[-1] else None
    rows = int(same[0]), len(reference)
    return constant(column, only, len(current), rows, pooled, floors=floors)


def constant_categorical(
    column: str, names: list[str], current: Ints, reference: Ints, floors: Floors
) -> CountTest:
    """Test that a categorical column which varied has one category only."""
    most = int(np.argmax(current))
    only = repr(names[most]) if np.count_nonzero(current) == 1 else None
    rows = int(reference[most]), int(reference.sum())
    return constant(column, only, int(current.sum()), rows, current + reference, floors=floors)


def tick_shares(tests: Sequence[CountTest]) -> dict[str, dict[str, list[int]]]:
    """Return by fault and column the rows that are counted, and of how many."""
    shares: dict[str, dict[str, list[int]]] = {}
    for test in tests:
        if test.counted:
            shares.setdefault(test.fault, {})[test.column] = list(test.counted)
    return shares


def attained(weighted: float, tests: Sequence[CountTest]) -> float:
    """Return the chance that the p-value by weight of some of these tests is as small.

    Bonferroni's inequality, with what each can attain in place of what it is given (Tarone 1990):
    a column without nulls in either table has no chance of too many, and takes from no other.
    """
    return min(1.0, sum(test.attained(test.weight * weighted) for test in tests))


def corrected(test: CountTest, tests: Sequence[CountTest]) -> float:
    """Return the p-value of a test, corrected for all that it is one of."""
    return max(test.p_value, attained(test.weighted, tests))


def is_within(test: CountTest, tests: Sequence[CountTest], level: float) -> bool:
    """Say whether the corrected p-value is at most a level.

    No test attains more than it is given: what they can is looked at only where that matters.
    """
    if test.p_value > level:
        return False
    most = test.weighted * sum(each.weight for each in tests)
    return most <= level or corrected(test, tests) <= level


def combined_p_value(tests: Sequence[CountTest]) -> float | None:
    """Return the combined p-value of the relevant tests, None where nothing was tested."""
    if not tests:
        return None
    relevant = [test for test in tests if test.is_relevant]
    return corrected(min(relevant, key=lambda test: test.weighted), tests) if relevant else 1.0


def judge_counts(tests: Sequence[CountTest], level: float) -> list[Fault]:
    """Test all counts at a level for all of them; an effect below its floor is none."""
    return [
        Fault(
            fault=test.fault,
            severity=Severity.STATISTICAL,
            column=test.column,
            detail=f"{test.detail} ({p_value_phrase(test.p_value)})",
        )
        for test in tests
        if test.is_relevant and is_within(test, tests, level)
    ]


def changed_below_floor(tests: Sequence[CountTest], level: float) -> dict[str, str]:
    """Return by column what is said of counts that changed, but by less than their floor."""
    return {
        test.column: f"{test.detail} ({p_value_phrase(test.p_value)}), "
        f"less than the floor of {test.floor_words}"
        for test in tests
        if not test.is_relevant and is_within(test, tests, level)
    }
