#!/bin/sh
# A table from which no column is selected still has its number of rows, as one needs to count the
# rows of a scan. One would guess that a slice of it has at most as many. It has as many as were
# asked for, as long as they are: 3 rows become 10. A slice of a table with a column has 3.
#
# Exits with 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pyarrow as pa

table = pa.table({"a": [1, 2, 3]})
bare = table.select([])
print("pyarrow", pa.__version__)
print("guessed: 3 rows of a slice of 10, with columns and without")
print(f"seen: with a column {table.slice(0, 10).num_rows}, without {bare.slice(0, 10).num_rows}")
sys.exit(not (bare.num_rows == 3 and table.slice(0, 10).num_rows == 3 and bare.slice(0, 10).num_rows == 10))
PYTHON
