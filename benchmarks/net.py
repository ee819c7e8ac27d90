#!/usr/bin/env python3
"""TCP between two processes of this node, in each network mode that a job can have; 1 GB/s is 10^9 bytes per second."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from hpcsched.bench import iperf
from hpcsched.bench.about import About, Metric, Size
from hpcsched.bench.kernel import build, digest, identity
from hpcsched.bench.machine import bound_cpus
from hpcsched.bench.mpi import one_cpu_of_each_core
from hpcsched.bench.prepared import Prepared, Settings, Spared
from hpcsched.bench.program import answer
from hpcsched.bench.script import Benchmark, Measured, main

LATENCY = Metric("host_latency", "µs", higher_is_better=False)
BANDWIDTH = Metric("host_bandwidth", "GB/s")
IPERF = Metric("host_iperf3", "GB/s")
ABOUT = About(
    name="net",
    stresses="TCP between two processes of this node, over the loopback of the network that the job sees",
    source="ping-pong: half a round trip of 8 bytes; 16 MiB until the receiver has all; medians. iperf3 beside it",
    metrics=(LATENCY, BANDWIDTH, IPERF),
    margin=0.03,
)
SOURCE = Path(__file__).parent / "src" / "net.c"
FLAGS = ("-O2", "-Wall", "-Werror")
BATCHES = {Size.QUICK: 25, Size.NORMAL: 200, Size.FULL: 1000}
TRANSFERS = {Size.QUICK: 15, Size.NORMAL: 100, Size.FULL: 500}
IPERF_BYTES = {Size.QUICK: 512 << 20, Size.NORMAL: 8 << 30, Size.FULL: 64 << 30}
ROUNDS = 200
BYTES = 16 << 20
LIMIT_S = 1500.0
NAMESPACE = "/proc/self/ns/net"
ONE_NODE = "the links between nodes: a benchmark runs on one node"


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, and look for iperf3."""
    tool = shutil.which("iperf3") or ""
    settings = {
        "kernel": str(build(SOURCE, cache, FLAGS)),
        "batches": BATCHES[size],
        "transfers": TRANSFERS[size],
        "iperf3": tool,
        "iperf3_bytes": IPERF_BYTES[size],
        "namespace": os.readlink(NAMESPACE),
    }
    missing = () if tool else ("iperf3 beside it: not installed (apt install iperf3)",)
    named = (LATENCY, BANDWIDTH, *((IPERF,) if tool else ()))
    return Prepared(settings, named, lacks=(ONE_NODE, *missing), spared={"iperf3": Spared("iperf3 beside it", (IPERF.name,))})


def measure(settings: Settings) -> Measured:
    """Client and server on the first two cores, or both on the one that there is."""
    cores = one_cpu_of_each_core(bound_cpus())
    cpus = (cores[0], cores[min(1, len(cores) - 1)])
    work = (settings["batches"], ROUNDS, BYTES, settings["transfers"])
    found = answer([settings["kernel"], f"{cpus[0]},{cpus[1]}", *map(str, work)], limit_s=LIMIT_S)
    values = {LATENCY.name: found["latency"] * 1e6, BANDWIDTH.name: BYTES / found["transfer"] / 1e9}
    if settings["iperf3"]:
        values[IPERF.name] = iperf.bandwidth(settings["iperf3"], cpus, settings["iperf3_bytes"]) / 1e9
    return Measured(values, _config(settings, cpus))


def _config(settings: Settings, cpus: tuple[int, int]) -> dict[str, str | int | float | bool]:
    kept = {name: settings[name] for name in ("batches", "transfers", "iperf3_bytes")}
    mode = "host" if os.readlink(NAMESPACE) == settings["namespace"] else "its own"
    tool = {"iperf3_program": digest(Path(settings["iperf3"]))} if settings["iperf3"] else {}
    return {**kept, "network": mode, "on": f"{cpus[0]},{cpus[1]}", **tool, **identity(Path(settings["kernel"]))}


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
