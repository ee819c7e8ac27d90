#!/usr/bin/env python3
"""MPI within the node: latency, bandwidth and allreduce over shared memory and over TCP; 1 GB/s is 10^9 bytes per second."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, digest
from hpcsched.bench.machine import bound_cpus
from hpcsched.bench.mpi import Mpi, Transport, find, one_cpu_of_each_core
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import NO_SPEED, answer
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import Unsupported, WrongResult
from hpcsched.model.units import format_count


def metrics(transport: Transport) -> tuple[Metric, ...]:
    return (
        Metric(f"{transport}_latency", "µs", higher_is_better=False),
        Metric(f"{transport}_bandwidth", "GB/s"),
        Metric(f"{transport}_allreduce", "µs", higher_is_better=False),
    )


ABOUT = About(
    name="mpi",
    stresses="messages between the processes of one node: two cores, and all of them in the allreduce",
    source="ping-pong as in the Intel MPI Benchmarks and OSU: half a round trip; medians over batches",
    metrics=(*metrics(Transport.SHARED), *metrics(Transport.TCP)),
    margin=0.03,
)
SOURCE = Path(__file__).parent / "src" / "mpi.c"
FLAGS = ("-O3", "-march=native", "-Wall", "-Werror")
BATCHES = {Size.QUICK: 25, Size.NORMAL: 200, Size.FULL: 1000}
TRANSFERS = {Size.QUICK: 50, Size.NORMAL: 500, Size.FULL: 2000}
ROUNDS = {Transport.SHARED: 200, Transport.TCP: 50}
BYTES = 1 << 20
LIMIT_S = 1500.0


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile with the node's own MPI. Raises MissingTool, Unsupported."""
    mpi, cpus = find(), one_cpu_of_each_core(bound_cpus())
    if len(cpus) < 2:
        raise Unsupported("one core: messages need two; ask for more (--cores-per-node 2)")
    chosen = tuple(Transport) if mpi.is_open else (Transport.SHARED,)
    settings = {
        "kernel": str(build(SOURCE, cache, (*FLAGS, f'-DMPI_NAME="{mpi.name}"'), mpi.compiler)),
        "mpi": mpi.name,
        "launcher": mpi.launcher,
        "batches": BATCHES[size],
        "transfers": TRANSFERS[size],
        "transports": chosen,
    }
    return Prepared(settings, tuple(metric for one in chosen for metric in metrics(one)), lacks=_lacks(mpi))


def _lacks(mpi: Mpi) -> tuple[str, ...]:
    return () if mpi.is_open else (f"MPI over TCP: only Open MPI is told to take it, and this is {mpi.name}",)


def measure(settings: Settings) -> Measured:
    """One start of the processes for each transport."""
    cpus = one_cpu_of_each_core(bound_cpus())
    if len(cpus) < 2:
        raise Unsupported("one core: messages need two; ask for more (--cores-per-node 2)")
    found = {one: _run(settings, one, cpus) for one in map(Transport, settings["transports"])}
    values = {name: value for one, its in found.items() for name, value in _values(one, its).items()}
    return Measured(values, _config(settings, next(iter(found.values()))))


def _run(settings: Settings, transport: Transport, cpus: Any) -> dict[str, Any]:
    mpi = Mpi(settings["mpi"], settings["launcher"])
    work = (settings["batches"], ROUNDS[transport], BYTES, settings["transfers"])
    command = [*mpi.command(len(cpus)), settings["kernel"], ",".join(map(str, cpus)), *map(str, work)]
    found = answer(command, mpi.env(transport if mpi.is_open else None), LIMIT_S)
    if found["errors"] or found["ranks"] != len(cpus):
        wrong, among = format_count(found["errors"], "wrong message"), format_count(found["ranks"], "rank")
        raise WrongResult(f"{wrong} over {transport} among {among}: {NO_SPEED}")
    return found


def _values(transport: Transport, found: dict[str, Any]) -> dict[str, float]:
    return {
        f"{transport}_latency": found["latency"] * 1e6,
        f"{transport}_bandwidth": found["bandwidth"] / 1e9,
        f"{transport}_allreduce": found["allreduce"] * 1e6,
    }


def _config(settings: Settings, found: dict[str, Any]) -> dict[str, str | int | float | bool]:
    kept = {name: settings[name] for name in ("batches", "transfers")}
    names = {name: found[name] for name in ("library", "ranks", "cma")}
    return {**kept, **names, "program": digest(Path(settings["kernel"]))}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
