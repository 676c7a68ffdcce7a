#!/bin/sh
# tools/fuzz.sh TIME: runs every fuzz test for that long. What it finds stays in
# the package's testdata/fuzz, where the ordinary tests run it from then on.
set -eu
cd "$(dirname "$0")/.."
time=${1:-1m} failed=
for package in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do
  for name in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$package"/*_test.go); do
    echo "== $package $name"
    ${GO:-go} test -run '^$' -fuzz "^$name\$" -fuzztime "$time" "$package" || failed="$failed $package:$name"
  done
done
[ -z "$failed" ] || { echo "found something:$failed" >&2; exit 1; }
