#!/bin/sh
# DuckDB's sniff_csv on a comma file whose first quoted field comes behind the sample of 20,480 rows:
# it decides that there is no quote at all, and read_csv fails at the first field that has one, with
# the defaults and with what sniff_csv prompts for.
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install --quiet --disable-pip-version-check duckdb==2.0.1
cd "$home"
cat >run.py <<'PYTHON'
import pathlib
import sys

import duckdb


def seen(rows):
    text = "id,text\n" + "".join(f"{row},x\n" for row in range(rows)) + f'{rows},"a, b"\n'
    pathlib.Path("t.csv").write_text(text)
    quote = duckdb.execute("select Quote from sniff_csv('t.csv')").fetchall()[0][0]
    try:
        found = duckdb.execute("select count(*) from read_csv('t.csv')").fetchall()[0][0]
    except duckdb.InvalidInputException as error:
        found = str(error).split("\n")[0]
    return quote, found


print("version: duckdb", duckdb.__version__)
print("a guess: where no quote was seen, a double quote still quotes, as in RFC 4180")
early, late = seen(5000), seen(30000)
print("seen with a quote in row 5,001:", early)
print("seen with a quote in row 30,001:", late)
sys.exit((early, late) != (('"', 5001), ("(empty)", "Invalid Input Error: CSV Error on Line: 30002")))
PYTHON
"$home/venv/bin/python" run.py
