#!/usr/bin/env python3
"""Fourier transforms in one and three dimensions, complex double precision; 1 GFLOP/s is 10^9 operations per second."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.interleave import interleave
from hpcsched.bench.machine import bound_cpus, core_count, memory_available
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

ABOUT = About(
    name="fft",
    stresses="Fourier transforms by scipy's pocketfft: arithmetic and memory together",
    source="5·N·log₂N operations and the error bound of the inverse as in HPC Challenge's FFT",
    metrics=(Metric("fft_1d", "GFLOP/s"), Metric("fft_3d", "GFLOP/s")),
    margin=0.01,
    modules=("numpy", "scipy"),
)
ERROR_BOUND = 16.0
"""HPC Challenge's: the largest error of the inverse over ε·log₂N."""
LINE = {Size.QUICK: 1 << 20, Size.NORMAL: 1 << 22, Size.FULL: 1 << 24}
"""Points of one transform; each core has one of its own."""
EDGE_ON_ONE_CORE = {Size.QUICK: 104, Size.NORMAL: 224, Size.FULL: 448}
REPEATS = {Size.QUICK: 3, Size.NORMAL: 8, Size.FULL: 15}
BYTES = 16
COPIES = 4
"""The input, its transform, the inverse and one temporary array."""


def line(cores: int, memory: int, size: Size) -> int:
    """A power of two; the lines of all cores with their copies fill at most half of the free memory."""
    fitting = max(memory // 2 // COPIES // BYTES // cores, 1 << 10)
    return min(LINE[size], 1 << fitting.bit_length() - 1)


def edge(cores: int, memory: int, size: Size) -> int:
    """Of the cube, a multiple of 32: work per core stays the same, copies fill at most half of the free memory."""
    wanted = EDGE_ON_ONE_CORE[size] * cores ** (1 / 3)
    fitting = (memory / 2 / COPIES / BYTES) ** (1 / 3)
    return max(int(min(wanted, fitting)) // 32 * 32, 32)


def operations(points: int) -> float:
    """Of one transform, as the field counts them, whatever the library did."""
    return 5 * points * math.log2(points)


def prepare(size: Size, cache: Path) -> Prepared:
    """Choose the sizes; there is nothing to compile."""
    cores, memory = core_count(bound_cpus()), memory_available()
    sizes = {"line": line(cores, memory, size), "edge": edge(cores, memory, size)}
    return Prepared({**sizes, "repeats": REPEATS[size], "seed": 20140713})


def measure(settings: Settings) -> Measured:
    """The best of the repeats of each, the first one left out."""
    memory, cores = interleave(), core_count(bound_cpus())
    lines, cube = (cores, settings["line"]), (settings["edge"],) * 3
    work = {
        "fft_1d": (lines, (1,), cores * operations(settings["line"])),
        "fft_3d": (cube, (0, 1, 2), operations(settings["edge"] ** 3)),
    }
    values = {name: count / _seconds(shape, axes, cores, settings) / 1e9 for name, (shape, axes, count) in work.items()}
    return Measured(values, {**settings, "threads": cores, "memory": memory, "scipy": _version()})


def _version() -> str:
    import scipy

    return str(scipy.__version__)


def _seconds(shape: tuple[int, ...], axes: tuple[int, ...], cores: int, settings: Settings) -> float:
    import numpy
    from scipy import fft

    generator = numpy.random.default_rng(settings["seed"])
    data = (generator.random((*shape, 2)) - 0.5).view(complex)[..., 0]
    seconds, spectrum = _best(lambda: fft.fftn(data, axes=axes, workers=cores), settings["repeats"])
    back = fft.ifftn(spectrum, axes=axes, workers=cores)
    points = math.prod(shape[axis] for axis in axes)
    check(inverse_error(numpy, data, back, points), coefficient_error(numpy, data, spectrum, axes))
    return seconds


def _best(transform: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    times, spectrum = [], None
    for _ in range(repeats):
        start = time.perf_counter()
        spectrum = transform()
        times.append(time.perf_counter() - start)
    return min(times[1:]), spectrum


def inverse_error(numpy: Any, data: Any, back: Any, points: int) -> float:
    return float(numpy.abs(back - data).max() / (numpy.finfo(float).eps * math.log2(points)))


def coefficient_error(numpy: Any, data: Any, spectrum: Any, axes: tuple[int, ...]) -> float:
    """Of the first coefficient of each transform, which is the sum of its points, in the same scale: relative to √N."""
    points = math.prod(data.shape[axis] for axis in axes)
    first = spectrum[tuple(0 if axis in axes else slice(None) for axis in range(data.ndim))]
    off = numpy.abs(data.sum(axis=axes) - first).max()
    return float(off / math.sqrt(points) / (numpy.finfo(float).eps * math.log2(points)))


def check(inverse: float, coefficient: float) -> None:
    """Raises WrongResult. An inverse alone would also pass a transform that does nothing."""
    for what, found in (("inverse is", inverse), ("sum of the points is", coefficient)):
        if not found <= ERROR_BOUND:
            raise WrongResult(f"the {what} off by {found:g} times ε·log₂N, allowed {ERROR_BOUND:g}: {NO_SPEED}")


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
