#!/bin/sh
# Python's datetime is a subclass of date, and a column of objects may hold both: readers of
# spreadsheets return a date where a cell has no time of day. One would guess that Arrow makes
# timestamps of such a column, or raises an error as it does for other types that differ. It takes
# the type of the first value: if that is a date, the hours of all values are dropped without an
# error, from a list and from a data frame of pandas. If a datetime is first, it is an error.
#
# Exits with 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyarrow==26.0.1 numpy==2.4.6 pandas==3.0.6
"$folder/venv/bin/python" - <<'PYTHON'
import datetime
import sys

import pandas
import pyarrow as pa

day = datetime.date(2026, 1, 1)
noon = datetime.datetime(2026, 1, 1, 12)
print("pyarrow", pa.__version__)
print("guessed: timestamps with their hours, or an error")
listed = pa.array([day, noon])
framed = pa.Table.from_pandas(pandas.DataFrame({"at": [day, noon]}))["at"]
print(f"seen: of a list {listed.type}, {listed.to_pylist()}")
print(f"seen: of a frame {framed.type}, {framed.to_pylist()}")
try:
    reverse = str(pa.array([noon, day]).type)
except pa.ArrowException as error:
    reverse = f"an error: {error}"
print(f"seen: with the datetime first {reverse}")
dropped = all(column.to_pylist() == [day, day] for column in (listed, framed))
sys.exit(not (dropped and reverse.startswith("an error")))
PYTHON
