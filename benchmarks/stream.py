#!/usr/bin/env python3
"""STREAM: copy, scale, add and triad over arrays that no cache holds; 1 GB/s is 10^9 bytes per second."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, digest
from hpcsched.bench.machine import bound_cpus, core_count, last_level_cache, memory_available
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import HpcschedError, WrongResult

ABOUT = About(
    name="stream",
    stresses="memory bandwidth of the bound cores together",
    source="J. D. McCalpin, STREAM: metric definitions and the rule of four cache sizes",
    metrics=tuple(Metric(name, "GB/s") for name in ("copy", "scale", "add", "triad")),
    margin=0.005,
)
BYTES_PER_ELEMENT = {"copy": 16, "scale": 16, "add": 24, "triad": 24}
"""Counted as STREAM does: what the source code reads and writes, without write-allocate traffic."""
ERROR_BOUND = 1e-13
CACHE_FACTOR = {Size.QUICK: 4, Size.NORMAL: 4, Size.FULL: 16}
REPEATS = {Size.QUICK: 10, Size.NORMAL: 40, Size.FULL: 100}
SMALLEST_CACHE = 8 << 20
SOURCE = Path(__file__).parent / "src" / "stream.c"


def elements(cache: int, memory: int, size: Size) -> int:
    """Of one array: a multiple of the last-level caches together, of three at most 60 % of the memory that is free."""
    wanted = CACHE_FACTOR[size] * max(cache, SMALLEST_CACHE)
    return max(min(wanted, memory * 6 // 10 // 3), 1 << 20) // 8


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, and choose the array size from this node's caches."""
    cpus = bound_cpus()
    caches = last_level_cache(cpus)
    count = elements(caches, memory_available(), size)
    settings = {
        "kernel": str(build(SOURCE, cache)),
        "elements": count,
        "repeats": REPEATS[size],
        "last_level_cache": caches,
        "four_cache_sizes": count * 8 >= 4 * max(caches, SMALLEST_CACHE),
    }
    return Prepared(settings)


def measure(settings: Settings) -> Measured:
    """One run of the kernel on the bound cores, one thread on each."""
    cores = core_count(bound_cpus())
    answer = _run(Path(settings["kernel"]), settings["elements"], settings["repeats"], cores)
    _check(answer, cores)
    values = {name: size * settings["elements"] / answer[name] / 1e9 for name, size in BYTES_PER_ELEMENT.items()}
    return Measured(values, _config(settings, cores))


def _run(kernel: Path, count: int, repeats: int, threads: int) -> dict[str, Any]:
    places = {"OMP_NUM_THREADS": str(threads), "OMP_PROC_BIND": "close", "OMP_PLACES": "cores", "OMP_DYNAMIC": "false"}
    command = [str(kernel), str(count), str(repeats)]
    try:
        done = subprocess.run(command, env={**os.environ, **places}, capture_output=True, text=True, check=False)
    except OSError as error:
        raise HpcschedError(f"cannot run {kernel}: {error.strerror}; run with --prepare on this node first") from None
    if done.returncode:
        raise HpcschedError(f"the kernel ended with {done.returncode}: {done.stderr.strip()[:200]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _check(answer: dict[str, Any], cores: int) -> None:
    if not answer["error"] <= ERROR_BOUND:
        raise WrongResult(f"an element is off by {answer['error']:g} (relative), allowed {ERROR_BOUND:g}: this run has no speed")
    if answer["threads"] != cores:
        raise WrongResult(f"the kernel ran {answer['threads']} threads on {cores} cores: unset OMP_THREAD_LIMIT and the like")


def _config(settings: Settings, cores: int) -> dict[str, str | int | float | bool]:
    kept = {name: settings[name] for name in ("elements", "repeats", "last_level_cache", "four_cache_sizes")}
    return {**kept, "threads": cores, "program": digest(Path(settings["kernel"]))}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
