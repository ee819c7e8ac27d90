"""Which NUMA node a core belongs to, and how far nodes are from each other, out of hwloc's XML."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from xml.etree.ElementTree import Element

from hpcsched.errors import TopologyError
from hpcsched.hardware.attributes import is_number
from hpcsched.model.idset import IdSet

_log = logging.getLogger(__name__)
_NEAREST, _OUT_OF_REACH = 10, 255
_KERNELS = 1 | 4
"""From the operating system, and a latency: hwloc_distances_kind_e, hwloc/distances.h."""
MAX_MATRIX_NODES = 1024


@dataclass(frozen=True, slots=True)
class MemoryNode:
    """hwloc's NUMANode: `pus` are the PUs near it as a mask, also for memory that has no CPU of its own.

    `gp_index`: by which other parts of the XML name it. `subtype`: hwloc's kind of memory, empty where it names none.
    """

    os_index: int
    memory: int
    pus: int
    subtype: str = ""
    gp_index: str = ""

    @property
    def special(self) -> bool:
        """High-bandwidth, non-volatile, device memory."""
        return self.subtype not in ("", "DRAM")


class HomeNodes:
    """Gives each core one home: ordinary memory before special, the closest (fewest PUs), one with memory, the lowest index.

    Linux numbers ordinary memory before the special memory beside it.
    """

    def __init__(self, nodes: list[MemoryNode]) -> None:
        self.nodes = sorted(nodes, key=lambda node: (node.special, node.pus.bit_count(), not node.memory, node.os_index))
        self._rank: dict[int, int] = {}
        claimed = 0
        for rank, node in enumerate(self.nodes):
            self._rank |= dict.fromkeys(IdSet(node.pus & ~claimed), rank)
            claimed |= node.pus

    def claim(self, pus: int, kernel_node: int) -> int:
        """OS index of the home; `kernel_node`, which may be one that this process must not use, where no node is near."""
        rank = min((self._rank[pu] for pu in IdSet(pus) if pu in self._rank), default=None)
        return kernel_node if rank is None else self.nodes[rank].os_index

    def beside(self, node: MemoryNode) -> MemoryNode:
        """The home of the first PU near a node, the node itself where none is near."""
        return self.nodes[self._rank[IdSet(node.pus).first()]] if node.pus else node


def read_distances(root: Element, known: frozenset[int]) -> dict[int, tuple[tuple[int, int], ...]]:
    """Rows of the latency matrix (SLIT units) between known nodes by OS index; both directions, which may differ.

    Empty where there is none, and, with a warning that names the reason, where the firmware's figures make no sense. Raises
    TopologyError when it is no matrix.
    """
    block = next(_latency_blocks(root), None)
    if block is None:
        return {}
    rows = _matrix(_numbers(block, "indexes"), _numbers(block, "u64values"))
    nonsense = next(filter(None, (_nonsense(index, row) for index, row in rows.items())), "")
    if nonsense:
        _log.warning("the distances between NUMA nodes that the firmware gives are not used: %s", nonsense)
        return {}
    return {index: tuple(pair for pair in row if pair[0] in known) for index, row in rows.items() if index in known}


def _matrix(indexes: list[int], values: list[int]) -> dict[int, tuple[tuple[int, int], ...]]:
    size = len(indexes)
    if size > MAX_MATRIX_NODES or len(set(indexes)) != size:
        raise TopologyError(f"the topology's XML has distances between {size} NUMA nodes, of which {len(set(indexes))} differ")
    if len(values) != size * size:
        raise TopologyError(f"the topology's XML has {len(values)} distances between {size} NUMA nodes, not {size * size}")
    flat = iter(values)
    return {index: tuple(zip(indexes, islice(flat, size), strict=True)) for index in indexes}


def _nonsense(index: int, row: tuple[tuple[int, int], ...]) -> str:
    """Why a row cannot be true, or nothing: 0 to 9 mean nothing, 255 is out of reach (ACPI 6.5, 5.2.17), above is no byte."""
    own = dict(row)[index]
    for other, distance in row:
        if not _NEAREST <= distance <= _OUT_OF_REACH:
            return f"{distance} from node {index} to node {other} is outside {_NEAREST}-{_OUT_OF_REACH}"
        if distance < own:
            return f"node {other} is nearer to node {index} ({distance}) than node {index} itself ({own})"
    return ""


def _latency_blocks(root: Element) -> Iterator[Element]:
    """The kernel's matrix only: people may add others, in other units. hwloc leaves the name out of what it converts."""
    for block in root.iterfind("distances2"):
        of_nodes = block.get("type") == "NUMANode" and block.get("indexing", "os") == "os"
        if of_nodes and block.get("name", "NUMALatency") == "NUMALatency" and _is_kernels(block.get("kind", "")):
            yield block


def _is_kernels(kind: str) -> bool:
    return is_number(kind) and int(kind) & _KERNELS == _KERNELS


def _numbers(block: Element, tag: str) -> list[int]:
    words = " ".join(part.text or "" for part in block.iterfind(tag)).split()
    if not all(map(is_number, words)):
        raise TopologyError("the topology's XML has a distance that is no number")
    return [int(word) for word in words]
