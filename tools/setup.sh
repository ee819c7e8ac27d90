#!/usr/bin/env bash
# Installs what `make demo` and `make test` need: the Debian packages named as arguments, and a virtual environment in .venv.
set -eu
cd "$(dirname "$0")/.."
tools/packages.sh "$@"
[ -x .venv/bin/python ] || /usr/bin/python3 -m venv --system-site-packages .venv
.venv/bin/python -m pip install -q --disable-pip-version-check --upgrade pip setuptools wheel
.venv/bin/python -m pip install -q --disable-pip-version-check --editable '.[dev]'
