#!/usr/bin/env python3
"""A benchmark that takes no time: the rate of a short loop, for tests of what comes after measuring."""

from __future__ import annotations

import time
from pathlib import Path

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

ABOUT = About("tiny", "the interpreter", "none", (Metric("rate", "Mop/s"),), 0.05)


def prepare(size: Size, cache: Path) -> Prepared:
    return Prepared({"count": 20_000})


def measure(settings: Settings) -> Measured:
    count, began = settings["count"], time.perf_counter()
    total = sum(range(count))
    took = time.perf_counter() - began
    if total != count * (count - 1) // 2:
        raise WrongResult("the sum is wrong: this run has no speed")
    return Measured({"rate": count / took / 1e6}, {"threads": 1})


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
