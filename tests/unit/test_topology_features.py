"""Dies, kinds of cores, PUs that are off or not allowed, tiers of memory: each on a machine of a few lines."""

from __future__ import annotations

import pytest

from hpcsched.errors import TopologyError
from hpcsched.hardware.lstopo import synthetic
from hpcsched.hardware.topology import parse_topology, read_topology
from hpcsched.model.topology import Topology
from tests.topology_xml import GIB, bridge, core, inside, numa, pci, xml


def kinds_of(topology: Topology) -> list[str]:
    return [topology.core_kinds[core.kind] for core in topology.cores] if topology.core_kinds else []


def tiers_of(topology: Topology) -> dict[int, str]:
    return {node.os_index: node.tier for node in topology.numa_nodes}


def test_dies_are_numbered_within_their_package() -> None:
    dies = [inside("Die", mask, core(pu), os_index=index) for pu, (index, mask) in enumerate([(0, "0x1"), (7, "0x2")])]
    other = [inside("Die", mask, core(pu), os_index=index) for pu, (index, mask) in enumerate([(0, "0x4"), (7, "0x8")], 2)]
    packages = (inside("Package", "0x3", *dies), inside("Package", "0xc", *other, os_index=1))
    topology = parse_topology(xml(*packages))
    assert [(core.package, core.die) for core in topology.cores] == [(0, 0), (0, 7), (1, 0), (1, 7)]


def test_the_only_die_of_a_package_is_die_0() -> None:
    topology = parse_topology(xml(inside("Package", "0x1", inside("Die", "0x1", core(0), os_index=3))))
    assert topology.cores[0].die == 0


def test_a_die_may_hold_several_numa_nodes() -> None:
    parts = [inside("Group", mask, numa(pu, mask), core(pu)) for pu, mask in enumerate(["0x1", "0x2"])]
    topology = parse_topology(
        xml(inside("Package", "0x7", inside("Die", "0x3", *parts), inside("Die", "0x4", core(2), os_index=1)))
    )
    assert [(core.die, core.numa) for core in topology.cores[:2]] == [(0, 0), (0, 1)]
    assert topology.cores[2].die == 1


SLOW = '<cpukind cpuset="0x1"><info name="FrequencyMaxMHz" value="3900"/></cpukind>'
FAST = '<cpukind cpuset="0x6"><info name="FrequencyMaxMHz" value="5000"/></cpukind>'
HYBRID = (
    '<cpukind cpuset="0x1"><info name="FrequencyMaxMHz" value="3900"/><info name="CoreType" value="IntelAtom"/></cpukind>'
    '<cpukind cpuset="0x6"><info name="CoreType" value="IntelCore"/></cpukind>'
)


def test_kinds_of_cores_are_named_by_rising_performance() -> None:
    assert parse_topology(xml(core(1), core(0), core(2), after=SLOW + FAST)).core_kinds == ("3900 MHz", "5000 MHz")
    topology = parse_topology(xml(core(1), core(0), core(2), after=HYBRID))
    assert kinds_of(topology) == ["IntelCore", "IntelAtom", "IntelCore"]
    assert topology.core_kinds == ("IntelAtom", "IntelCore")


def test_kinds_that_say_nothing_are_numbered() -> None:
    silent = '<cpukind cpuset="0x1"/><cpukind cpuset="0x2" forced_efficiency="1"/>'
    assert parse_topology(xml(core(0), core(1), after=silent)).core_kinds == ("kind 0", "kind 1")


def test_cores_that_are_all_alike_have_no_kind() -> None:
    for blocks in ("", FAST, SLOW):
        assert parse_topology(xml(core(0), core(1), core(2), after=blocks)).core_kinds == ()
    assert parse_topology(xml(core(0), after=SLOW + FAST)).core_kinds == ()


def test_a_core_without_a_kind_beside_others_is_of_unknown_kind() -> None:
    topology = parse_topology(xml(core(0), core(1), core(3), after=SLOW + FAST))
    assert kinds_of(topology) == ["3900 MHz", "5000 MHz", "unknown"]
    assert topology.core_kinds[0] == "unknown"


def test_pus_that_are_off_and_those_that_are_not_allowed_are_named_apart() -> None:
    sets = 'cpuset="0x37" complete_cpuset="0xff" allowed_cpuset="0x7"'
    topology = parse_topology(xml(numa(0, "0x37"), core(0, 1), core(2), core(4, 5), machine=sets))
    assert [(core.logical, str(core.pus)) for core in topology.cores] == [(0, "0-1"), (1, "2")]
    assert (str(topology.offline), str(topology.disallowed)) == ("3,6-7", "4-5")


def test_cores_are_numbered_as_lstopo_does_which_hides_what_is_not_allowed() -> None:
    topology = parse_topology(xml(core(0), core(1), core(2), machine='allowed_cpuset="0x5"'))
    assert [(core.logical, str(core.pus)) for core in topology.cores] == [(0, "0"), (1, "2")]


