"""The decision: tests with exact nulls at the actual sizes, effect sizes and their intervals.

Pure functions of arrays and counts; nothing here reads, writes or knows of tables.

Tests of one column, or of one table:

- `kolmogorov`: the bulk of a numeric column
- `rank_sum`: its location and its dispersion
- `exceedance`: its tails, and rows out of the reference's range
- `homogeneity`: categories
- `counts`: shares of faulty rows
- `association`: rank correlations of pairs of columns
- `pooled`: numeric columns of several ticks, by the counts of their bins
- `row_counts`: how many rows a batch has, after those before it
- `dependence`: whether rows hang together, and what that does to false alarms
- `window_ranks`: a window of rows that depend on each other, among the windows of the reference

What combines them:

- `column_tests`: the statistics of one column, by Bonferroni's inequality as Tarone sharpened it
- `floors`: which changes are worth an alarm
- `harmonic`: the p-values of many columns, by their harmonic mean

What they are computed with:

- `arrays`: the types of all arrays
- `ordered`: two samples in the order of their values
- `binomial`, `hypergeometric`: intervals of a rate, tails of counts
- `saddlepoint`: the tail of a sum given another
- `special`: factorials and tails of the normal, Kolmogorov's, Landau's and Student's distributions
- `limits`: how much a test needs at least

Their functions have the same names where they do the same, and are used as `kolmogorov.p_value`.
`binomial`, `dependence`, `row_counts` and `window_ranks`, which most comparisons do without, are
imported by their paths.
"""

from drift_checker.decision import (
    association,
    column_tests,
    counts,
    harmonic,
    kolmogorov,
    ordered,
    pooled,
    rank_sum,
)
from drift_checker.decision.arrays import Bools, Floats, Indices, Ints
from drift_checker.decision.column_tests import CombinedEvidence, Decision
from drift_checker.decision.exceedance import (
    TAIL_SHARE,
    Exceedance,
    count_exceedances,
    tail_rank,
)
from drift_checker.decision.floors import NO_FLOOR, Floor
from drift_checker.decision.limits import LEAST_WINDOWS

__all__ = [
    "LEAST_WINDOWS",
    "NO_FLOOR",
    "TAIL_SHARE",
    "Bools",
    "CombinedEvidence",
    "Decision",
    "Exceedance",
    "Floats",
    "Floor",
    "Indices",
    "Ints",
    "association",
    "column_tests",
    "count_exceedances",
    "counts",
    "harmonic",
    "kolmogorov",
    "ordered",
    "pooled",
    "rank_sum",
    "tail_rank",
]
