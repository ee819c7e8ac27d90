"""What a job was given."""

from __future__ import annotations

from dataclasses import dataclass

from hpcsched.model.idset import IdSet

_LARGEST_PAGE = 1 << 16


@dataclass(frozen=True, slots=True)
class Binding:
    """On one node: `cpus` (PUs) and `mems` (NUMA nodes) by OS index, `memory` in bytes (0: no limit)."""

    cpus: IdSet
    mems: IdSet
    memory: int = 0

    def allows_memory(self, limit: int) -> bool:
        """A limit that the kernel shows, in bytes, is this one, which the kernel rounds down to whole pages (64 KiB at most)."""
        return self.memory // _LARGEST_PAGE == limit // _LARGEST_PAGE


@dataclass(frozen=True, slots=True)
class NodeBinding:
    """The binding of a job on the node of that name."""

    node: str
    binding: Binding


@dataclass(frozen=True, slots=True)
class Allocation:
    """Nodes in the order of their rank; the job's command runs on the first."""

    bindings: tuple[NodeBinding, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple(part.node for part in self.bindings)

    def on(self, node: str) -> Binding | None:
        return next((part.binding for part in self.bindings if part.node == node), None)
