"""Two samples in the order of their values: what tests of ranks and of distances look at."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from drift_checker.decision.arrays import Floats, Ints

RowsUpTo: TypeAlias = tuple[Ints, Ints]
"""The (current, pooled) rows up to and including each distinct value, both (values,)."""


def rows_up_to(current: Floats, reference: Floats) -> RowsUpTo:
    """Return the rows of two sorted, non-empty samples (n,) and (m,) without nulls."""
    pooled = np.sort(np.concatenate((current, reference)), kind="stable")
    up_to = np.flatnonzero(np.append(pooled[1:] != pooled[:-1], True)) + 1
    # Looking up in the smaller sample is quick, and says how many of the larger there are.
    fewer = min(current, reference, key=len)
    smaller = np.searchsorted(fewer, pooled[up_to - 1], side="right").astype(np.int64)
    return (smaller if fewer is current else up_to - smaller), up_to


def counts_up_to(current: Ints, reference: Ints) -> RowsUpTo:
    """Return the rows of counts in the same bins, in order: both (bins,), none empty in both."""
    occupied = (current + reference) > 0
    return np.cumsum(current[occupied]), np.cumsum((current + reference)[occupied])
