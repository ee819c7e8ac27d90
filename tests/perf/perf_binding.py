"""How long it takes to decide what a job gets of one large node."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from hpcsched.model.allocation import HugePages
from hpcsched.model.device import DeviceKind
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind, reserve
from hpcsched.testing.topologies import grid, offer_of, with_devices

ROUNDS = 200
ASKS = {
    "the whole node": ResourceRequest(),
    "1 core": ResourceRequest(cores_per_node=1),
    "200 cores": ResourceRequest(cores_per_node=200),
    "301 cpus and a third of the memory": ResourceRequest(cpus_per_node=301, mem_per_node=8 << 28),
    "200 cores spread over all NUMA nodes": ResourceRequest(cores_per_node=200, numa="spread"),
    "one thread of each core of 2 NUMA nodes": ResourceRequest(numa="2,5", threads_per_core=1),
    "8 GPUs, 64 cores, 8 tasks": ResourceRequest(gpus_per_node=8, cores_per_node=64, ntasks_per_node=8),
    "2 GPUs and 16 tasks of 8 cpus": ResourceRequest(gpus_per_node=2, ntasks_per_node=16, cpus_per_task=8),
    "64 tasks on the whole node": ResourceRequest(ntasks_per_node=64),
    "64 tasks of 15 cpus": ResourceRequest(ntasks_per_node=64, cpus_per_task=15),
    "huge pages": ResourceRequest(hugepages=((2 << 20, 512),)),
}


def measure() -> list[tuple[str, str]]:
    """Label and text with the median of one call, on 512 cores in 8 NUMA nodes of which 4 cores are reserved (aim: 1 ms).

    Each NUMA node has a GPU, a network card, 4 GiB and a pool of huge pages.
    """
    offer = _offer()
    return [(f"bind {name} of 512 cores", f"{_median_s(offer, ask) * 1e6:.0f} µs") for name, ask in ASKS.items()]


def _offer() -> NodeOffer:
    machine = grid(packages=2, nodes=4, caches=8, cores=8, pus=2, memory=4 << 30)
    offer = offer_of(machine, cpus=machine.pus - reserve(machine, 4))
    for kind in DeviceKind:
        offer = with_devices(offer, kind, range(8))
    return replace(offer, hugepages=tuple(HugePages(numa, 2 << 20, 100) for numa in range(8)))


def _median_s(offer: NodeOffer, ask: ResourceRequest) -> float:
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        bind(offer, ask)
        times.append(perf_counter() - start)
    return sorted(times)[ROUNDS // 2]
