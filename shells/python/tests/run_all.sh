#!/bin/sh
# Run the tests on every interpreter named in PYTHONS (default: python3). Each needs pytest; where msgspec, msgpack and
# numpy are installed, the tests that need them run too.
#   PYTHONS="python3.9 python3.13 /path/to/venv/bin/python" tests/run_all.sh [pytest arguments]
set -e
cd "$(dirname "$0")/.."
for python in ${PYTHONS:-python3}; do
    echo "== $("$python" --version 2>&1) $python"
    PYTHONDONTWRITEBYTECODE=1 "$python" -m pytest "$@"
done
