#!/usr/bin/env python3
"""DGEMM: C = A·B in double precision by the BLAS that numpy was built with; 1 GFLOP/s is 10^9 operations per second."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.blas import fewer_threads, load, square
from hpcsched.bench.interleave import interleave
from hpcsched.bench.machine import bound_cpus, core_count, memory_available
from hpcsched.bench.peak import peak
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

ABOUT = About(
    name="dgemm",
    stresses="floating-point speed of the bound cores together",
    source="2·n³ operations as in HPC Challenge's DGEMM; scaled residual as in HPL",
    metrics=(Metric("gflops", "GFLOP/s"),),
    margin=0.01,
    modules=("numpy",),
)
RESIDUAL_BOUND = 16.0
"""HPL's threshold."""
ORDER_ON_ONE_CORE = {Size.QUICK: 1536, Size.NORMAL: 3072, Size.FULL: 6144}
REPEATS = {Size.QUICK: 4, Size.NORMAL: 10, Size.FULL: 15}


def order(cores: int, memory: int, size: Size) -> int:
    """Rows of the three matrices."""
    return square(ORDER_ON_ONE_CORE[size], cores, memory, 3)


def prepare(size: Size, cache: Path) -> Prepared:
    """Choose the order; there is nothing to compile."""
    cpus = bound_cpus()
    cores, limit = core_count(cpus), peak(cpus)
    _, blas = load("numpy", cores)
    settings = {"order": order(cores, memory_available(), size), "repeats": REPEATS[size], "seed": 20140713}
    return Prepared(settings, limits={"gflops": limit} if limit else {}, lacks=fewer_threads(blas, cores))


def measure(settings: Settings) -> Measured:
    """The best of the repeats, the first one left out."""
    memory = interleave()
    numpy, blas = load("numpy", core_count(bound_cpus()))
    a, b = _matrices(numpy, settings["order"], settings["seed"])
    seconds, product = _best(numpy, a, b, settings["repeats"])
    _check(numpy, a, b, product)
    gflops = 2.0 * settings["order"] ** 3 / seconds / 1e9
    return Measured({"gflops": gflops}, {**settings, "memory": memory, "numpy": numpy.__version__, **blas.config})


def _matrices(numpy: Any, size: int, seed: int) -> tuple[Any, Any]:
    generator = numpy.random.default_rng(seed)
    return generator.random((size, size)) - 0.5, generator.random((size, size)) - 0.5


def _best(numpy: Any, a: Any, b: Any, repeats: int) -> tuple[float, Any]:
    product = numpy.empty_like(a)
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        numpy.matmul(a, b, out=product)
        times.append(time.perf_counter() - start)
    return min(times[1:]), product


def residual(numpy: Any, a: Any, b: Any, product: Any) -> float:
    """‖(AB)x − A(Bx)‖ / (ε n ‖A‖ ‖B‖ ‖x‖) in the maximum norm; of order one or less for a correct product."""
    size = a.shape[0]
    x = numpy.random.default_rng(size).random(size) - 0.5
    off = numpy.abs(product @ x - a @ (b @ x)).max()
    norms = numpy.abs(a).sum(axis=1).max() * numpy.abs(b).sum(axis=1).max() * numpy.abs(x).max()
    return float(off / (numpy.finfo(float).eps * size * norms))


def _check(numpy: Any, a: Any, b: Any, product: Any) -> None:
    found = residual(numpy, a, b, product)
    if not found <= RESIDUAL_BOUND:
        raise WrongResult(f"scaled residual {found:g}, allowed {RESIDUAL_BOUND:g}: {NO_SPEED}")


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
