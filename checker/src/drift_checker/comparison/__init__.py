"""A reference and a batch compared: `prepare`, `judge`, `result_of`.

`profiled_pairs`, of tables by their profiles, and `windows`, of references that are cut into them,
are seldom needed and imported by their paths.
"""

from drift_checker.comparison.compare import (
    compare,
    compare_tables,
    compare_with_explanation,
    read_tables,
)
from drift_checker.comparison.in_memory_pairs import InMemoryPair
from drift_checker.comparison.judge import FeedFacts, judge
from drift_checker.comparison.options import (
    ANCHOR_SHARE,
    NO_FLOORS,
    SHARES,
    ColumnRoles,
    CompareSettings,
    FeedSettings,
    Floors,
    parse_span,
)
from drift_checker.comparison.pairs import TablePair
from drift_checker.comparison.prepare import prepare
from drift_checker.comparison.verdict import combine_parts, result_of

__all__ = [
    "ANCHOR_SHARE",
    "NO_FLOORS",
    "SHARES",
    "ColumnRoles",
    "CompareSettings",
    "FeedFacts",
    "FeedSettings",
    "Floors",
    "InMemoryPair",
    "TablePair",
    "combine_parts",
    "compare",
    "compare_tables",
    "compare_with_explanation",
    "judge",
    "parse_span",
    "prepare",
    "read_tables",
    "result_of",
]
