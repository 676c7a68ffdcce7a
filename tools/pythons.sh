#!/bin/sh
# Prints the Python interpreters of this machine that the SDK is for, one for
# each version from 3.9 on. PYTHONS names others.
set -eu
seen=" "
for python in ${PYTHONS:-python3 python3.9 python3.10 python3.11 python3.12 python3.13 python3.14 "$HOME"/.pyenv/versions/3.*/bin/python}; do
  # Its own path, since a version manager's shim may stand for none.
  found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.executable) if sys.version_info >= (3, 9) else None' 2>/dev/null) || continue
  [ -n "$found" ] || continue
  version=${found%% *}
  case $seen in *" $version "*) continue ;; esac
  seen="$seen$version "
  echo "${found#* }"
done
