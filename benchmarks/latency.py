#!/usr/bin/env python3
"""Pointer chase: nanoseconds of a load that waits for the one before, in each cache, in local and in remote memory."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, identity, run
from hpcsched.bench.machine import (
    allowed_nodes,
    bound_cpus,
    by_node,
    cache_sizes,
    distances,
    line_size,
    memory_available,
    memory_nodes,
)
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult
from hpcsched.model.idset import IdSet

LEVELS = (1, 2, 3)
ABOUT = About(
    name="latency",
    stresses="the time of one dependent load by one core, in each cache and in memory on huge and on small pages",
    source="random cyclic chase, one load a line, as in lmbench's lat_mem_rd (McVoy & Staelin 1996) with random order",
    metrics=tuple(
        Metric(name, "ns", higher_is_better=False) for name in ("l1_ns", "l2_ns", "l3_ns", "memory_ns", "memory_small_ns")
    ),
    margin=0.03,
)
CACHE_FACTOR = {Size.QUICK: 2, Size.NORMAL: 4, Size.FULL: 8}
LARGEST_SET = {Size.QUICK: 256 << 20}
BLOCKS = {Size.QUICK: 32, Size.NORMAL: 512, Size.FULL: 4096}
"""Of 65,536 loads each, whose median counts; larger sets have as many as visit each line once."""
SMALLEST_CACHE = 8 << 20
LOCAL, ANY_NODE = 10, -1
HUGE_SHARE = 0.9
SOURCE = Path(__file__).parent / "src" / "latency.c"


def floor2(number: float) -> int:
    """The largest power of two that is not above it."""
    return 1 << (int(number).bit_length() - 1)


def cache_sets(caches: Mapping[int, int]) -> dict[str, int]:
    """Bytes by metric, each a power of two: well inside of the cache and well outside of the one below. Without caches that the
    kernel does not name, and those that are less than four times the one below.
    """
    below, sets = 0, {}
    for level in (level for level in LEVELS if caches.get(level, 0)):
        if caches[level] >= 4 * below:
            half = caches[level] / 2
            sets[f"l{level}_ns"] = floor2(half if level < 3 else (2 * below * half) ** 0.5)
        below = caches[level]
    return sets


def memory_set(caches: Mapping[int, int], memory: int, size: Size) -> int:
    """Bytes, a power of two: a multiple of the largest cache, at most a quarter of the free memory."""
    wanted = CACHE_FACTOR[size] * max([SMALLEST_CACHE, *caches.values()])
    most = floor2(max(memory // 4, 1 << 20))
    return min(1 << (wanted - 1).bit_length(), most, LARGEST_SET.get(size, most))


def remote_nodes(far: Mapping[int, int], nodes: Iterable[int]) -> dict[int, int]:
    """By distance, nearest first: the first of these nodes that is that far away. `far`: distances by node."""
    found: dict[int, int] = {}
    for distance, node in sorted((far[node], node) for node in nodes if far.get(node, LOCAL) > LOCAL):
        found.setdefault(distance, node)
    return found


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, choose the sets from the caches of the core that will chase, and try whether there are huge pages."""
    cpu, node = chaser()
    caches, nodes = cache_sizes(cpu), allowed_nodes()
    remote = remote_nodes(distances(node), nodes)
    settings = {
        "kernel": str(build(SOURCE, cache)),
        "line": line_size(cpu),
        "sets": cache_sets(caches),
        "memory": memory_set(caches, memory_available(), size),
        "blocks": BLOCKS[size],
        "remote": {str(distance): there for distance, there in remote.items()},
        "bind": len(nodes) > 1,
        "huge": True,
    }
    return _with_what_is_there(settings, caches)


def chaser() -> tuple[int, int]:
    """The last PU of the first bound NUMA node, and that node: the first PUs serve more of the system's own work."""
    node, cpus = next(iter(by_node(bound_cpus()).items()))
    return max(cpus), node


def _with_what_is_there(settings: Settings, caches: Mapping[int, int]) -> Prepared:
    share = _chase({**settings, "blocks": 0}, settings["memory"], "huge", _home(settings))["huge_share"]
    settings = {**settings, "huge": share >= HUGE_SHARE}
    lacks = [f"latency of a level-{level} cache: the kernel names none of a fitting size" for level in _missing(settings)]
    if not settings["huge"]:
        lacks.append(f"memory on huge pages: asked for them, the kernel gave {share:.0%}")
    if not settings["remote"]:
        lacks.append(no_remote(allowed_nodes(), memory_nodes()))
    if settings["memory"] < 2 * max(caches.values(), default=0):
        lacks.append("a set of twice the largest cache: it is smaller, so part of the memory's latency is a cache's")
    return Prepared(settings, metrics(settings), lacks=tuple(lacks))


def no_remote(allowed: IdSet, nodes: IdSet) -> str:
    """Why there is nothing to chase in other nodes' memory."""
    if len(nodes) < 2:
        return "remote memory: there is one NUMA node"
    if len(allowed) < 2:
        return f"remote memory: this job may take memory from NUMA node {allowed} alone"
    return "remote memory: the firmware tells no distances of NUMA nodes"


def _missing(settings: Settings) -> list[int]:
    return [level for level in LEVELS if f"l{level}_ns" not in settings["sets"]]


def metrics(settings: Settings) -> tuple[Metric, ...]:
    """Of this node: those of its caches, of its pages, and one for each distance (SLIT) of remote memory."""
    there = {*settings["sets"], "memory_small_ns", *(("memory_ns",) if settings["huge"] else ())}
    remote = (Metric(f"remote{distance}_ns", "ns", higher_is_better=False) for distance in settings["remote"])
    return (*(metric for metric in ABOUT.metrics if metric.name in there), *remote)


def measure(settings: Settings) -> Measured:
    """One thread on one core, the same in every sample."""
    pages, home = "huge" if settings["huge"] else "small", _home(settings)
    values = {name: _ns(settings, size, pages, home) for name, size in settings["sets"].items()}
    values["memory_small_ns"] = _ns(settings, settings["memory"], "small", home)
    if settings["huge"]:
        values["memory_ns"] = _ns(settings, settings["memory"], "huge", home)
    for distance, node in settings["remote"].items():
        values[f"remote{distance}_ns"] = _ns(settings, settings["memory"], pages, node)
    return Measured(values, _config(settings, pages))


def _home(settings: Settings) -> int:
    return chaser()[1] if settings["bind"] else ANY_NODE


def _ns(settings: Settings, size: int, pages: str, node: int) -> float:
    answer = _chase(settings, size, pages, node)
    if (answer["huge_share"] >= HUGE_SHARE) != (pages == "huge"):
        raise WrongResult(f"{answer['huge_share']:.0%} of the set is on huge pages, asked for {pages} ones: {NO_SPEED}")
    return float(answer["ns"])


def _chase(settings: Settings, size: int, pages: str, node: int) -> dict[str, Any]:
    log2_lines = (size // settings["line"]).bit_length() - 1
    return run(Path(settings["kernel"]), chaser()[0], node, pages, log2_lines, settings["line"], settings["blocks"])


def _config(settings: Settings, pages: str) -> dict[str, str | int | float | bool]:
    sets = ", ".join(f"{name.removesuffix('_ns')} {size}" for name, size in settings["sets"].items())
    kept = {name: settings[name] for name in ("line", "memory", "blocks")}
    return {**kept, "sets": sets, "pages": pages, "threads": 1, "cpu": chaser()[0], **identity(Path(settings["kernel"]))}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
