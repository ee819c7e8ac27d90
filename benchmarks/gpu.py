#!/usr/bin/env python3
"""GPUs: memory, a matrix product, copies from and to each NUMA node, kernel launches; 1 GB/s is 10^9 bytes per second."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from hpcsched.bench.about import About, Limit, Metric, Size
from hpcsched.bench.gpus import compiler, cpu_of_each_node
from hpcsched.bench.kernel import build, identity
from hpcsched.bench.machine import bound_cpus, unbound_nodes
from hpcsched.bench.prepared import Prepared, Settings
from hpcsched.bench.program import answer, run
from hpcsched.bench.script import Benchmark, Measured, main
from hpcsched.errors import Unsupported
from hpcsched.model.idset import IdSet
from hpcsched.model.units import format_count
from hpcsched.sched.numa_choice import words


def metrics(gpu: int, nodes: Iterable[int]) -> tuple[Metric, ...]:
    copies = (Metric(f"gpu{gpu}_{way}_node{node}", "GB/s") for node in nodes for way in ("to", "from"))
    return (
        Metric(f"gpu{gpu}_triad", "GB/s"),
        Metric(f"gpu{gpu}_dgemm", "GFLOP/s"),
        Metric(f"gpu{gpu}_launch", "µs", higher_is_better=False, margin=0.03),
        *copies,
    )


ABOUT = About(
    name="gpu",
    stresses="each GPU: its memory, arithmetic, copies to the host's NUMA nodes, launches of kernels",
    source="STREAM's triad; 2·n³ operations of an own product in double precision (no vendor library); pinned memory",
    metrics=metrics(0, (0,)),
    margin=0.005,
)
SOURCE = Path(__file__).parent / "src" / "gpu.cu"
BYTES = {Size.QUICK: 256 << 20, Size.NORMAL: 1 << 30, Size.FULL: 4 << 30}
ORDER = {Size.QUICK: 2048, Size.NORMAL: 4096, Size.FULL: 8192}
REPEATS = {Size.QUICK: 5, Size.NORMAL: 20, Size.FULL: 50}
MOST_QUICK = 1
"""GPUs of a quick sample; the driver alone takes about half a second to start."""
LIMIT_S = 1500.0


def prepare(size: Size, cache: Path) -> Prepared:
    """Compile, and ask the driver what there is. Raises Unsupported, MissingTool."""
    chosen = compiler()
    if os.environ.get("HPCSCHED_JOB_ID") and not os.environ.get("HPCSCHED_GPUS"):
        raise Unsupported("this job was given no GPU: ask for some (--gpus-per-node 1)")
    os.environ.update(chosen.env)
    kernel = build(SOURCE, cache, chosen.flags, chosen.path, libraries=())
    gpus, nodes = described(run([str(kernel)], limit_s=60.0)), cpu_of_each_node(bound_cpus())
    measured = gpus[:MOST_QUICK] if size is Size.QUICK else gpus
    settings = {
        "kernel": str(kernel),
        "gpus": [f"{gpu['name']} {gpu['pci']}" for gpu in measured],
        "bytes": min(BYTES[size], *(gpu["memory"] // 4 for gpu in measured)) >> 12 << 12,
        "order": ORDER[size],
        "repeats": REPEATS[size],
    }
    named = tuple(metric for gpu in range(len(measured)) for metric in metrics(gpu, (node for node, _ in nodes)))
    return Prepared(settings, named, _limits(measured), lacks(len(gpus) - len(measured), unbound_nodes(bound_cpus())))


def described(text: str) -> list[dict[str, Any]]:
    """A line for each GPU. Raises Unsupported when there is none."""
    gpus: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    if not gpus:
        raise Unsupported("the driver shows no GPU to this job: look at `hpcsched doctor gpu`")
    return gpus


def _limits(gpus: Sequence[dict[str, Any]]) -> dict[str, Limit]:
    """Of the memory: two transfers in each clock over the whole width, where the driver tells both."""
    return {
        f"gpu{number}_triad": Limit(
            2 * gpu["clock"] * gpu["width"] / 1e9, f"{gpu['clock'] / 1e6:g} MHz · 2 · {gpu['width']:g} bytes"
        )
        for number, gpu in enumerate(gpus)
        if gpu["clock"] > 0 and gpu["width"] > 0
    }


def lacks(left: int, unbound: IdSet) -> tuple[str, ...]:
    """`left`: GPUs that are not measured; `unbound`: NUMA nodes whose copies are not."""
    gpus = f"{format_count(left, 'more GPU')}: a quick sample takes the first alone (--size normal)"
    copies = f"copies to and from the memory of {words(unbound)}: no core there is bound"
    return (*((gpus,) if left else ()), *((copies,) if unbound else ()))


def measure(settings: Settings) -> Measured:
    """One GPU after another."""
    nodes = cpu_of_each_node(bound_cpus())
    values: dict[str, float] = {}
    for gpu in range(len(settings["gpus"])):
        values.update(_values(gpu, settings, _run(gpu, settings, nodes), nodes))
    kept = {name: settings[name] for name in ("bytes", "order", "repeats")}
    return Measured(values, {**kept, "gpus": ", ".join(settings["gpus"]), **identity(Path(settings["kernel"]))})


def _run(gpu: int, settings: Settings, nodes: Iterable[tuple[int, int]]) -> dict[str, Any]:
    places = ",".join(f"{node}:{cpu}" for node, cpu in nodes)
    work = (gpu, settings["bytes"], settings["order"], settings["repeats"])
    return answer([settings["kernel"], *map(str, work), places], limit_s=LIMIT_S)


def _values(gpu: int, settings: Settings, found: dict[str, Any], nodes: Iterable[tuple[int, int]]) -> dict[str, float]:
    size = settings["bytes"]
    copies = {f"gpu{gpu}_{way}_node{node}": size / found[f"{way}_{node}"] / 1e9 for node, _ in nodes for way in ("to", "from")}
    return {
        f"gpu{gpu}_triad": 3 * size / found["triad"] / 1e9,
        f"gpu{gpu}_dgemm": 2 * settings["order"] ** 3 / found["product"] / 1e9,
        f"gpu{gpu}_launch": found["launch"] * 1e6,
        **copies,
    }


if __name__ == "__main__":
    main(Benchmark(ABOUT, prepare, measure))
