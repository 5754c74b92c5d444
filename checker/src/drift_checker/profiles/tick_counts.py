"""Batch profiles: what a tick leaves of its columns, small enough to be added up over ticks.

Of a number it is how many rows lie in each of the cells that quantiles of the reference bound, of
a category how many rows have it. Nothing of a profile depends on when it was made, so that those
of several ticks against one version of the reference add up to that of all their rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from drift_checker.result import Count, PlainDocument

MAX_TICK_CATEGORIES = 1000
"""Categories of a batch; a column that has more is left out. Leaving out the rarest instead would
make its profile depend on which of them chance made rare."""


@dataclass(frozen=True, kw_only=True)
class TickCounts(PlainDocument):
    """Counts of one batch, or of several: `profile.json`.

    `reference` is the SHA-256, with the number of rows where only some of them cut the cells.
    """

    schema_version: Literal[1] = 1
    reference: str
    rows: Count
    numbers: dict[str, list[Count]]
    """By column, the rows in each cell; see `cells`."""
    categories: dict[str, dict[str, Count]]
    """By column, the rows of each category."""


def merge_counts(profiles: Sequence[TickCounts]) -> TickCounts:
    """Return the profile of the rows of all; columns that one of them lacks are left out."""
    numbers = set.intersection(*(set(one.numbers) for one in profiles))
    categories = set.intersection(*(set(one.categories) for one in profiles))
    return TickCounts(
        reference=profiles[0].reference,
        rows=sum(one.rows for one in profiles),
        numbers={
            name: np.sum([one.numbers[name] for one in profiles], axis=0).tolist()
            for name in numbers
        },
        categories={
            name: dict(sum((Counter(one.categories[name]) for one in profiles), Counter()))
            for name in categories
        },
    )
