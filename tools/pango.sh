#!/bin/sh
# WeasyPrint draws text with Pango. Found: nothing to do. Missing: install it where that is allowed (root and apt).
set -u
if ldconfig -p 2>/dev/null | grep -q 'libpangoft2-1\.0' && ldconfig -p | grep -q 'libharfbuzz-subset'; then
    exit 0
fi
packages="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq $packages; } >/dev/null 2>&1; then
        echo "Pango for the PDF: installed."
        exit 0
    fi
fi
echo "Pango for the PDF is missing; reports will be HTML only. To get the PDF: apt-get install $packages"
