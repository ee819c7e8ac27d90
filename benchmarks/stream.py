#!/usr/bin/env python3
"""STREAM: copy, scale, add and triad over arrays that no cache holds; 1 GB/s is 10^9 bytes per second."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, identity, run, stores
from hpcsched.bench.machine import bound_cpus, by_node, last_level_cache, memory_available, memory_free, one_of_each_core
from hpcsched.bench.modules import memory_limit
from hpcsched.bench.prepared import Prepared, Settings, partly_cached
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

BYTES_PER_ELEMENT = {"copy": 16, "scale": 16, "add": 24, "triad": 24}
"""Counted as STREAM does: what the source code reads and writes, without write-allocate traffic."""
ABOUT = About(
    name="stream",
    stresses="memory bandwidth of the bound cores together, and of each NUMA node's cores in its own memory",
    source="J. D. McCalpin, STREAM: metric definitions and the rule of four cache sizes",
    metrics=tuple(Metric(name, "GB/s") for name in BYTES_PER_ELEMENT),
    margin=0.005,
)
ERROR_BOUND = 1e-13
CACHE_FACTOR = {Size.QUICK: 4, Size.NORMAL: 4, Size.FULL: 16}
REPEATS = {Size.QUICK: 5, Size.NORMAL: 40, Size.FULL: 100}
SMALLEST_CACHE = 8 << 20
SMALLEST_ARRAY = 1 << 20
LARGEST_ARRAY = {Size.QUICK: 256 << 20}
"""Bytes, however large the caches are: three of these take a second or two anywhere."""
CAVEAT = f"{partly_cached('arrays of four times the last-level caches', 'they are smaller')}; take --size normal"
ONE_NODE = "the bandwidth of each NUMA node: the bound cores are all on one"
FULL_NODE = partly_cached("arrays of each NUMA node as large as its part of all", "one is too full")
ANY_NODE = -1
SOURCE = Path(__file__).parent / "src" / "stream.c"


def elements(cache: int, memory: int, size: Size) -> int:
    """Of one array: a multiple of the last-level caches together, of three at most 60 % of the memory that is free.

    A quick size is at most LARGEST_ARRAY, whatever caches there are.
    """
    wanted = CACHE_FACTOR[size] * max(cache, SMALLEST_CACHE)
    most = min(memory * 6 // 10 // 3, LARGEST_ARRAY.get(size, wanted))
    return max(min(wanted, most), SMALLEST_ARRAY) // 8


def elements_of_a_node(count: int, free: Sequence[int]) -> int:
    """The same for each: its part of all, of three arrays at most 60 % of what is free on the fullest node."""
    part = count // max(len(free), 1)
    return max(min([part, *(node * 6 // 10 // 24 for node in free)]), SMALLEST_ARRAY // 8)


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, and choose the array sizes from this node's caches."""
    cpus = bound_cpus()
    kernel, caches = build(SOURCE, cache), last_level_cache(cpus)
    count = elements(caches, memory_available(), size)
    nodes = list(by_node(cpus)) if len(by_node(cpus)) > 1 else []
    settings = {
        "kernel": str(kernel),
        "elements": count,
        "elements_of_a_node": elements_of_a_node(count, [memory_free(node) for node in nodes]),
        "repeats": REPEATS[size],
        "last_level_cache": caches,
        "four_cache_sizes": count * 8 >= 4 * max(caches, SMALLEST_CACHE),
        "nodes": nodes,
        "stores": _stores(kernel),
    }
    return Prepared(settings, metrics(nodes), _limits(), _lacks(settings))


def metrics(nodes: Sequence[int]) -> tuple[Metric, ...]:
    """Those of all cores together, and the triad of each of several nodes."""
    return (*ABOUT.metrics, *(Metric(f"triad_node{node}", "GB/s") for node in nodes))


def _stores(kernel: Path) -> str:
    found = stores(kernel, tuple(BYTES_PER_ELEMENT))
    return ", ".join(f"{name} {kind}" for name, kind in found.items()) or "unknown without objdump"


def _limits() -> dict[str, Any]:
    limit = memory_limit()
    return dict.fromkeys(BYTES_PER_ELEMENT, limit) if limit else {}


def _lacks(settings: Settings) -> tuple[str, ...]:
    found = {
        CAVEAT: not settings["four_cache_sizes"],
        ONE_NODE: not settings["nodes"],
        FULL_NODE: settings["elements_of_a_node"] < settings["elements"] // max(len(settings["nodes"]), 1),
    }
    return tuple(lack for lack, so in found.items() if so)


def measure(settings: Settings) -> Measured:
    """One thread on each bound core: all together, then those of each NUMA node alone."""
    cores = one_of_each_core(bound_cpus())
    answer = _run(settings, settings["elements"], ANY_NODE, cores)
    values = {name: bytes_each * settings["elements"] / answer[name] / 1e9 for name, bytes_each in BYTES_PER_ELEMENT.items()}
    for node in settings["nodes"]:
        values[f"triad_node{node}"] = _triad_of(settings, node, by_node(cores).get(node, ()))
    return Measured(values, _config(settings, len(cores)))


def _triad_of(settings: Settings, node: int, cores: Any) -> float:
    if not cores:
        raise WrongResult(f"no core of NUMA node {node} is bound any more: {NO_SPEED}; prepare again")
    count = int(settings["elements_of_a_node"])
    return float(BYTES_PER_ELEMENT["triad"] * count / _run(settings, count, node, cores)["triad"] / 1e9)


def _run(settings: Settings, count: int, node: int, cores: Any) -> dict[str, Any]:
    answer = run(Path(settings["kernel"]), count, settings["repeats"], node, cpus=cores)
    if not answer["error"] <= ERROR_BOUND:
        raise WrongResult(f"an element is off by {answer['error']:g} (relative), allowed {ERROR_BOUND:g}: {NO_SPEED}")
    if answer["misplaced"] > 0:
        raise WrongResult(f"{answer['misplaced']} of 192 pages lie outside NUMA node {node} (is it full?): {NO_SPEED}")
    return answer


def _config(settings: Settings, threads: int) -> dict[str, str | int | float | bool]:
    names = ("elements", "elements_of_a_node", "repeats", "last_level_cache", "four_cache_sizes", "stores")
    kept = {name: settings[name] for name in names}
    return {**kept, "threads": threads, **identity(Path(settings["kernel"]))}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
