"""The nodes that fit jobs of one shape: of its partition, with the features and resources that it asks for."""

from __future__ import annotations

from hpcsched.errors import InvalidValue
from hpcsched.model.job import JobSpec
from hpcsched.model.site import Site
from hpcsched.sched import bits
from hpcsched.sched.constraint import Expression, matches, parse
from hpcsched.sched.fleet import Fleet
from hpcsched.sched.partitions import Partitions
from hpcsched.sched.requirement import meets
from hpcsched.sched.speeds import Speeds, speeds, wanted


class Places:
    """Good for one site and as long as the fleet's epoch stays the same."""

    def __init__(self, site: Site, fleet: Fleet) -> None:
        self.epoch, self._fleet, self._site = fleet.epoch, fleet, site
        self._partitions = Partitions(site, fleet.nodes)
        self._masks: dict[str, int] = {}
        self._measured = fleet.measured
        self._speeds: dict[tuple[str, str], tuple[Speeds, ...]] = {}

    def of(self, spec: JobSpec) -> int:
        """A mask of nodes, in service or not."""
        try:
            wanted = parse(spec.constraint)
        except InvalidValue:
            return 0
        able = self._partition(spec.partition) & self._fitting(spec, wanted)
        if spec.nodelist:
            able &= self._fleet.mask(spec.nodelist)
        return self._certified(spec, able) if spec.require else able

    def speeds(self, spec: JobSpec) -> tuple[Speeds, ...]:
        """In the metric in which its nodes should be alike; none where they need not be."""
        metric = wanted(spec, self._site)
        if not metric:
            return ()
        if self._measured != self._fleet.measured:
            self._measured = self._fleet.measured
            self._speeds.clear()
        if (metric, spec.image) not in self._speeds:
            self._speeds[metric, spec.image] = speeds(self._fleet.nodes, metric, spec.image)
        return self._speeds[metric, spec.image]

    def _certified(self, spec: JobSpec, able: int) -> int:
        nodes = self._fleet.nodes
        return bits.of(rank for rank in bits.ranks(able) if meets(spec.require, nodes[rank], spec.image))

    def _fitting(self, spec: JobSpec, wanted: Expression) -> int:
        able = 0
        for kind, mask in self._fleet.kinds.items():
            if kind.fit(spec) is not None and matches(wanted, kind.offer.features):
                able |= mask
        return able

    def _partition(self, name: str) -> int:
        if name not in self._masks:
            self._masks[name] = self._fleet.mask(self._partitions.nodes_of(name))
        return self._masks[name]
