#!/bin/sh
# Debian keeps the part of venv that brings pip in a package of its own.
set -u
python=${1:-python3}
version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "python$version-venv" && exit 0
fi
echo "$python cannot make virtual environments here; install the package python$version-venv, then run make again." >&2
exit 1
