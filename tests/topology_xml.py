"""Pieces of hwloc's XML (hwloc2.dtd) for made-up machines, and what must be true of every machine that was read."""

from __future__ import annotations

from hpcsched.model.topology import Topology

GIB = 1 << 30


def xml(*objects: str, machine: str = "", after: str = "", version: str = 'version="2.0"') -> bytes:
    inside = "".join(objects)
    return f'<topology {version}><object type="Machine" os_index="0" {machine}>{inside}</object>{after}</topology>'.encode()


def core(*pus: int, node: str = "0x1") -> str:
    inside = "".join(f'<object type="PU" os_index="{pu}"/>' for pu in pus)
    return f'<object type="Core" complete_nodeset="{node}">{inside}</object>'


def numa(index: int, cpuset: str, memory: int = GIB, subtype: str = "") -> str:
    kind = f'subtype="{subtype}"' if subtype else ""
    return f'<object type="NUMANode" os_index="{index}" cpuset="{cpuset}" local_memory="{memory}" {kind}/>'


def pci(address: str, pci_type: str, *names: str, inside: str = "") -> str:
    """`pci_type` as hwloc writes it: class, ids, ids of the subsystem, revision."""
    children = "".join(f'<object type="OSDev" name="{name}" osdev_type="1"/>' for name in names)
    return f'<object type="PCIDev" pci_busid="{address}" pci_type="{pci_type}">{inside}{children}</object>'


def bridge(*inside: str) -> str:
    return f'<object type="Bridge" bridge_type="0-1" depth="0" bridge_pci="0000:[00-ff]">{"".join(inside)}</object>'


def inside(kind: str, cpuset: str, *objects: str, os_index: int = 0) -> str:
    """An object around others: Package, Die, Group, a cache."""
    return f'<object type="{kind}" os_index="{os_index}" cpuset="{cpuset}">{"".join(objects)}</object>'


def matrix(indexes: str, values: str) -> str:
    """The kernel's distances between NUMA nodes."""
    return (
        '<distances2 type="NUMANode" nbobjs="1" kind="5" name="NUMALatency" indexing="os">'
        f"<indexes>{indexes}</indexes><u64values>{values}</u64values></distances2>"
    )


def assert_sound(topology: Topology) -> None:
    """Every core has PUs, which no other has, and one NUMA node, which has them too."""
    seen = 0
    of_nodes = {node.os_index: node.pus for node in topology.numa_nodes}
    for each in topology.cores:
        assert each.pus
        assert each.pus <= of_nodes[each.numa]
        assert not seen & each.pus.mask
        seen |= each.pus.mask
    assert sum(len(pus) for pus in of_nodes.values()) == len(topology.pus)
    assert [each.logical for each in topology.cores] == list(range(len(topology.cores)))
    assert not seen & (topology.offline.mask | topology.disallowed.mask)
    assert topology.offline.isdisjoint(topology.disallowed)
    assert all(device.numa in of_nodes or device.numa == -1 for device in topology.devices)
    assert all(device.cpus <= topology.pus for device in topology.devices)
    assert all(near <= topology.pus for near in (node.near for node in topology.numa_nodes))