def test_a_numa_node_that_is_not_allowed_is_left_out_unless_cores_belong_to_it() -> None:
    sets = 'allowed_cpuset="0x1" allowed_nodeset="0x2"'
    topology = parse_topology(xml(numa(0, "0x1"), numa(1, "0x2"), numa(2, "0x4"), core(0), core(1), core(2), machine=sets))
    assert [(node.os_index, node.memory, str(node.near)) for node in topology.numa_nodes] == [(0, 0, "0"), (1, GIB, "")]


@pytest.mark.parametrize(
    ("subtype", "tier"),
    [("", "DRAM"), ("DRAM", "DRAM"), ("HBM", "HBM"), ("MCDRAM", "HBM"), ("SPM", "HBM"), ("NVM", "NVM"), ("GPUMemory", "GPU")]
    + [(name, "CXL") for name in ("CXL", "CXL-DRAM", "CXL-NVM")]
    + [("Optical", "DRAM")],
)
def test_the_tier_is_hwlocs_subtype_in_five_words(subtype: str, tier: str) -> None:
    topology = parse_topology(xml(numa(0, "0x1"), numa(1, "0x1", GIB, subtype), core(0)))
    assert tiers_of(topology) == {0: "DRAM", 1: tier}
    assert str(topology.numa_nodes[1].near) == "0"


def test_memory_of_an_unknown_kind_is_nobodys_home() -> None:
    topology = parse_topology(xml(numa(0, "0x1", GIB, "Optical"), numa(1, "0x1"), core(0)))
    assert topology.cores[0].numa == 1


GPU = "0302 [10de:1db1] [10de:1212] a1"


def test_as_many_nodes_near_no_pu_as_there_are_gpus_of_nvidia_are_their_memory() -> None:
    def machine(gpus: int) -> dict[int, str]:
        devices = [pci(f"0000:0{index}:00.0", GPU) for index in range(gpus)]
        nodes = (numa(0, "0x1"), numa(254, "0x0"), numa(255, "0x0"), numa(7, "0x0", 0))
        return tiers_of(parse_topology(xml(*nodes, core(0), bridge(*devices))))

    assert machine(2) == {0: "DRAM", 7: "DRAM", 254: "GPU", 255: "GPU"}
    assert set(machine(1).values()) == set(machine(0).values()) == {"DRAM"}


def bandwidth(name: str = "Bandwidth", **values: int) -> str:
    items = "".join(f'<memattr_value target_obj_gp_index="{key[1:]}" value="{value}"/>' for key, value in values.items())
    return f'<memattr name="{name}" flags="5">{items}</memattr>'


@pytest.mark.parametrize(
    ("after", "tier"),
    [
        (bandwidth(g1=1000, g2=4000), "HBM"),
        (bandwidth(g1=1000, g2=300), "CXL"),
        (bandwidth(g1=1000, g2=1000), "DRAM"),
        (bandwidth(g2=300), "DRAM"),
        (bandwidth("Latency", g1=10, g2=300), "DRAM"),
        (bandwidth(g1=1000, g2=4000).replace("4000", "-1"), "DRAM"),
    ],
)
def test_memory_beside_a_home_is_told_by_its_bandwidth(after: str, tier: str) -> None:
    nodes = [numa(index, "0x3").replace("<object", f'<object gp_index="{index + 1}"') for index in (0, 1)]
    topology = parse_topology(xml(*nodes, core(0), core(1), after=after))
    assert tiers_of(topology) == {0: "DRAM", 1: tier}


def test_hwloc_itself_names_memory_kinds_only_as_it_knows_them() -> None:
    topology = read_topology(synthetic("numa:2(memory=8589934592) core:2 pu:1"))
    assert tiers_of(topology) == {0: "DRAM", 1: "DRAM"}
    assert [str(node.near) for node in topology.numa_nodes] == ["0-1", "2-3"]


def test_a_machine_of_more_than_two_thousand_pus_is_read_whole() -> None:
    topology = read_topology(synthetic("pack:4 die:2 numa:2 l3:2 core:20 pu:4"))
    assert (len(topology.cores), len(topology.pus), max(topology.pus)) == (640, 2560, 2559)
    assert [len(node.pus) for node in topology.numa_nodes] == [160] * 16
    assert {(core.package, core.die % 2) for core in topology.cores} == {(p, d) for p in range(4) for d in range(2)}


def test_pus_and_nodes_may_be_numbered_with_wide_gaps() -> None:
    topology = parse_topology(xml(numa(1000, "0x1," + "," * 1998 + "0x1"), core(0), core(1999 * 32)))
    assert str(topology.pus) == "0,63968"
    assert [(node.os_index, str(node.near)) for node in topology.numa_nodes] == [(1000, "0,63968")]


@pytest.mark.parametrize("index", ["1024", "-1", "0x1", "\u0661", "1e3", " 1", ""])
def test_numbers_of_nodes_that_linux_cannot_have_are_refused(index: str) -> None:
    with pytest.raises(TopologyError, match="bad os_index"):
        parse_topology(xml(numa(0, "0x1").replace('os_index="0"', f'os_index="{index}"'), core(0)))
