#!/usr/bin/env python3
"""A benchmark of a fraction of a second: hashes of a fixed amount of memory, a thread on each CPU."""

from __future__ import annotations

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.machine import bound_cpus
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

ABOUT = About("toil", "how fast memory is hashed", "this test", (Metric("rate", "MB/s"),), margin=0.01)
BLOCK = bytes(1 << 20)


def prepare(size: Size, cache: Path) -> Prepared:
    return Prepared({"blocks": 48})


def measure(settings: Settings) -> Measured:
    """All threads share one supply of blocks, so that a slow CPU delays the others little."""
    cpus, blocks = len(bound_cpus()), settings["blocks"]
    start = time.perf_counter()
    with ThreadPoolExecutor(cpus) as pool:
        found = set(pool.map(lambda _: hashlib.sha256(BLOCK).hexdigest(), range(blocks)))
    seconds = time.perf_counter() - start
    if found != {hashlib.sha256(BLOCK).hexdigest()}:
        raise WrongResult("a hash is wrong: this run has no speed")
    return Measured({"rate": blocks / seconds}, {"blocks": blocks, "threads": cpus})


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
