#!/bin/sh
# tools/venv.sh PYTHON NAME PACKAGE…: prints the interpreter of a virtual
# environment of that Python below .cache, in which the packages are. It is made
# at the first call, and again when the list of packages changes. Packages after
# a "--" are wanted, not needed: a Python may be too new for their wheels.
set -eu
cd "$(dirname "$0")/.."
python=$1 name=$2
shift 2
tag=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
env=.cache/python/$name-$tag
if [ ! -x "$env/bin/python" ] || [ "$(cat "$env/packages" 2>/dev/null)" != "$*" ]; then
  rm -rf "$env"
  mkdir -p .cache/python
  "$python" -m venv "$env"
  needed= wanted= list=needed
  for package; do
    if [ "$package" = -- ]; then list=wanted
    elif [ $list = needed ]; then needed="$needed $package"
    else wanted="$wanted $package"
    fi
  done
  # shellcheck disable=SC2086 # lists of words
  "$env/bin/python" -m pip install -q --disable-pip-version-check $needed >&2
  for package in $wanted; do
    "$env/bin/python" -m pip install -q --disable-pip-version-check --only-binary :all: "$package" >/dev/null 2>&1 || echo "Python $tag: no $package" >&2
  done
  echo "$*" > "$env/packages"
fi
echo "$PWD/$env/bin/python"
