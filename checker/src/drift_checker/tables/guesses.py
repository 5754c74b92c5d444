"""What a column looks like that is not worth a test: an id, a counter of rows, a time.

Each of these moves on with every batch, so that a test would call it drift each time. The rules are
careful, since what is not tested is not watched: they look at whole numbers and text alone, never
at numbers with fractions, and at columns of which no value comes twice.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from drift_checker.decision import Ints
from drift_checker.tables.arrays import as_numpy

_NAMED_ID = re.compile(
    r"(^|[^a-z])(id|ids|uuid|guid|key|pk|index|idx|level_\d+|row|rowid|nr|no|seq|serial|unnamed)([^a-z]|$)",
    re.IGNORECASE,
)
_CAMEL_ID = re.compile(r"[a-z](Id|ID|Key|Nr|No|Index)$")
_LONG_DIGITS = 10
"""From so many digits on, whole numbers that are all different measure nothing."""
_MIN_TIES = 5
"""That are to be expected of as many measured values, for none to be no chance (p < 0.01)."""


def guess_integers(name: str, values: pa.Array[Any]) -> str:
    """Say what whole numbers look like, or nothing where they are worth a test.

    A counter has equal steps. An id has no value twice, and either a name of one, or an order, or
    ten digits, or values so dense that as many measured ones would have had ties: of the pairs of
    values that are at most m apart, one in about 2m would be equal.
    """
    numbers: Ints = as_numpy(values.drop_null().cast(pa.int64(), safe=False))
    steps = np.diff(numbers)
    if steps[0] and np.all(steps == steps[0]):
        return f"a counter of rows (each value is {steps[0]:+d} from the one before)"
    ordered = np.sort(numbers)
    gaps = np.diff(ordered)
    if not np.all(gaps):
        return ""
    different = f"none of {len(numbers)} whole numbers comes twice"
    signs = {
        "and its name is one's": bool(_NAMED_ID.search(name) or _CAMEL_ID.search(name)),
        "and they are in order": np.all(steps > 0) or np.all(steps < 0),
        f"and they have {_LONG_DIGITS} digits or more": ordered[0] >= 10 ** (_LONG_DIGITS - 1),
        "however close they are": _ties_expected(ordered) >= _MIN_TIES,
    }
    sign = next((sign for sign, seen in signs.items() if seen), None)
    return f"an id ({different}, {sign})" if sign else ""


def _ties_expected(ordered: Ints) -> float:
    """Return how many pairs of equal values a smooth distribution as dense would have."""
    gaps = np.sort(np.diff(ordered))
    # Not np.median(), which imports more than the rest of a comparison.
    reach = max(1, int(gaps[len(gaps) // 2]) * 4)
    ends = np.searchsorted(ordered, ordered + reach, side="right")
    close = int((ends - np.arange(len(ordered)) - 1).sum())
    return close / (2 * reach)


def guess_text(values: pa.Array[Any]) -> str:
    """Say what text looks like of which no value comes twice, or nothing."""
    present = values.drop_null()
    if pc.count_distinct(present).as_py() < len(present):
        return ""
    return f"an id (none of {len(present)} texts comes twice)"
