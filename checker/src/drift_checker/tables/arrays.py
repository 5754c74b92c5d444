"""Values of a column as numpy has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from drift_checker.decision import Bools, Floats, Ints


def to_floats(values: pa.Array[Any]) -> Floats:
    """Return numbers as floats (rows,), nulls as NaN; durations in the unit of their type."""
    if pa.types.is_duration(values.type):
        values = values.cast(pa.int64())
    present: Floats = as_numpy(values.drop_null().cast(pa.float64(), safe=False))
    if not values.null_count:
        return present
    numbers = np.full(len(values), np.nan)
    numbers[valid_mask(values)] = present
    return numbers


def from_floats(numbers: Floats) -> pa.Array[Any]:
    """Return floats (rows,) as a column, NaN as null."""
    # pa.array() would import pandas, which costs more than the rest of a comparison.
    bits = np.packbits(~np.isnan(numbers), bitorder="little")
    data = np.ascontiguousarray(numbers, np.float64)
    buffers: list[pa.Buffer | None] = [pa.py_buffer(bits.tobytes()), pa.py_buffer(data.tobytes())]
    return pa.Array.from_buffers(pa.float64(), len(numbers), buffers)


def from_bools(mask: Bools) -> pa.Array[Any]:
    """Return a mask (rows,) as a column."""
    # For the same reason.
    bits = pa.py_buffer(np.packbits(mask, bitorder="little").tobytes())
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, bits])


def from_texts(texts: Iterable[str | None]) -> pa.Array[Any]:
    """Return texts as a column."""
    # For the same reason.
    builder = pa.lib.StringBuilder()
    builder.append_values(list(texts))
    column: pa.Array[Any] = builder.finish()
    return column


def joined(parts: Sequence[pa.Array[Any]]) -> pa.Array[Any]:
    """Return the values of parts of one type, one after the other."""
    return parts[0] if len(parts) == 1 else pa.chunked_array(parts).combine_chunks()


def in_one(column: pa.ChunkedArray[Any]) -> pa.Array[Any]:
    """Return the values of a column as one array; one without rows may be of any type."""
    # pyarrow makes no array of a union from no chunk.
    return joined(column.chunks) if column.num_chunks else pa.nulls(0, column.type)


def encode_categories(*columns: pa.Array[Any]) -> tuple[list[str], list[Ints]]:
    """Return the categories of all columns, and the codes of each column's rows (rows,).

    A row's code is the index of its category, or -1 where it has none.
    """
    texts = pa.concat_arrays([column.cast(pa.string()) for column in columns]).dictionary_encode()
    codes = np.full(len(texts), -1, dtype=np.int64)
    codes[valid_mask(texts)] = as_numpy(texts.indices.drop_null())
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return list(map(str, texts.dictionary.to_pylist())), np.split(codes, ends)


def valid_mask(values: pa.Array[Any]) -> Bools:
    """Return which rows have a value (rows,)."""
    return np.asarray(as_numpy(values.is_valid().cast(pa.uint8())) > 0)


def as_numpy(values: pa.Array[Any]) -> NDArray[Any]:
    """Return values without nulls as they lie in memory."""
    # Array.to_numpy() would import pandas, which costs more than the rest of a comparison.
    return np.from_dlpack(values)
