#!/usr/bin/env python3
"""RandomAccess: updates at random places of a table that no cache holds; 1 GUP/s is 10^9 updates per second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, identity, run
from hpcsched.bench.machine import bound_cpus, last_level_cache, memory_available, one_of_each_core
from hpcsched.bench.prepared import Prepared, Settings, partly_cached
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

PAGES = ("small", "huge")
ABOUT = About(
    name="gups",
    stresses="random access to memory by all bound cores, on small pages (where address translation misses too) and on huge ones",
    source="HPC Challenge, RandomAccess: generator, update and the check that at most 1 % are wrong",
    metrics=tuple(Metric(f"gups_{pages}", "GUP/s") for pages in PAGES),
    margin=0.03,
)
ERRORS_ALLOWED = 0.01
CACHE_FACTOR = {Size.QUICK: 4, Size.NORMAL: 8, Size.FULL: 32}
UPDATES_OF_A_CORE = {Size.QUICK: 1 << 21, Size.NORMAL: 1 << 26, Size.FULL: 1 << 28}
SMALLEST_CACHE = 8 << 20
LARGEST_TABLE = {Size.QUICK: 1 << 30}
HUGE_SHARE = 0.9
SOURCE = Path(__file__).parent / "src" / "gups.c"


def log2_entries(cache: int, memory: int, size: Size) -> int:
    """Of the table, a power of two: its bytes are a multiple of the last-level caches and at most half of the free memory."""
    wanted = CACHE_FACTOR[size] * max(cache, SMALLEST_CACHE)
    most = min(memory // 2, LARGEST_TABLE.get(size, memory))
    return max(min((wanted - 1).bit_length(), most.bit_length() - 1), 20) - 3


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, choose the table's size, and try whether the kernel gives huge pages for it."""
    cpus = bound_cpus()
    caches, cores = last_level_cache(cpus), one_of_each_core(cpus)
    settings = {
        "kernel": str(build(SOURCE, cache)),
        "log2_entries": log2_entries(caches, memory_available(), size),
        "updates": UPDATES_OF_A_CORE[size] * len(cores),
        "last_level_cache": caches,
        "pages": list(PAGES),
    }
    return _with_what_is_there(
        settings, size, run(Path(str(settings["kernel"])), settings["log2_entries"], 1, "huge", cpus=cores)
    )


def _with_what_is_there(settings: Settings, size: Size, trial: dict[str, Any]) -> Prepared:
    lacks = []
    if 8 << settings["log2_entries"] < CACHE_FACTOR[size] * settings["last_level_cache"]:
        lacks.append(partly_cached(f"a table of {CACHE_FACTOR[size]} times the last-level caches"))
    if trial["huge_share"] < HUGE_SHARE:
        settings = {**settings, "pages": ["small"]}
        lacks.append(f"huge pages: asked for them, the kernel gave {trial['huge_share']:.0%} of the table")
    named = tuple(metric for metric in ABOUT.metrics if metric.name.removeprefix("gups_") in settings["pages"])
    return Prepared(settings, named, lacks=tuple(lacks))


def measure(settings: Settings) -> Measured:
    """The same updates on each kind of page, one thread on each bound core."""
    cores = one_of_each_core(bound_cpus())
    values = {f"gups_{pages}": _speed(settings, pages, cores) for pages in settings["pages"]}
    kept = {name: settings[name] for name in ("log2_entries", "updates", "last_level_cache")}
    return Measured(values, {**kept, "threads": len(cores), **identity(Path(settings["kernel"]))})


def _speed(settings: Settings, pages: str, cores: Any) -> float:
    answer = run(Path(settings["kernel"]), settings["log2_entries"], settings["updates"], pages, cpus=cores)
    touched = min(settings["updates"], 1 << settings["log2_entries"])
    if answer["errors"] > ERRORS_ALLOWED * touched:
        raise WrongResult(f"{answer['errors']} of {touched} entries are wrong, allowed {ERRORS_ALLOWED:.0%}: {NO_SPEED}")
    check_pages(pages, answer["huge_share"])
    return float(settings["updates"] / answer["seconds"] / 1e9)


def check_pages(wanted: str, huge_share: float) -> None:
    """Raises WrongResult when the kernel gave others."""
    if (huge_share >= HUGE_SHARE) != (wanted == "huge"):
        raise WrongResult(f"{huge_share:.0%} of the memory is on huge pages, asked for {wanted} ones: {NO_SPEED}")


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
