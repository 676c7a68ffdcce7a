#!/bin/sh
# Runs the tests of the Python SDK on every Python to be had (see pythons.sh),
# each in an environment of its own below .cache, and says which ran.
set -eu
cd "$(dirname "$0")/.."
ran= failed=
for python in $(tools/pythons.sh); do
  version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
  env=$(tools/venv.sh "$python" test pytest -- msgspec msgpack numpy)
  echo "== the Python SDK on Python $version ($python)"
  if PYTHONS="$env" shells/python/tests/run_all.sh "$@"; then ran="$ran $version"; else failed="$failed $version"; fi
done
echo "the Python SDK: passed on:${ran:- nothing}${failed:+; FAILED on:$failed}"
[ -n "$ran" ] && [ -z "$failed" ]
