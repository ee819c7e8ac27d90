#!/usr/bin/env python3
"""A benchmark that takes no time, of a module that an image has to bring."""

from __future__ import annotations

import time
from pathlib import Path

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.script import Benchmark, Measured, main

ABOUT = About("boxed", "the image's json", "none", (Metric("rate", "Mop/s"),), 0.05, modules=("json",))


def prepare(size: Size, cache: Path) -> Prepared:
    return Prepared()


def measure(settings: Settings) -> Measured:
    import json

    began = time.perf_counter()
    text = json.dumps(list(range(10_000)))
    return Measured({"rate": len(text) / (time.perf_counter() - began) / 1e6}, {"threads": 1})


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
