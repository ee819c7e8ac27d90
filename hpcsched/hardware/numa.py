"""Which NUMA node a core belongs to, and how far nodes are from each other, out of hwloc's XML."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from xml.etree.ElementTree import Element

from hpcsched.errors import TopologyError

_KERNELS = 1 | 4
"""From the operating system, and a latency: hwloc_distances_kind_e, hwloc/distances.h."""
MAX_MATRIX_NODES = 1024


@dataclass(frozen=True, slots=True)
class MemoryNode:
    """hwloc's NUMANode: `pus` are the PUs near it as a mask, also for memory that has no CPU of its own.

    `special`: high-bandwidth, non-volatile, device memory.
    """

    os_index: int
    memory: int
    pus: int
    special: bool


class HomeNodes:
    """Gives each core one home: ordinary memory before special, the closest (fewest PUs), one with memory, the lowest index.

    Linux numbers ordinary memory before the special memory beside it.
    """

    def __init__(self, nodes: list[MemoryNode]) -> None:
        self.nodes = sorted(nodes, key=lambda node: (node.special, node.pus.bit_count(), not node.memory, node.os_index))

    def claim(self, pus: int, kernel_node: int) -> int:
        """OS index of the home; `kernel_node`, which may be one that this process must not use, where no node is near."""
        return next((node.os_index for node in self.nodes if node.pus & pus), kernel_node)


def read_distances(root: Element, known: frozenset[int]) -> dict[int, tuple[tuple[int, int], ...]]:
    """Rows of the latency matrix (SLIT units) between known nodes by OS index; empty where there is none."""
    block = next(_latency_blocks(root), None)
    if block is None:
        return {}
    indexes, values = _numbers(block, "indexes"), iter(_numbers(block, "u64values"))
    if len(indexes) > MAX_MATRIX_NODES:
        raise TopologyError(f"the topology's XML has distances between {len(indexes)} NUMA nodes")
    rows = {index: tuple(zip(indexes, islice(values, len(indexes)), strict=False)) for index in indexes}
    return {index: tuple(pair for pair in row if pair[0] in known) for index, row in rows.items() if index in known}


def _latency_blocks(root: Element) -> Iterator[Element]:
    """The kernel's matrix only: people may add others, in other units. hwloc leaves the name out of what it converts."""
    for block in root.iterfind("distances2"):
        of_nodes = block.get("type") == "NUMANode" and block.get("indexing", "os") == "os"
        if of_nodes and block.get("name", "NUMALatency") == "NUMALatency" and _is_kernels(block.get("kind", "")):
            yield block


def _is_kernels(kind: str) -> bool:
    return kind.isascii() and kind.isdigit() and len(kind) < 10 and int(kind) & _KERNELS == _KERNELS


def _numbers(block: Element, tag: str) -> list[int]:
    words = " ".join(part.text or "" for part in block.iterfind(tag)).split()
    if not all(word.isascii() and word.isdigit() and len(word) <= 20 for word in words):
        raise TopologyError("the topology's XML has a distance that is no number")
    return [int(word) for word in words]
