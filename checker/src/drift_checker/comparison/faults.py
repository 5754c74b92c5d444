"""Statistical faults: counts of faulty rows tested against the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from drift_checker.decision import Exceedance, Floats, Ints, counts
from drift_checker.result import Fault, Severity
from drift_checker.wording import p_value_phrase, percent, shortened

Share: TypeAlias = tuple[int, int]
"""How many rows are something, of how many."""


@dataclass(frozen=True)
class CountTest:
    """One test of one kind of fault in one column; `effect` is a share of rows."""

    fault: str
    column: str
    p_value: float
    effect: float
    detail: str


def changed_share(
    fault: str, column: str, counted: str, current: Share, reference: Share
) -> CountTest:
    """Test the share of rows that are `counted`."""
    before, after = reference[0] / reference[1], current[0] / current[1]
    return CountTest(
        fault,
        column,
        counts.share_p_value(*current, *reference),
        abs(after - before),
        f"{counted}: {percent(before)} -> {percent(after)} of the rows",
    )


def out_of_range(column: str, outside: Exceedance) -> CountTest:
    """Test the rows outside the reference's range; some are expected by chance."""
    return CountTest(
        "out_of_range",
        column,
        outside.p_value,
        outside.excess,
        f"{percent(outside.count / outside.rows)} of the rows lie outside the reference's range "
        f"{outside.low:g} to {outside.high:g} ({percent(outside.expected_share)} expected)",
    )


def unseen_categories(column: str, names: list[str], current: Ints, reference: Ints) -> CountTest:
    """Test the rows whose category the reference does not have, above those expected.

    Expected by chance is the reference's share of categories seen once (Good 1953).
    """
    new = np.flatnonzero((reference == 0) & (current > 0))
    rows = int(current[new].sum())
    largest = names[new[np.argmax(current[new])]] if len(new) else ""
    expected = float((reference == 1).sum() / reference.sum())
    share = rows / int(current.sum())
    return CountTest(
        "unseen_categories",
        column,
        counts.unseen_p_value(current, reference),
        share - expected,
        f"{percent(share)} of the rows have categories that the reference does not have "
        f"({len(new)}, the largest {shortened(largest)!r}; "
        f"{percent(expected)} of the rows expected)",
    )


def constant(column: str, value: str, current: int, same: int, others: Ints) -> CountTest:
    """Test that all `current` rows are `value`; the reference has it `same` times, and others."""
    rows = same + int(others.sum())
    return CountTest(
        "constant",
        column,
        counts.constant_p_value(np.append(others, same + current), current),
        1 - same / rows,
        f"every row is {value}, in the reference {percent(same / rows)} are",
    )


def constant_numeric(column: str, current: Floats, reference: Floats) -> CountTest:
    """Test that a numeric column which varied has one value only; both samples are sorted."""
    value = current[0]
    if value != current[-1]:
        return not_constant(column)
    values, rows = np.unique(reference, return_counts=True)
    same = int(rows[values == value].sum())
    return constant(column, f"{value:g}", len(current), same, rows[values != value])


def constant_categorical(
    column: str, names: list[str], current: Ints, reference: Ints
) -> CountTest:
    """Test that a categorical column which varied has one category only."""
    if np.count_nonzero(current) > 1:
        return not_constant(column)
    only = int(np.argmax(current))
    others = np.delete(reference, only)
    return constant(column, repr(names[only]), int(current.sum()), int(reference[only]), others)


def not_constant(column: str) -> CountTest:
    """Return the same test where nothing is to be said; it has its share of the level too."""
    return CountTest("constant", column, 1.0, 0.0, "")


def combined_p_value(tests: Sequence[CountTest], floor: float) -> float | None:
    """Return the p-value of all counts, by Bonferroni; an effect below the floor is none.

    None where there is no test.
    """
    if not tests:
        return None
    relevant = (test.p_value for test in tests if test.effect >= floor)
    return min(1.0, len(tests) * min(relevant, default=1.0))


def judge_counts(tests: Sequence[CountTest], level: float, floor: float) -> list[Fault]:
    """Test all counts, each at an equal share of the level; an effect below the floor is none."""
    threshold = level / max(1, len(tests))
    return [
        Fault(
            fault=test.fault,
            severity=Severity.STATISTICAL,
            column=test.column,
            detail=f"{test.detail} ({p_value_phrase(test.p_value)})",
        )
        for test in tests
        if test.p_value <= threshold and test.effect >= floor
    ]
