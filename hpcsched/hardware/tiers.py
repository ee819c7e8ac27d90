"""What kind of memory a NUMA node has, out of hwloc's XML."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from hpcsched.hardware.attributes import is_number
from hpcsched.hardware.numa import HomeNodes, MemoryNode

_TIERS = {"DRAM": "DRAM", "HBM": "HBM", "MCDRAM": "HBM", "SPM": "HBM", "NVM": "NVM", "GPUMemory": "GPU"}
"""By hwloc's subtype. SPM, memory that the firmware keeps for a purpose (ACPI 6.5, 15.4), is HBM where it is not CXL."""


def tiers(root: Element, homes: HomeNodes, used: frozenset[int], gpus: int) -> dict[int, str]:
    """By OS index. hwloc before 2.10 names few kinds, so for a node that is not `used`, nobody's home, some are inferred.

    As many nodes near no PU as there are NVIDIA GPUs are these GPUs' memory. A node that has more bandwidth than the home
    of the same PUs is HBM, one that has less is CXL. Everything else is DRAM.
    """
    named = {node.os_index: _named(node.subtype) for node in homes.nodes}
    unnamed = [node for node in homes.nodes if not named[node.os_index] and node.os_index not in used]
    guessed = {**_by_bandwidth(root, unnamed, homes), **_of_gpus(unnamed, gpus)}
    return {index: tier or guessed.get(index, "DRAM") for index, tier in named.items()}


def _named(subtype: str) -> str:
    return "CXL" if subtype.startswith("CXL") else _TIERS.get(subtype, "")


def _of_gpus(nodes: Iterable[MemoryNode], gpus: int) -> dict[int, str]:
    alone = [node.os_index for node in nodes if node.memory and not node.pus]
    return dict.fromkeys(alone, "GPU") if len(alone) == gpus else {}


def _by_bandwidth(root: Element, nodes: Iterable[MemoryNode], homes: HomeNodes) -> dict[int, str]:
    bandwidth = _bandwidths(root)
    found: dict[int, str] = {}
    for node in (node for node in nodes if node.gp_index in bandwidth):
        mine, ordinary = bandwidth[node.gp_index], bandwidth.get(homes.beside(node).gp_index, 0)
        if ordinary and mine != ordinary:
            found[node.os_index] = "HBM" if mine > ordinary else "CXL"
    return found


def _bandwidths(root: Element) -> dict[str, int]:
    """The largest that any PU has, MiB/s, by the node's `gp_index`."""
    found: dict[str, int] = {}
    for attribute in root.iterfind("memattr"):
        for item in attribute.iterfind("memattr_value") if attribute.get("name") == "Bandwidth" else ():
            index, text = item.get("target_obj_gp_index", ""), item.get("value", "")
            if is_number(text) and int(text):
                found[index] = max(found.get(index, 0), int(text))
    return found
