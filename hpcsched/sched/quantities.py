"""What a request asks of a node, quantity by quantity, beside what the node hands out of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.model.units import format_bytes, format_count
from hpcsched.sched.gpus import gpus_of
from hpcsched.sched.hugepages import pool, summed
from hpcsched.sched.layout import lowest
from hpcsched.sched.memory import handouts


@dataclass(frozen=True, slots=True)
class Quantity:
    """One quantity: how much is asked and there, in words too, and the option with the most that would fit (empty: none)."""

    amount: int
    there: int
    asked: str
    given: str
    option: str

    @property
    def share(self) -> float:
        return self.there / self.amount


def quantities(request: ResourceRequest, offer: NodeOffer) -> list[Quantity]:
    """The quantities that the request names; `threads_per_core` counts in what there is of cpus."""
    return list(_cpus(request, offer)) + list(_others(request, offer))


def _cpus(request: ResourceRequest, offer: NodeOffer) -> Iterator[Quantity]:
    cores = [core.pus.mask & offer.cpus.mask for core in offer.topology.cores]
    threads = request.threads_per_core
    cpus = sum(lowest(core, threads).bit_count() for core in cores) if threads else len(offer.cpus)
    if request.cores_per_node:
        yield _counted(request.cores_per_node, sum(map(bool, cores)), "core", "--cores-per-node")
    if request.cpus_per_node:
        yield _counted(request.cpus_per_node, cpus, "cpu", "--cpus-per-node")
    if request.ntasks_per_node:
        yield _tasks(request.ntasks_per_node, max(request.cpus_per_task, 1), cpus)


def _others(request: ResourceRequest, offer: NodeOffer) -> Iterator[Quantity]:
    if request.mem_per_node:
        memory = sum(handouts(offer).values()) or offer.memory or request.mem_per_node
        most = f"{memory >> 20}M"
        yield Quantity(
            request.mem_per_node, memory, f"{format_bytes(request.mem_per_node)} memory", most, f"--mem-per-node {most}"
        )
    if request.gpus_per_node:
        yield _counted(request.gpus_per_node, len(gpus_of(offer)), "GPU", "--gpus-per-node")
    for size, count in summed(request.hugepages).items():
        yield _pages(count, sum(pool(offer, size).values()), format_bytes(size))


def _tasks(count: int, size: int, cpus: int) -> Quantity:
    fitting = cpus // size
    option = f"--ntasks-per-node {fitting}" if fitting else f"--cpus-per-task {cpus}"
    asked = f"{format_count(count, 'task')} of {format_count(size, 'cpu')}"
    return Quantity(count * size, cpus, asked, format_count(cpus, "cpu"), option)


def _pages(count: int, there: int, size: str) -> Quantity:
    asked = f"{format_count(count, 'huge page')} of {size}"
    if there:
        return Quantity(count, there, asked, str(there), f"--hugepages {size}:{there}")
    return Quantity(count, there, asked, "no such page (its agent looks for pools when it starts: sysctl vm.nr_hugepages)", "")


def _counted(amount: int, there: int, noun: str, option: str) -> Quantity:
    return Quantity(
        amount, there, format_count(amount, noun), str(there) if there else f"no {noun}", f"{option} {there}" if there else ""
    )
