#!/bin/sh
# pip-audit on a pinned release that the index does not have, as one of a private index, or all of
# them where a mirror serves no advisories. One would guess that an audit that looked nothing up
# fails, or at least that "no known vulnerabilities" is not said of it. It exits with 0, and says so,
# with a table of what was skipped below; only --strict makes an error of it.
#
# Exits with 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pip-audit==2.10.1
echo 'six==1.17.0.dev1' >"$folder/requirements.txt"
audit() {
    seen=0
    "$folder/venv/bin/pip-audit" --no-deps --disable-pip --progress-spinner off "$@" \
        --requirement "$folder/requirements.txt" >"$folder/said" 2>&1 || seen=$?
    echo "seen${1:+ with $1}: exit code $seen"
    sed 's/^/    /' "$folder/said"
}
echo "pip-audit 2.10.1"
echo "guessed: not 0, with --strict and without"
audit
loose=$seen
audit --strict
[ "$loose" -eq 0 ] && [ "$seen" -ne 0 ] && grep -q "could not be audited" "$folder/said"
