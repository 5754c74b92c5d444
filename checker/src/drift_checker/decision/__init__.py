"""The decision: tests with exact nulls at the actual sizes, effect sizes and their intervals.

Pure functions of arrays and counts; nothing here reads, writes or knows of tables.

- `kolmogorov`: the bulk of a numeric column
- `exceedance`: its tails, and rows out of the reference's range
- `homogeneity`: categories
- `counts`: shares of faulty rows
- `column`: the statistics of one column combined into one p-value
- `harmonic`: the p-values of many columns combined into verdicts
"""
