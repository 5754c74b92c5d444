"""Tables: bytes, files and data frames as Arrow columns of known kinds, whole or in chunks.

`chunks`, of tables that are read a chunk of rows at a time, is imported by its path where a table
is large.
"""

from drift_checker.tables.arrays import (
    as_numpy,
    encode_categories,
    from_bools,
    joined,
    to_floats,
    valid_mask,
)
from drift_checker.tables.batch import (
    PARTITION_KEY,
    TOO_LARGE,
    UNREADABLE,
    Batch,
    Chunk,
    UnreadableError,
    chunk_of,
    partition_keys,
)
from drift_checker.tables.columns import (
    FORMATS,
    READING_RULES,
    ColumnReading,
    DeclaredKind,
    Features,
    MismatchError,
    ReadColumns,
    ReadingSettings,
    features_as_arrays,
    features_of_arrays,
    is_format,
    read_form,
)
from drift_checker.tables.formats import open_regular
from drift_checker.tables.inference import (
    GUESS_ROWS,
    infer_readings,
    possible_readings,
    readings_by_values,
)
from drift_checker.tables.limits import (
    NO_LIMITS,
    TableLimits,
    TooLargeError,
    release_memory,
    within_memory,
)
from drift_checker.tables.reading import (
    as_reference,
    count_values,
    duplicate_column_faults,
    empty_table,
    from_frame,
    raise_for_faults,
    read_batch,
    read_reference,
    reference_errors,
)
from drift_checker.tables.types import ColumnKind, holds_text, is_text, kind_of, plain

__all__ = [
    "FORMATS",
    "GUESS_ROWS",
    "NO_LIMITS",
    "PARTITION_KEY",
    "READING_RULES",
    "TOO_LARGE",
    "UNREADABLE",
    "Batch",
    "Chunk",
    "ColumnKind",
    "ColumnReading",
    "DeclaredKind",
    "Features",
    "MismatchError",
    "ReadColumns",
    "ReadingSettings",
    "TableLimits",
    "TooLargeError",
    "UnreadableError",
    "as_numpy",
    "as_reference",
    "chunk_of",
    "count_values",
    "duplicate_column_faults",
    "empty_table",
    "encode_categories",
    "features_as_arrays",
    "features_of_arrays",
    "from_bools",
    "from_frame",
    "holds_text",
    "infer_readings",
    "is_format",
    "is_text",
    "joined",
    "kind_of",
    "open_regular",
    "partition_keys",
    "plain",
    "possible_readings",
    "raise_for_faults",
    "read_batch",
    "read_form",
    "read_reference",
    "readings_by_values",
    "reference_errors",
    "release_memory",
    "to_floats",
    "valid_mask",
    "within_memory",
]
