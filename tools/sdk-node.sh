#!/bin/sh
# Runs the tests of the Node SDK on this machine's Node and on other versions,
# which npm brings (NODES: the oldest supported one, and the last of each line),
# and says which ran.
set -eu
cd "$(dirname "$0")/../shells/node"
TMPDIR=$(mktemp -d) # npm keeps compiled code there
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
ran= failed=
try() { # VERSION COMMAND…
  version=$1
  shift
  if "$@"; then ran="$ran $version"; else failed="$failed $version"; fi
}
test/types.sh || echo "TypeScript is not to be had here: the tests of types are skipped"
version=$(node --version)
echo "== the Node SDK on Node $version ($(command -v node))"
try "${version#v}" node --test --test-reporter=dot test/*.test.js
for version in ${NODES-18.19.0 22}; do
  echo "== the Node SDK on Node $version, from npm"
  if test/all-nodes.sh "$version"; then ran="$ran $version"
  elif [ -x ".cache/$version/bin/node" ]; then failed="$failed $version"
  else echo "Node $version is not to be had here: skipped"
  fi
done
echo "the Node SDK: passed on:${ran:- nothing}${failed:+; FAILED on:$failed}"
[ -z "$failed" ]
