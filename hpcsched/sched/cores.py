"""Which PUs of one node a job gets when it says how many, or takes all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpcsched.errors import Infeasible, InvalidValue
from hpcsched.model.idset import IdSet
from hpcsched.model.job import ResourceRequest
from hpcsched.model.node import NodeOffer
from hpcsched.sched.layout import Group, groups_of, lowest, union, weight
from hpcsched.sched.numa_choice import pick, words


@dataclass(frozen=True, slots=True)
class Usable:
    """What of a node a request may use: `named` are the NUMA nodes that it names (none: all), `threads` as threads_per_core.

    `weights`: how the cores are shared over NUMA nodes (see `pick`); empty: compact.
    """

    offer: NodeOffer
    named: IdSet
    threads: int
    weights: Mapping[int, int]

    def groups(self) -> list[Group]:
        found = groups_of(self.offer.topology, self.offer.cpus.mask, self.threads)
        return [group for group in found if group.numa in self.named] if self.named else found

    @property
    def whole(self) -> bool:
        return not self.named and not self.threads

    def words(self) -> str:
        """What narrows it, for a message."""
        threads = f" with {self.threads} per core" if self.threads else ""
        return threads + (f" on {words(self.named)}" if self.named else "")


def choose_cpus(usable: Usable, request: ResourceRequest) -> IdSet:
    """All that is usable, or so many whole cores or PUs of it.

    Cores are taken whole: `cpus_per_node` = 3 where cores have two PUs takes two cores and leaves one PU idle. Raises Infeasible
    when there are too few, InvalidValue when the counts of cores and cpus contradict each other on this node.
    """
    if request.cores_per_node:
        return _whole_cores(usable, request)
    if request.cpus_per_node:
        return _counted_pus(usable, request.cpus_per_node)
    return usable.offer.cpus if usable.whole else IdSet(union(core for group in usable.groups() for core in group.cores))


def _whole_cores(usable: Usable, request: ResourceRequest) -> IdSet:
    ask, groups = request.cores_per_node, usable.groups()
    cores = pick(usable.offer.topology, groups, ask, False, usable.weights)
    if not cores:
        raise too_many(usable, ask, "cores", groups, count_pus=False)
    pus = union(cores)
    if not request.cpus_per_node:
        return IdSet(pus)
    if not pus.bit_count() - cores[-1].bit_count() < request.cpus_per_node <= pus.bit_count():
        raise InvalidValue(
            f"asks for {ask} cores and {request.cpus_per_node} cpus per node, but {ask} cores of node {usable.offer.name} "
            f"have {pus.bit_count()} cpus: give one of the two"
        )
    return _first_pus(cores, request.cpus_per_node)


def _counted_pus(usable: Usable, ask: int) -> IdSet:
    groups = usable.groups()
    pus = pick(usable.offer.topology, groups, ask, True, usable.weights)
    if not pus:
        raise too_many(usable, ask, "cpus", groups, count_pus=True)
    return IdSet(union(pus))


def too_many(usable: Usable, ask: int, what: str, groups: list[Group], count_pus: bool) -> Infeasible:
    there = sum(weight(group, count_pus) for group in groups)
    return Infeasible(f"asks for {ask} {what} per node{usable.words()}, node {usable.offer.name} hands out {there}")


def _first_pus(cores: list[int], count: int) -> IdSet:
    """All PUs of all cores but the last, which gives its lowest ones."""
    full = union(cores[:-1])
    return IdSet(full | lowest(cores[-1], count - full.bit_count()))
