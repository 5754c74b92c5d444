#!/bin/sh
# Arrow's CSV reader on a file of one line of names: with a line end it is a table without rows, as
# one would guess; without, it is an error, with column_names given it is one of block sizes.
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cd "$home"
cat >run.py <<'PYTHON'
import io
import sys

import pyarrow as pa
import pyarrow.csv as csv


def seen(data, **options):
    try:
        return csv.read_csv(io.BytesIO(data), **options).num_rows
    except pa.ArrowInvalid as error:
        return str(error)


named = csv.ReadOptions(column_names=["x", "y"], skip_rows_after_names=1)
found = [
    seen(b"x,y\n"),
    seen(b"x,y"),
    seen(b"x,y\n", read_options=named),
    seen(b"x,y", read_options=named),
]
print("version: pyarrow", pa.__version__)
print("a guess: 0 rows four times")
print("seen:", *found, sep="\n  ")
right = found[0] == found[2] == 0 and "Empty CSV" in found[1] and "straddling" in found[3]
sys.exit(not right)
PYTHON
"$home/venv/bin/python" run.py
