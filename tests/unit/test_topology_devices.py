"""PCI devices: which count, as what, and near which PUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hpcsched.errors import TopologyError
from hpcsched.hardware import topology as module
from hpcsched.hardware.pci import MOST_DEVICES, kind_of
from hpcsched.hardware.topology import parse_topology, read_topology
from hpcsched.model.topology import PciDevice, Topology
from tests.topology_xml import bridge, core, inside, numa, pci, xml

GPU, NIC, NVME = "0302 [10de:2330] [10de:16c0] a1", "0207 [15b3:1021] [15b3:0041] 00", "0108 [144d:a824] [1028:2127] 00 02"


def devices_of(*objects: str) -> list[PciDevice]:
    return list(parse_topology(xml(*objects)).devices)


def two_packages(*on_second: str) -> tuple[str, ...]:
    first = inside("Package", "0x3", numa(0, "0x3"), core(0), core(1))
    return first, inside("Package", "0xc", numa(4, "0xc"), core(2), core(3), *on_second, os_index=1)


def test_a_device_has_its_address_ids_names_and_model() -> None:
    model = '<info name="PCIDevice" value="ConnectX-7"/>'
    (device,) = devices_of(core(0), bridge(bridge(pci("0000:5e:00.0", NIC, "ibp94s0", "mlx5_2", inside=model))))
    assert (device.address, device.kind, device.vendor_id, device.device_id) == ("0000:5e:00.0", "NIC", 0x15B3, 0x1021)
    assert (device.names, device.model) == (("ibp94s0", "mlx5_2"), "ConnectX-7")


def test_a_gpus_own_name_comes_before_that_of_its_chip() -> None:
    item = pci("0000:4e:00.0", GPU, "nvml0", inside='<info name="PCIDevice" value="GH100"/>')
    named = item.replace('osdev_type="1"/>', 'osdev_type="1"><info name="GPUModel" value="H100 80GB"/></object>')
    assert devices_of(core(0), named)[0].model == "H100 80GB"


def test_a_device_is_near_the_pus_of_what_it_hangs_on() -> None:
    (device,) = devices_of(*two_packages(bridge(pci("0000:5e:00.0", NIC))))
    assert (device.numa, str(device.cpus)) == (4, "2-3")


def test_a_group_that_the_firmware_made_for_devices_says_where_they_are() -> None:
    (device,) = devices_of(*two_packages(inside("Group", "0x8", bridge(pci("0000:5e:00.0", NIC)))))
    assert (device.numa, str(device.cpus)) == (4, "3")


def test_a_device_of_the_whole_machine_is_near_its_only_node_and_else_near_none() -> None:
    (alone,) = parse_topology(xml(numa(0, "0x1"), core(0), pci("0000:5e:00.0", NIC), machine='cpuset="0x1"')).devices
    assert (alone.numa, str(alone.cpus)) == (0, "0")
    (lost,) = parse_topology(xml(*two_packages(), pci("0000:5e:00.0", NIC), machine='cpuset="0xf"')).devices
    assert (lost.numa, str(lost.cpus)) == (-1, "")


def test_a_device_near_several_nodes_but_not_all_names_its_pus_alone() -> None:
    nodes = [inside("Group", f"0x{1 << n:x}", numa(n, f"0x{1 << n:x}"), core(n)) for n in range(2)]
    (device,) = devices_of(inside("Package", "0x3", *nodes, bridge(pci("0000:5e:00.0", NIC))), numa(2, "0x4"), core(2))
    assert (device.numa, str(device.cpus)) == (-1, "0-1")


def test_a_device_near_pus_that_are_not_allowed_is_near_none() -> None:
    (device,) = parse_topology(xml(*two_packages(pci("0000:5e:00.0", NIC)), machine='allowed_cpuset="0x3"')).devices
    assert (device.numa, str(device.cpus)) == (-1, "")


@pytest.mark.parametrize(
    ("pci_class", "vendor", "device", "kind"),
    [
        (0x0300, 0x10DE, 0x2684, "GPU"),
        (0x0302, 0x10DE, 0x2330, "GPU"),
        (0x0380, 0x1002, 0x66A1, "GPU"),
        (0x0380, 0x8086, 0x0BD5, "GPU"),
        (0x1200, 0x1002, 0x74A1, "GPU"),
        (0x1200, 0x1DA3, 0x1020, "other"),
        (0x0300, 0x1A03, 0x2000, "other"),
        (0x0300, 0x102B, 0x0536, "other"),
        (0x0300, 0x1002, 0x515E, "other"),
        (0x0200, 0x8086, 0x1521, "NIC"),
        (0x0207, 0x15B3, 0x101B, "NIC"),
        (0x0208, 0x8086, 0x24F0, "NIC"),
        (0x0280, 0x17DB, 0x0501, "NIC"),
        (0x0C06, 0x15B3, 0x673C, "NIC"),
        (0x0108, 0x144D, 0xA824, "NVMe"),
        (0x0104, 0x1000, 0x005D, "storage"),
        (0x0502, 0x8086, 0x0D93, "other"),
        (0x0680, 0x10DE, 0x1AC2, "other"),
        (0x0B40, 0x8086, 0x4940, "other"),
    ],
)
def test_the_kind_follows_from_the_class(pci_class: int, vendor: int, device: int, kind: str) -> None:
    assert kind_of(pci_class, vendor, device) == kind


def test_bridges_are_no_devices() -> None:
    inner = bridge(pci("0000:5e:00.0", NIC)).replace("<object", '<object pci_busid="0000:5d:00.0" pci_type="0604 [10b5:8725]"', 1)
    assert [device.address for device in devices_of(core(0), bridge(inner))] == ["0000:5e:00.0"]


def test_devices_are_in_order_of_their_addresses() -> None:
    found = devices_of(
        core(0), pci("0001:01:00.0", NVME), pci("0000:c1:00.0", GPU), pci("10000:01:00.0", NVME), pci("0000:02:00.1", NIC)
    )
    assert [device.address for device in found] == ["0000:02:00.1", "0000:c1:00.0", "0001:01:00.0", "10000:01:00.0"]


def test_of_thousands_of_devices_gpus_and_those_with_a_driver_are_kept() -> None:
    functions = [
        pci(f"0000:{bus:02x}:{slot:02x}.{function}", NIC) for bus in range(4) for slot in range(32) for function in range(8)
    ]
    last = (pci("0000:fe:00.0", NIC, "mlx5_0"), pci("0000:ff:00.0", GPU))
    found = devices_of(core(0), bridge(*functions, pci("0000:fd:00.0", NVME), *last))
    assert len(found) == MOST_DEVICES
    assert [device.address for device in found[-2:]] == ["0000:fe:00.0", "0000:ff:00.0"]


def test_virtual_functions_of_this_machine_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "0000:5e:00.1/physfn").mkdir(parents=True)
    (tmp_path / "0000:5e:00.0").mkdir()
    monkeypatch.setattr(module, "_PCI_DEVICES", tmp_path)
    topology: Topology = parse_topology(xml(core(0), pci("0000:5e:00.0", NIC), pci("0000:5e:00.1", NIC)), module._is_virtual)
    assert [device.address for device in topology.devices] == ["0000:5e:00.0"]


def test_only_the_first_names_of_a_device_are_kept_and_only_printable_ones() -> None:
    (device,) = devices_of(core(0), pci("0000:5e:00.0", NIC, "eth0", "eth0", "a&#9;b", *(f"port{n}" for n in range(99))))
    assert device.names == ("eth0", *(f"port{n}" for n in range(7)))


@pytest.mark.parametrize(
    ("address", "pci_type", "reason"),
    [
        ("5e:00.0", NIC, "bad pci_busid '5e:00.0'"),
        ("0000:5e:00.9", NIC, "bad pci_busid '0000:5e:00.9'"),
        ("0000:5e:00.\u0661", NIC, "bad pci_busid"),
        ("../../../etc", NIC, "bad pci_busid"),
        ("0000:5e:00.0", "", "bad pci_type '' of 0000:5e:00.0"),
        ("0000:5e:00.0", "020 [15b3:1021]", "bad pci_type '020 "),
        ("0000:5e:00.0", "-200 [15b3:1021]", "bad pci_type '-200 "),
    ],
)
def test_a_device_that_hwloc_never_writes_is_refused(address: str, pci_type: str, reason: str) -> None:
    with pytest.raises(TopologyError, match=reason.replace("[", r"\[")):
        devices_of(core(0), pci(address, pci_type))


def test_a_device_that_is_there_twice_is_refused() -> None:
    with pytest.raises(TopologyError, match=r"PCI device 0000:5e:00\.0 twice"):
        devices_of(core(0), pci("0000:5e:00.0", NIC), pci("0000:5e:00.0", GPU))


def test_this_machine_has_the_devices_that_its_kernel_shows() -> None:
    there = {entry.name for entry in module._PCI_DEVICES.iterdir()} if module._PCI_DEVICES.is_dir() else set()
    assert {device.address for device in read_topology().devices} <= there
