#!/bin/sh
# Arrow's CSV reader on a file that ends within quotes, as one that was cut off or has a stray quote:
# the rest of the file becomes one value, without an error, with newlines_in_values and without.
# Python's csv with strict=True refuses it.
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

DATA = b'id,text\n1,a\n2,"b\n3,c\n4,d,e,f\n'
found = [
    csv.read_csv(
        io.BytesIO(DATA), parse_options=csv.ParseOptions(newlines_in_values=newlines)
    ).to_pydict()
    for newlines in (True, False)
]
print("version: pyarrow", pa.__version__)
print("a guess: an error, at the latest without newlines_in_values")
print("seen:", *found, sep="\n  ")
sys.exit(found != [{"id": [1, 2], "text": ["a", "b\n3,c\n4,d,e,f\n"]}] * 2)
PYTHON
"$home/venv/bin/python" run.py
