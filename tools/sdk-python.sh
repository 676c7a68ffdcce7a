#!/bin/sh
# Runs the tests of the Python SDK on every Python to be had (see pythons.sh),
# each in an environment of its own below .cache, two at a time, and says which ran.
set -eu
cd "$(dirname "$0")/.."
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
export TMPDIR="$logs" # pytest keeps the folders of its last three runs, pip a certificate

# try PYTHON ARGUMENTS… writes what the tests say, and then how it ended.
try() {
  python=$1
  shift
  version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
  {
    echo "== the Python SDK on Python $version ($python)"
    if env=$(tools/venv.sh "$python" test pytest -- msgspec msgpack numpy) && PYTHONS="$env" shells/python/tests/run_all.sh "$@"; then
      echo "$version" >>"$logs/passed"
    else
      echo "$version" >>"$logs/failed"
    fi
  } >"$logs/$version.log" 2>&1
  cat "$logs/$version.log"
}

touch "$logs/passed" "$logs/failed"
for python in $(tools/pythons.sh); do
  try "$python" "$@" &
  if [ -z "${beside-}" ]; then
    beside=$!
  else
    wait "$beside" "$!"
    beside=
  fi
done
wait
ran=$(tr '\n' ' ' <"$logs/passed") failed=$(tr '\n' ' ' <"$logs/failed")
echo "the Python SDK: passed on: ${ran:-nothing }${failed:+; FAILED on: $failed}"
[ -n "$ran" ] && [ -z "$failed" ]
