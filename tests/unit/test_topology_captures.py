"""What is read of machines, beside what hwloc's own tools count there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from hpcsched.hardware.lstopo import PROGRAM, synthetic
from hpcsched.hardware.topology import read_topology
from hpcsched.model.topology import PciDevice, Topology
from tests.captures import ALL, ARCHIVES, FOLDER, XML_FILES, each, machine, unpacked
from tests.topology_xml import assert_sound

READABLE = [path for path in XML_FILES if b'version="3' not in path.read_bytes()[:300]]
"""Files that the hwloc of Debian 12 reads too; hwloc 2 refuses what hwloc 3 wrote."""
_LISTED = re.compile(r"busid=(\S+) id=([0-9a-f]{4}):([0-9a-f]{4}) class=([0-9a-f]{4})")


@dataclass(frozen=True)
class Tools:
    """hwloc's tools, told to look at one machine."""

    arguments: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()

    def say(self, tool: str, *arguments: str) -> str:
        environment = {**os.environ, "HWLOC_SHOW_ERRORS": "none", **dict(self.environment)}
        command = [tool, *self.arguments, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False).stdout

    def count(self, kind: str) -> int:
        """hwloc-calc says nothing of kinds that a machine has none of."""
        return int(self.say("hwloc-calc", "--number-of", kind, "all") or 0)

    def nodes(self) -> int:
        """NUMA nodes, of which hwloc-calc leaves out those near no PU."""
        return len(self.say(PROGRAM, "--only", "numanode").splitlines())

    def devices(self) -> list[tuple[str, int, int, int]]:
        """Address, vendor, device, class."""
        found = _LISTED.findall(self.say(PROGRAM, "--only", "pcidev", "-v"))
        return sorted((address, *(int(number, 16) for number in rest)) for address, *rest in found)  # type: ignore[misc]


@contextmanager
def tools_for(path: Path) -> Iterator[Tools]:
    if path in XML_FILES:
        yield Tools(("-i", str(path)))
        return
    with unpacked(path) as root:
        yield Tools(environment=(("HWLOC_FSROOT", str(root)), ("HWLOC_COMPONENTS", "linux,stop")))


def assert_as_hwloc_counts(topology: Topology, tools: Tools) -> None:
    packages = {core.package for core in topology.cores}
    dies = {(core.package, core.die) for core in topology.cores}
    assert len(topology.pus) == tools.count("pu")
    assert len(topology.cores) == tools.count("core")
    assert sum(1 for node in topology.numa_nodes if node.memory) == tools.nodes()
    assert len(packages) == max(tools.count("package"), 1)
    assert len(dies) == max(tools.count("die"), len(packages))
    for level in (1, 2, 3):
        assert sum(1 for cache in topology.caches if cache.level == level) == tools.count(f"l{level}")
    assert_as_hwloc_lists(topology.devices, tools.devices())


def assert_as_hwloc_lists(devices: tuple[PciDevice, ...], listed: list[tuple[str, int, int, int]]) -> None:
    assert [(one.address, one.vendor_id, one.device_id) for one in devices] == [entry[:3] for entry in listed]
    for device, (*_, pci_class) in zip(devices, listed, strict=True):
        base = {"GPU": (0x03, 0x12), "NIC": (0x02, 0x0C), "NVMe": (0x01,), "storage": (0x01,)}
        assert pci_class >> 8 in base.get(device.kind, (pci_class >> 8,))
        assert (device.kind == "NVMe") == (pci_class == 0x0108)
        assert (device.kind == "NIC") == (pci_class >> 8 == 0x02 or pci_class == 0x0C06)


def test_the_live_machine_is_what_hwloc_counts() -> None:
    topology = read_topology()
    assert_sound(topology)
    assert_as_hwloc_counts(topology, Tools())
    assert os.sched_getaffinity(0) <= set(topology.pus)


@pytest.mark.parametrize(
    "description", ["pack:2 numa:2 l3:2 core:3 pu:2", "pack:3 die:2 numa:1 core:2 pu:1", "numa:5 l2:2 core:1 pu:4"]
)
def test_a_made_up_machine_is_what_hwloc_counts(description: str) -> None:
    topology = read_topology(synthetic(description))
    assert_sound(topology)
    assert_as_hwloc_counts(topology, Tools(("-i", description)))


@each([*READABLE, *ARCHIVES])
def test_a_real_machine_is_what_hwloc_counts(path: Path) -> None:
    assert_sound(machine(path))
    with tools_for(path) as tools:
        assert_as_hwloc_counts(machine(path), tools)


