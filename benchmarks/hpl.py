#!/usr/bin/env python3
"""HPL on one node: a dense linear system solved by LU with partial pivoting; 1 GFLOP/s is 10^9 operations per second."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from hpcsched.bench import hpcc
from hpcsched.bench.about import About, Limit, Metric, Size
from hpcsched.bench.blas import Blas, fewer_threads, load, square
from hpcsched.bench.interleave import interleave
from hpcsched.bench.machine import bound_cpus, core_count, memory_available
from hpcsched.bench.peak import peak
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

GFLOPS = Metric("gflops", "GFLOP/s")
ABOUT = About(
    name="hpl",
    stresses="an LU factorisation with partial pivoting, on the bound cores together",
    source="A. Petitet et al., HPL: 2/3·n³ + 3/2·n² operations, its residual and threshold; by LAPACK's getrf and getrs",
    metrics=(GFLOPS,),
    margin=0.01,
    modules=("numpy", "scipy"),
)
RESIDUAL_BOUND = 16.0
ORDER_ON_ONE_CORE = {Size.QUICK: 1536, Size.NORMAL: 6144, Size.FULL: 12288}
REPEATS = {Size.QUICK: 3, Size.NORMAL: 5, Size.FULL: 5}


def order(cores: int, memory: int, size: Size) -> int:
    """Unknowns; the matrix and its factors are in memory."""
    return square(ORDER_ON_ONE_CORE[size], cores, memory, 2)


def operations(unknowns: int) -> float:
    """As HPL counts them, whatever LAPACK did."""
    return 2 / 3 * unknowns**3 + 3 / 2 * unknowns**2


def prepare(size: Size, cache: Path) -> Prepared:
    """Choose the order, and look for `hpcc`."""
    cpus = bound_cpus()
    cores, beside = core_count(cpus), hpcc.find(size, core_count(cpus))
    _, blas = load("scipy.linalg.lapack", cores)
    unknowns = order(cores, memory_available(), size)
    settings = {"order": unknowns, "repeats": REPEATS[size], "seed": 20140713, "hpcc": beside.settings}
    lacks = (*fewer_threads(blas, cores), *beside.lacks)
    return Prepared(settings, (GFLOPS, *beside.metrics), _limits(peak(cpus), beside.metrics), lacks)


def _limits(limit: Limit | None, metrics: tuple[Metric, ...]) -> dict[str, Limit]:
    names = ("gflops", *(metric.name for metric in metrics if metric.name == hpcc.HPL))
    return dict.fromkeys(names, limit) if limit else {}


def measure(settings: Settings) -> Measured:
    """The best of the repeats, the first one left out; then `hpcc` where it was found."""
    memory = interleave()
    lapack, blas = load("scipy.linalg.lapack", core_count(bound_cpus()))
    gflops = operations(settings["order"]) / _solve(lapack, settings) / 1e9
    beside = hpcc.measure(settings["hpcc"])
    return Measured({"gflops": gflops, **beside.values}, {**_config(settings, blas), "memory": memory, **beside.config})


def _config(settings: Settings, blas: Blas) -> dict[str, str | int | float | bool]:
    import scipy

    return {"order": settings["order"], "repeats": settings["repeats"], "scipy": scipy.__version__, **blas.config}


def _solve(lapack: Any, settings: Settings) -> float:
    """Seconds. Each repeat factors a fresh copy and is checked."""
    import numpy

    a, b = _system(numpy, settings["order"], settings["seed"])
    factors, times, norm = numpy.empty_like(a), [], norm_of(numpy, a)
    for _ in range(settings["repeats"]):
        numpy.copyto(factors, a)
        seconds, x = _timed(lapack, factors, b)
        _check(residual(numpy, a, norm, x, b))
        times.append(seconds)
    return min(times[1:])


def _system(numpy: Any, size: int, seed: int) -> tuple[Any, Any]:
    """Entries between -0.5 and 0.5 as HPL draws them; the matrix in Fortran's order, so that LAPACK takes it as it is."""
    generator = numpy.random.default_rng(seed)
    return generator.random((size, size)).T - 0.5, generator.random(size) - 0.5


def _timed(lapack: Any, factors: Any, b: Any) -> tuple[float, Any]:
    start = time.perf_counter()
    lu, pivots, failed = lapack.dgetrf(factors, overwrite_a=1)
    x, refused = lapack.dgetrs(lu, pivots, b)
    seconds = time.perf_counter() - start
    if failed or refused:
        raise WrongResult(f"LAPACK found no solution (getrf {failed}, getrs {refused}): {NO_SPEED}")
    return seconds, x


def norm_of(numpy: Any, a: Any) -> float:
    """The largest sum of a row's absolute values, column by column as the matrix lies in memory."""
    sums = numpy.zeros(len(a))
    for column in a.T:
        sums += numpy.abs(column)
    return float(sums.max())


def residual(numpy: Any, a: Any, norm: float, x: Any, b: Any) -> float:
    """‖Ax − b‖ / (ε (‖A‖ ‖x‖ + ‖b‖) n) in the maximum norm; ε is that of HPL, half of numpy's."""
    scale = norm * float(numpy.abs(x).max()) + float(numpy.abs(b).max())
    return float(numpy.abs(a @ x - b).max()) / (float(numpy.finfo(float).eps) / 2 * scale * len(b))


def _check(found: float) -> None:
    if not found <= RESIDUAL_BOUND:
        raise WrongResult(f"HPL's residual is {found:g}, allowed {RESIDUAL_BOUND:g}: {NO_SPEED}")


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
