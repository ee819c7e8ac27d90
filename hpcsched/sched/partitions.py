"""Which nodes are in which partition."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from hpcsched.model.node import Node, NodeOffer
from hpcsched.model.site import Partition, Site

IMPLICIT = (Partition("default", default=True),)
"""Of a site that has settled none."""


def partitions(site: Site) -> tuple[Partition, ...]:
    """Those of the site, or the implicit one."""
    return site.partitions or IMPLICIT


def default_partition(site: Site) -> Partition | None:
    """The one that is marked, or the only one; None: a job must name one."""
    known = partitions(site)
    marked = [item for item in known if item.default]
    return marked[0] if marked else known[0] if len(known) == 1 else None


def partition_of(site: Site, name: str) -> Partition | None:
    """The partition that a job means with that name; empty: the default one."""
    if not name:
        return default_partition(site)
    return next((item for item in partitions(site) if item.name == name), None)


def is_member(partition: Partition, offer: NodeOffer) -> bool:
    """Its name, a pattern of it, or a feature of the node is among the partition's."""
    return not partition.nodes or any(_names(word, offer) for word in partition.nodes)


def _names(word: str, offer: NodeOffer) -> bool:
    return word[1:] in offer.features if word.startswith("+") else fnmatchcase(offer.name, word)


class Partitions:
    """The nodes of each partition, worked out when they are asked for first, and kept while no node changes what it offers."""

    def __init__(self, site: Site, nodes: Iterable[Node]) -> None:
        self._site = site
        self._offers = tuple(node.offer for node in nodes)
        self._members: dict[str, frozenset[str]] = {}

    def renewed(self, site: Site, nodes: Sequence[Node]) -> Partitions:
        """For these nodes; itself, with all that it has worked out, where they offer the same."""
        same = site is self._site and len(nodes) == len(self._offers)
        if same and all(node.offer is offer for node, offer in zip(nodes, self._offers, strict=True)):
            return self
        return Partitions(site, nodes)

    def nodes_of(self, name: str) -> frozenset[str]:
        """Names of its nodes; empty for a partition that does not exist, the default one's for an empty name."""
        if name not in self._members:
            self._members[name] = self._work_out(partition_of(self._site, name))
        return self._members[name]

    def _work_out(self, partition: Partition | None) -> frozenset[str]:
        if partition is None:
            return frozenset()
        return frozenset(offer.name for offer in self._offers if is_member(partition, offer))
