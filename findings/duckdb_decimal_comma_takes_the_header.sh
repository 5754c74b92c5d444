#!/bin/sh
# DuckDB's sniff_csv on a file of `;` and decimal commas in which every column has one: the comma is
# taken for the delimiter, and the line of names is skipped. Saying decimal_separator=',' changes
# nothing. Seen on files in German or French number format.
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

pathlib.Path("t.csv").write_text("a;b;c\n1,5;2,5;3,5\n4,5;5,5;6,5\n7,5;8,5;9,5\n")
ask = "select Delimiter, SkipRows, HasHeader from sniff_csv('t.csv'{})"
seen = [duckdb.execute(ask.format(more)).fetchall()[0] for more in ("", ", decimal_separator=','")]
print("version: duckdb", duckdb.__version__)
print("a guess: delimiter ;, no line skipped, a header; at the latest with decimal_separator=','")
print("seen, without and with decimal_separator=',':", *seen)
sys.exit(seen != [(",", 1, False)] * 2)
PYTHON
"$home/venv/bin/python" run.py
