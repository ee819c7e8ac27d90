#!/usr/bin/env bash
# Builds the guest of the NUMA test bed, once and again when the test bed has changed; the Debian packages that this needs are the
# arguments. NUMA_TESTBED: the folder of the image; NUMA_SCRIPTS: the folder of the test bed's scripts.
set -eu
cd "$(dirname "$0")/.."
scripts=${NUMA_SCRIPTS:-../shared/testbed/numa}
export NUMA_TESTBED=${NUMA_TESTBED:-$PWD/.numa}
image=$NUMA_TESTBED/guest/root.img
mkdir -p "$NUMA_TESTBED"
exec 9>"$NUMA_TESTBED/lock"
flock 9
tools/packages.sh "$@" 9>&-
[ -e "$image" ] && [ -z "$(find -L "$scripts/build.sh" "$scripts/guest-files" -newer "$image")" ] && exit
apt-get update -q 9>&-
"$scripts/build.sh" 9>&-
