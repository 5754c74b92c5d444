#!/bin/sh
# Arrow's text in views, which is what Polars hands over, is a type of columns like others, and one
# would guess that rows can be chosen from it as from plain text. Nulls cannot be dropped and rows
# cannot be taken: there is no kernel. A reader of foreign frames has to cast it first.
#
# Exits with 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import pyarrow as pa

print("pyarrow", pa.__version__)
print("guessed: rows are chosen from text in views as from plain text")
refused = 0
for type_ in (pa.string(), pa.string_view()):
    values = pa.array(["a", None, "b"], type_)
    for what, choose in (
        ("drop_null", lambda: values.drop_null()),
        ("take", lambda: values.take(pa.array([0, 2]))),
    ):
        try:
            print(f"seen: {type_}: {what}: {choose().to_pylist()}")
        except pa.ArrowNotImplementedError:
            refused += 1
            print(f"seen: {type_}: {what}: not implemented")
sys.exit(refused != 2)
PYTHON
