"""A suite of thirteen made-up benchmarks with dozens of metrics, and runs of it whose truth is known, as reports meet them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from hpcsched.bench.result import Result
from hpcsched.bench.runner import run
from hpcsched.model.job import JobSpec
from hpcsched.testing.jobs import FakeJobs, Model

ON_DISK = ("read", "write", "randread", "randwrite", "create", "stat", "unlink")
DISK = [f"{place}_{what}" for place in ("root", "bind") for what in ON_DISK]
MPI = [f"{way}_{what}" for way in ("shared", "tcp") for what in ("latency_us", "allreduce_small_us", "exchange_us")]
SYSCALL = ["getpid_ns", "page_fault_ns", "futex_ns", "context_switch_ns", "spawn_us"]
SUITE: dict[str, tuple[float, float, str, bool, list[str]]] = {
    "stream": (0.005, 0.004, "GB/s", True, ["copy", "scale", "add", "triad"]),
    "dgemm": (0.01, 0.002, "GFLOP/s", True, ["gflops"]),
    "hpl": (0.01, 0.003, "GFLOP/s", True, ["gflops"]),
    "fft": (0.01, 0.012, "GFLOP/s", True, ["fft_1d", "fft_3d"]),
    "cg": (0.01, 0.004, "GFLOP/s", True, ["gflops"]),
    "gups": (0.03, 0.01, "GUP/s", True, ["gups_small", "gups_huge"]),
    "latency": (0.03, 0.01, "ns", False, ["l1_ns", "l2_ns", "l3_ns", "memory_ns", "memory_small_ns"]),
    "noise": (0.05, 0.6, "x shortest", False, ["p999", "max", "share"]),
    "syscall": (0.05, 0.02, "ns", False, SYSCALL),
    "mpi": (0.03, 0.05, "us", False, MPI),
    "disk": (0.02, 0.08, "MB/s", True, DISK),
    "net": (0.03, 0.03, "us", False, ["latency_us", "exchange_us", "iperf"]),
    "gpu": (0.005, 0.001, "GB/s", True, ["triad"]),
}
"""Margin, noise, unit, whether higher is better, metrics."""
SLOWER = {"getpid_ns": 1.18, "root_create": 0.9}
"""What the container does to them."""
FILE = """from hpcsched.bench.about import About, Metric
ABOUT = About({name!r}, "a part of the machine, by {name}", "a made-up source of {name}", ({metrics},), margin={margin})
"""
ENVIRONMENT = {"cpu_flags": "fpu vme de pse tsc " * 20, **{f"library lib{one}.so": f"{one:016x}" for one in range(12)}}


def write(path: Path) -> Path:
    """The files of the suite."""
    for name, (margin, _, unit, higher, metrics) in SUITE.items():
        listed = ", ".join(f"Metric({metric!r}, {unit!r}, {higher})" for metric in metrics)
        (path / f"{name}.py").write_text(FILE.format(name=name, metrics=listed, margin=margin))
    return path


def wide(path: Path, pairs: int = 12, seed: int = 1, faster: float = 1.0, **options: Any) -> Result:
    """One run of all of it; `faster`: the whole machine."""
    chance = random.Random(seed)

    def edit(spec: JobSpec, answer: dict[str, Any]) -> dict[str, Any]:
        name = Path(spec.command[1]).stem
        return _prepared(name) if "--prepare" in spec.command else _measured(name, spec, answer, chance, faster)

    jobs = FakeJobs(Model(seconds=2.3), edit=edit)
    return run(jobs, (), pairs=pairs, seed=seed, clock=jobs.clock, folder=path, **options)


def _prepared(name: str) -> dict[str, Any]:
    if name == "gpu":
        return {"absent": "no GPU: neither /dev/nvidia0 nor /dev/kfd is there"}
    limits = {
        "stream": {metric: {"value": 140.0, "source": "2 channels of DDR4-3200"} for metric in ("copy", "triad")},
        "dgemm": {"gflops": {"value": 118.0, "source": "2 cores, 2 FMA units of AVX2, 3.7 GHz"}},
        "latency": {"l1_ns": {"value": 92.0, "source": "4 cycles at 3.7 GHz"}},
    }
    lacks = {
        "stream": ["the bandwidth of each NUMA node: the bound cores are all on one"],
        "mpi": ["messages between two NUMA nodes"],
    }
    return {"settings": {"order": 64}, "limits": limits.get(name, {}), "lacks": lacks.get(name, [])}


def _measured(name: str, spec: JobSpec, answer: dict[str, Any], chance: random.Random, faster: float) -> dict[str, Any]:
    _, noise, _, higher, metrics = SUITE[name]
    container = spec.runtime == "lxc"
    values = {}
    for metric in metrics:
        effect = SLOWER.get(metric, 1.0) if container else 1.0
        speed = faster * (0.7 if chance.random() < 0.01 else 1.0)
        level = 100.0 * effect * (speed if higher else 1 / speed)
        values[metric] = {"value": level * chance.lognormvariate(0.0, noise)}
    brought = {"seccomp": "2", "seccomp_filters": "1"} if container else {}
    return {**answer, "metrics": values, "environment": {**answer["environment"], **ENVIRONMENT, **brought}}
