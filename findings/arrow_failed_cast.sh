#!/bin/sh
# Arrow casts text to numbers or times as a whole or not at all: a single value that is none is an
# error. One would guess that it stops at the first such value, so that to try a cast is cheap. It
# goes on, and builds an error for each of them: to learn that a column is no number takes ten
# times as long or more as to read one of the same length that is. A reader that infers types by
# trying casts should try them on the first rows.
#
# Exits with 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import pyarrow as pa


def seconds(texts, type_):
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        try:
            texts.cast(type_)
        except pa.ArrowInvalid:
            pass
        best = min(best, time.process_time() - start)
    return best


ROWS = 300_000
print("pyarrow", pa.__version__)
print("guessed: a cast that fails at its first value costs next to nothing")
as_guessed = False
for type_, good in ((pa.float64(), "12.5"), (pa.timestamp("us"), "2025-12-31")):
    fine = seconds(pa.array([good] * ROWS), type_)
    failing = seconds(pa.array(["word"] * ROWS), type_)
    print(f"seen: to {type_}: {failing / fine:.0f} times the CPU of a cast of {ROWS} values that are")
    as_guessed |= failing < 5 * fine
sys.exit(as_guessed)
PYTHON
