"""Tables of any size as profiles: what a verdict needs of a column, in bounded memory.

- `sources`: Parquet, CSV and tables in memory, a chunk of rows and a column at a time
- `files`: the files below a prefix, where they lie, which can be split into parts
- `readers`, `spark`: who reads a source: this process, or Spark's workers a part each
- `numbers`, `categories`, `untested`: the profile of one column, and how two are added up
- `rows`: the rows that a joint verdict looks at
- `layout`: how the columns of a reference are read and where they are cut, fitted once
- `profile`: the profile of a table, by a layout
- `pairs`: two profiles, as a comparison asks for them
- `stored`: the profile of a reference as a file
"""
