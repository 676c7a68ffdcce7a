#!/bin/sh
# Makes sure that everything is there which `make test` needs beyond Go, or says
# what to install. On Debian as root it installs what is missing by itself.
#
#   Python 3.9 or later with pip and venv, Node 18.19 or later with npm, Java 11
#   or later for the tests' ZooKeeper (from PATH or JAVA_HOME), Ruby for components
#   on Storm's storm.rb, Chromium with its driver for the tests of the web page,
#   and OpenSSL.
set -eu

fail() {
  echo "make: $1" >&2
  exit 1
}

# debian PACKAGE…: installs, where that can be done without asking anybody.
debian() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  echo "installing $*" >&2
  apt-get -q update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >/dev/null
}

command -v python3 >/dev/null || fail "python3 is missing: install Python 3.9 or later"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 9))' || fail "$(python3 --version) is too old: the SDK is for Python 3.9 or later"
python3 -c 'import pip, venv, ensurepip' 2>/dev/null || debian python3-pip python3-venv ||
  fail "python3 lacks pip or venv: install them (on Debian and Ubuntu: apt-get install python3-pip python3-venv)"

command -v node >/dev/null || fail "node is missing: install Node.js 18.19 or later"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 18 || (a === 18 && b >= 19) ? 0 : 1)' ||
  fail "Node $(node --version) is too old: the SDK is for Node 18.19 or later"
command -v npm >/dev/null || debian npm || fail "npm is missing: install it (it comes with Node.js from nodejs.org)"

if [ -n "${JAVA_HOME:-}" ]; then
  java="$JAVA_HOME/bin/java"
  "$java" -version >/dev/null 2>&1 || fail "JAVA_HOME is $JAVA_HOME, but there is no Java that runs: unset it, or let it name a Java 11 or later"
else
  java=java
  # macOS has a /usr/bin/java that only says that there is none, so run it.
  java -version >/dev/null 2>&1 || debian default-jre-headless ||
    fail "Java is missing, which the tests' ZooKeeper needs: install Java 11 or later (on Debian and Ubuntu: apt-get install default-jre-headless), or set JAVA_HOME"
fi
# 1.8.0_292 and 9 … 17.0.15 are how versions look.
major=$("$java" -version 2>&1 | sed -n 's/.* version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -1)
[ "${major:-0}" -ge 11 ] || fail "Java ${major:-of an unknown version} is too old for the tests' ZooKeeper: install Java 11 or later, or set JAVA_HOME"

command -v ruby >/dev/null || debian ruby ||
  fail "ruby is missing, which the tests run Storm's storm.rb with: install Ruby (on Debian and Ubuntu: apt-get install ruby)"
ruby -rjson -e '' || fail "ruby lacks its json library, which Storm's storm.rb needs: gem install json"

command -v chromedriver >/dev/null || debian chromium chromium-driver ||
  fail "chromedriver is missing, which the tests of the web page drive a browser with: install Chromium and its driver (on Debian and Ubuntu: apt-get install chromium chromium-driver)"

command -v openssl >/dev/null || debian openssl || fail "openssl is missing, with which the tests make certificates as docs/operations.md tells: install it"

# Tests of these are skipped without, so nobody has to install them by hand.
command -v ruby >/dev/null || debian ruby || echo "make: without ruby, the tests of Storm's library in it are skipped" >&2
command -v systemd-analyze >/dev/null || debian systemd || echo "make: without systemd-analyze, the tests of the units are skipped" >&2
