"""What is drawn of a tick: bounded counts and quantiles, as stored in `pictures.json`.

Of two lists of one picture, `reference` is the reference's, `current` the batch's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from drift_checker.result import Count, PlainDocument

QUANTILES = 41
"""Quantiles of either side that stand for its distribution function, the extremes among them."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class NumericPicture(PlainDocument):
    """A numeric column on the bins of its reference.

    `edges` (bins + 1,) are quantiles of the reference, its range the first and the last. Counts
    (bins + 2,) are of rows below the range, in each bin with its upper edge, and above the range.
    Quantiles (`QUANTILES`,) are those at equal steps from 0 to 1.
    """

    name: str
    edges: list[float]
    reference: list[Count]
    current: list[Count]
    reference_quantiles: list[float]
    current_quantiles: list[float]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CategoricalPicture(PlainDocument):
    """The categories whose shares changed most; `others` are so many more, whose rows are last."""

    name: str
    categories: list[str]
    reference: list[Count]
    current: list[Count]
    others: Count = 0


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class PairPicture(PlainDocument):
    """Two columns in some rows that have a value of both; each side is (2, rows)."""

    columns: tuple[str, str]
    reference: tuple[list[float], list[float]]
    current: tuple[list[float], list[float]]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Pictures(PlainDocument):
    """All that is drawn of a tick; `more` columns were tested and are not among it."""

    schema_version: Literal[1] = 1
    numeric: list[NumericPicture] = field(default_factory=list)
    categorical: list[CategoricalPicture] = field(default_factory=list)
    pairs: list[PairPicture] = field(default_factory=list)
    more: Count = 0
