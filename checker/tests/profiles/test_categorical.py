from collections import Counter
from zlib import crc32

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from drift_checker.profiles.categorical import count_categories


@given(
    st.lists(st.sampled_from(["a", "b", "é", None]), max_size=40),
    st.lists(st.sampled_from(["b", "c", None]), max_size=40),
)
def test_categories_add_up(one: list[str | None], other: list[str | None]) -> None:
    parts = [count_categories(pa.array(part, pa.string())) for part in (one, other, one + other)]
    assert parts[0].merge(parts[1]) == parts[2]
    assert parts[2].counts == Counter(name for name in one + other if name is not None)
    assert parts[2].nulls == (one + other).count(None)


def test_more_categories_are_counted_by_the_hash_of_their_names() -> None:
    names = [f"user-{n}" for n in range(12_000)]
    whole = count_categories(pa.array(names))
    parts = [count_categories(pa.array(part)) for part in (names[:7000], names[7000:])]
    assert [part.hashed for part in (*parts, whole)] == [False, False, True]
    assert parts[0].merge(parts[1]) == whole
    assert whole.counts == Counter(f"#{crc32(name.encode()) % 10_000}" for name in names)
    mine, others = whole.aligned(parts[0])
    assert mine.hashed
    assert others.hashed
    assert sum(others.counts.values()) == 7000
