"""How long it takes to decide what a job gets of one large node."""

from __future__ import annotations

from time import perf_counter

from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.binding import bind, reserve
from hpcsched.testing.topologies import grid, offer_of

ROUNDS = 200
ASKS = {
    "the whole node": ResourceRequest(),
    "1 core": ResourceRequest(cores_per_node=1),
    "200 cores": ResourceRequest(cores_per_node=200),
    "301 cpus and a third of the memory": ResourceRequest(cpus_per_node=301, mem_per_node=8 << 28),
}


def measure() -> list[tuple[str, str]]:
    """Label and text with the median of one call, on 512 cores in 8 NUMA nodes of which 4 cores are reserved (aim: 1 ms)."""
    machine = grid(packages=2, nodes=4, caches=8, cores=8, pus=2)
    offer = offer_of(machine, cpus=machine.pus - reserve(machine, 4))
    return [(f"bind {name} of 512 cores", f"{_median_s(offer, ask) * 1e6:.0f} µs") for name, ask in ASKS.items()]


def _median_s(offer: NodeOffer, ask: ResourceRequest) -> float:
    times = []
    for _ in range(ROUNDS):
        start = perf_counter()
        bind(offer, ask)
        times.append(perf_counter() - start)
    return sorted(times)[ROUNDS // 2]
