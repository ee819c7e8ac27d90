#!/usr/bin/env python3
"""Operating-system noise: a fixed quantum of work over and over on every core, and how much longer than its shortest it took.

Why a margin of 5 %: between two barriers all wait for the slowest quantum, so a maximum 5 % higher makes a step at most 5 %
longer. Rare detours themselves repeat within a few per cent at best; a narrower margin could not be shown in a night.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Limit, Metric, Size
from hpcsched.bench.kernel import build, identity, run
from hpcsched.bench.machine import bound_cpus, one_of_each_core
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import NO_SPEED
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import WrongResult

ABOUT = About(
    name="noise",
    stresses="what the system takes from a program on each bound core: detours from a fixed quantum of work",
    source="fixed work quantum, Sottile & Minnich 2004: 99.9th percentile and maximum in terms of each core's shortest quantum",
    metrics=(
        Metric("p999", "x shortest", higher_is_better=False),
        Metric("max", "x shortest", higher_is_better=False),
        Metric("share", "% of time", higher_is_better=False),
    ),
    margin=0.05,
)
QUANTUM_NS = 100_000
QUANTA = {Size.QUICK: 8_000, Size.NORMAL: 100_000, Size.FULL: 600_000}
TRIAL_UNITS, TRIAL_QUANTA = 50_000, 500
MULTIPLIER, INCREMENT, MODULUS = 6364136223846793005, 1442695040888963407, 1 << 64
QUIET = Limit(1.0, "a quantum that nothing interrupts")
SOURCE = Path(__file__).parent / "src" / "noise.c"


def units(shortest_ns: float, target_ns: float = QUANTUM_NS) -> int:
    """Of work in a quantum of that length, when TRIAL_UNITS take that long without a detour."""
    return max(round(TRIAL_UNITS * target_ns / max(shortest_ns, 1.0)), 1)


def state_after(steps: int) -> int:
    """What the generator holds that begins at 1, by doubling: the kernel's result by another way."""
    factor, summand, each_factor, each_summand = 1, 0, MULTIPLIER, INCREMENT
    while steps:
        if steps & 1:
            factor, summand = factor * each_factor % MODULUS, (summand * each_factor + each_summand) % MODULUS
        each_factor, each_summand = each_factor * each_factor % MODULUS, each_summand * (each_factor + 1) % MODULUS
        steps >>= 1
    return (factor + summand) % MODULUS


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, and measure once how much work makes a quantum of 100 microseconds: all samples of both arms do just that much."""
    kernel = build(SOURCE, cache)
    shortest = _run(kernel, TRIAL_QUANTA, TRIAL_UNITS)["shortest_ns"]
    settings = {"kernel": str(kernel), "units": units(shortest), "quanta": QUANTA[size]}
    return Prepared(settings, limits={"p999": QUIET, "max": QUIET})


def measure(settings: Settings) -> Measured:
    """One pinned thread on each bound core, all at the same time."""
    answer = _run(Path(settings["kernel"]), settings["quanta"], settings["units"])
    wanted = state_after(settings["quanta"] * settings["units"])
    if int(answer["state"]) != wanted:
        raise WrongResult(f"the work ended in state {answer['state']}, expected {wanted}: {NO_SPEED}")
    values = {"p999": answer["p999"], "max": answer["max"], "share": 100 * answer["share"]}
    kept = {name: settings[name] for name in ("units", "quanta")}
    return Measured(values, {**kept, "threads": answer["threads"], **identity(Path(settings["kernel"]))})


def _run(kernel: Path, quanta: int, amount: int) -> dict[str, Any]:
    cores = one_of_each_core(bound_cpus())
    return run(kernel, quanta, amount, ",".join(map(str, cores)), cpus=cores)


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
