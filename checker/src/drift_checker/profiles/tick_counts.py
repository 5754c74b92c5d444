"""Tick counts: what a tick leaves of its columns, small enough to be added up over ticks.

Of a numeric column it is how many rows lie in each of the bins that quantiles of the reference cut,
of a categorical one how many rows have each category, and of both how many are null, infinite or
out of the reference's range. Nothing of them depends on when they were made, so that those of
several ticks against one version of the reference add up to those of all their rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from drift_checker.result import Count, PlainDocument

MAX_TICK_CATEGORIES = 1000
"""Categories of a batch; a column that has more is left out. Leaving out the rarest instead would
make its counts depend on which of them chance made rare."""


@dataclass(frozen=True, kw_only=True)
class TickCounts(PlainDocument):
    """Counts of one batch, or of several: `profile.json`.

    `reference` is the SHA-256, with the number of rows where only some of them cut the bins.
    """

    schema_version: Literal[1] = 1
    reference: str
    rows: Count
    numbers: dict[str, list[Count]]
    """By numeric column, the rows in each bin; see `bin_counts`."""
    categories: dict[str, dict[str, Count]]
    """By categorical column, the rows of each category."""
    shares: dict[str, dict[str, list[Count]]] = field(default_factory=dict)
    """By fault and column, the rows that have it, and of how many. Older counts have none."""


def merge_counts(ticks: Sequence[TickCounts]) -> TickCounts:
    """Return the counts of the rows of all ticks; columns that one of them lacks are left out."""
    numbers = set.intersection(*(set(counts.numbers) for counts in ticks))
    categories = set.intersection(*(set(counts.categories) for counts in ticks))
    return TickCounts(
        reference=ticks[0].reference,
        rows=sum(counts.rows for counts in ticks),
        numbers={
            name: np.sum([counts.numbers[name] for counts in ticks], axis=0).tolist()
            for name in numbers
        },
        categories={
            name: dict(sum((Counter(counts.categories[name]) for counts in ticks), Counter()))
            for name in categories
        },
        shares=_merge_shares([counts.shares for counts in ticks]),
    )


def _merge_shares(
    ticks: Sequence[dict[str, dict[str, list[Count]]]],
) -> dict[str, dict[str, list[Count]]]:
    faults = set.intersection(*(set(shares) for shares in ticks))
    return {
        fault: {
            name: np.sum([shares[fault][name] for shares in ticks], axis=0).tolist()
            for name in set.intersection(*(set(shares[fault]) for shares in ticks))
        }
        for fault in faults
    }
