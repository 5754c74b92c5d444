"""The decision: tests with exact nulls at the actual sizes, effect sizes and their intervals.

Pure functions of arrays and counts; nothing here reads, writes or knows of tables.

- `arrays`: the types of all arrays, which are exported
- `kolmogorov`: the bulk of a numeric column
- `exceedance`: its tails, and rows out of the reference's range
- `homogeneity`: categories
- `counts`: shares of faulty rows
- `column`: the statistics of one column combined into one p-value
- `harmonic`: the p-values of many columns combined into verdicts
"""

from drift_checker.decision.arrays import Bools, Floats, Indices, Ints

__all__ = ["Bools", "Floats", "Indices", "Ints"]