@each([path for path in XML_FILES if path not in READABLE])
def test_a_file_of_hwloc_3_has_all_that_is_written_there(path: Path) -> None:
    topology, text = machine(path), path.read_text()
    assert_sound(topology)
    counted = {kind: text.count(f'<object type="{kind}"') for kind in ("Core", "PU", "NUMANode", "Package", "PCIDev", "L3Cache")}
    assert len(topology.cores) == counted["Core"]
    assert len(topology.pus) == counted["PU"]
    assert len(topology.numa_nodes) == counted["NUMANode"]
    assert len({core.package for core in topology.cores}) == max(counted["Package"], 1)
    assert len(topology.devices) == counted["PCIDev"]
    assert sum(1 for cache in topology.caches if cache.level == 3) == counted["L3Cache"]


@each(READABLE)
def test_the_pus_of_each_numa_node_are_hwlocs(path: Path) -> None:
    for node in machine(path).numa_nodes:
        command = ["hwloc-calc", "-i", str(path), "--pi", "--po", "-I", "pu", f"numa:{node.os_index}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        assert sorted(node.near) == sorted(map(int, filter(None, said.split(","))))
        assert node.pus <= node.near


@each(READABLE)
def test_the_pus_near_each_device_are_hwlocs(path: Path) -> None:
    for device in machine(path).devices:
        command = ["hwloc-calc", "-i", str(path), "--po", "-I", "pu", f"pci={device.address}"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split(",")
        if device.cpus:
            assert sorted(map(int, said)) == sorted(device.cpus)


def capture(name: str) -> Topology:
    if not FOLDER.exists():
        pytest.skip(f"no captures of real machines in {FOLDER}")
    return machine(FOLDER / name)


def kinds(topology: Topology) -> dict[str, int]:
    return {kind: sum(1 for one in topology.devices if one.kind == kind) for kind in ("GPU", "NIC", "NVMe")}


def test_high_bandwidth_memory_of_knights_landing_is_near_all_its_pus() -> None:
    ordinary, fast = capture("mpibind/knl-quad-flat-hwloc1.xml").numa_nodes
    assert (ordinary.tier, str(ordinary.pus)) == ("DRAM", "0-271")
    assert (fast.tier, str(fast.pus), str(fast.near)) == ("HBM", "", "0-271")


def test_memory_of_the_gpus_of_a_power9_node_is_known_without_a_subtype() -> None:
    topology = capture("flux/sierra.xml")
    assert {node.os_index: node.tier for node in topology.numa_nodes} == {0: "DRAM", 8: "DRAM"} | dict.fromkeys(
        range(252, 256), "GPU"
    )
    assert kinds(topology) == {"GPU": 4, "NIC": 6, "NVMe": 1}


def test_memory_that_no_cpu_is_in_has_its_tier_and_its_neighbours() -> None:
    topology = capture("hwloc/fakememinitiators-1np2c+1npp+gi.tar.bz2")
    assert [(node.os_index, str(node.near)) for node in topology.numa_nodes if node.tier == "NVM"] == [
        (7, "0-1,4-5"),
        (10, "2-3,6-7"),
    ]
    assert {node.tier for node in capture("hwloc/64intel64-heteromem.xml").numa_nodes if not node.pus} == {"HBM"}


def test_hybrid_cores_have_two_kinds_and_the_slow_ones_come_first() -> None:
    topology = capture("hwloc/20em64t-hybrid-1p6c2t+2ca4co1t.tar.bz2")
    assert len(topology.core_kinds) == 2
    assert [core.kind for core in topology.cores] == [1] * 6 + [0] * 8


def test_cpus_that_are_off_or_not_allowed_are_named() -> None:
    assert str(capture("hwloc/16em64t-4s2c2t-offlines.tar.bz2").offline) == "2,5,13-14"
    hidden = capture("hwloc/16amd64-8n2c-cpusets.tar.bz2")
    assert (str(hidden.offline), str(hidden.disallowed)) == ("4", "7-11")


def test_gpus_of_a_machine_of_eight_nodes_are_each_near_their_own() -> None:
    gpus = [(one.numa, one.model) for one in capture("flux/ipa20.xml").devices if one.kind == "GPU"]
    assert gpus == [
        (3, "NVIDIA H100 80GB HBM3"),
        (1, "NVIDIA H100 80GB HBM3"),
        (7, "NVIDIA H100 80GB HBM3"),
        (5, "NVIDIA H100 80GB HBM3"),
    ]
    assert kinds(capture("hwloc/nvidiaDGX2.xml")) == {"GPU": 16, "NIC": 0, "NVMe": 0}


def test_all_captures_are_read() -> None:
    if not FOLDER.exists():
        pytest.skip(f"no captures of real machines in {FOLDER}")
    assert len(ALL) > 20
