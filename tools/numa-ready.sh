#!/usr/bin/env bash
# Can `make test-numa` run here? Exits 1 and says in one line why not.
# NUMA_SCRIPTS: the folder of the test bed's build.sh and run.sh.
set -eu
cd "$(dirname "$0")/.."
scripts=${NUMA_SCRIPTS:-../shared/testbed/numa}
say() { echo "test-numa: $*"; exit 1; }
[ -x "$scripts/build.sh" ] && [ -x "$scripts/run.sh" ] || say "no NUMA test bed in $scripts (NUMA_SCRIPTS=DIR names another place)"
[ "$(id -u)" = 0 ] || say "needs root to build the guest (run: sudo make test-numa)"
[ "$(uname -m)" = x86_64 ] || say "the guest is x86_64, this host is $(uname -m)"
. /etc/os-release
[ "${VERSION_CODENAME:-}" = bookworm ] || say "the guest is built from this host's Debian 12 packages, and this is ${PRETTY_NAME:-another system}"
