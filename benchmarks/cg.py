#!/usr/bin/env python3
"""Conjugate gradients on a 27-point stencil in compressed rows, as in HPCG; 1 GFLOP/s is 10^9 operations per second.

Not an HPCG rating: the preconditioner is a symmetric Gauss-Seidel sweep within the rows of each thread, on one grid.
"""

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

ABOUT = About(
    name="cg",
    stresses="sparse matrix access by all bound cores: a solver of conjugate gradients",
    source="HPCG's problem and count of operations; its preconditioner is simpler, so this is no HPCG rating",
    metrics=(Metric("gflops", "GFLOP/s"),),
    margin=0.01,
)
CACHE_FACTOR = {Size.QUICK: 2, Size.NORMAL: 4, Size.FULL: 16}
DIGITS = {Size.QUICK: 3, Size.NORMAL: 6, Size.FULL: 9}
"""By how many powers of ten the residual must fall."""
ITERATIONS_ALLOWED = {Size.QUICK: 100, Size.NORMAL: 400, Size.FULL: 2000}
BYTES_PER_ROW = 27 * 12 + 8 * 8
SMALLEST_CACHE, LARGEST_MATRIX = 8 << 20, {Size.QUICK: 1 << 30}
EDGES = (16, 1290)
DRIFT_ALLOWED = 1e-10
"""Between the residual as updated and b - Ax, in terms of the first one: rounding alone stays far below."""
SOURCE = Path(__file__).parent / "src" / "cg.c"


def edge(cache: int, memory: int, size: Size) -> int:
    """Of the cube of rows: the matrix is a multiple of the last-level caches and at most half of the free memory."""
    wanted = CACHE_FACTOR[size] * max(cache, SMALLEST_CACHE)
    bytes_allowed = min(wanted, memory // 2, LARGEST_MATRIX.get(size, wanted))
    rounded = int((bytes_allowed / BYTES_PER_ROW) ** (1 / 3) + 1)
    return min(max(rounded, EDGES[0]), EDGES[1])


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, and choose the problem from this node's caches."""
    caches = last_level_cache(bound_cpus())
    rows = edge(caches, memory_available(), size)
    settings = {
        "kernel": str(build(SOURCE, cache)),
        "edge": rows,
        "iterations_allowed": ITERATIONS_ALLOWED[size],
        "digits": DIGITS[size],
        "last_level_cache": caches,
    }
    small = rows**3 * BYTES_PER_ROW < CACHE_FACTOR[size] * caches
    lack = partly_cached(f"a matrix of {CACHE_FACTOR[size]} times the last-level caches")
    return Prepared(settings, lacks=(lack,) if small else ())


def measure(settings: Settings) -> Measured:
    """One solution, one thread on each bound core. Operations are those that were done, counted as HPCG does."""
    cores = one_of_each_core(bound_cpus())
    answer = run(Path(settings["kernel"]), settings["edge"], settings["iterations_allowed"], settings["digits"], cpus=cores)
    _check(answer, 10.0 ** -settings["digits"])
    return Measured({"gflops": answer["operations"] / answer["seconds"] / 1e9}, _config(settings, answer))


def _check(answer: dict[str, Any], tolerance: float) -> None:
    if not answer["recurred"] <= tolerance:
        raise WrongResult(f"the residual fell to {answer['recurred']:g} in {answer['iterations']} iterations only: {NO_SPEED}")
    if not abs(answer["true"] - answer["recurred"]) <= DRIFT_ALLOWED:
        raise WrongResult(f"b - Ax is {answer['true']:g}, but the solver thinks {answer['recurred']:g}: {NO_SPEED}")
    if not answer["error"] <= 100 * tolerance:
        raise WrongResult(f"an element of x is off by {answer['error']:g}, allowed {100 * tolerance:g}: {NO_SPEED}")


def _config(settings: Settings, answer: dict[str, Any]) -> dict[str, str | int | float | bool]:
    kept = {name: settings[name] for name in ("edge", "digits", "last_level_cache")}
    counted = {name: answer[name] for name in ("iterations", "threads")}
    return {**kept, **counted, **identity(Path(settings["kernel"]))}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
