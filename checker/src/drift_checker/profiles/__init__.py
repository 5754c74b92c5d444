"""Profiles: tables of any size as bounded counts, of a column, of a table and of a tick.

What every comparison needs is exported. The profiles of large tables are imported by their modules
where a table is large: `layout`, `profile`, `readers` and `stored`, with the kinds of columns in
`numeric`, `categorical` and `untested`.
"""

from drift_checker.profiles.bins import Bins, bin_counts, bin_edges, far_edges
from drift_checker.profiles.sample import (
    MIN_JOINT_ROWS,
    SAMPLE_ROWS,
    choose_rows,
    varies_enough,
)
from drift_checker.profiles.tick_counts import MAX_TICK_CATEGORIES, TickCounts, merge_counts

__all__ = [
    "MAX_TICK_CATEGORIES",
    "MIN_JOINT_ROWS",
    "SAMPLE_ROWS",
    "Bins",
    "TickCounts",
    "bin_counts",
    "bin_edges",
    "choose_rows",
    "far_edges",
    "merge_counts",
    "varies_enough",
]
