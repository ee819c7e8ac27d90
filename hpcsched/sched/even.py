"""A set of cores cut into parts that follow the caches, as hwloc-distrib(1) does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate

from hpcsched.model.topology import Topology
from hpcsched.sched.layout import Group, positions, pus_of, shared_caches, union
from hpcsched.sched.numa_choice import proportional


def cut(topology: Topology, groups: Sequence[Group], count: int) -> list[int]:
    """`count` disjoint sets that hold all PUs of the groups, in logical order; there must be as many PUs as sets.

    From the package down to the PU each part of the machine gets a number of sets in proportion to its PUs; a part with one set
    is not cut further, one with none goes to the set before it (hwloc_distrib, hwloc/helper.h).
    """
    tree = _Tree(topology, _in_order(groups))
    sets: list[int] = []
    tree.share(0, 0, len(tree.cores), count, sets)
    return sets


def _in_order(groups: Sequence[Group]) -> list[Group]:
    """Those of one package side by side, in these those of one NUMA node; each kind in the order in which it first comes."""
    packages, nodes = dict[int, int](), dict[int, int]()
    for group in groups:
        packages.setdefault(group.package, len(packages))
        nodes.setdefault(group.numa, len(nodes))
    return sorted(groups, key=lambda group: (packages[group.package], nodes[group.numa]))


class _Tree:
    """Cores in a row; a part of the machine is a run of them in which one of the keys is the same."""

    def __init__(self, topology: Topology, groups: Sequence[Group]) -> None:
        self.cores = [core for group in groups for core in group.cores]
        self._before = [0, *accumulate(map(int.bit_count, self.cores))]
        sizes = [len(group.cores) for group in groups]
        self._keys = [
            _repeated([group.package for group in groups], sizes),
            _repeated([group.numa for group in groups], sizes),
            _repeated(range(len(groups)), sizes),
            *(positions(caches, self.cores) for caches in shared_caches(topology)[1:]),
            range(len(self.cores)),
        ]

    def share(self, level: int, first: int, last: int, count: int, sets: list[int]) -> None:
        if level == len(self._keys):
            self._share_pus(self.cores[first], count, sets)
            return
        runs = list(self._runs(self._keys[level], first, last))
        chunks = proportional(count, [self._before[stop] - self._before[start] for start, stop in runs])
        for (start, stop), chunk in zip(runs, chunks, strict=True):
            if chunk > 1:
                self.share(level + 1, start, stop, chunk, sets)
            else:
                _give(union(self.cores[start:stop]), chunk, sets)

    def _share_pus(self, core: int, count: int, sets: list[int]) -> None:
        pus = list(pus_of(core))
        for pu, chunk in zip(pus, proportional(count, [1] * len(pus)), strict=True):
            _give(pu, chunk, sets)

    @staticmethod
    def _runs(keys: Sequence[int], first: int, last: int) -> Iterator[tuple[int, int]]:
        start = first
        for position in range(first + 1, last + 1):
            if position == last or keys[position] != keys[start]:
                yield start, position
                start = position


def _give(mask: int, chunk: int, sets: list[int]) -> None:
    if chunk:
        sets.append(mask)
    else:
        sets[-1] |= mask


def _repeated(keys: Sequence[int], sizes: Sequence[int]) -> list[int]:
    return [key for key, size in zip(keys, sizes, strict=True) for _ in range(size)]
