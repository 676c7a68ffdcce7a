#!/bin/sh
# The linters beyond vet and staticcheck. Each is fetched at the first use into
# .cache. Where one cannot be had, it says so and goes on.
set -eu
cd "$(dirname "$0")/.."
failed=
check() { # NAME COMMAND…
  name=$1
  shift
  echo "== $name"
  "$@" || failed="$failed $name"
}

in_folder() { # FOLDER COMMAND…
  (cd "$1" && shift && "$@")
}

golangci=$PWD/.cache/bin/golangci-lint
if [ ! -x "$golangci" ]; then
  GOBIN=$PWD/.cache/bin ${GO:-go} install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 || echo "golangci-lint is not to be had"
fi
if [ -x "$golangci" ]; then check golangci-lint "$golangci" run --config tools/lint/golangci.yaml ./...; fi

if python=$(tools/venv.sh "${PYTHON:-python3}" lint ruff mypy); then
  # In the SDK's folder, which its settings speak of.
  check ruff in_folder shells/python "$python" -m ruff check --no-cache .
  check mypy in_folder shells/python "$python" -m mypy --cache-dir ../../.cache/mypy src
  # Examples are read before they are run: no rule is to make them cleverer than they are.
  check "ruff, examples" "$python" -m ruff check --no-cache --isolated --line-length 130 --select E,F,W,B examples-python cmd/polybolt/templates
else
  echo "ruff and mypy are not to be had"
fi

# Syntax here; types are checked by the SDK's own tests, with TypeScript.
for file in $(git ls-files '*.js' '*.mjs'); do
  node --check "$file" || failed="$failed $file"
done
if command -v shellcheck >/dev/null; then check shellcheck shellcheck tools/*.sh .ci/run; else echo "shellcheck is not to be had"; fi

[ -z "$failed" ] || { echo "lint:$failed" >&2; exit 1; }
