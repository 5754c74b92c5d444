"""Text that is not what its file says it is."""

from __future__ import annotations

import pyarrow as pa
import pytest

from drift_checker.tables.batch import UnreadableError
from drift_checker.tables.unicode import with_unicode


def test_codes_without_a_value_are_damage() -> None:
    codes = pa.array([0, 1, 73], pa.int8())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]), safe=False)

    with pytest.raises(UnreadableError, match="damaged"):
        with_unicode(pa.table({"a": column}))
