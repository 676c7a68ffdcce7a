#!/bin/sh
# Fetches TypeScript and Node's types for types.test.js, once, into .cache.
set -eu
cd "$(dirname "$0")/.."
mkdir -p .cache/ts
cd .cache/ts
[ -f package.json ] || echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund typescript@5 @types/node@20
