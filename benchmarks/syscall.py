#!/usr/bin/env python3
"""The kernel's own speed: a call that does nothing, a page fault, a wake-up across cores, a process switch, a new process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, digest, identity, run
from hpcsched.bench.machine import bound_cpus, one_of_each_core
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import HpcschedError

ABOUT = About(
    name="syscall",
    stresses="the kernel's services to one core: what seccomp, namespaces and cgroups could make slower",
    source="as lmbench (McVoy & Staelin 1996) measures them; half a round trip for futex and context_switch",
    metrics=(
        Metric("getpid_ns", "ns", higher_is_better=False),
        Metric("page_fault_ns", "ns", higher_is_better=False),
        Metric("futex_ns", "ns", higher_is_better=False),
        Metric("context_switch_ns", "ns", higher_is_better=False),
        Metric("spawn_us", "µs", higher_is_better=False),
    ),
    margin=0.05,
)
ROUNDS = {
    Size.QUICK: {"getpid": 100, "page_fault": 40, "futex": 30, "context_switch": 60, "spawn": 30},
    Size.NORMAL: {"getpid": 1000, "page_fault": 500, "futex": 500, "context_switch": 1000, "spawn": 400},
    Size.FULL: {"getpid": 10000, "page_fault": 5000, "futex": 5000, "context_switch": 10000, "spawn": 4000},
}
"""Whose median counts; what a round is says the kernel's source."""
FOLDER = Path(__file__).parent / "src"
STATIC = ("-O2", "-static", "-Wall", "-Wextra", "-Werror")


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile the kernel and the program that it starts."""
    lacks = {}
    if len(one_of_each_core(bound_cpus())) < 2:
        lacks["futex"] = "a wake-up across cores: one core is bound"
    started, why = _program_to_start(cache)
    if why:
        lacks["spawn"] = f"a new process: {why}"
    services = [name for name in ROUNDS[size] if name not in lacks]
    kernel = str(build(FOLDER / "syscall.c", cache))
    settings = {"kernel": kernel, "started": started, "services": services, "rounds": ROUNDS[size]}
    return Prepared(settings, metrics(services), lacks=tuple(lacks.values()))


def _program_to_start(cache: Path) -> tuple[str, str]:
    """Its path, or why there is none: many systems have no static C library."""
    try:
        return str(build(FOLDER / "exit7.c", cache, STATIC)), ""
    except HpcschedError as error:
        return "", error.line


def metrics(services: Iterable[str]) -> tuple[Metric, ...]:
    """Of these services alone."""
    wanted = set(services)
    return tuple(metric for metric in ABOUT.metrics if metric.name.rpartition("_")[0] in wanted)


def measure(settings: Settings) -> Measured:
    """One service after the other on the last bound core, the futex between it and the first one."""
    cores = list(one_of_each_core(bound_cpus()))
    last = {"futex": (cores[0],), "spawn": (settings["started"],)}
    values, rounds = {}, {name: settings["rounds"][name] for name in settings["services"]}
    for name, count in rounds.items():
        ns = float(run(Path(settings["kernel"]), name, count, cores[-1], *last.get(name, ()))["ns"])
        values.update({f"{name}_us": ns / 1e3} if name == "spawn" else {f"{name}_ns": ns})
    told = ", ".join(f"{name} {count}" for name, count in rounds.items())
    return Measured(values, {"rounds": told, "threads": 1, "cpu": cores[-1], **_programs(settings)})


def _programs(settings: Settings) -> dict[str, str]:
    started = {"started": digest(Path(settings["started"]))} if settings["started"] else {}
    return {**identity(Path(settings["kernel"])), **started}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
