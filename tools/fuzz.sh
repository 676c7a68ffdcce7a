#!/bin/sh
# tools/fuzz.sh TIME: runs every fuzz test in Go for that long, then every decoder
# of the Python and Node SDKs. What Go finds stays in the package's testdata/fuzz,
# where the ordinary tests run it from then on; the others print their input.
# At least 95 % of the decoders' statements must have run: multilang's by the
# seeds alone, which its tests run too, whoever calls them.
set -eu
cd "$(dirname "$0")/.."
time=${1:-1m} failed=
# -fuzzminimizetime: to make each new input smaller would else take up to a minute, all there is.
for package in $(grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n 1 dirname | sort -u); do
  for name in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$package"/*_test.go); do
    echo "== $package $name"
    ${GO:-go} test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -fuzzminimizetime 1s "$package" || failed="$failed $package:$name"
  done
done

# TIME is what Go reads: 90s, 1m, 1m30s.
seconds=$(echo "$time" | awk '{ t = 0; while (match($0, /^[0-9.]+[hms]/)) { n = substr($0, 1, RLENGTH - 1); u = substr($0, RLENGTH, 1)
  t += n * (u == "h" ? 3600 : u == "m" ? 60 : 1); $0 = substr($0, RLENGTH + 1) } print t }')
"${PYTHON:-python3}" tools/fuzz/decoders.py "$seconds" || failed="$failed python"
"${NODE:-node}" tools/fuzz/decoders.mjs "$seconds" || failed="$failed node"

# The files of multilang that only decode.
profile=$(mktemp)
trap 'rm -f "$profile"' EXIT
${GO:-go} test -run '^Fuzz' -coverprofile="$profile" ./multilang >/dev/null || failed="$failed multilang:seeds"
awk -F '[ :]' '/multilang\/(scan|column|slice|builder|json|frame|fromchild).go:/ { all += $(NF-1); if ($NF > 0) ran += $(NF-1) }
  END { share = 100 * ran / all; printf "go: %d of %d statements of the decoders have run, %.1f %%\n", ran, all, share; exit share < 95 }' "$profile" || failed="$failed coverage"

[ -z "$failed" ] || { echo "found something:$failed" >&2; exit 1; }
