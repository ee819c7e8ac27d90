"""What a job was given."""

from __future__ import annotations

from hpcsched.model.idset import IdSet
from hpcsched.model.noun import noun

_LARGEST_PAGE = 1 << 16


@noun(frozen=True, slots=True)
class HugePages:
    """`count` pages of `size` bytes on the NUMA node of that OS index."""

    numa: int
    size: int
    count: int


@noun(frozen=True, slots=True)
class TaskBinding:
    """What one task of a job has of the job's binding: PUs, the memory nodes that hold them, device ids of GPUs."""

    cpus: IdSet
    mems: IdSet
    gpus: tuple[str, ...] = ()


@noun(frozen=True, slots=True)
class Binding:
    """On one node: `cpus` (PUs) and `mems` (NUMA nodes) by OS index, `memory` in bytes (0: no limit).

    `gpus`, `nics`: device ids, the nearest NIC first. `memory_split`: what of `memory` is counted on each of `mems`, in bytes.
    `tasks`: by their number on the node; empty when the job has none.
    """

    cpus: IdSet
    mems: IdSet
    memory: int = 0
    gpus: tuple[str, ...] = ()
    nics: tuple[str, ...] = ()
    memory_split: tuple[tuple[int, int], ...] = ()
    hugepages: tuple[HugePages, ...] = ()
    tasks: tuple[TaskBinding, ...] = ()

    def allows_memory(self, limit: int) -> bool:
        """A limit that the kernel shows, in bytes, is this one, which the kernel rounds down to whole pages (64 KiB at most)."""
        return self.memory // _LARGEST_PAGE == limit // _LARGEST_PAGE


@noun(frozen=True, slots=True)
class NodeBinding:
    """The binding of a job on the node of that name."""

    node: str
    binding: Binding


@noun(frozen=True, slots=True)
class Allocation:
    """Nodes in the order of their rank; the job's command runs on the first."""

    bindings: tuple[NodeBinding, ...]

    @property
    def nodes(self) -> tuple[str, ...]:
        return tuple([part.node for part in self.bindings])

    def on(self, node: str) -> Binding | None:
        return next((part.binding for part in self.bindings if part.node == node), None)
