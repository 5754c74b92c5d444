#!/bin/sh
# Linux bounds the writable memory of a process by RLIMIT_DATA, and one would guess that what Arrow
# allocates counts there when it is allocated. With mimalloc, its default, address space is reserved
# ahead, hundreds of megabytes for the first array: a limit set after that leaves room that nobody
# has asked for. Who bounds the memory of reading a file sets the system's pool first, of which each
# allocation counts.
#
# Exits with 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pyarrow==26.0.1
cat >"$folder/run.py" <<'PYTHON'
import sys

import pyarrow as pa


def counted():
    with open("/proc/self/status") as status:
        return int(next(line.split()[1] for line in status if line.startswith("VmData:"))) >> 10


MIB = 64
pool = pa.default_memory_pool() if sys.argv[1] == "default" else pa.system_memory_pool()
grown, kept = [], []
for _ in range(3):
    before = counted()
    kept.append(pa.allocate_buffer(MIB << 20, memory_pool=pool))
    grown.append(counted() - before)
print(pool.backend_name, *grown)
PYTHON
default=$("$folder/venv/bin/python" "$folder/run.py" default)
system=$("$folder/venv/bin/python" "$folder/run.py" system)
echo "pyarrow 26.0.1"
echo "guessed: each buffer of 64 MiB adds 64 MiB to what RLIMIT_DATA counts, with any pool"
echo "seen, MiB added by three of them, one after the other: $default; $system"
python3 - "$default" "$system" <<'PYTHON'
import sys

name, *default = sys.argv[1].split()
_, *system = sys.argv[2].split()
ahead = int(default[0]) > 4 * 64 and int(default[1]) == 0
sys.exit(not (name == "mimalloc" and ahead and all(64 <= int(grown) <= 66 for grown in system)))
PYTHON
