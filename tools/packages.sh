#!/usr/bin/env bash
# Installs those of the Debian packages named as arguments that this host lacks.
set -eu
missing=()
for package in "$@"; do
    dpkg-query -W -f '${Status}\n' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || { echo "setup: needs root to install: ${missing[*]} (run: sudo apt-get install ${missing[*]})" >&2; exit 1; }
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -y -q --no-install-recommends "${missing[@]}"
fi
